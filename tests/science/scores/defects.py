"""Are defects found where they are, called what they are, and boundaries followed?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt

from shared.messages import Defect
from tests.science.scores.frames import KnownDefect, distance_to_path
from tests.science.scores.judged import FOUND_FROM, Judged
from tests.science.scores.species import in_view

NEAR_A = 2.0
ALONG_A = 3.0
BORDER_A = 3.0
"""Defects nearer than this to the frame's border or to contamination are not judged."""
STEP_A = 0.5
COORDINATION = {"Si_C3": 3, "Si_C4": 4}
POINT_CLASSES = (
    "V1", "V2_585", "V_555777", "SW_5577",
    "Si_C3", "Si_C4", "Si_dimer", "Si_trimer", "Si_tetramer",
)  # fmt: skip


@dataclass(frozen=True)
class Tally:
    """Right, said and there, of one class."""

    right: int
    said: int
    there: int

    @property
    def precision(self) -> float | None:
        """Share of what was said that is right."""
        return self.right / self.said if self.said else None

    @property
    def recall(self) -> float | None:
        """Share of what is there that was said."""
        return self.right / self.there if self.there else None


def tallies(frames: Sequence[Judged]) -> dict[str, Tally]:
    """Return the tally of every point class, and of all together under ``all``."""
    right: Counter[str] = Counter()
    said: Counter[str] = Counter()
    there: Counter[str] = Counter()
    for one in frames:
        paired, claims, known = match(one)
        right.update(kind for kind, _, _ in paired)
        said.update(claim.type for claim in claims)
        there.update(truth.type for truth in known)
    rows = {k: Tally(right[k], said[k], there[k]) for k in POINT_CLASSES if said[k] or there[k]}
    rows["all"] = Tally(right.total(), said.total(), there.total())
    return rows


def match(
    one: Judged,
) -> tuple[list[tuple[str, Defect, KnownDefect]], list[Defect], list[KnownDefect]]:
    """Pair claims and truths of the same point class within 2 Å, nearest first.

    Returns:
        The pairs to be judged; all claims and all truths to be judged, those in pairs included.
    """
    claims = [d for d in one.analysis.defects if d.type in POINT_CLASSES and d.p >= FOUND_FROM]
    known = [d for d in one.frame.defects if d.type in POINT_CLASSES]
    partner = _partners(one, claims, known)
    in_sight = in_plain_view(one, np.array([d.at_px for d in known]).reshape(-1, 2))
    claims_px = np.array([(d.x_px, d.y_px) for d in claims]).reshape(-1, 2)
    fair = in_plain_view(one, claims_px)
    paired = [(known[j].type, claims[i], known[j]) for i, j in partner.items() if in_sight[j]]
    judged = [
        claim
        for i, claim in enumerate(claims)
        if (in_sight[partner[i]] if i in partner else fair[i])
    ]
    return paired, judged, [truth for j, truth in enumerate(known) if in_sight[j]]


def _partners(
    one: Judged, claims: Sequence[Defect], known: Sequence[KnownDefect]
) -> dict[int, int]:
    """Pair claims with truths of their class one to one, nearest first."""
    gaps = sorted(
        (float(np.hypot(*(truth.at_px - (claim.x_px, claim.y_px)))) * one.frame.pixel_A, i, j)
        for i, claim in enumerate(claims)
        for j, truth in enumerate(known)
        if claim.type == truth.type
    )
    partner: dict[int, int] = {}
    for gap, i, j in gaps:
        if gap <= NEAR_A and i not in partner and j not in partner.values():
            partner[i] = j
    return partner


def in_plain_view(one: Judged, xy_px: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return which points lie 3 Å from the border and from contamination."""
    seen = in_view(one, xy_px, BORDER_A)
    if not one.frame.cover.any() or not len(xy_px):
        return seen
    last = np.array(one.frame.cover.shape[::-1]) - 1
    column, row = np.clip(np.rint(xy_px).astype(int), 0, last).T
    away = distance_transform_edt(~one.frame.cover)[row, column] * one.frame.pixel_A
    return np.asarray(seen & (away > BORDER_A))


def coordination_right(frames: Sequence[Judged]) -> tuple[int, int]:
    """Return how many three- and four-fold silicon atoms have as many bonds, of how many."""
    right = total = 0
    for one in frames:
        known = [d for d in one.frame.defects if d.type in COORDINATION]
        sight = in_plain_view(one, np.array([d.at_px for d in known]).reshape(-1, 2))
        named = np.flatnonzero(one.certain & (one.found.species == 2))
        for truth in (d for d, seen in zip(known, sight, strict=True) if seen):
            away = np.hypot(*(one.found.xy_px[named] - truth.at_px).T) * one.frame.pixel_A
            total += 1
            if len(away) and away.min() < 1.0:
                bonds = int(one.analysis.table["coordination"][named[np.argmin(away)]])
                right += bonds == COORDINATION[truth.type]
    return right, total


def length_covered(frames: Sequence[Judged], kinds: Sequence[str]) -> Tally:
    """Return a tally in steps of 0.5 Å along the paths of extended defects.

    ``there`` counts steps of true paths in view, ``right`` those with a claimed path within 3 Å,
    ``said`` is scaled so that precision is the share of claimed steps near a true path.

    Args:
        frames: to look at.
        kinds: classes that stand for each other, such as edge and hole.
    """
    there = right = claimed = supported = 0
    for one in frames:
        truths = [d.path_px for d in one.frame.defects if d.type in kinds and d.path_px is not None]
        claims = [
            np.array(d.path_px) for d in one.analysis.defects
            if d.type in kinds and d.path_px and d.p >= FOUND_FROM
        ]  # fmt: skip
        for_recall = list(_near(one, truths, claims))
        there += len(for_recall)
        right += sum(for_recall)
        for_precision = list(_near(one, claims, truths))
        claimed += len(for_precision)
        supported += sum(for_precision)
    said = round(right * claimed / supported) if supported else claimed
    return Tally(right, said, there)


def _near(
    one: Judged, paths: Sequence[NDArray[np.float64]], others: Sequence[NDArray[np.float64]]
) -> Iterator[bool]:
    """Yield, for each step of the paths in plain view, whether another path is near."""
    step_px = STEP_A / one.frame.pixel_A
    for path in paths:
        points = _steps(path, step_px)
        points = points[in_plain_view(one, points)]
        near = np.zeros(len(points), dtype=bool)
        for other in others:
            near |= distance_to_path(points, other) * one.frame.pixel_A <= ALONG_A
        yield from near.tolist()


def _steps(path: NDArray[np.float64], step: float) -> NDArray[np.float64]:
    """Return points along a path, evenly spaced."""
    if len(path) < 2:
        return path
    length = np.append(0.0, np.cumsum(np.hypot(*np.diff(path, axis=0).T)))
    at = np.arange(0.0, length[-1] + step / 2, step)
    return np.column_stack([np.interp(at, length, axis) for axis in path.T])
