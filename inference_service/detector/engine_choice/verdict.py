"""What was measured of each engine, stored on disk under everything it depends on."""

from __future__ import annotations

import contextlib
import hashlib
import os
from pathlib import Path
from typing import Final

from pydantic import BaseModel, ConfigDict, ValidationError

from inference_service.detector.engine_choice.host import graphics_cards, processor
from inference_service.detector.engines.names import FamilyName
from inference_service.detector.engines.registry import FAMILIES, version

__all__ = [
    "Circumstances",
    "Measured",
    "Task",
    "Verdict",
    "default_cache",
    "read_verdict",
    "write_verdict",
]

TRIAL: Final = 1
"""Raised whenever the trial or its limits change: older verdicts are measured again."""
MAX_BYTES: Final = 2**20


class Part(BaseModel):
    """A piece of a stored verdict."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Task(Part):
    """What the measuring process is asked to do."""

    folder: Path
    """The model's."""
    threads: int


class Circumstances(Part):
    """Everything a verdict depends on."""

    trial: int = TRIAL
    model: str
    """Digest of the ensemble."""
    threads: int
    processor: str
    graphics_cards: tuple[str, ...]
    versions: dict[FamilyName, str]
    """Of the installed runtimes."""

    @classmethod
    def here(cls, model: str, threads: int) -> Circumstances:
        """Return what holds on this host now."""
        found = {name: version(name) for name in FAMILIES}
        return cls(
            model=model,
            threads=threads,
            processor=processor(),
            graphics_cards=graphics_cards(),
            versions={name: known for name, known in found.items() if known is not None},
        )

    def file_name(self) -> str:
        """Return the name of the file that a verdict under these circumstances is kept in."""
        return f"engine-{hashlib.sha256(self.model_dump_json().encode()).hexdigest()[:24]}.json"


class Measured(Part):
    """One variant of an engine against ONNX Runtime in fp32, on this host."""

    key: str
    family: FamilyName
    ms: float | None = None
    """Network alone on a field of 93 Å, least of several interleaved rounds, ms."""
    cpu_ms: float | None = None
    """Processor time of that, over all threads, ms: what a busy host does not blur."""
    f1_change: float = 0.0
    rms_change_pm: float = 0.0
    p_change: float = 0.0
    """Largest change of any cell's mean probability."""
    problem: str = ""
    """Why it cannot run here; empty where it can."""
    preparation: tuple[tuple[float, ...], ...] = ()
    """What opening it needs."""


class Verdict(Part):
    """A finished measurement."""

    circumstances: Circumstances
    measured: tuple[Measured, ...]


def default_cache() -> Path:
    """Return the user's cache folder by the XDG convention."""
    base = os.environ.get("XDG_CACHE_HOME", "")
    root = Path(base) if Path(base).is_absolute() else Path("~/.cache").expanduser()
    return root / "atomloop"


def read_verdict(cache: Path, circumstances: Circumstances) -> Verdict | None:
    """Return the stored verdict of exactly these circumstances, if there is a sound one."""
    path = cache / circumstances.file_name()
    try:
        if path.stat().st_size > MAX_BYTES:
            return None
        verdict = Verdict.model_validate_json(path.read_bytes())
    except (OSError, ValidationError):
        return None
    return verdict if verdict.circumstances == circumstances else None


def write_verdict(cache: Path, verdict: Verdict) -> bool:
    """Store a verdict; tell whether that was possible, for a cache is never required."""
    path = cache / verdict.circumstances.file_name()
    draft = path.with_suffix(f".{os.getpid()}.tmp")
    try:
        cache.mkdir(parents=True, exist_ok=True)
        draft.write_text(verdict.model_dump_json(indent=1) + "\n", "utf-8")
        draft.replace(path)
    except OSError:
        with contextlib.suppress(OSError):
            draft.unlink()
        return False
    return True
