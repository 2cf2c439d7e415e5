"""Pictures of what went wrong: crops of the frames with truth and verdict marked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from tests.science.scores.defects import POINT_CLASSES, match
from tests.science.scores.judged import FOUND_FROM, Judged
from tests.science.scores.species import LOOKALIKES, in_vacuum

CROP_A = 12.0
BLUR_A = 0.2
"""Of the pictures only, so that an eye finds the atoms at low dose."""
MARK = {6: "#22d3ee", 14: "#facc15", 0: "#fb7185"}
"""Colours of carbon, silicon and everything else."""
KINDS = ("false atom", "missed atom", "wrong element", "atom in vacuum", "defect")


@dataclass(frozen=True, eq=False)
class Mistake:
    """Something wrong at a place."""

    one: Judged
    at_px: NDArray[np.float64]
    kind: str
    words: str


def mistakes(one: Judged) -> Iterator[Mistake]:
    """Yield everything wrong with one frame, but Al and P called silicon: see the table."""
    lonely = in_vacuum(one)
    for k in np.flatnonzero(lonely):
        yield Mistake(one, one.found.xy_px[k], "atom in vacuum", f"p {one.found.p[k]:.2f}")
    for k in np.flatnonzero(one.false & ~lonely):
        yield Mistake(one, one.found.xy_px[k], "false atom", f"p {one.found.p[k]:.2f}")
    for k in one.missed:
        yield Mistake(one, one.frame.xy_px[k], "missed atom", f"Z {one.frame.number[k]}")
    alike = np.isin(one.frame.number, LOOKALIKES)
    wrong = one.certain & (one.wide >= 0) & ~one.right & (one.listed == one.wide)
    wrong &= ~alike[one.wide]
    for k in np.flatnonzero(wrong):
        true = one.frame.number[one.wide[k]]
        said = one.analysis.table["atomic_number"][k]
        yield Mistake(one, one.found.xy_px[k], "wrong element", f"Z {true} called {said}")
    paired, said_defects, known = match(one)
    for claim in said_defects:
        at = np.array([claim.x_px, claim.y_px])
        near = np.hypot(*(one.frame.xy_px[alike] - at).T) * one.frame.pixel_A < 1.0
        if not near.any() and not any(claim is pair[1] for pair in paired):
            yield Mistake(one, at, "defect", f"{claim.type} said (p {claim.p:.2f})")
    for truth in known:
        if not any(truth is pair[2] for pair in paired):
            yield Mistake(one, truth.at_px, "defect", f"{truth.type} there")


def draw_gallery(
    frames: Sequence[Judged], path: Path, rows: int = 3, columns: int = 6, kinds: str = ""
) -> None:
    """Draw crops around mistakes, kinds and frames in turn."""
    chosen = _in_turn([m for one in frames for m in mistakes(one) if kinds in m.kind])
    figure = Figure(figsize=(2.1 * columns, 2.35 * rows), dpi=90)
    axes = figure.subplots(rows, columns).ravel()
    for axis in axes:
        axis.set_axis_off()
    for axis, mistake in zip(axes, chosen, strict=False):
        draw_crop(axis, mistake)
    figure.tight_layout(pad=0.3)
    figure.savefig(path, metadata={"Software": None})


def _in_turn(many: Sequence[Mistake]) -> list[Mistake]:
    """Order mistakes so that kinds alternate, and frames in an order that mixes families."""
    turn: Counter[tuple[str, str]] = Counter()
    by_kind: dict[str, list[tuple[int, int, Mistake]]] = {kind: [] for kind in KINDS}
    for mistake in many:
        name = mistake.one.frame.name
        turn[mistake.kind, name] += 1
        shuffled = crc32(name.encode())
        by_kind[mistake.kind].append((turn[mistake.kind, name], shuffled, mistake))
    rows = [[m for _, _, m in sorted(group, key=lambda r: r[:2])] for group in by_kind.values()]
    return [m for column in zip_longest(*rows) for m in column if m is not None]


def draw_crop(axis: Axes, mistake: Mistake, crop_A: float = CROP_A) -> None:
    """Draw one place: truth as rings, verdict as crosses, claimed defects by name."""
    one = mistake.one
    half = crop_A / 2 / one.frame.pixel_A
    x, y = mistake.at_px
    low = np.maximum(np.floor([x - half, y - half]), 0).astype(int)
    high = np.minimum(np.ceil([x + half, y + half]) + 1, one.frame.image.shape[::-1]).astype(int)
    crop = one.frame.image[low[1] : high[1], low[0] : high[0]].astype(float)
    extent = (low[0] - 0.5, high[0] - 0.5, high[1] - 0.5, low[1] - 0.5)
    crop = gaussian_filter(crop, BLUR_A / one.frame.pixel_A)
    vmin, vmax = np.percentile(crop, [1, 99.7])
    axis.imshow(crop, cmap="gray", extent=extent, vmin=vmin, vmax=vmax, interpolation="nearest")
    true = one.frame.xy_px
    for number, colour in MARK.items():
        which = _of(one.frame.number, number)
        for asked, alpha in ((True, 1.0), (False, 0.35)):
            some = true[which & (one.frame.asked == asked)]
            axis.plot(*some.T, "o", ms=6, mfc="none", mec=colour, mew=0.8, alpha=alpha)
    _verdict(axis, one)
    axis.set(xlim=extent[:2], ylim=extent[2:])
    title = f"{mistake.kind}: {mistake.words}\n{one.frame.name}"
    axis.set_title(title, fontsize=5.5, pad=2)


def _of(numbers: NDArray[np.integer[Any]], number: int) -> NDArray[np.bool_]:
    """Return which atoms are of an element; 0 stands for all that have no colour."""
    return np.asarray((numbers == number) if number else ~np.isin(numbers, (6, 14)))


def _verdict(axis: Axes, one: Judged) -> None:
    """Mark what the detector found, and the point defects it claims."""
    numbers = one.analysis.table["atomic_number"]
    for number, colour in MARK.items():
        found = one.found.xy_px[_of(numbers, number) & one.certain]
        axis.plot(*found.T, "x", ms=4, color=colour, mew=0.8)
    for claim in one.analysis.defects:
        if claim.p < FOUND_FROM:
            continue
        if claim.path_px:
            axis.plot(*np.array(claim.path_px).T, color="#a3e635", lw=0.8)
        if claim.type in POINT_CLASSES:
            axis.text(claim.x_px, claim.y_px, claim.type, color="#a3e635", fontsize=5, clip_on=True)
    for truth in one.frame.defects:
        if truth.type in POINT_CLASSES:
            axis.plot(*truth.at_px, "s", ms=9, mfc="none", mec="#f97316", mew=0.8)
