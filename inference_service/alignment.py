"""How far one set of atoms is shifted against another, told by atoms alone.

A lattice matches itself under every lattice vector, so the shift of a perfect sheet is known only
up to those. Three things tell the candidates apart, in this order: foreign atoms, which sit where
they sit; edges, holes and grain boundaries, under which a wrong vector leaves atoms unmatched; and
the expected shift, to which the right one is nearest while the sample creeps by less than half a
lattice constant between frames.

Candidates are the peaks of the histogram of pair differences; each peak's mean is the shift, good
to the scatter of the positions over the root of the number of atoms.

Axes: (x, y) in Å, x = column, throughout this module.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import maximum_filter, uniform_filter
from scipy.spatial import cKDTree

__all__ = ["Alignment", "AtomMap", "align"]

CARBON: Final = 6

PROBES: Final = 600
"""Atoms of the new frame that are matched; more would not sharpen the choice."""

SEARCH_A: Final = 3.3
"""Reach of the search about the expected shift: past the nearest lattice vectors (2.46 Å)."""

VOTE_SEARCH_A: Final = 1.2
"""Reach about a shift that foreign atoms suggest: a foreign atom is displaced by less."""

BIN_A: Final = 0.2
"""Bin of the histogram of pair differences: a little more than the scatter of one position."""

HIT_A: Final = 0.5
"""Two atoms closer than this after shifting are the same; by chance a quarter of them are."""

CHANCE: Final = 0.26
"""Share of atoms that hit another by chance: 1 - exp(-0.382 π 0.5²)."""

PEAK_SHARE: Final = 0.7
"""Peaks below this share of the highest are half matches (one sublattice on the other)."""

LEAST_ATOMS: Final = 30
"""Fewer atoms in the overlap say nothing."""

LEAST_OVERLAP: Final = 0.15
"""Nor does a smaller share of the new frame's atoms."""

LANDMARK_A: Final = 0.8
"""Foreign atoms closer than this after shifting are the same one."""

MOST_LANDMARKS: Final = 60
"""Foreign atoms of a frame that vote, from its middle outwards."""

ENOUGH_LANDMARKS: Final = 3
"""Where so many foreign atoms are found again for each that is lost, none needs to vote."""

VOTES: Final = 6
"""Shifts suggested by foreign atoms that are followed up."""

MARGIN_A: Final = 1.0
"""A foreign atom nearer to the border of the overlap than this need not be in both frames."""

MATCHED: Final = 4.0
UNMATCHED: Final = -2.0
"""Log-likelihood ratios of a foreign atom found again, and of one that should have been."""

NOISE_SIGMAS: Final = 3.0
"""Differences in unmatched atoms within this many standard deviations are flicker."""


@dataclass(frozen=True, eq=False)
class AtomMap:
    """The atoms of a frame."""

    positions_A: NDArray[np.float64]
    """(n, 2) [x, y], Å."""
    atomic_numbers: NDArray[np.uint8]
    """(n,) 0 = unknown."""

    @cached_property
    def tree(self) -> cKDTree:
        """Index of all positions."""
        return cKDTree(self.positions_A)

    @cached_property
    def box_A(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Lowest and highest corner of what was seen."""
        return self.positions_A.min(axis=0), self.positions_A.max(axis=0)

    @cached_property
    def probes_A(self) -> NDArray[np.float64]:
        """(k, 2) an even sample of the positions."""
        step = max(1, len(self.positions_A) // PROBES)
        return self.positions_A[::step]

    @cached_property
    def landmarks(self) -> tuple[NDArray[np.float64], NDArray[np.uint8]]:
        """Positions and atomic numbers of foreign atoms, those in the middle first."""
        foreign = np.flatnonzero(self.atomic_numbers != CARBON)
        offset = self.positions_A[foreign] - np.mean(self.box_A, axis=0)
        chosen = foreign[np.argsort(np.hypot(*offset.T), kind="stable")[:MOST_LANDMARKS]]
        return self.positions_A[chosen], self.atomic_numbers[chosen]

    def holds(self, points_A: NDArray[np.float64], margin_A: float = 0.0) -> NDArray[np.bool_]:
        """Return which (k, 2) points lie within what was seen, that far from its border."""
        low, high = self.box_A
        inside = (points_A >= low + margin_A) & (points_A <= high - margin_A)
        return np.asarray(inside.all(axis=1))


@dataclass(frozen=True, slots=True)
class Alignment:
    """A shift that brings a new frame's atoms onto a reference, and how sure it is."""

    shift_A: tuple[float, float]
    """(x, y) to add to the new frame's positions, Å."""
    sigma_A: float
    """One-axis standard error of the shift, given that the lattice vector is right, Å."""
    overlap: float
    """Share of the new frame's atoms that lie within the reference."""
    landmarks: int
    """Foreign atoms found in both."""
    confidence: float
    """Probability that the shift is right to within a lattice vector, 0..1."""


@dataclass(frozen=True, slots=True)
class _Candidate:
    """A possible shift with what speaks for it."""

    shift: NDArray[np.float64]
    sigma: float
    hits: int
    inside: int
    found_again: int
    lost: int


def align(
    new: AtomMap, reference: AtomMap, expected_A: NDArray[np.float64], reach_A: float
) -> Alignment | None:
    """Return the most probable shift of a new frame against a reference.

    Args:
        new: Atoms of the new frame.
        reference: Atoms to match them with.
        expected_A: (2,) [x, y] shift expected from scan position and previous drift, Å.
        reach_A: How far the expectation is usually off, Å.

    Returns:
        The alignment; None where too few atoms overlap.
    """
    candidates = _candidates(new, reference, expected_A)
    if not candidates:
        return None
    scores = _scores(candidates, expected_A, reach_A)
    best = int(np.argmax(scores))
    chosen = candidates[best]
    runner_up = max((s for k, s in enumerate(scores) if k != best), default=-np.inf)
    hit_share = chosen.hits / chosen.inside
    coherence = float(np.clip((hit_share - CHANCE) / (2 * CHANCE), 0.0, 1.0))
    coherence *= (1 + chosen.found_again) / (1 + chosen.found_again + chosen.lost)
    return Alignment(
        shift_A=(float(chosen.shift[0]), float(chosen.shift[1])),
        sigma_A=chosen.sigma,
        overlap=chosen.inside / len(new.probes_A),
        landmarks=chosen.found_again,
        confidence=coherence / (1.0 + float(np.exp(runner_up - scores[best]))),
    )


def _candidates(
    new: AtomMap, reference: AtomMap, expected: NDArray[np.float64]
) -> list[_Candidate]:
    """Return possible shifts, none twice: about the expected one, then about the votes."""
    seen: list[_Candidate] = []
    _add(seen, _peaks(new, reference, expected, SEARCH_A))
    if any(c.found_again >= ENOUGH_LANDMARKS * max(1, c.lost) for c in seen):
        return seen
    for vote in _votes(new, reference, expected):
        _add(seen, _peaks(new, reference, vote, VOTE_SEARCH_A))
    return seen


def _add(seen: list[_Candidate], more: Iterable[_Candidate]) -> None:
    """Add the candidates that are not there yet."""
    for candidate in more:
        if all(np.hypot(*(candidate.shift - other.shift)) > HIT_A for other in seen):
            seen.append(candidate)


def _votes(
    new: AtomMap, reference: AtomMap, expected: NDArray[np.float64]
) -> list[NDArray[np.float64]]:
    """Return the shifts that bring most foreign atoms onto their like, likeliest first."""
    (here, kinds), (there, other_kinds) = new.landmarks, reference.landmarks
    like = kinds[:, None] == other_kinds
    shifts = (there[None] - here[:, None])[like]
    if len(shifts) == 0:
        return []
    tree = cKDTree(shifts)
    support = tree.query_ball_point(shifts, LANDMARK_A, return_length=True)
    order = np.lexsort((np.hypot(*(shifts - expected).T), -support))
    chosen: list[NDArray[np.float64]] = []
    for shift in shifts[order]:
        if all(np.hypot(*(shift - other)) > LANDMARK_A for other in chosen):
            chosen.append(shift)
        if len(chosen) == VOTES:
            break
    return chosen


def _peaks(
    new: AtomMap, reference: AtomMap, start: NDArray[np.float64], reach: float
) -> Iterator[_Candidate]:
    """Yield the shifts near a starting one under which atoms meet atoms."""
    probes = new.probes_A + start
    if reference.holds(probes).sum() < max(LEAST_ATOMS, LEAST_OVERLAP * len(probes)):
        return
    near = cKDTree(probes).sparse_distance_matrix(
        reference.tree, reach + HIT_A, output_type="ndarray"
    )
    gaps = reference.positions_A[near["j"]] - probes[near["i"]]
    edges = np.linspace(-reach, reach, 2 * round(reach / BIN_A) + 1)
    counts = np.histogram2d(gaps[:, 0], gaps[:, 1], bins=[edges, edges])[0]
    counts = uniform_filter(counts, 3, mode="constant")
    crests = (counts == maximum_filter(counts, 5)) & (counts >= PEAK_SHARE * counts.max())
    centres = (edges[:-1] + edges[1:]) / 2
    for row, column in zip(*np.nonzero(crests), strict=True):
        peak = np.array([centres[row], centres[column]])
        yield _refined(new, reference, start, peak, gaps)


def _refined(
    new: AtomMap,
    reference: AtomMap,
    start: NDArray[np.float64],
    peak: NDArray[np.float64],
    gaps: NDArray[np.float64],
) -> _Candidate:
    """Return the candidate at a peak, its shift the mean difference of the atoms that meet."""
    for _ in range(3):
        meeting = gaps[np.hypot(*(gaps - peak).T) < HIT_A]
        peak = meeting.mean(axis=0) if len(meeting) else peak
    shift = start + peak
    inside = max(LEAST_ATOMS, int(reference.holds(new.probes_A + shift).sum()))
    hits = min(len(meeting), inside)
    spread = float(meeting.std(axis=0).mean()) if len(meeting) else HIT_A
    found_again, lost = _landmark_balance(new, reference, shift)
    sigma = spread / max(1.0, hits) ** 0.5
    return _Candidate(shift, sigma, hits, inside, found_again, lost)


def _landmark_balance(
    new: AtomMap, reference: AtomMap, shift: NDArray[np.float64]
) -> tuple[int, int]:
    """Return how many foreign atoms are found again, and how many should be and are not."""
    (here, kinds), (there, other_kinds) = new.landmarks, reference.landmarks
    moved = here + shift
    gaps = np.hypot(*(moved[:, None] - there[None]).transpose(2, 0, 1))
    same = (gaps < LANDMARK_A) & (kinds[:, None] == other_kinds)
    lost_here = reference.holds(moved, MARGIN_A) & ~same.any(axis=1)
    lost_there = new.holds(there - shift, MARGIN_A) & ~same.any(axis=0)
    return int(same.any(axis=1).sum()), int(lost_here.sum() + lost_there.sum())


def _scores(
    candidates: list[_Candidate], expected: NDArray[np.float64], reach: float
) -> NDArray[np.float64]:
    """Return a log-probability for each candidate, up to a constant."""
    inside = np.array([c.inside for c in candidates], dtype=float)
    missed = inside - np.array([c.hits for c in candidates])
    # Pessimistic for small overlaps: a few atoms that all meet are no standard for the others.
    share = float(((missed + NOISE_SIGMAS * np.sqrt(missed + 1.0)) / inside).min())
    flicker = NOISE_SIGMAS * np.sqrt(share * inside + 1.0)
    lattice = -np.maximum(0.0, missed - share * inside - flicker)
    foreign = np.array([MATCHED * c.found_again + UNMATCHED * c.lost for c in candidates])
    distance = np.array([np.hypot(*(c.shift - expected)) for c in candidates])
    return np.asarray(lattice + foreign - 2.0 * np.log1p((distance / reach) ** 2), dtype=float)
