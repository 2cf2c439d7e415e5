"""How well atoms are found and placed: F1, errors, slopes, and the honesty of sigma."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from tests.science.scores.judged import Judged


def f1(frames: Sequence[Judged], *, strict: bool) -> float | None:
    """Return F1 within 0.5 Å, or 0.25 Å, of all atoms of the frames."""
    counts = [one.counts(one.strict if strict else one.wide) for one in frames]
    return f1_of(np.sum(counts, axis=0)) if counts else None


def f1_of(counts: NDArray[np.int64]) -> float | None:
    """Return F1 of true positives, false positives and misses."""
    right, wrong, missed = (int(n) for n in counts)
    total = 2 * right + wrong + missed
    return 2 * right / total if total else None


def rms_pm(frames: Sequence[Judged], *, fit: bool) -> float | None:
    """Return the two-dimensional root mean square error of matched atoms, pm."""
    errors = _pooled([one.error_A(fit=fit) for one in frames])
    return float(100 * np.sqrt(np.mean((errors**2).sum(axis=1)))) if len(errors) else None


def spread(frames: Sequence[Judged], *, fit: bool) -> float | None:
    """Return the standard deviation of error over sigma, both axes."""
    z = _pooled([standard_errors(one, fit=fit) for one in frames])
    return float(np.std(z)) if len(z) else None


def standard_errors(one: Judged, *, fit: bool) -> NDArray[np.float64]:
    """Return (m, 2) errors over the stated sigma."""
    return np.asarray(one.error_A(fit=fit) / np.maximum(one.sigma_A(fit=fit), 1e-9))


def slope(frames: Sequence[Judged], *, fit: bool, near: bool = False) -> float | None:
    """Return how much of a random displacement an estimate follows; 1 is honest.

    The regression is of (estimate - undisplaced truth) on the true displacement, each frame with
    its own intercept on each axis.

    Args:
        frames: those without random displacements are left out.
        fit: the estimate without prior.
        near: only atoms within 3 Å of a defect.
    """
    true, said = _centred(frames, fit=fit, near=near)
    return float((true * said).sum() / (true**2).sum()) if len(true) > 5 else None


def slope_error(frames: Sequence[Judged], *, fit: bool, near: bool = False) -> float | None:
    """Return the standard error of `slope`, from the scatter about the line."""
    true, said = _centred(frames, fit=fit, near=near)
    if len(true) <= 5:
        return None
    rest = said - (true * said).sum() / (true**2).sum() * true
    return float(np.sqrt((rest**2).mean() / (true**2).sum()))


def _centred(
    frames: Sequence[Judged], *, fit: bool, near: bool
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Pool (k, 2) true displacements and what is said of them, each frame about its mean."""
    pairs = [displacements(one, fit=fit, near=near) for one in frames]
    pairs = [pair for pair in pairs if len(pair[0]) > 1]
    true = _pooled([t - t.mean(axis=0) for t, _ in pairs])
    return true, _pooled([s - s.mean(axis=0) for _, s in pairs])


def displacements(
    one: Judged, *, fit: bool, near: bool = False
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return (k, 2) true displacements and what the estimate makes of them, Å."""
    if not one.frame.random_displacements:
        return np.empty((0, 2)), np.empty((0, 2))
    true = one.frame.displaced_A[one.true]
    said = true + one.error_A(fit=fit)
    kept = np.isfinite(said).all(axis=1) & (one.near_defect if near else True)
    return true[kept], said[kept]


def over_bound(frames: Sequence[Judged]) -> float | None:
    """Return the fit's RMS error over the bound of the same atoms, pooled."""
    squares, bounds = [np.empty(0)], [np.empty(0)]
    for one in frames:
        if one.frame.bound_pm is not None:
            bound = one.frame.bound_pm[one.true]
            square = 1e4 * (one.error_A(fit=True) ** 2).sum(axis=1)
            known = np.isfinite(bound) & np.isfinite(square)
            squares.append(square[known])
            bounds.append(bound[known] ** 2)
    total = float(np.concatenate(bounds).sum())
    return float(np.sqrt(np.concatenate(squares).sum() / total)) if total else None


def over_best(frames: Sequence[Judged]) -> float | None:
    """Return the fit's RMS error over that of the best estimator without prior, same atoms."""
    ours, theirs = [np.empty(0)], [np.empty(0)]
    for one in frames:
        if one.frame.best_xy_px is not None:
            best = (one.frame.best_xy_px - one.frame.xy_px)[one.true] * one.frame.pixel_A
            square = (one.error_A(fit=True) ** 2).sum(axis=1)
            known = np.isfinite(best).all(axis=1) & np.isfinite(square)
            ours.append(square[known])
            theirs.append((best[known] ** 2).sum(axis=1))
    total = float(np.concatenate(theirs).sum())
    return float(np.sqrt(np.concatenate(ours).sum() / total)) if total else None


def _pooled(parts: list[NDArray[np.float64]]) -> NDArray[np.float64]:
    """Stack (k, 2) parts, what is not finite left out."""
    rows = np.vstack([np.empty((0, 2)), *parts])
    return np.asarray(rows[np.isfinite(rows).all(axis=1)])
