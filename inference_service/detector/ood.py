"""Say how far a frame is from what the detector was made for, with reasons in words.

The physics check leads: the frame rendered back from the found atoms must explain the image, and
this does not depend on the network's opinion of itself. Each part is scaled so that 1 is where a
careful operator would want to be told; the score is the largest part.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from shared.messages import OutOfDistribution

__all__ = ["Evidence", "judge", "structured_residual"]

FloatImage = NDArray[np.float32]

NOTABLE: Final = 0.6
"""Score of what is worth telling but does not flag a frame by itself."""
RESIDUAL_LIMIT: Final = 0.5
"""Structure left unexplained, rms over the brightness of a C atom."""
SPREAD_LIMIT_A: Final = 0.15
"""Median disagreement of the members on a position, Å."""
MISMATCH_LIMIT: Final = 0.08
"""Relative difference of the stated pixel size from the lattice's."""
AMBIGUOUS_LIMIT: Final = 0.3
"""Share of the listed atoms that are neither there nor not there."""
FOREIGN_LIMIT: Final = 0.15
"""Share of the atoms that are not light elements."""
NEIGHBOUR_LIMIT: Final = 0.25
"""Share of the atoms without any neighbour at a carbon bond's length."""


@dataclass(frozen=True)
class Evidence:
    """What the judgement rests on."""

    residual: float
    """rms of the structured residual over the brightness of a C atom."""
    spread_A: float
    """Median disagreement of the members on positions, Å."""
    mismatch: float
    """Stated over measured pixel size, minus 1."""
    overruled: bool
    """Whether the measured size was used instead of the stated one."""
    lattice_seen: bool
    """Whether graphene's reflections were recognised."""
    ambiguous: float
    """Share of listed atoms with 0.15 < p < 0.85."""
    foreign: float
    """Share of atoms that are not B, C, N or O."""
    lonely: float
    """Share of atoms without a neighbour at 1.15-1.75 Å."""
    atoms: int
    concerns: tuple[tuple[float, str], ...] = ()
    """What the intake found wrong with the image itself: severity and words."""


def judge(evidence: Evidence) -> OutOfDistribution:
    """Turn evidence into a score, a flag and reasons."""
    parts = [
        (
            evidence.residual / RESIDUAL_LIMIT,
            f"structure of {evidence.residual:.2f} carbon brightnesses is left unexplained",
        ),
        (
            evidence.spread_A / SPREAD_LIMIT_A,
            f"the members disagree on positions by {100 * evidence.spread_A:.0f} pm",
        ),
        (
            mismatch_score(evidence),
            f"the stated pixel size differs by {100 * evidence.mismatch:+.0f} % from the lattice's",
        ),
        (0.0 if evidence.lattice_seen else NOTABLE, "no graphene lattice is recognisable"),
        (
            evidence.ambiguous / AMBIGUOUS_LIMIT,
            f"{100 * evidence.ambiguous:.0f} % of the atoms are ambiguous",
        ),
        (
            evidence.foreign / FOREIGN_LIMIT,
            f"{100 * evidence.foreign:.0f} % of the atoms are not light elements",
        ),
        (
            evidence.lonely / NEIGHBOUR_LIMIT,
            f"{100 * evidence.lonely:.0f} % of the atoms have no neighbour at a bond's length",
        ),
        (1.0 if evidence.atoms == 0 else 0.0, "no atoms were found"),
    ]
    parts += evidence.concerns
    score = float(np.nan_to_num(max(value for value, _ in parts), nan=10.0, posinf=10.0))
    reasons = tuple(text for value, text in sorted(parts, reverse=True) if value >= 0.5)
    return OutOfDistribution(score=min(score, 10.0), flag=score >= 1.0, reasons=reasons)


def mismatch_score(evidence: Evidence) -> float:
    """A wrong scale that was put right is worth telling; one that was obeyed is an alarm."""
    score = abs(evidence.mismatch) / MISMATCH_LIMIT
    return min(score, NOTABLE) if evidence.overruled else score


def structured_residual(
    residual: FloatImage, variance: FloatImage, s_px: float, valid: NDArray[np.bool_] | None
) -> float:
    """Measure what is left at the scale of an atom once white noise of `variance` is taken off.

    Args:
        residual: (rows, columns) measured minus rendered.
        variance: (rows, columns) expected noise variance.
        s_px: Standard deviation of the probe, px.
        valid: (rows, columns) pixels to look at; None: all.

    Returns:
        rms in image units; 0 where noise explains everything.
    """
    smooth = ndimage.gaussian_filter(residual, s_px, mode="nearest", truncate=3.0)
    noise = ndimage.uniform_filter(variance, 5, mode="nearest") / (4 * np.pi * s_px**2)
    excess = smooth**2 - noise
    kept = excess if valid is None else excess[valid]
    return float(np.sqrt(max(float(kept.mean()), 0.0)))
