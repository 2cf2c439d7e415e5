"""Random patches: places of the bare sheet, drawn beside the defects as their yardstick.

What a defect's neighbourhood shares with them is not news; computed now and then, they show what
the same chain makes of a place where nothing is (zero formation energy, no displacement).
"""

from __future__ import annotations

from typing import Final, TypeAlias

import numpy as np
from blake3 import blake3
from numpy.typing import NDArray

from shared.messages import Defect
from sim_dispatcher.selection.scene import Scene
from sim_dispatcher.selection.sighting import Sighting, sighting_at

__all__ = ["random_patch"]

Points: TypeAlias = NDArray[np.float64]
"""(k, 2) [x, y], Å."""


REACH_A: Final = 7.5
"""A hexagon's shape tells of atoms this far from its middle: five bonds and its own radius, Å."""


def random_patch(scene: Scene, radius_A: float) -> Sighting | None:
    """Draw a pristine place of a frame; the same frame gives the same place.

    Args:
        scene: The frame.
        radius_A: No defect, border or contamination lies within this distance, Å; at
            least `REACH_A` is kept.

    Returns:
        A hexagon, as a defect of unknown type whose p is that of its weakest atom; every eligible
        one is equally likely. None where there is none, or the frame is not to be trusted.
    """
    if scene.doubt is not None or not len(eligible := _eligible(scene, max(radius_A, REACH_A))):
        return None
    view = scene.view
    seed = int.from_bytes(blake3(f"patch {scene.header.frame}".encode()).digest(8), "little")
    ring = view.rings.rings[int(np.random.default_rng(seed).choice(eligible))]
    x_A, y_A = view.positions_A[ring].mean(axis=0).tolist()
    pixel_A, p = scene.header.pixel_size_A, min(float(view.p[ring].min()), 1.0)
    place = Defect(type="unknown", x_px=x_A / pixel_A, y_px=y_A / pixel_A, p=p)
    found = sighting_at(scene, place, tuple(int(view.index[atom]) for atom in ring))
    return found if found.shape is not None else None


def _eligible(scene: Scene, radius_A: float) -> NDArray[np.intp]:
    """Return the hexagons that are far from everything that is not plain sheet."""
    view = scene.view
    centres = view.rings.centroids_A
    width, height = scene.size_A
    inside = (centres >= radius_A) & (centres <= (width - radius_A, height - radius_A))
    fit = inside.all(axis=1) & (view.rings.sizes == 6)
    disturbing = np.concatenate([view.positions_A[_odd(scene)], *_blots(scene)])
    fit[fit] &= _distances(centres[fit], disturbing) >= radius_A
    fit[fit] &= ~_covered(scene, centres[fit])
    return np.flatnonzero(fit)


def _odd(scene: Scene) -> NDArray[np.bool_]:
    """Return (n,) True for present atoms that are not plain sheet."""
    view = scene.view
    odd = (view.graph.coordination != 3) | (view.elements != "C") | view.open
    for k in np.flatnonzero(view.rings.sizes != 6):
        odd[view.rings.rings[k]] = True
    return np.asarray(odd)


def _blots(scene: Scene) -> list[Points]:
    """Return the places of defects, and the outlines of contamination."""
    places = [(defect.x_px, defect.y_px) for defect in scene.defects]
    lines = [places, *scene.header.cover_px]
    pixel_A = scene.header.pixel_size_A
    return [np.array(line, dtype=np.float64).reshape(-1, 2) * pixel_A for line in lines]


def _distances(points: Points, others: Points) -> NDArray[np.float64]:
    """Return (k,) the distance of each point to the nearest of the others, Å."""
    away = np.hypot(*(points[:, None] - others[None]).transpose(2, 0, 1))
    return np.asarray(away.min(axis=1, initial=np.inf))


def _covered(scene: Scene, points: Points) -> NDArray[np.bool_]:
    """Return (k,) whether points lie under contamination: inside an odd number of its lines."""
    inside = np.zeros(len(points), dtype=bool)
    x, y = points[:, :1], points[:, 1:]
    for line in _blots(scene)[1:]:
        (ax, ay), (bx, by) = line.T, np.roll(line, -1, axis=0).T
        spans = (ay > y) != (by > y)
        rise = np.where(by == ay, 1.0, by - ay)
        crossed = spans & (x < ax + (y - ay) / rise * (bx - ax))
        inside ^= crossed.sum(axis=1) % 2 == 1
    return inside
