"""Random patches: places of the bare sheet, drawn beside the defects as their yardstick.

What a defect's neighbourhood shares with them is not news; computed now and then, they show what
the same chain makes of a place where nothing is (zero formation energy, no displacement).
"""

from __future__ import annotations

from typing import Final

import numpy as np
from blake3 import blake3

from shared.messages import Defect
from sim_dispatcher.selection.scene import Point, Scene
from sim_dispatcher.selection.sighting import Sighting, sighting_at

__all__ = ["random_patch"]

TRIES: Final = 16
"""Places drawn before a frame counts as one without room for a patch."""


def random_patch(scene: Scene, radius_A: float) -> Sighting | None:
    """Draw a pristine-looking place of a frame; the same frame gives the same place.

    Args:
        scene: The frame.
        radius_A: No defect, rim or contamination lies within this distance, Å.

    Returns:
        The place, as a defect of unknown type whose p is that of its weakest atom; None where none
        was found in `TRIES` draws.
    """
    width, height = scene.size_A
    if scene.doubt is not None or min(width, height) <= 2 * radius_A:
        return None
    seed = int.from_bytes(blake3(f"patch {scene.header.frame}".encode()).digest(8), "little")
    rng = np.random.default_rng(seed)
    odd = _odd(scene)
    for _ in range(TRIES):
        drawn_A = rng.uniform((radius_A, radius_A), (width - radius_A, height - radius_A))
        found = _pristine(scene, (float(drawn_A[0]), float(drawn_A[1])), radius_A, odd)
        if found is not None:
            return found
    return None


def _odd(scene: Scene) -> np.ndarray:
    """Return (n,) True for present atoms that are not plain sheet."""
    view = scene.view
    odd = (view.graph.coordination != 3) | (view.elements != "C") | view.open
    for k in np.flatnonzero(view.rings.sizes != 6):
        odd[view.rings.rings[k]] = True
    return np.asarray(odd)


def _pristine(scene: Scene, drawn_A: Point, radius_A: float, odd: np.ndarray) -> Sighting | None:
    """Return the hexagon nearest to a place where everything around it is bare sheet."""
    view, pixel_A = scene.view, scene.header.pixel_size_A
    near = np.hypot(*(view.positions_A - np.asarray(drawn_A)).T) <= radius_A
    if not near.any() or odd[near].any() or _disturbed(scene, drawn_A, radius_A):
        return None
    centres = view.rings.centroids_A
    ring = view.rings.rings[int(np.argmin(np.hypot(*(centres - np.asarray(drawn_A)).T)))]
    x_A, y_A = view.positions_A[ring].mean(axis=0).tolist()
    p = min(float(view.p[near].min()), 1.0)
    place = Defect(type="unknown", x_px=x_A / pixel_A, y_px=y_A / pixel_A, p=p)
    found = sighting_at(scene, place, tuple(int(view.index[atom]) for atom in ring))
    return found if found.shape is not None else None


def _disturbed(scene: Scene, place_A: Point, radius_A: float) -> bool:
    """Tell whether a defect or contamination is near a place."""
    pixel_A = scene.header.pixel_size_A
    for defect in scene.defects:
        x_A, y_A = defect.x_px * pixel_A - place_A[0], defect.y_px * pixel_A - place_A[1]
        if np.hypot(x_A, y_A) < radius_A:
            return True
    inside = False
    for line in scene.header.cover_px:
        corners = np.asarray(line, dtype=np.float64) * pixel_A
        if np.hypot(*(corners - np.asarray(place_A)).T).min() < radius_A:
            return True
        inside ^= _encloses(corners, place_A)
    return inside


def _encloses(corners: np.ndarray, place_A: Point) -> bool:
    """Tell whether a closed line runs around a place (even-odd rule)."""
    (ax, ay), (bx, by) = corners.T, np.roll(corners, -1, axis=0).T
    x_A, y_A = place_A
    spans = (ay > y_A) != (by > y_A)
    rise = np.where(by == ay, 1.0, by - ay)
    return bool((spans & (x_A < ax + (y_A - ay) / rise * (bx - ax))).sum() % 2)
