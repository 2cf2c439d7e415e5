"""Is silicon silicon, is the stranger a stranger, and is nothing there where nothing is?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from tests.science.scores.judged import FOUND_FROM, SEEN, Judged

SILICON = 14
CLUSTERED_A = 2.9
"""Two silicon atoms nearer than this are of one dimer or trimer."""
STRANGER_A = 0.7
"""A found atom this near to an unseen adatom speaks of it."""
UNCLEAR_A = 0.9
LOOKALIKES = (13, 15)
"""Aluminium and phosphorus: brightness alone tells them from silicon by an eighth."""


def silicon(frames: Sequence[Judged], *, clustered: bool) -> tuple[float | None, float | None]:
    """Return precision and recall of silicon; in dimers and trimers only, if asked."""
    right = said = there = 0
    for one in frames:
        known = _members(one) if clustered else (one.frame.number == SILICON)
        asked = known & one.frame.asked
        named = one.certain & (one.found.species == 2)
        matched = np.where(one.wide >= 0, asked[one.wide], False)
        alike = np.isin(one.frame.number[one.wide], LOOKALIKES) & (one.wide >= 0)
        named &= ~alike
        right += int((named & matched).sum())
        there += int(asked.sum())
        said += int((named & _judged(one, known, clustered=clustered)).sum())
    return (right / said if said else None), (right / there if there else None)


def strangers(frames: Sequence[Judged], *, on_sheet: bool) -> Iterator[tuple[str, float]]:
    """Yield, for each atom of an unseen element in plain view, what it is called and p.

    Args:
        frames: to look at.
        on_sheet: adatoms; else silicon's lookalikes within the sheet.
    """
    for one in frames:
        frame = one.frame
        if on_sheet:
            chosen = frame.adatom & ~np.isin(frame.number, SEEN)
        else:
            chosen = frame.asked & np.isin(frame.number, LOOKALIKES)
        for at in frame.xy_px[chosen & in_view(one, frame.xy_px)]:
            yield _called(one, at)


def _called(one: Judged, at_px: NDArray[np.float64]) -> tuple[str, float]:
    """Return what the surest atom near a place is called, and how surely."""
    away = np.hypot(*(one.found.xy_px - at_px).T) * one.frame.pixel_A
    near = one.certain & (away < STRANGER_A)
    if not near.any():
        return "missed", 0.0
    best = int(np.flatnonzero(near)[np.argmax(one.found.p[near])])
    number = int(one.analysis.table["atomic_number"][best])
    return {0: "X", 6: "C", SILICON: "Si"}.get(number, "other"), float(one.found.p[best])


def in_vacuum(one: Judged) -> NDArray[np.bool_]:
    """Return (n,) found atoms in vacuum with no true atom near."""
    at = np.rint(one.found.xy_px).astype(int)
    last = np.array(one.frame.vacuum.shape[::-1]) - 1
    column, row = np.clip(at, 0, last).T
    empty = one.frame.vacuum[row, column]
    if len(one.frame.xy_px) and len(at):
        away = cKDTree(one.frame.xy_px).query(one.found.xy_px)[0] * one.frame.pixel_A
        empty = empty & (away > UNCLEAR_A)
    return np.asarray(one.certain & empty)


def in_view(one: Judged, xy_px: NDArray[np.float64], border_A: float = 1.0) -> NDArray[np.bool_]:
    """Return which points lie inside the frame and not under cover."""
    shape = np.array(one.frame.cover.shape[::-1])
    margin = border_A / one.frame.pixel_A
    inside = ((xy_px > margin) & (xy_px < shape - 1 - margin)).all(axis=1)
    column, row = np.clip(np.rint(xy_px).astype(int), 0, shape - 1).T
    return np.asarray(inside & ~one.frame.cover[row, column])


def _judged(one: Judged, known: NDArray[np.bool_], *, clustered: bool) -> NDArray[np.bool_]:
    """Return which found atoms count against precision."""
    accountable = (one.wide >= 0) | one.fair
    if not clustered or not known.any():
        return accountable & (not clustered)
    away = cKDTree(one.frame.xy_px[known]).query(one.found.xy_px)[0] * one.frame.pixel_A
    return np.asarray(accountable & (away < CLUSTERED_A))


def _members(one: Judged) -> NDArray[np.bool_]:
    """Return (n,) which true atoms are silicon with silicon beside it."""
    rows = np.flatnonzero(one.frame.number == SILICON)
    member = np.zeros(len(one.frame.number), dtype=bool)
    if len(rows) > 1:
        away = cKDTree(one.frame.xy_px[rows]).query(one.frame.xy_px[rows], k=2)[0][:, 1]
        member[rows] = away * one.frame.pixel_A < CLUSTERED_A
    return member


def confident_silicon(answers: Sequence[tuple[str, float]]) -> float:
    """Return the highest p with which a stranger was called silicon; 0 if none was."""
    return max((p for name, p in answers if name == "Si" and p >= FOUND_FROM), default=0.0)
