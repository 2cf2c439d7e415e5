"""The validation frames' exposure: atoms where the truth says, noise as stated. Needs no abTEM."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from scipy.ndimage import map_coordinates

from tests.science.multislice.bound import Fisher
from tests.science.multislice.distortion import Distortion, Unsteadiness
from tests.science.multislice.exposure import Exposure, NoiselessImage, to_file_numbers
from tests.science.multislice.frame import Setting, expose
from tests.science.multislice.noiseless import STEP_A, Noiseless
from tests.science.multislice.relaxation import relax
from tests.science.multislice.specimen import Specimen
from tests.science.multislice.topology import honeycomb, rotate_bond, substitute

SIGMA_A = 0.3
BOX_A = 23.04
SMALL_A = 11.52
SILICON = 14


def gaussians(xy_A: np.ndarray, box_A: float) -> np.ndarray:
    """Periodic sum of atoms of unit peak, (rows, columns) every STEP_A."""
    axis = np.arange(0, box_A - 1e-9, STEP_A)

    def profile(centre_A: np.ndarray) -> np.ndarray:
        apart = (axis - centre_A[:, None] + box_A / 2) % box_A - box_A / 2
        return np.exp(-(apart**2) / (2 * SIGMA_A**2))

    return profile(xy_A[:, 1]).T @ profile(xy_A[:, 0])


@cache
def graphene_of_gaussians() -> Noiseless:
    specimen = Specimen.of(honeycomb(BOX_A, np.random.default_rng(3))).displaced(
        0.06, np.random.default_rng(4)
    )
    image = 3e-4 * gaussians(specimen.positions_A[:, :2], BOX_A)
    carbon = 3e-4 * gaussians(np.zeros((1, 2)), SMALL_A)
    return Noiseless(specimen, {"HAADF": image}, {"HAADF": carbon}, {})


def maxima(image: np.ndarray, start_px: np.ndarray) -> np.ndarray:
    """Newton's steps on a parabola through each start's eight neighbours."""
    place = start_px.copy()
    dx, dy = (d.ravel() for d in np.meshgrid([-1.0, 0.0, 1.0], [-1.0, 0.0, 1.0]))
    inverse = np.linalg.pinv(np.column_stack([dx**2, dy**2, dx * dy, dx, dy, np.ones(9)]))
    for _ in range(6):
        near = map_coordinates(image, [place[:, 1:] + dy, place[:, :1] + dx], order=3)
        a, b, c, gx, gy, _ = inverse @ near.T
        step = np.column_stack([2 * b * gx - c * gy, 2 * a * gy - c * gx])
        place += np.clip(step / (c**2 - 4 * a * b)[:, None], -0.5, 0.5)
    return place


@pytest.mark.parametrize("seed", range(3))
def test_atoms_are_where_the_truth_says_whatever_the_scan_did(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Unsteadiness, "draw", lambda _: Unsteadiness())
    setting = Setting(1e12, 0.104, field_A=16.0)
    file, truth = expose(graphene_of_gaussians(), setting, np.random.default_rng(seed))
    xy = truth["xy_px"][truth["asked"]]
    assert len(xy) > 50
    error_pm = 100 * truth["pixel_size_A"] * (maxima(file["image"].astype(float), xy) - xy)
    assert np.abs(error_pm.mean(axis=0)).max() < 0.3
    assert error_pm.std(axis=0).max() < 1.0


def test_the_displacements_told_are_those_between_moved_and_unmoved_atoms() -> None:
    noiseless = graphene_of_gaussians()
    setting = Setting(4e5, 0.12, field_A=16.0)
    _, truth = expose(noiseless, setting, np.random.default_rng(0))
    sd_A = truth["displaced_A"][truth["asked"]].std(axis=0)
    assert sd_A == pytest.approx([0.06, 0.06], rel=0.25)


def test_carbon_gives_the_counts_promised_at_the_reference_dose() -> None:
    noiseless = graphene_of_gaussians()
    for seed in range(3):
        _, truth = expose(noiseless, Setting(4e5, 0.104, field_A=14.0), np.random.default_rng(seed))
        assert 1.05 < truth["counts_at_carbon"] < 1.55
        assert 80 < truth["counts_per_carbon"] < 160


def test_a_place_in_the_frame_and_on_the_specimen_map_to_each_other() -> None:
    rng = np.random.default_rng(5)
    scan = Distortion.draw(rng, (300, 320), 0.1, np.array([20.0, 20.0]))
    steady = replace(scan, slips=())
    px = rng.uniform(5, 295, (200, 2))
    found, sure = steady.frame_px(steady.specimen_A(px))
    assert sure.all()
    np.testing.assert_allclose(found, px, atol=1e-6)


def test_an_atom_beside_a_slip_is_not_asked_for() -> None:
    scan = Distortion((200, 200), 0.1, np.zeros(2), np.eye(2), np.zeros((2, 2)))
    slipped = replace(scan, slips=((100.0, 0.3, 0.4),))
    _, sure = slipped.frame_px(np.array([[0.0, 0.0], [0.0, 5.0]]))
    assert sure.tolist() == [False, True]


def test_counts_are_poisson_with_the_spread_of_pulse_heights() -> None:
    exposure = Exposure(1.0, pulse_spread=0.25, read_noise=0.5)
    signal = exposure.record(np.full((400, 400), 3.0), np.random.default_rng(6))
    assert signal.mean() == pytest.approx(3.0, rel=0.01)
    assert signal.var() == pytest.approx(3.0 * 1.25 + 0.25, rel=0.02)


def test_the_afterglow_moves_the_image_as_far_as_it_says() -> None:
    exposure = Exposure(1.0, pulse_spread=0.0, read_noise=0.0, lag=0.2, lag_px=0.8)
    spot = np.zeros((1, 41))
    spot[0, 20] = 1.0
    glow = exposure._afterglow(spot)
    assert glow.sum() == pytest.approx(1.0, abs=1e-6)
    assert glow[0] @ np.arange(41) - 20 == pytest.approx(exposure.lag_shift_px, abs=1e-5)


def test_the_noiseless_image_is_exact_between_its_samples_and_blurs_by_the_source() -> None:
    xy = np.array([[5.03, 6.11]])
    image = NoiselessImage(gaussians(xy, SMALL_A), STEP_A, 0.6)
    sigma = np.hypot(SIGMA_A, 0.6 / 2.3548)
    offset = np.linspace(-1, 1, 21)
    expected = (SIGMA_A / sigma) ** 2 * np.exp(-(offset**2) / (2 * sigma**2))
    points = xy + np.column_stack([offset, np.zeros(21)])
    np.testing.assert_allclose(image(points), expected, atol=5e-4)


@pytest.mark.parametrize(("dtype", "top"), [("float32", 1), ("uint16", 65535), ("uint8", 255)])
def test_files_hold_the_number_formats_of_real_ones(dtype: str, top: float) -> None:
    rng = np.random.default_rng(7)
    numbers = to_file_numbers(rng.normal(5.0, 1.0, (50, 50)), dtype, rng)
    assert numbers.dtype == dtype
    assert 0 <= numbers.min() < numbers.max() <= top


def test_the_bound_of_one_bright_atom_is_its_width_over_the_root_of_its_counts() -> None:
    pixel_A, peak = 0.1, 1e6
    axis = (np.arange(81) - 40) * pixel_A
    expected = peak * np.exp(-(axis[:, None] ** 2 + axis**2) / (2 * SIGMA_A**2)) + 1e-3
    counts = 2 * np.pi * (SIGMA_A / pixel_A) ** 2 * peak
    place = np.array([[40.0, 40.0]])
    bound, best = Fisher(expected, expected, pixel_A, place, np.array([peak]), unit_atom).solve()
    np.testing.assert_allclose(best, place, atol=1e-6)
    assert bound[0] == pytest.approx(100 * SIGMA_A / np.sqrt(counts), rel=0.02)


def test_the_best_estimate_scatters_as_its_bound_says() -> None:
    _, truth = expose(
        graphene_of_gaussians(), Setting(4e6, 0.104, field_A=16.0), np.random.default_rng(2)
    )
    asked = truth["asked"]
    error_px = (truth["best_xy_px"] - truth["xy_px"])[asked]
    scaled = 100 * truth["pixel_size_A"] * error_px / truth["bound_pm"][asked, None]
    assert scaled.std() == pytest.approx(1.0, abs=0.2)


def unit_atom(offset_A: np.ndarray) -> np.ndarray:
    return np.exp(-(offset_A**2).sum(axis=-1) / (2 * SIGMA_A**2))


def test_relaxed_bonds_are_those_of_the_field() -> None:
    rng = np.random.default_rng(8)
    sheet = honeycomb(BOX_A, rng)
    core = sheet.nearest(np.array([7.0, 7.0]))
    rotate_bond(sheet, core, sheet.neighbours(core)[0])
    silicon = sheet.nearest(np.array([16.0, 16.0]))
    substitute(sheet, silicon, SILICON)
    relaxed = relax(sheet, rng)
    r = relaxed.positions_A
    to_carbon = [np.linalg.norm(r[silicon] - r[k]) for k in relaxed.neighbours(silicon)]
    assert to_carbon == pytest.approx([1.75] * 3, abs=0.04)
    first, second = np.array(sorted(relaxed.bonds)).T
    length = np.linalg.norm(r[first] - r[second], axis=1)
    assert np.median(length) == pytest.approx(1.42, abs=0.005)
    assert length.min() > 1.30
    assert length.max() < 1.82
