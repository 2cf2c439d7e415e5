"""Turn the ensemble's maps into candidate atoms.

Several cells point at one atom. A candidate is a local maximum of the mean probability among its
eight neighbours; the cells around it that point to the same place vote on the position with their
probability. Candidates closer than 0.6 Å are one atom, the more probable one.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from inference_service.detector.compiled import compiled
from inference_service.detector.ensemble import EnsembleMaps, Sum
from inference_service.detector.heads import CELL_CENTRE_PX, STRIDE_PX
from inference_service.detector.normalise import CANONICAL_PIXEL_A
from inference_service.detector.resample import Grid

__all__ = ["Candidates", "decode"]

FloatArray = NDArray[np.float64]

CANDIDATE_FROM: Final = 0.05
"""Least mean probability of a candidate: the fit may still raise it."""
MERGE_A: Final = 0.6
"""Two candidates closer than this are one atom: no bond is half as short."""
AGREE_PX: Final = 1.25
"""Cells vote on one position when they point within this distance of each other, px."""


@dataclass(frozen=True)
class Candidates:
    """Possible atoms, on the canonical grid; every field is one row per candidate."""

    xy_px: FloatArray
    """(n, 2) column, row."""
    p: FloatArray
    """(n,) mean probability over the members."""
    p_spread: FloatArray
    """(n,) standard deviation of the probability over the members."""
    sigma_xy_px: FloatArray
    """(n, 2) the network's own one-axis sigma and the members' disagreement, combined."""
    spread_px: FloatArray
    """(n,) the members' disagreement on the position, one-axis."""
    species: FloatArray
    """(n, 3) probabilities of C, Si and X, summing to 1."""
    contamination: FloatArray
    """(n,) probability that the cell lies under amorphous matter."""

    def __len__(self) -> int:
        return len(self.p)

    def on_grid(self, grid: Grid) -> Candidates:
        """Return the candidates on the grid that `grid` maps from."""
        return replace(
            self,
            xy_px=grid.to_old(self.xy_px),
            sigma_xy_px=self.sigma_xy_px * grid.factor,
            spread_px=self.spread_px * grid.factor,
        )

    def take(self, keep: NDArray[np.intp]) -> Candidates:
        """Return the candidates of these indices."""
        return Candidates(
            self.xy_px[keep],
            self.p[keep],
            self.p_spread[keep],
            self.sigma_xy_px[keep],
            self.spread_px[keep],
            self.species[keep],
            self.contamination[keep],
        )


def decode(maps: EnsembleMaps) -> Candidates:
    """List the candidate atoms of the maps, most probable first."""
    members = np.float64(maps.members)
    rows, cols = peaks(maps.sums[Sum.P], np.float32(CANDIDATE_FROM * maps.members))
    xy = vote(maps.sums, rows, cols)
    cell = maps.sums[:, rows, cols].astype(np.float64)
    weight = np.maximum(cell[Sum.P], 1e-12)
    p = cell[Sum.P] / members
    spread_x = spread(cell[Sum.DX], cell[Sum.DX_SQUARED], weight)
    spread_y = spread(cell[Sum.DY], cell[Sum.DY_SQUARED], weight)
    own = cell[Sum.VARIANCE] / weight
    found = Candidates(
        xy_px=xy,
        p=p,
        p_spread=np.sqrt(np.maximum(cell[Sum.P_SQUARED] / members - p**2, 0.0)),
        sigma_xy_px=np.sqrt(np.stack([own + spread_x**2, own + spread_y**2], axis=1)),
        spread_px=np.sqrt((spread_x**2 + spread_y**2) / 2),
        species=(cell[[Sum.SPECIES_C, Sum.SPECIES_SI, Sum.SPECIES_X]] / weight).T,
        contamination=cell[Sum.CONTAMINATION] / members,
    )
    found = found.take(np.argsort(-p, kind="stable"))
    return found.take(without_duplicates(found.xy_px))


def spread(first: FloatArray, second: FloatArray, weight: FloatArray) -> FloatArray:
    """Weighted standard deviation from weighted sums."""
    return np.sqrt(np.maximum(second / weight - (first / weight) ** 2, 0.0))


def without_duplicates(xy_px: FloatArray) -> NDArray[np.intp]:
    """Indices of the candidates with no better one within `MERGE_A`; best first on entry."""
    keep = np.ones(len(xy_px), dtype=bool)
    pairs = cKDTree(xy_px).query_pairs(MERGE_A / CANONICAL_PIXEL_A, output_type="ndarray")
    for better, worse in sorted(map(tuple, np.sort(pairs, axis=1).tolist())):
        if keep[better]:
            keep[worse] = False
    return np.nonzero(keep)[0]


@compiled
def peaks(
    p: NDArray[np.float32], least: np.float32
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:  # pragma: no cover
    """Rows and columns of the cells at least `least` that no neighbour exceeds."""
    rows, cols = p.shape
    found_rows, found_cols = [], []
    for i in range(rows):
        for j in range(cols):
            here = p[i, j]
            if here < least:
                continue
            top = True
            for a in range(max(0, i - 1), min(rows, i + 2)):
                for b in range(max(0, j - 1), min(cols, j + 2)):
                    earlier = a < i or (a == i and b < j)
                    if p[a, b] > here or (earlier and p[a, b] == here):
                        top = False
            if top:
                found_rows.append(i)
                found_cols.append(j)
    return np.array(found_rows, dtype=np.intp), np.array(found_cols, dtype=np.intp)


@compiled
def vote(
    sums: NDArray[np.float32], peak_rows: NDArray[np.intp], peak_cols: NDArray[np.intp]
) -> FloatArray:  # pragma: no cover
    """Positions (n, 2) column, row: mean over the agreeing cells of each 3 x 3, p-weighted."""
    _, rows, cols = sums.shape
    out = np.empty((len(peak_rows), 2))
    for n in range(len(peak_rows)):
        i, j = peak_rows[n], peak_cols[n]
        x0 = STRIDE_PX * j + CELL_CENTRE_PX + sums[2, i, j] / sums[0, i, j]
        y0 = STRIDE_PX * i + CELL_CENTRE_PX + sums[4, i, j] / sums[0, i, j]
        total, x_sum, y_sum = 0.0, 0.0, 0.0
        for a in range(max(0, i - 1), min(rows, i + 2)):
            for b in range(max(0, j - 1), min(cols, j + 2)):
                w = sums[0, a, b]
                if w <= 0:
                    continue
                x = STRIDE_PX * b + CELL_CENTRE_PX + sums[2, a, b] / w
                y = STRIDE_PX * a + CELL_CENTRE_PX + sums[4, a, b] / w
                if (x - x0) ** 2 + (y - y0) ** 2 < AGREE_PX**2:
                    total += w
                    x_sum += w * x
                    y_sum += w * y
        out[n, 0], out[n, 1] = x_sum / total, y_sum / total
    return out
