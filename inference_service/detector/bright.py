"""Candidates the network has no class for: point-like and far brighter than carbon.

An unseen heavy adatom may be missed by the network altogether. Left out, it would corrupt the fit
of everything around it; put in with modest confidence, the fit decides, and it is named `X`.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial import cKDTree

from inference_service.detector.decode import Candidates
from inference_service.detector.normalise import CANONICAL_PIXEL_A
from inference_service.detector.split import split_pairs

__all__ = ["add_bright"]

FloatImage = NDArray[np.float32]

INNER_A: Final = 0.35
OUTER_A: Final = 0.9
"""Widths of the difference of Gaussians that answers to a point, not to a patch of dirt."""
BRIGHTER: Final = 3.0
"""How far a point must exceed the typical atom's answer."""
OUTSTANDING: Final = 5.0
"""Robust standard deviations of the answer that it must exceed, too: noise does not."""
NEAR_A: Final = 0.7
"""A candidate this close is taken to be the same atom."""
PROBABILITY: Final = 0.3
"""Before the fit has looked at it."""
SPECIES: Final = (0.3, 0.35, 0.35)
"""Light, Si, brighter: the fit decides."""
SIGMA_PX: Final = 0.75
"""Position error of the brightest pixel."""
MOST: Final = 2000
"""Additions beyond this mean that the frame is something else altogether."""


def add_bright(candidates: Candidates, canonical: FloatImage, fitted_from: float) -> Candidates:
    """Split bright pairs, add bright points, or raise the faint candidate that sits on one.

    Args:
        candidates: On the canonical grid.
        canonical: (rows, columns) at the canonical sampling.
        fitted_from: Probability from which a candidate is fitted anyway.
    """
    candidates = split_pairs(candidates, canonical)
    known = candidates.take(np.nonzero(candidates.p >= fitted_from)[0])
    if len(known) < 10:
        return candidates
    answer = point_answer(canonical)
    typical = float(np.median(sampled(answer, known.xy_px)))
    sample = answer[::3, ::3]
    spread = float(np.median(np.abs(sample - np.median(sample)))) / 0.6745
    least = max(BRIGHTER * typical, OUTSTANDING * spread)
    points = maxima(answer, least) if typical > 0 else np.empty((0, 2))
    if not 0 < len(points) <= MOST:
        return candidates
    distance, _ = cKDTree(known.xy_px).query(points)
    points = points[distance > NEAR_A / CANONICAL_PIXEL_A]
    if len(points) == 0:
        return candidates
    distance, _ = cKDTree(points).query(candidates.xy_px)
    faint = (candidates.p < fitted_from) & (distance < NEAR_A / CANONICAL_PIXEL_A)
    return joined(candidates.take(np.nonzero(~faint)[0]), points)


def point_answer(canonical: FloatImage) -> FloatImage:
    """Difference of Gaussians of the canonical image."""
    inner, outer = (width / CANONICAL_PIXEL_A for width in (INNER_A, OUTER_A))
    return np.asarray(
        ndimage.gaussian_filter(canonical, inner, truncate=3.0)
        - ndimage.gaussian_filter(canonical, outer, truncate=3.0)
    )


def sampled(answer: FloatImage, xy_px: NDArray[np.float64]) -> FloatImage:
    """Answer at canonical positions, (n,)."""
    j, i = np.rint(xy_px).astype(np.intp).T
    return np.asarray(
        answer[np.clip(i, 0, answer.shape[0] - 1), np.clip(j, 0, answer.shape[1] - 1)]
    )


def maxima(answer: FloatImage, least: float) -> NDArray[np.float64]:
    """Local maxima above `least`, (n, 2) column, row on the canonical grid."""
    top = (answer > least) & (ndimage.maximum_filter(answer, size=7) == answer)
    i, j = np.nonzero(top)
    return np.stack([j, i], axis=1).astype(np.float64)


def joined(candidates: Candidates, points: NDArray[np.float64]) -> Candidates:
    """The candidates followed by the bright points."""
    n = len(points)
    return Candidates(
        xy_px=np.concatenate([candidates.xy_px, points]),
        p=np.concatenate([candidates.p, np.full(n, PROBABILITY)]),
        p_spread=np.concatenate([candidates.p_spread, np.full(n, PROBABILITY)]),
        sigma_xy_px=np.concatenate([candidates.sigma_xy_px, np.full((n, 2), SIGMA_PX)]),
        spread_px=np.concatenate([candidates.spread_px, np.full(n, SIGMA_PX)]),
        species=np.concatenate([candidates.species, np.tile(SPECIES, (n, 1))]),
        contamination=np.concatenate([candidates.contamination, np.zeros(n)]),
    )
