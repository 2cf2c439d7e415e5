"""What is no image is refused; what is damaged is repaired and said to be."""

import numpy as np
import pytest

from inference_service.detector.intake import take_in
from shared.errors import InputError


def image(shape=(80, 96), seed=1):
    return np.random.default_rng(seed).random(shape, dtype=np.float32)


@pytest.mark.parametrize(
    ("bad", "word"),
    [
        (image((63, 200)), "64"),
        (np.zeros((64, 8193), np.uint8), "8192"),
        (image((4, 80, 80)), "axes"),
        (image().astype(complex), "real numbers"),
        (image() > 0.5, "real numbers"),
        (np.full((80, 80), "a"), "real numbers"),
        (np.full((80, 80), 7, np.uint16), "constant"),
        (np.full((80, 80), np.nan, np.float32), "not finite"),
        (np.full((80, 80), np.inf), "not finite"),
        (np.where(np.arange(6400).reshape(80, 80) % 2, np.nan, 3.0), "constant"),
        (np.zeros((0, 0)), "64"),
        (np.zeros((70, 70), dtype=object), "real numbers"),
        (np.zeros((70, 70), dtype=[("a", "f4")]), "real numbers"),
        (np.zeros((70, 70), dtype="M8[s]"), "real numbers"),
    ],
)
def test_what_is_no_image_is_refused_by_name(bad, word):
    with pytest.raises(InputError, match=word):
        take_in(bad)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int32, np.float32, np.float64])
def test_every_real_pixel_type_is_taken(dtype):
    taken = take_in((image() * 200).astype(dtype))
    assert taken.image.dtype == np.float32
    assert taken.concerns == ()


def test_pixels_that_are_not_finite_are_filled_from_their_neighbours_and_marked():
    broken = image()
    broken[10:14, 20:24] = np.nan
    broken[0, 0] = np.inf
    taken = take_in(broken)
    assert np.isfinite(taken.image).all()
    assert taken.valid is not None
    assert (~taken.valid).sum() == 17
    assert "not finite" in taken.concerns[0][1]
    assert np.isnan(broken[11, 21])


def test_a_saturated_image_raises_a_concern():
    clipped = np.minimum(image(), 0.7)
    severity, words = take_in(clipped).concerns[0]
    assert severity > 1
    assert "saturated" in words


@pytest.mark.parametrize("unit", [1e-300, 1e-30, 1e30, 1e300])
def test_no_unit_overflows_or_vanishes(unit):
    taken = take_in(image().astype(np.float64) * unit)
    assert np.isfinite(taken.image).all()
    assert float(np.ptp(taken.image)) == pytest.approx(1.0, rel=0.01)
    assert np.corrcoef(taken.image.ravel(), image().ravel())[0, 1] > 0.9999


def test_a_signal_on_a_huge_offset_is_not_rounded_away():
    taken = take_in(image().astype(np.float64) + 1e9)
    assert np.corrcoef(taken.image.ravel(), image().ravel())[0, 1] > 0.9999


@pytest.mark.parametrize("fill", [np.inf, -np.inf, np.nan])
def test_infinite_pixels_beside_huge_ones_are_repaired_without_a_warning(fill):
    broken = image().astype(np.float64) * 1e200
    broken[5, 6] = fill
    taken = take_in(broken)
    assert np.isfinite(taken.image).all()
    assert (~taken.valid).sum() == 1


def test_extreme_units_are_brought_into_range():
    taken = take_in(image().astype(np.float64) * 1e-25)
    assert 0.1 < taken.image.max() < 1.01
