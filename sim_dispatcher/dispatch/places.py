"""A place of the sample that the operator names, made a ROI."""

from __future__ import annotations

from typing import Final

from blake3 import blake3

from shared.errors import AtomLoopError
from shared.messages import Defect
from sim_dispatcher.selection import Point, Scene, Track, sighting_at

__all__ = ["HERE_A", "OrderError", "place_track"]

HERE_A: Final = 2.0
"""A place this near to a known ROI is that ROI, Å; an atom must be within twice as much."""


class OrderError(AtomLoopError):
    """An order that cannot be carried out, and what could be."""

    code = "order"


def place_track(scene: Scene, sample_A: Point, name: str) -> Track:
    """Return a place that the operator names as a ROI.

    Args:
        scene: The frame that shows it.
        sample_A: (x, y) in the session's sample frame, Å.
        name: Makes its key; the same name gives the same key.

    Raises:
        OrderError: No atom was detected there.
    """
    x_A, y_A = scene.in_frame(sample_A)
    away = ((scene.view.positions_A - (x_A, y_A)) ** 2).sum(axis=1)
    if not len(away) or away.min() > (2 * HERE_A) ** 2:
        raise OrderError(
            f"No atom was detected near ({x_A:.1f}, {y_A:.1f}) Å.",
            remedy="Name a place on the sheet.",
        )
    nearest = int(away.argmin())
    pixel_A = scene.header.pixel_size_A
    place = Defect(
        type="unknown", x_px=x_A / pixel_A, y_px=y_A / pixel_A, p=float(scene.view.p[nearest])
    )
    seen = sighting_at(scene, place, (int(scene.view.index[nearest]),))
    digest = blake3(f"{scene.header.session} {name}".encode()).hexdigest()[:12]
    return Track(f"place-{digest}", seen, origin="operator")
