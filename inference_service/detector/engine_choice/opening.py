"""Open the engine that serves: from a stored verdict at once, or after measuring once.

ONNX Runtime alone needs no measurement. With another runtime installed, the first start measures
before it serves, so that one session never changes its engine half-way and the measurement does
not compete with frames; setting up and ``inference-service doctor`` measure too.
"""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import structlog
from pydantic import ValidationError

from inference_service.detector.engine_choice.gate import REFERENCE, Choice, choose
from inference_service.detector.engine_choice.verdict import (
    Circumstances,
    Measured,
    Task,
    Verdict,
    default_cache,
    read_verdict,
    write_verdict,
)
from inference_service.detector.engines.engine import Engine
from inference_service.detector.engines.names import EngineWish
from inference_service.detector.engines.registry import FAMILIES, variants, version
from inference_service.detector.model import Model
from shared.errors import ConfigurationError, MissingDependencyError

__all__ = ["EnginePolicy", "open_engine", "verdict_of"]

START_BUDGET_S: Final = 20.0
"""A start waits this long for a measurement, then serves with the reference."""

_REFERENCE: Final = Measured(key=REFERENCE, family="onnx")
_log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class EnginePolicy:
    """What the operator set on engines."""

    wish: EngineWish = "auto"
    cache: Path | None = None
    """Folder of stored verdicts; None: the user's cache folder."""
    budget_s: float = START_BUDGET_S
    """How long opening may wait for a measurement."""


def open_engine(model: Model, threads: int, policy: EnginePolicy) -> tuple[str, Engine]:
    """Open the engine that the policy and this host's measurements call for.

    Args:
        model: A verified ensemble.
        threads: Threads of the engine.
        policy: What the operator set.

    Returns:
        The variant's key and the engine.

    Raises:
        MissingDependencyError: The wanted runtime is not installed.
        ConfigurationError: The wanted runtime is not accurate here, or does not run.
        ModelError: A member is not a graph of the agreed inputs and outputs.
    """
    check_installed(policy.wish)
    if policy.wish == "onnx" or not any(version(name) for name in FAMILIES if name != "onnx"):
        return REFERENCE, _opened(_REFERENCE, model, threads)
    chosen = decide(verdict_of(model, threads, policy), policy.wish).chosen
    try:
        return chosen.key, _opened(chosen, model, threads)
    except ConfigurationError as error:
        if policy.wish != "auto":
            raise
        _log.warning("engine failed", engine=chosen.key, problem=error.message, instead=REFERENCE)
        return REFERENCE, _opened(_REFERENCE, model, threads)


def _opened(chosen: Measured, model: Model, threads: int) -> Engine:
    """Open a variant.

    Raises:
        ConfigurationError: It ran when it was measured and does not now.
        ModelError: A member is not a graph of the agreed inputs and outputs.
    """
    try:
        for variant in variants(chosen.family):
            if variant.key == chosen.key:
                return variant.open(model, threads, chosen.preparation)
        problem = "it is not offered on this host any more"
    except (ImportError, RuntimeError) as error:
        problem = str(error)
    raise ConfigurationError(
        f"The engine {chosen.key} does not open: {problem}.",
        remedy="Set detector.engine to onnx; `inference-service doctor --measure` looks again.",
    )


def check_installed(wish: EngineWish) -> None:
    """Refuse a wish for a runtime that is not there.

    Raises:
        MissingDependencyError: It is not installed.
    """
    if wish != "auto" and version(wish) is None:
        family = FAMILIES[wish]
        raise MissingDependencyError(
            f"detector.engine = {wish} needs {family.package}, which is not installed.",
            remedy=f"{family.install}, or set detector.engine to auto.",
        )


def decide(verdict: Verdict, wish: EngineWish) -> Choice:
    """Choose, or refuse a wish that nothing here can fulfil.

    Raises:
        ConfigurationError: The wanted runtime is not accurate here, or does not run.
    """
    choice = choose(verdict.measured, wish)
    if choice is None:
        problems = [f"{one.key}: {one.problem}" for one in verdict.measured if one.problem]
        raise ConfigurationError(
            f"detector.engine = {wish} cannot serve here. {'; '.join(problems)}".strip(),
            remedy="Set detector.engine to auto; `inference-service doctor` shows what was seen.",
        )
    return choice


def verdict_of(model: Model, threads: int, policy: EnginePolicy, *, anew: bool = False) -> Verdict:
    """Return the stored verdict, or measure and store it.

    A measurement that did not end in time is not stored; one that died is.

    Args:
        model: A verified ensemble.
        threads: Threads that serving uses.
        policy: Where verdicts are stored, and how long to wait.
        anew: Measure even if there is a stored one.
    """
    folder = policy.cache or default_cache()
    circumstances = Circumstances.here(model.digest, threads)
    known = None if anew else read_verdict(folder, circumstances)
    if known is not None:
        return known
    _log.info("measuring engines once", installed=dict(circumstances.versions))
    try:
        verdict = _measure_apart(model, circumstances, policy.budget_s)
    except subprocess.TimeoutExpired:
        problem = f"not measured within {policy.budget_s:.0f} s"
        _log.warning(problem, remedy="run `inference-service doctor`, which waits longer")
        return _reference_alone(circumstances, problem)
    if not write_verdict(folder, verdict):
        _log.warning("verdict not stored", folder=str(folder), effect="measured at every start")
    return verdict


def _measure_apart(model: Model, circumstances: Circumstances, budget_s: float) -> Verdict:
    """Measure in another process; its failure leaves the reference alone in the race."""
    task = Task(folder=model.folder, threads=circumstances.threads)
    try:
        done = subprocess.run(
            [sys.executable, "-m", "inference_service.detector.engine_choice.measure"],
            input=task.model_dump_json().encode(),
            capture_output=True,
            timeout=budget_s,
            check=True,
            env=os.environ | {"OMP_NUM_THREADS": "1"},
        )
        verdict = Verdict.model_validate_json(done.stdout)
    except subprocess.CalledProcessError as error:
        return _reference_alone(circumstances, f"the measurement ended with {error.returncode}")
    except ValidationError:
        return _reference_alone(circumstances, "the measurement gave no verdict")
    if verdict.circumstances != circumstances:
        return _reference_alone(circumstances, "the installation changed while it was measured")
    return verdict


def _reference_alone(circumstances: Circumstances, problem: str) -> Verdict:
    """Return a verdict in which nothing but the reference can serve."""
    others = [name for name in circumstances.versions if name != "onnx"]
    return Verdict(
        circumstances=circumstances,
        measured=(
            Measured(key=REFERENCE, family="onnx", ms=0.0),
            *(Measured(key=name, family=name, problem=problem) for name in others),
        ),
    )
