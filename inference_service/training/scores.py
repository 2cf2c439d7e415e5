"""Compare found atoms with the truth of a simulated frame.

Atoms within 0.8 Å of the frame's edge are neither asked for nor held against the detector, nor is
anything it says under contamination or beside an atom that nobody could see.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from inference_service.training.simulated_frame import NativeFrame
from inference_service.training.targets import species_class

__all__ = [
    "STRICT_MATCH_A",
    "Found",
    "FrameScore",
    "Summary",
    "liable",
    "pair_up",
    "score_frame",
    "summarise",
]

MATCH_A = 0.5
STRICT_MATCH_A = 0.25
_BORDER_A = 0.8
_UNCLEAR_A = 0.9
_LISTED, _BINS = 0.05, 10


@dataclass(frozen=True)
class Found:
    """What a detector says of one frame, in the frame's pixels.

    Attributes:
        xy_px: (n, 2) column and row.
        fit_px: (n, 2) the estimate without a prior.
        sigma_px: (n,) one-axis standard error of ``xy_px``.
        fit_sigma_px: (n,) one-axis standard error of ``fit_px``.
        species: (n,) 1 for C, B, N or O, 2 for silicon, 3 for unknown or brighter.
        p: (n,) probability; counted as found from 0.5.
    """

    xy_px: NDArray[np.float64]
    fit_px: NDArray[np.float64]
    sigma_px: NDArray[np.float64]
    fit_sigma_px: NDArray[np.float64]
    species: NDArray[np.int64]
    p: NDArray[np.float64]


@dataclass(frozen=True)
class FrameScore:
    """Counts and errors of one frame.

    Attributes:
        counts: true positives, false positives and misses within 0.5 Å.
        strict: the same within 0.25 Å.
        error_A: (m, 2) errors of the matched atoms.
        fit_error_A: (m, 2) errors of their estimate without a prior.
        z: (m, 2) errors over sigma.
        fit_z: (m, 2) errors of the fit over its sigma.
        confusion: (4, 4) truth by verdict; index 0 means no atom.
        trust: (k, 2) probability and whether it was right, of everything listed.
    """

    counts: NDArray[np.int64]
    strict: NDArray[np.int64]
    error_A: NDArray[np.float64]
    fit_error_A: NDArray[np.float64]
    z: NDArray[np.float64]
    fit_z: NDArray[np.float64]
    confusion: NDArray[np.int64]
    trust: NDArray[np.float64]


@dataclass(frozen=True)
class Summary:
    """Scores of a set of frames; positions in pm (two-dimensional), rates in 0..1."""

    frames: int
    atoms: int
    f1: float
    f1_strict: float
    rms_pm: float
    fit_rms_pm: float
    z_std: float
    fit_z_std: float
    silicon_precision: float | None
    silicon_recall: float | None
    unknown_recall: float | None
    unknown_called_silicon: int
    ece: float


def score_frame(truth: NativeFrame, found: Found) -> FrameScore:
    """Match and count one frame.

    Args:
        truth: the simulated frame.
        found: what the detector says of it.

    Returns:
        The score.
    """
    asked = truth.labelled & _inside(truth, truth.xy_px)
    known = truth.xy_px[truth.labelled]
    class_of = species_class(truth.number[truth.labelled])
    asked_known = asked[truth.labelled]
    certain = found.p >= 0.5
    wide = pair_up(known, found.xy_px, certain, MATCH_A / truth.pixel_A)
    narrow = pair_up(known, found.xy_px, certain, STRICT_MATCH_A / truth.pixel_A)
    fair = liable(truth, found.xy_px)
    hit = np.flatnonzero(wide >= 0)
    hit = hit[asked_known[wide[hit]]]
    error = (found.xy_px[hit] - known[wide[hit]]) * truth.pixel_A
    fit_error = (found.fit_px[hit] - known[wide[hit]]) * truth.pixel_A
    listed = pair_up(known, found.xy_px, found.p >= _LISTED, MATCH_A / truth.pixel_A)
    judged = fair | (listed >= 0)
    right = (listed >= 0) & (class_of[listed] == found.species)
    return FrameScore(
        counts=_counts(wide, asked_known, fair & certain),
        strict=_counts(narrow, asked_known, fair & certain),
        error_A=error,
        fit_error_A=fit_error,
        z=error / (found.sigma_px[hit, None] * truth.pixel_A),
        fit_z=fit_error / (found.fit_sigma_px[hit, None] * truth.pixel_A),
        confusion=_confusion(wide, class_of, asked_known, found.species, fair & certain),
        trust=np.column_stack([found.p[judged], right[judged]]),
    )


def summarise(scores: Sequence[FrameScore]) -> Summary:
    """Pool the scores of several frames."""
    counts = np.sum([s.counts for s in scores], axis=0)
    strict = np.sum([s.strict for s in scores], axis=0)
    confusion = np.sum([s.confusion for s in scores], axis=0)
    return Summary(
        frames=len(scores),
        atoms=int(counts[0] + counts[2]),
        f1=_f1(counts),
        f1_strict=_f1(strict),
        rms_pm=_rms_pm([s.error_A for s in scores]),
        fit_rms_pm=_rms_pm([s.fit_error_A for s in scores]),
        z_std=_spread([s.z for s in scores]),
        fit_z_std=_spread([s.fit_z for s in scores]),
        silicon_precision=_ratio(confusion[2, 2], confusion[:, 2].sum()),
        silicon_recall=_ratio(confusion[2, 2], confusion[2].sum()),
        unknown_recall=_ratio(confusion[3, 3], confusion[3].sum()),
        unknown_called_silicon=int(confusion[3, 2]),
        ece=_ece(np.vstack([s.trust for s in scores])),
    )


def _inside(truth: NativeFrame, xy_px: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Tell which points lie away from the frame's edge."""
    border = _BORDER_A / truth.pixel_A
    high = np.array(truth.image.shape[::-1]) - 1 - border
    return np.asarray(np.all((xy_px > border) & (xy_px < high), axis=1))


def liable(truth: NativeFrame, xy_px: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Tell which points would be false atoms if no true atom is near."""
    last = np.array(truth.cover.shape[::-1]) - 1
    cell = np.clip((xy_px / truth.cell_px).astype(int), 0, last)
    covered = truth.cover[cell[:, 1], cell[:, 0]]
    unseen = truth.xy_px[~truth.labelled]
    if len(unseen) and len(xy_px):
        covered = covered | (cKDTree(unseen).query(xy_px)[0] * truth.pixel_A < _UNCLEAR_A)
    return np.asarray(_inside(truth, xy_px) & ~covered)


def pair_up(
    known: NDArray[np.float64],
    xy_px: NDArray[np.float64],
    eligible: NDArray[np.bool_],
    radius_px: float,
) -> NDArray[np.int64]:
    """Pair points one to one, nearest pairs first; -1 where a point finds no partner."""
    partner = np.full(len(xy_px), -1, dtype=np.int64)
    if len(known) == 0 or not eligible.any():
        return partner
    rows = np.flatnonzero(eligible)
    near = cKDTree(known).query_ball_point(xy_px[rows], radius_px)
    pairs = [
        (float(np.hypot(*(xy_px[a] - known[b]))), a, b)
        for a, many in zip(rows, near, strict=True)
        for b in many
    ]
    taken: set[int] = set()
    for _, a, b in sorted(pairs):
        if partner[a] < 0 and b not in taken:
            partner[a] = b
            taken.add(b)
    return partner


def _counts(
    partner: NDArray[np.int64], asked: NDArray[np.bool_], liable: NDArray[np.bool_]
) -> NDArray[np.int64]:
    """Count true positives, false positives and misses."""
    hits = np.count_nonzero(asked[partner[partner >= 0]])
    return np.array([hits, np.count_nonzero(liable & (partner < 0)), asked.sum() - hits])


def _confusion(
    partner: NDArray[np.int64],
    class_of: NDArray[np.int64],
    asked: NDArray[np.bool_],
    species: NDArray[np.int64],
    liable: NDArray[np.bool_],
) -> NDArray[np.int64]:
    """Tabulate truth by verdict."""
    table = np.zeros((4, 4), dtype=np.int64)
    hit = np.flatnonzero(partner >= 0)
    hit = hit[asked[partner[hit]]]
    np.add.at(table, (class_of[partner[hit]], species[hit]), 1)
    missed = np.setdiff1d(np.flatnonzero(asked), partner[hit])
    table[:, 0] += np.bincount(class_of[missed], minlength=4)
    table[0] += np.bincount(species[liable & (partner < 0)], minlength=4)
    return table


def _f1(counts: NDArray[np.int64]) -> float:
    """Return the harmonic mean of precision and recall."""
    return float(2 * counts[0] / max(2 * counts[0] + counts[1] + counts[2], 1))


def _rms_pm(errors: list[NDArray[np.float64]]) -> float:
    """Return the two-dimensional root mean square [pm] of errors in Å."""
    pooled = np.vstack(errors)
    return float(100 * np.sqrt(np.mean(np.sum(pooled**2, axis=1)))) if len(pooled) else 0.0


def _spread(values: list[NDArray[np.float64]]) -> float:
    """Return the standard deviation of what is finite."""
    pooled = np.concatenate([v.ravel() for v in values])
    return float(np.std(pooled[np.isfinite(pooled)])) if len(pooled) else 0.0


def _ratio(part: np.int64, whole: np.int64) -> float | None:
    """Return part of whole, None where there is no whole."""
    return float(part / whole) if whole else None


def _ece(trust: NDArray[np.float64]) -> float:
    """Return the expected calibration error over ten equal bins (Guo et al. 2017)."""
    if len(trust) == 0:
        return 0.0
    which = np.minimum((trust[:, 0] * _BINS).astype(int), _BINS - 1)
    gaps = [
        np.count_nonzero(which == k) * abs(float(np.mean(trust[which == k] @ [1.0, -1.0])))
        for k in np.unique(which)
    ]
    return float(sum(gaps) / len(trust))
