"""Grain boundaries: the dual of a triangulation, in which every carbon has three bonds.

Two triangular lattices of ring centres meet along a wavy line; points that crowd there merge, the
rest relaxes, and each Delaunay triangle becomes a carbon atom. Rings of five to eight follow.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.spatial import Delaunay, cKDTree

from .arrays import Floats
from .specimen import Mark
from .topology import CARBON, CC_A, Sheet

RINGS_A = np.sqrt(3) * CC_A
MERGE = 0.72


def bicrystal(
    box_A: float, misorientation_rad: float, rng: np.random.Generator
) -> tuple[Sheet, Mark]:
    """Two grains and the boundary between them, somewhere near the middle of the box."""
    base, toward = rng.uniform(0, np.pi / 3), rng.uniform(0, np.pi)
    normal = np.array([np.cos(toward), np.sin(toward)])
    along = np.array([-normal[1], normal[0]])
    wave = rng.uniform(0.0, 2.0), 2 * np.pi / rng.uniform(20.0, 40.0), rng.uniform(0, 2 * np.pi)

    def side(xy: Floats) -> Floats:
        local = xy - box_A / 2
        return np.asarray(local @ normal - wave[0] * np.sin(wave[1] * (local @ along) + wave[2]))

    left, right = (_ring_centres(box_A, angle, rng) for angle in (base, base + misorientation_rad))
    centres = np.concatenate([left[side(left) < 0], right[side(right) >= 0]])
    centres = _settle(_merge(centres), side)
    sheet = _dual(centres, box_A)
    s = np.arange(-box_A, box_A, 0.5)
    path = (
        box_A / 2 + s[:, None] * along + (wave[0] * np.sin(wave[1] * s + wave[2]))[:, None] * normal
    )
    path = path[((path > 0) & (path < box_A)).all(axis=1)]
    return sheet, Mark("GB", path)


def _ring_centres(box_A: float, angle_rad: float, rng: np.random.Generator) -> Floats:
    reach = int(box_A / RINGS_A) + 2
    i, j = np.meshgrid(np.arange(-reach, reach), np.arange(-reach, reach))
    cells = np.column_stack([(i + j / 2).ravel(), (np.sqrt(3) / 2 * j).ravel()]) * RINGS_A
    turn = np.array(
        [[np.cos(angle_rad), np.sin(angle_rad)], [-np.sin(angle_rad), np.cos(angle_rad)]]
    )
    xy = cells @ turn + box_A / 2 + rng.uniform(0, 2, 2)
    return np.asarray(xy[((xy > -4) & (xy < box_A + 4)).all(axis=1)])


def _merge(centres: Floats) -> Floats:
    while True:
        pairs = cKDTree(centres).query_pairs(MERGE * RINGS_A)
        if not pairs:
            return centres
        i, j = min(pairs, key=lambda p: np.linalg.norm(centres[p[0]] - centres[p[1]]))
        middle = (centres[i] + centres[j]) / 2
        centres = np.vstack([np.delete(centres, [i, j], axis=0), middle])


def _settle(centres: Floats, side: Callable[[Floats], Floats]) -> Floats:
    """Move ring centres near the boundary towards the mean of their neighbours."""
    near = np.abs(side(centres)) < 2.0 * RINGS_A
    for _ in range(15):
        start, neighbours = Delaunay(centres).vertex_neighbor_vertices
        for k in np.flatnonzero(near):
            around = centres[neighbours[start[k] : start[k + 1]]]
            centres[k] += 0.4 * (around.mean(axis=0) - centres[k])
    return centres


def _dual(centres: Floats, box_A: float) -> Sheet:
    mesh = Delaunay(centres)
    carbons = centres[mesh.simplices].mean(axis=1)
    inside = ((carbons > -1.5) & (carbons < box_A + 1.5)).all(axis=1)
    new = np.full(len(carbons), -1)
    new[inside] = np.arange(inside.sum())
    bonds = {
        (min(new[a], new[b]), max(new[a], new[b]))
        for a, near in enumerate(mesh.neighbors)
        for b in near
        if b >= 0 and new[a] >= 0 and new[b] >= 0
    }
    xyz = np.column_stack([carbons[inside], np.zeros(inside.sum())])
    return Sheet(box_A, xyz, np.full(len(xyz), CARBON), {(int(a), int(b)) for a, b in bonds})
