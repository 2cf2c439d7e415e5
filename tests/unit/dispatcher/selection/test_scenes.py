"""Scenes: frames as the selection reads them, and the patches drawn from them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from shared.messages import OutOfDistribution
from sim_dispatcher.selection import likeness, random_patch, sightings

MIDDLE = (18.0, 18.0)


def test_a_sighting_is_placed_on_the_sample_with_the_drift_taken_out(
    sample: Callable[..., Any],
) -> None:
    sheet = sample({MIDDLE: "Si"})
    (still,) = sightings(sheet.scene(0))
    (moved,) = sightings(sheet.scene(1, origin_A=(4.0, -2.0)))
    assert moved.local_A == pytest.approx(np.subtract(still.local_A, (4.0, -2.0)), abs=0.2)
    assert moved.sample_A == pytest.approx(still.sample_A, abs=0.2)
    assert moved.shape == still.shape
    assert still.blur_A == pytest.approx(0.03, rel=0.01)
    assert still.element == "Si"


def test_a_frame_knows_what_it_shows(sample: Callable[..., Any]) -> None:
    scene = sample().scene(origin_A=(10.0, 5.0))
    assert scene.shows((20.0, 20.0))
    assert not scene.shows((11.0, 20.0))
    assert not scene.shows((20.0, 45.0))
    assert scene.in_frame(scene.on_sample((3.0, 4.0))) == pytest.approx((3.0, 4.0))


def test_a_random_patch_is_bare_sheet_and_the_same_for_the_same_frame(
    sample: Callable[..., Any],
) -> None:
    sheet = sample({MIDDLE: "Si", (9.0, 9.0): ""})
    shapes = []
    for index in range(6):
        scene = sheet.scene(index)
        patch = random_patch(scene, 8.0)
        assert patch == random_patch(scene, 8.0)
        assert patch is not None
        for place in (MIDDLE, (9.0, 9.0)):
            assert np.hypot(*np.subtract(patch.local_A, sheet.place(place))) > 6.0
        shapes.append(patch.shape)
    assert len(set(shapes)) == 1
    (silicon,) = (s for s in sightings(scene) if s.type == "Si_C3")
    assert shapes[0] is not None
    assert silicon.shape is not None
    assert likeness(silicon.shape, shapes[0]) < 0.5


def test_no_patch_is_drawn_where_nothing_can_be_trusted(sample: Callable[..., Any]) -> None:
    strange = OutOfDistribution(score=2.0, flag=True, reasons=("no lattice",))
    assert random_patch(sample().scene(ood=strange), 6.0) is None
    assert random_patch(sample().scene(), 30.0) is None
    crowded = {(x, y): "Si" for x in range(3, 36, 6) for y in range(3, 36, 6)}
    assert random_patch(sample(crowded).scene(), 6.0) is None


def test_no_patch_is_drawn_under_contamination(sample: Callable[..., Any]) -> None:
    whole = (((-10, -10), (400, -10), (400, 400), (-10, 400)),)
    assert random_patch(sample().scene(cover_px=whole), 6.0) is None
