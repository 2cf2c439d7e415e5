"""Choose the fastest engine among those that are accurate. Pure: measurements in, choice out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from inference_service.detector.engine_choice.verdict import Measured
from inference_service.detector.engines.names import EngineWish

__all__ = ["REFERENCE", "Choice", "choose"]

REFERENCE: Final = "onnx-fp32"
F1_LIMIT: Final = 0.0005
"""Largest change of F1 at 0.5 Å on the built-in frames."""
RMS_LIMIT_PM: Final = 0.1
"""Largest change of the atoms' RMS error there, pm."""
P_LIMIT: Final = 0.05
"""Largest change of any cell's mean probability: beyond it something else than rounding is off."""
WORTH_IT: Final = 0.9
"""Another engine must take at most this share of the reference's time to displace it."""


@dataclass(frozen=True)
class Choice:
    """What was chosen, and a word on everything else."""

    chosen: Measured
    reasons: dict[str, str]
    """By the variant's key: why it was chosen or not."""


def choose(measured: Sequence[Measured], wish: EngineWish) -> Choice | None:
    """Choose among what was measured.

    Args:
        measured: All variants, the reference among them.
        wish: The operator's.

    Returns:
        The choice; None where nothing of the wanted runtime is accurate and runs.
    """
    reasons = {one.key: _objection(one, wish) for one in measured}
    fit = [one for one in measured if not reasons[one.key] and one.ms is not None]
    if not fit:
        return None
    best = min(fit, key=lambda one: one.ms or 0.0)
    reference = next((one for one in fit if one.key == REFERENCE), None)
    if reference and (best.ms or 0.0) > WORTH_IT * (reference.ms or 0.0):
        best = reference
    for one in fit:
        reasons[one.key] = "accurate, but not the fastest"
    reasons[best.key] = "chosen"
    return Choice(best, reasons)


def _objection(one: Measured, wish: EngineWish) -> str:
    """Say why a variant cannot be chosen; nothing where it can."""
    if one.problem:
        return one.problem
    if abs(one.f1_change) > F1_LIMIT:
        return f"F1 changes by {one.f1_change:+.4f}"
    if abs(one.rms_change_pm) > RMS_LIMIT_PM:
        return f"positions change by {one.rms_change_pm:+.2f} pm RMS"
    if one.p_change > P_LIMIT:
        return f"a probability changes by {one.p_change:.2f}"
    if wish not in ("auto", one.family):
        return f"detector.engine asks for {wish}"
    return ""
