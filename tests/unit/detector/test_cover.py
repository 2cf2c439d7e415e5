"""Cover is outlined where it lies, gaps included."""

import numpy as np
import pytest

from inference_service.detector.cover import cover_of
from inference_service.detector.heads import STRIDE_PX
from inference_service.detector.resample import Grid


def disc(rows: int, cols: int, centre: tuple[float, float], radius: float) -> np.ndarray:
    """Probability 1 in a disc of cells."""
    i, j = np.mgrid[:rows, :cols]
    return (np.hypot(i - centre[0], j - centre[1]) < radius).astype(np.float32)


def inside(outlines: tuple, x: float, y: float) -> bool:
    """Even-odd rule."""
    crossings = 0
    for outline in outlines:
        for (x0, y0), (x1, y1) in zip(outline, (*outline[1:], outline[0]), strict=True):
            if (y0 > y) != (y1 > y) and x < x0 + (y - y0) / (y1 - y0) * (x1 - x0):
                crossings += 1
    return crossings % 2 == 1


@pytest.mark.parametrize("factor", [1.0, 2.0])
def test_points_in_a_patch_lie_inside_its_outline(factor: float) -> None:
    ring = disc(60, 80, (30, 40), 20) - disc(60, 80, (30, 40), 8)
    found = cover_of(ring, (60 * STRIDE_PX, 80 * STRIDE_PX), Grid(factor))
    assert found.fraction == pytest.approx(ring.mean())
    assert len(found.outlines_px) == 2
    for row, col, covered in ((30, 54, True), (30, 40, False), (5, 5, False), (16, 40, True)):
        x, y = ((k * STRIDE_PX + 1.0) * factor for k in (col, row))
        assert inside(found.outlines_px, x, y) is covered


def test_a_patch_over_the_whole_frame_has_the_frame_as_its_outline() -> None:
    found = cover_of(np.ones((30, 40), np.float32), (60, 80), Grid(1.0))
    assert found.fraction == 1.0
    assert sorted(found.outlines_px[0]) == [(-0.5, -0.5), (-0.5, 59.5), (79.5, -0.5), (79.5, 59.5)]


def test_outlines_are_short() -> None:
    found = cover_of(disc(200, 200, (100, 100), 80), (400, 400), Grid(1.0))
    assert len(found.outlines_px[0]) < 40


def test_a_message_carries_the_largest_outlines_on_whole_pixels() -> None:
    mask = disc(100, 200, (50, 50), 30) + disc(100, 200, (50, 150), 10)
    found = cover_of(mask, (200, 400), Grid(1.0))
    first, second = found.outlines_px
    assert len(found.brief()) == 2
    (kept,) = found.brief(len(first) + len(second) - 1)
    assert kept == tuple((round(x), round(y)) for x, y in first)


def test_specks_count_for_the_area_and_get_no_outline() -> None:
    found = cover_of(disc(60, 60, (30, 30), 2), (120, 120), Grid(1.0))
    assert found.fraction > 0
    assert found.outlines_px == ()


def test_patches_that_touch_at_a_corner_are_walked_around() -> None:
    mask = np.zeros((20, 20), np.float32)
    mask[2:8, 2:8] = mask[8:14, 8:14] = 1.0
    found = cover_of(mask, (40, 40), Grid(1.0))
    assert len(found.outlines_px) == 2
