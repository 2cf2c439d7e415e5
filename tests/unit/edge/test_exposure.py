from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from edge_agent.sources.specimen import (
    Exposure,
    Probe,
    ScanJitter,
    Specimen,
    View,
    expose,
    mixed_defect_field,
)
from shared.units import areal_dose

STEADY = Exposure(180.0, 4.0, jitter=ScanJitter(rms_A=0.0))


def atoms(*points: tuple[float, float, int], period: float = 100.0) -> Specimen:
    positions = np.array([point[:2] for point in points], dtype=float)
    numbers = np.array([point[2] for point in points], dtype=np.uint8)
    return Specimen(positions, numbers, (), (period, period))


def averaged(
    specimen: Specimen, view: View, exposure: Exposure, frames: int = 12
) -> NDArray[np.float64]:
    rng = np.random.default_rng(5)
    return np.mean([expose(specimen, view, exposure, rng) for _ in range(frames)], axis=0)


@pytest.fixture(scope="module")
def field() -> Specimen:
    return mixed_defect_field(size_A=100.0)


def test_every_silicon_is_the_brightest_spot_around(field: Specimen) -> None:
    view = View((896, 896), 0.104)
    counts = expose(field, view, Exposure(180.0, 4.0), np.random.default_rng(1)).astype(float)
    truth = field.truth(View((868, 868), 0.104))
    silicon = truth.positions_px[truth.numbers == 14] + 14
    assert len(silicon) >= 2
    rows, columns = np.mgrid[-12:13, -12:13]
    disc = np.hypot(rows, columns) <= 5

    def brightness(row: int, column: int) -> float:
        return float(counts[row - 12 : row + 13, column - 12 : column + 13][disc].mean())

    carbon = [
        brightness(*np.rint(p).astype(int))
        for p in truth.positions_px[truth.numbers == 6][:200] + 14
    ]
    for point in silicon:
        assert brightness(*np.rint(point).astype(int)) > 2 * np.median(carbon)


def test_an_atom_is_imaged_exactly_where_it_is() -> None:
    view = View((101, 101), 0.104)
    specimen = atoms((0.3, -0.7, 14))
    picture = averaged(specimen, view, Exposure(5e4, 4.0, 0.0, jitter=ScanJitter(0.0)), 10)
    row, column = specimen.truth(view).positions_px[0]
    rows, columns = np.mgrid[:101, :101]
    near = np.hypot(rows - row, columns - column) < 20
    weight = picture * near
    assert (weight * rows).sum() / weight.sum() == pytest.approx(row, abs=0.05)
    assert (weight * columns).sum() / weight.sum() == pytest.approx(column, abs=0.05)


def test_probe_is_about_one_angstrom_wide_at_half_height() -> None:
    view = View((257, 257), 0.05)
    picture = averaged(
        atoms((0.0, 0.0, 14)), view, Exposure(1e5, 40.0, 0.0, jitter=ScanJitter(0.0)), 4
    )
    line = picture[126:131].mean(axis=0)
    width_A = 0.05 * np.count_nonzero(line > line.max() / 2)
    assert 1.0 <= width_A <= 1.15


def test_probe_has_tails_that_a_gaussian_has_not() -> None:
    probe = Probe()
    low = probe.transfer(np.array([0.0, 0.01]))
    assert low[0] == pytest.approx(1.0)
    gauss = math.exp(-2 * (math.pi * probe.sigma_A * 0.01) ** 2)
    assert low[1] < gauss - 0.005


def test_a_carbon_gives_about_a_hundred_counts_at_4e5_electrons_per_square_angstrom() -> None:
    assert areal_dose(180.0, 4.0, 0.104) == pytest.approx(4.15e5, rel=2e-3)
    view = View((241, 241), 0.104)
    counts = averaged(atoms((0.0, 0.0, 6)), view, Exposure(180.0, 4.0, 0.0)).sum()
    assert 90 < counts < 140


def test_carbon_peaks_hold_the_counts_of_real_frames(field: Specimen) -> None:
    view = View((301, 301), 0.104)
    picture = averaged(field, view, STEADY)
    truth = field.truth(view)
    inner = (np.abs(truth.positions_px - 150) < 140).all(axis=1) & (truth.numbers == 6)
    peaks = np.rint(truth.positions_px[inner]).astype(int)
    assert 1.1 <= np.median(picture[tuple(peaks.T)]) <= 1.4


def test_silicon_is_brighter_than_carbon_by_the_power_of_its_number() -> None:
    view = View((241, 241), 0.104)
    bright = Exposure(1.8e4, 4.0, 0.0)
    silicon, carbon = (averaged(atoms((0.0, 0.0, z)), view, bright, 4).sum() for z in (14, 6))
    assert silicon / carbon == pytest.approx((14 / 6) ** 1.64, rel=0.02)


def test_counts_follow_current_times_dwell_time_with_shot_noise(field: Specimen) -> None:
    view = View((256, 256), 0.104)
    rng = np.random.default_rng(2)
    one, four = (expose(field, view, Exposure(180.0, t), rng).astype(float) for t in (1.0, 4.0))
    assert four.mean() == pytest.approx(4 * one.mean(), rel=0.03)
    empty = expose(
        atoms((0.0, 0.0, 6), period=1e4),
        View((256, 256), 0.1, (5e3, 5e3)),
        Exposure(180.0, 50.0),
        rng,
    )
    assert empty.var() == pytest.approx(empty.mean(), rel=0.1)


def test_drift_within_a_frame_shears_the_lattice() -> None:
    tall = View((201, 201), 0.104)
    specimen = atoms((-8.0, 0.0, 14), (8.0, 0.0, 14))
    drifting = Exposure(5e4, 4.0, 0.0, drift_A_s=(0.0, 3.0), jitter=ScanJitter(0.0))
    picture = averaged(specimen, tall, drifting, 10)
    columns = np.arange(201)
    upper, lower = (
        (picture[rows].sum(axis=0) * columns).sum() / picture[rows].sum()
        for rows in (slice(0, 60), slice(140, 201))
    )
    seconds = 16 / 0.104 * 201 * 4e-6
    assert lower - upper == pytest.approx(3.0 * seconds / 0.104, rel=0.1)


def test_jitter_moves_lines_by_its_spread(rng: np.random.Generator) -> None:
    lines = ScanJitter(rms_A=0.05, memory=0.7).draw(20_000, rng)
    assert lines.std() == pytest.approx(0.05, rel=0.05)
    assert np.corrcoef(lines[1:], lines[:-1])[0, 1] == pytest.approx(0.7, abs=0.03)
