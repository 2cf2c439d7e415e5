"""Units as files write them, and the plausibility of a pixel."""

from __future__ import annotations

import math

import pytest

from shared.files.lengths import length_A, square_pixel_A


@pytest.mark.parametrize(
    ("value", "unit", "expected"),
    [
        (1e-10, "m", 1.0),
        (0.1, "nm", 1.0),
        (0.1, " NM ", 1.0),
        (0.1, "[n_m]", 1.0),
        (1e-4, "µm", 1.0),
        (1e-4, "\u03bcm", 1.0),
        (1e-4, "\\u00B5m", 1.0),
        (1.0, "Å", 1.0),
        (1.0, "\u212b", 1.0),
        (1.0, "Angstrom", 1.0),
        (100.0, "pm", 1.0),
    ],
)
def test_a_length_is_read_in_any_unit_that_files_use(
    value: float, unit: str, expected: float
) -> None:
    assert length_A(value, unit) == pytest.approx(expected)


@pytest.mark.parametrize("unit", ["", "px", "1/nm", "s", "eV"])
def test_what_is_no_length_is_not_taken_for_one(unit: str) -> None:
    assert length_A(1.0, unit) is None


@pytest.mark.parametrize(
    ("rows", "columns"),
    [
        (None, 0.1),
        (0.1, None),
        (0.0, 0.0),
        (math.nan, math.nan),
        (math.inf, 0.1),
        (0.1, 0.2),
        (3e6, 3e6),
        (1e-4, 1e-4),
    ],
)
def test_an_implausible_pixel_size_is_no_calibration(
    rows: float | None, columns: float | None
) -> None:
    assert square_pixel_A(rows, columns) is None


def test_slightly_different_sides_give_their_geometric_mean() -> None:
    assert square_pixel_A(0.100, 0.101) == pytest.approx(math.sqrt(0.0101))
    assert square_pixel_A(-0.1, 0.1) == pytest.approx(0.1)
