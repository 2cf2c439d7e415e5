"""Does it know when it is wrong: calibration of p, ranking of doubt, strangeness of frames."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from tests.science.scores.judged import Judged, nearest_neighbours_A

BINS = 10
BOND_RANGE_A = (1.15, 1.75)


def claims(frames: Sequence[Judged]) -> NDArray[np.float64]:
    """Return (k, 2) probability and whether it was right, of everything listed and judged."""
    parts = [np.column_stack([f.found.p, f.right])[f.judged] for f in frames]
    return np.vstack([np.empty((0, 2)), *parts])


def calibration_error(trust: NDArray[np.float64]) -> float | None:
    """Return the expected calibration error over ten equal bins (Guo et al. 2017)."""
    if not len(trust):
        return None
    rows = reliability(trust)
    return float((rows[:, 2] * np.abs(rows[:, 0] - rows[:, 1])).sum() / rows[:, 2].sum())


def reliability(trust: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return (bins, 3) mean probability, share right, and number, of each bin that has any."""
    which = np.minimum((trust[:, 0] * BINS).astype(int), BINS - 1)
    rows = [(*trust[which == k].mean(axis=0), (which == k).sum()) for k in np.unique(which)]
    return np.array(rows, dtype=np.float64).reshape(-1, 3)


def false_atom_auroc(frames: Sequence[Judged], *, listed: bool) -> float | None:
    """Return how surely `uncertainty` ranks a false atom above a true one.

    Args:
        frames: to pool.
        listed: everything listed, not only what counts as found.
    """
    doubt, false = [np.empty(0)], [np.empty(0, dtype=bool)]
    for one in frames:
        partner = one.listed if listed else one.wide
        kept = (one.fair | (partner >= 0)) & (listed | one.certain)
        doubt.append(one.analysis.table["uncertainty"][kept].astype(np.float64))
        false.append(partner[kept] < 0)
    return auroc(np.concatenate(doubt), np.concatenate(false))


def auroc(score: NDArray[np.float64], positive: NDArray[np.bool_]) -> float | None:
    """Return the area under the ROC curve by ranks (Mann-Whitney); None without both kinds."""
    n = int(positive.sum())
    m = len(positive) - n
    if n == 0 or m == 0:
        return None
    return float((rankdata(score)[positive].sum() - n * (n + 1) / 2) / (n * m))


def bonded_share(frames: Sequence[Judged]) -> float | None:
    """Return the share of found atoms whose nearest neighbour is at a bond's length."""
    nearest = [nearest_neighbours_A(one.analysis) for one in frames]
    return within_bonds(np.concatenate([np.empty(0), *nearest]))


def within_bonds(nearest_A: NDArray[np.float64]) -> float | None:
    """Return the share of distances in 1.15 to 1.75 Å."""
    if not len(nearest_A):
        return None
    return float(((nearest_A >= BOND_RANGE_A[0]) & (nearest_A <= BOND_RANGE_A[1])).mean())
