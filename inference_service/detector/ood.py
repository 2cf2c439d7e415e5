"""Say how far a frame is from what the detector was made for, with reasons in words.

Physics leads: whether graphene's reflections are there, whether the fitted atoms form a honeycomb
of one element, and whether the frame rendered back from them explains the image. None of this
depends on the network's opinion of itself. Each part is scaled so that 1 is where a careful
operator would want to be told; parts that are nearly there add up.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from inference_service.detector.honeycomb import BOND_A, Honeycomb
from shared.messages import OutOfDistribution
from shared.units import GRAPHENE_LATTICE_A

__all__ = ["Evidence", "judge", "structured_residual"]

FloatImage = NDArray[np.float32]
Part = tuple[float, str]

NOTABLE: Final = 0.5
"""Score of what is worth telling but does not flag a frame by itself."""
TOLD_FROM: Final = 0.5
"""Score of a part from which it is put into words."""
SHARPNESS: Final = 6
"""Exponent by which the parts add up: of two parts alike, each counts 0.89 for a flag."""
HIGHEST: Final = 10.0
RESIDUAL_LIMIT: Final = 0.25
"""Structure left unexplained in half of the area, over the brightness of a C atom."""
SPREAD_LIMIT_A: Final = 0.15
"""Median disagreement of the members on a position, Å."""
MISMATCH_LIMIT: Final = 0.08
"""Relative difference of the stated pixel size from the lattice's."""
ONE_ORDER_LIMIT: Final = 0.16
"""The same where only the first order is recognised."""
BOTH: Final = 2
AMBIGUOUS_LIMIT: Final = 0.3
"""Share of the listed atoms that are neither there nor not there."""
FOREIGN_LIMIT: Final = 0.25
"""Share of the atoms that are not light elements."""
COVERED_LIMIT: Final = 0.9
"""Area fraction under amorphous matter."""
HONEYCOMB_LIMITS: Final = (0.40, 0.15, 0.15)
"""Least share of atoms with three neighbours 120° apart where none, one or both orders of the
lattice are recognised. Graphene of 25 counts per atom has 0.26 and more where it is recognised,
noise up to 0.4 where the network lays a lattice over it."""
BOND_LIMIT: Final = 0.09
"""Relative difference of the median bond from graphene's."""
ASYMMETRY_LIMIT: Final = 0.17
"""Difference of the sublattices' brightness over their sum: 0.27 for boron nitride, 0.35-0.8 for
molybdenum and tungsten disulphide; an aberrated probe feigns up to 0.12 in graphene."""
DICHALCOGENIDES_A: Final = (3.05, 3.40)
"""Lattice constants of the transition-metal dichalcogenides, from NbS2, TaS2 and MoS2 at 3.16 Å to
the selenides at 3.29 Å with a scan distortion of 3 %."""


@dataclass(frozen=True)
class Evidence:
    """What the judgement rests on."""

    residual: float
    """Robust rms of the structured residual over the brightness of a C atom."""
    spread_A: float
    """Median disagreement of the members on positions, Å."""
    mismatch: float
    """Stated over measured pixel size, minus 1."""
    overruled: bool
    """Whether the measured size was used instead of the stated one."""
    orders: int
    """Orders of graphene's reflections that were recognised, 0 to 2."""
    ambiguous: float
    """Share of listed atoms with 0.15 < p < 0.85."""
    foreign: float
    """Share of atoms that are not B, C, N or O."""
    covered: float
    """Area fraction under amorphous matter."""
    atoms: int
    honeycomb: Honeycomb | None
    """None where too few atoms were found to compare them."""
    concerns: tuple[Part, ...] = ()
    """What the intake found wrong with the image itself: severity and words."""


def judge(evidence: Evidence) -> OutOfDistribution:
    """Turn evidence into a score, a flag and reasons, the weightiest first."""
    parts = [*frame_parts(evidence), *atom_parts(evidence), *evidence.concerns]
    values = np.nan_to_num([value for value, _ in parts], nan=HIGHEST, posinf=HIGHEST)
    values = np.clip(values, 0.0, HIGHEST)
    score = float((values**SHARPNESS).sum() ** (1.0 / SHARPNESS))
    order = np.argsort(-values, kind="stable")
    told = tuple(parts[k][1] for k in order if values[k] >= TOLD_FROM)
    return OutOfDistribution(score=min(score, HIGHEST), flag=score >= 1.0, reasons=told)


def frame_parts(evidence: Evidence) -> list[Part]:
    """What the frame as a whole says."""
    return [
        (
            evidence.residual / RESIDUAL_LIMIT,
            f"structure of {evidence.residual:.2f} carbon brightnesses is left unexplained",
        ),
        (
            evidence.spread_A / SPREAD_LIMIT_A,
            f"the members disagree on positions by {100 * evidence.spread_A:.0f} pm",
        ),
        scale_part(evidence),
        (0.0 if evidence.orders else NOTABLE, "no graphene lattice is recognisable"),
        (
            min(NOTABLE, NOTABLE * evidence.ambiguous / AMBIGUOUS_LIMIT),
            f"{100 * evidence.ambiguous:.0f} % of the atoms are ambiguous",
        ),
        (
            evidence.covered / COVERED_LIMIT,
            f"{100 * evidence.covered:.0f} % of the area lies under amorphous matter",
        ),
    ]


def atom_parts(evidence: Evidence) -> list[Part]:
    """What the arrangement and the brightness of the atoms say."""
    if evidence.atoms == 0:
        return [(1.0, "no atoms were found")]
    foreign = (
        evidence.foreign / FOREIGN_LIMIT,
        f"{100 * evidence.foreign:.0f} % of the atoms are not light elements",
    )
    seen = evidence.honeycomb
    if seen is None:
        severity = NOTABLE if evidence.orders else 1.0
        return [foreign, (severity, "too few atoms lie bare to recognise graphene by them")]
    least = HONEYCOMB_LIMITS[evidence.orders]
    stretch = seen.bond_A / BOND_A - 1.0
    parts = [
        foreign,
        (
            (1.0 - seen.threefold) / (1.0 - least),
            f"only {100 * seen.threefold:.0f} % of the atoms have three neighbours 120° apart",
        ),
        (
            seen.asymmetry / ASYMMETRY_LIMIT,
            f"the two sublattices differ in brightness by {200 * seen.asymmetry:.0f} %",
        ),
    ]
    if np.isfinite(stretch):
        words = f"the bonds are {seen.bond_A:.2f} Å long at this pixel size, graphene's 1.42 Å"
        parts.append((abs(stretch) / BOND_LIMIT, words))
    return parts


def scale_part(evidence: Evidence) -> Part:
    """A wrong scale that was put right is worth telling; one that was obeyed is an alarm.

    So is a header under which the lattice would be that of a well-known honeycomb: then the header
    may be right and the specimen no graphene.
    """
    constant = GRAPHENE_LATTICE_A * (1.0 + evidence.mismatch)
    if evidence.overruled and DICHALCOGENIDES_A[0] < constant < DICHALCOGENIDES_A[1]:
        return 1.2, (
            f"by the stated pixel size the lattice constant is {constant:.2f} Å, that of a "
            "transition-metal dichalcogenide"
        )
    limit = MISMATCH_LIMIT if evidence.orders == BOTH else ONE_ORDER_LIMIT
    score = abs(evidence.mismatch) / limit
    words = f"the stated pixel size differs by {100 * evidence.mismatch:+.0f} % from the lattice's"
    return (min(score, NOTABLE) if evidence.overruled else score), words


def structured_residual(
    residual: FloatImage, variance: FloatImage, s_px: float, valid: NDArray[np.bool_] | None
) -> float:
    """Measure what is left at the scale of an atom once white noise of `variance` is taken off.

    From the median: a few missed atoms or a heavy one's tails do not make a frame foreign.

    Args:
        residual: (rows, columns) measured minus rendered.
        variance: (rows, columns) expected noise variance.
        s_px: Standard deviation of the probe, px.
        valid: (rows, columns) pixels to look at; None: all.

    Returns:
        Robust rms in image units; 0 where noise explains everything.
    """
    smooth = ndimage.gaussian_filter(residual, s_px, mode="nearest", truncate=3.0)
    level = variance if valid is None else variance[valid]
    noise = float(np.median(level)) / (4 * np.pi * s_px**2)
    kept = smooth if valid is None else smooth[valid]
    typical = float(np.median(np.abs(kept))) / 0.6745
    return float(np.sqrt(max(typical**2 - noise, 0.0)))
