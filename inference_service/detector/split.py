"""Tell two heavy atoms that nearly coincide from one.

A buckled silicon pair can lie 1 Å apart in projection, below the distance at which the network
tells two atoms apart; fitted as one, it is as bright as an unknown element and one atom is lost.
The curvature of the image tells: along the line of two equal atoms at half their distance d from
the centre it is less than across it by the factor 1 - d² / s², s being the width of one of them.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from inference_service.detector.decode import Candidates
from inference_service.detector.normalise import CANONICAL_PIXEL_A

__all__ = ["split_pairs"]

FloatArray = NDArray[np.float64]
FloatImage = NDArray[np.float32]

BRIGHT: Final = 0.5
"""Probability of a bright class from which a candidate is looked at."""
TAKEN_A: Final = 0.85
"""Distance of either place from another candidate below which the pair is already told apart."""
LIKELY: Final = 0.15
"""Probability from which a candidate takes a place."""
CLEAN: Final = 0.8
"""Probability of dirt up to which a candidate is looked at: dirt has any shape."""
FARTHEST_PX: Final = 0.72 / CANONICAL_PIXEL_A
"""How far the middle of a pair may lie from the candidate, 0.72 Å: one of the two, or between."""
REACH_PX: Final = round(1.25 / CANONICAL_PIXEL_A)
"""Half side of the patch looked at, 1.25 Å."""
SMOOTH_PX: Final = 0.25 / CANONICAL_PIXEL_A
"""Width of the smoothing under which the curvature is taken, 0.25 Å."""
WINDOW_PX: Final = 0.55 / CANONICAL_PIXEL_A
"""Width of the window that centres the patch, 0.55 Å: wide enough to hold both atoms."""
CENTRING: Final = 8
WIDTH2_PX2: Final = (0.46**2 + 0.25**2) / CANONICAL_PIXEL_A**2
"""Variance of an atom's image so smoothed; the fit corrects what this assumes."""
FLATTER: Final = 0.35
"""Largest curvature along the line over that across it: astigmatism of single atoms leaves 0.6."""
SIGNIFICANT: Final = 7.0
"""How far the two must differ, over the same difference at carbon atoms."""
HALF_RANGE_PX: Final = (0.35 / CANONICAL_PIXEL_A, 0.7 / CANONICAL_PIXEL_A)
"""Half distances that are believed, 0.35-0.7 Å."""
SAMPLE: Final = 64
"""Carbon atoms that say how much curvatures differ by chance."""
MOST: Final = 200
"""More bright candidates than this mean that the frame is something else altogether."""


def split_pairs(candidates: Candidates, canonical: FloatImage) -> Candidates:
    """Replace each bright candidate that is two by two.

    Args:
        candidates: On the canonical grid.
        canonical: (rows, columns) at the canonical sampling.
    """
    clean = (candidates.p > BRIGHT) & (candidates.contamination < CLEAN)
    bright = np.flatnonzero(clean & (candidates.species[:, 0] < 1 - BRIGHT))
    light = np.flatnonzero((candidates.species[:, 0] > BRIGHT) & (candidates.p > BRIGHT))
    if not 0 < len(bright) <= MOST or len(light) < SAMPLE // 4:
        return candidates
    usual = light[:: max(1, len(light) // SAMPLE)]
    chance = float(np.median([difference_at(canonical, candidates.xy_px[k]) for k in usual]))
    likely = np.flatnonzero(candidates.p >= LIKELY)
    tree = cKDTree(candidates.xy_px[likely])
    pairs = {}
    for k in bright:
        pair = pair_at(canonical, candidates.xy_px[k], SIGNIFICANT * chance)
        if pair is None:
            continue
        near = tree.query_ball_point(pair, TAKEN_A / CANONICAL_PIXEL_A)
        if all(likely[i] == k for places in near for i in places):
            pairs[int(k)] = pair
    return with_pairs(candidates, pairs)


def with_pairs(candidates: Candidates, pairs: dict[int, FloatArray]) -> Candidates:
    """Put two candidates in the place of each of `pairs`, (2, 2) positions by index."""
    if not pairs:
        return candidates
    twice = np.concatenate([np.arange(len(candidates)), np.array(list(pairs), dtype=np.intp)])
    doubled = candidates.take(twice.astype(np.intp))
    for place, (k, pair) in enumerate(pairs.items(), start=len(candidates)):
        doubled.xy_px[k], doubled.xy_px[place] = pair
    return doubled


def difference_at(image: FloatImage, xy_px: FloatArray) -> float:
    """Difference of the principal curvatures at a place; 0 at the image's border."""
    tensor = curvature(image, xy_px)
    if tensor is None:
        return 0.0
    low, high = np.linalg.eigvalsh(tensor)
    return float(high - low)


def pair_at(image: FloatImage, xy_px: FloatArray, least: float) -> FloatArray | None:
    """Places of the two atoms of which one bright spot consists, (2, 2); None where it is one."""
    centre = centred(image, xy_px)
    tensor = curvature(image, centre)
    if tensor is None or np.hypot(*(centre - xy_px)) > FARTHEST_PX:
        return None
    values, axes = np.linalg.eigh(tensor)
    across, along = float(values[0]), float(values[1])
    if across >= 0 or along / across > FLATTER or along - across < least:
        return None
    half = float(np.clip(np.sqrt(WIDTH2_PX2 * (1 - along / across)), *HALF_RANGE_PX))
    return np.stack([centre + half * axes[:, 1], centre - half * axes[:, 1]])


def patch_around(
    image: FloatImage, xy_px: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray] | None:
    """Pixels around a place and their distances from it along x and y; None at the border."""
    column, row = np.rint(xy_px).astype(int)
    rows, columns = image.shape
    if min(column, row, columns - 1 - column, rows - 1 - row) < REACH_PX:
        return None
    part = image[row - REACH_PX : row + REACH_PX + 1, column - REACH_PX : column + REACH_PX + 1]
    steps = np.arange(-REACH_PX, REACH_PX + 1)
    x, y = np.meshgrid(steps + column - xy_px[0], steps + row - xy_px[1])
    return part.astype(np.float64), x, y


def centred(image: FloatImage, xy_px: FloatArray) -> FloatArray:
    """Move to the middle of the bright spot at a place."""
    for _ in range(CENTRING):
        seen = patch_around(image, xy_px)
        if seen is None:
            return xy_px
        patch, x, y = seen
        weight = np.maximum(patch - np.median(patch), 0.0)
        weight *= np.exp(-0.5 * (x**2 + y**2) / WINDOW_PX**2)
        total = float(weight.sum())
        if total <= 0:
            return xy_px
        xy_px = xy_px + np.array([float((weight * x).sum()), float((weight * y).sum())]) / total
    return xy_px


def curvature(image: FloatImage, xy_px: FloatArray) -> FloatArray | None:
    """Second derivatives of the smoothed image, (2, 2) along x and y; None at the border."""
    seen = patch_around(image, xy_px)
    if seen is None:
        return None
    patch, x, y = seen
    variance = SMOOTH_PX**2
    kernel = np.exp(-0.5 * (x**2 + y**2) / variance) / (2 * np.pi * variance)
    level = patch - patch.mean()
    xx = float((level * kernel * (x**2 / variance - 1)).sum())
    yy = float((level * kernel * (y**2 / variance - 1)).sum())
    xy = float((level * kernel * x * y / variance).sum())
    return np.array([[xx, xy], [xy, yy]]) / variance
