"""Coordinates as the detector wrote them: the file that `inference-service analyze` makes."""

from __future__ import annotations

import json
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Final, TypeAlias

import numpy as np
from blake3 import blake3
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from shared.errors import InputError, UnreadableFileError
from sim_dispatcher.structure import DetectedAtoms

__all__ = ["SAMPLE", "Seen", "read_analysis", "shipped_analysis"]

SAMPLE: Final = "sample.json"
"""Shipped with this package; `tests/science/paper_sample.py` makes its frame."""

Point: TypeAlias = tuple[float, float]


class _Entry(BaseModel):
    """The part of a contract's object that is used here; the rest is left alone."""

    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)


class _Atom(_Entry):
    x_px: float
    y_px: float
    sigma_x_px: float | None = None
    sigma_y_px: float | None = None
    element: str
    p: float = Field(ge=0, le=1)


class _Defect(_Entry):
    type: str
    x_px: float
    y_px: float
    p: float


class _Frame(_Entry):
    pixel_size_A: float = Field(gt=0)
    atoms: tuple[_Atom, ...]
    defects: tuple[_Defect, ...] = ()


class _Analysis(_Entry):
    frames: dict[str, _Frame]


@dataclass(frozen=True, eq=False)
class Seen:
    """One frame's atoms, calibrated.

    Attributes:
        name: The frame's id in its file.
        atoms: All listed atoms, with their standard errors where the detector gives them.
        defects: Type and place (x, y in Å) of each defect, the likeliest first.
        size_A: Largest x and y of any atom, Å: about the frame's size.
        digest: BLAKE3 of the file.
    """

    name: str
    atoms: DetectedAtoms
    defects: tuple[tuple[str, Point], ...]
    size_A: Point
    digest: str


def shipped_analysis() -> Seen:
    """Return the frame that comes with this package."""
    content = files("sim_dispatcher.paper").joinpath(SAMPLE).read_bytes()
    return _parsed(content, SAMPLE, None)


def read_analysis(path: Path, frame: str | None = None) -> Seen:
    """Read one frame of an analysis.

    Args:
        path: What `inference-service analyze --json` wrote.
        frame: The frame's id; None where the file has one frame.

    Raises:
        UnreadableFileError: No such file, or not an analysis.
        InputError: No such frame, several without a choice, or a frame without atoms.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise UnreadableFileError(
            f"The analysis {path} cannot be read: {error.strerror}.", remedy="Check the path."
        ) from error
    return _parsed(content, path.name, frame)


def _parsed(content: bytes, name: str, frame: str | None) -> Seen:
    try:
        analysis = _Analysis.model_validate(json.loads(content))
    except (ValidationError, ValueError) as error:
        what = error.errors()[0]["msg"] if isinstance(error, ValidationError) else "no JSON"
        raise UnreadableFileError(
            f"{name} is not an analysis ({what}).",
            remedy="Make one: inference-service analyze FRAME --json ANALYSIS.",
        ) from error
    chosen = _chosen(analysis, name, frame)
    return _seen(chosen, analysis.frames[chosen], blake3(content).hexdigest())


def _chosen(analysis: _Analysis, name: str, frame: str | None) -> str:
    if frame is None and len(analysis.frames) == 1:
        frame = next(iter(analysis.frames))
    if frame not in analysis.frames:
        known = ", ".join(list(analysis.frames)[:5]) or "none"
        raise InputError(
            f"{name} has {len(analysis.frames)} frames, and no choice that fits ({frame}).",
            remedy=f"Name one with --frame; known: {known}.",
        )
    if not analysis.frames[frame].atoms:
        raise InputError(
            f"Frame {frame} of {name} has no atoms.", remedy="Analyse a frame of a lattice."
        )
    return frame


def _seen(name: str, frame: _Frame, digest: str) -> Seen:
    scale = frame.pixel_size_A
    xy = np.array([(atom.x_px, atom.y_px) for atom in frame.atoms]) * scale
    sigmas = [(atom.sigma_x_px, atom.sigma_y_px) for atom in frame.atoms]
    errors = np.array([[np.nan if s is None else s for s in both] for both in sigmas])
    ranked = sorted(frame.defects, key=lambda defect: -defect.p)
    return Seen(
        name=name,
        atoms=DetectedAtoms(
            symbols=tuple(atom.element for atom in frame.atoms),
            positions_A=xy,
            p=np.array([atom.p for atom in frame.atoms]),
            sigma_A=np.sqrt((errors**2).mean(axis=1)) * scale,
        ),
        defects=tuple((d.type, (d.x_px * scale, d.y_px * scale)) for d in ranked),
        size_A=(float(xy[:, 0].max()), float(xy[:, 1].max())),
        digest=digest,
    )
