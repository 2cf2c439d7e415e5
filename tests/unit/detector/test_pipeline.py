"""The whole detector with the shipped ensemble, on frames of a renderer it never saw."""

import numpy as np
import pytest
from scipy.spatial import cKDTree

from inference_service.detector.pipeline import Detector, shipped_model
from shared.errors import AtomLoopError, InputError, UncalibratedError
from shared.messages import ATOM, Calibration

NOTHING = Calibration(pixel_size_A=None, source="none")


@pytest.fixture(scope="module")
def detector(render):
    made = Detector(shipped_model(), threads=2)
    made.analyze(render(shape=(128, 128)).image, Calibration(pixel_size_A=0.104, source="header"))
    yield made
    made.close()


def header(size):
    return Calibration(pixel_size_A=size, source="header")


def matched(frame, analysis, radius_A=0.5, border_A=1.5):
    """Found inner atoms and their partners: (rows of the table, indices of the truth)."""
    pixel = frame.scene.pixel_size_A
    table = analysis.table[analysis.table["p"] >= 0.5]
    xy = np.stack([table["x_px"], table["y_px"]], axis=1).astype(float)
    distance, partner = cKDTree(frame.xy_px).query(xy)
    good = (distance * pixel < radius_A) & inner(xy, frame, border_A)
    return table[good], partner[good]


def inner(xy, frame, border_A=1.5):
    border = border_A / frame.scene.pixel_size_A
    high = np.array(frame.image.shape[::-1]) - border
    return ((xy > border) & (xy < high)).all(axis=1)


@pytest.mark.parametrize("pixel", [0.07, 0.104, 0.15])
def test_the_lattice_is_found_whole_at_any_sampling(render, detector, pixel):
    side = int(30 / pixel)
    frame = render(shape=(side, side + 24), pixel_size_A=pixel, counts=150.0)
    analysis = detector.analyze(frame.image, header(pixel))
    table, partner = matched(frame, analysis)
    assert len(set(partner)) >= 0.99 * inner(frame.xy_px, frame).sum()
    found = analysis.table[analysis.table["p"] >= 0.5]
    xy = np.stack([found["x_px"], found["y_px"]], axis=1)
    assert len(table) >= 0.99 * inner(xy, frame).sum()
    assert (table["atomic_number"] == 6).mean() > 0.99
    assert not analysis.ood.flag


def test_the_fit_follows_displacements_that_the_network_shrinks(render, detector):
    frame = render(shape=(360, 360), counts=400.0, displacement_A=0.08)
    table, partner = matched(frame, detector.analyze(frame.image, header(0.104)))
    fit = np.stack([table["x_fit_px"], table["y_fit_px"]], axis=1)
    truth = frame.xy_px[partner] - frame.ideal_px[partner]
    seen = fit - frame.ideal_px[partner]
    assert float((truth * seen).sum() / (truth**2).sum()) == pytest.approx(1.0, abs=0.06)


def test_silicon_is_named_and_its_carbon_stays_carbon(render, detector):
    dopants = tuple(("Si", x, y) for x, y in ((0.3, 0.3), (0.7, 0.35), (0.5, 0.7)))
    frame = render(shape=(360, 360), counts=200.0, dopants=dopants)
    analysis = detector.analyze(frame.image, header(0.104))
    table, partner = matched(frame, analysis)
    named = table["atomic_number"] == 14
    assert set(partner[named]) == set(np.flatnonzero(frame.elements == "Si"))
    assert sum(defect.type.startswith("Si_C3") for defect in analysis.defects) == 3


def test_an_atom_of_an_unknown_element_is_never_a_confident_silicon(render, detector):
    frame = render(shape=(320, 320), counts=300.0, dopants=(("Au", 0.5, 0.5),))
    table, partner = matched(frame, detector.analyze(frame.image, header(0.104)))
    gold = frame.elements[partner] == "Au"
    silicon = table["atomic_number"] == 14
    assert gold.sum() == 1
    assert not (gold & silicon & (table["p"] > 0.5)).any()


def test_no_atom_is_invented_in_a_hole(render, detector):
    frame = render(shape=(360, 360), counts=200.0, hole_A=9.0, background=0.02)
    analysis = detector.analyze(frame.image, header(0.104))
    table = analysis.table[analysis.table["p"] >= 0.5]
    middle = np.array([180.0, 180.0])
    xy = np.stack([table["x_px"], table["y_px"]], axis=1)
    assert (np.hypot(*(xy - middle).T) * 0.104 < 8.0).sum() == 0
    assert any(defect.type == "hole" for defect in analysis.defects)


def test_pixel_type_gain_and_offset_do_not_change_what_is_found(render, detector):
    frame = render(shape=(256, 256), counts=400.0)
    plain = detector.analyze(frame.image, header(0.104))
    scaled = (frame.image * 900 + 300).astype(np.uint16)
    again = detector.analyze(scaled, header(0.104))
    assert len(again.table) == pytest.approx(len(plain.table), abs=2)
    assert again.dose_e_A2 == pytest.approx(plain.dose_e_A2, rel=0.05)


def test_without_a_header_the_lattice_calibrates_and_the_result_is_the_same(render, detector):
    frame = render(shape=(360, 360), counts=200.0)
    analysis = detector.analyze(frame.image, NOTHING)
    assert analysis.pixel_size_source == "fft"
    assert analysis.header_pixel_size_A is None
    assert analysis.pixel_size_A == pytest.approx(0.104, rel=0.01)
    _, partner = matched(frame, analysis)
    assert len(set(partner)) >= 0.99 * inner(frame.xy_px, frame).sum()


def test_a_wrong_header_is_overruled_and_told(render, detector):
    analysis = detector.analyze(render(counts=200.0).image, header(0.14))
    assert analysis.pixel_size_source == "fft"
    assert analysis.header_pixel_size_A == 0.14
    assert analysis.warnings
    assert "pixel size" in " ".join(analysis.ood.reasons)


def test_a_wrong_flag_is_obeyed_and_contradicted(render, detector):
    stated = Calibration(pixel_size_A=0.12, source="flag")
    analysis = detector.analyze(render(counts=200.0).image, stated)
    assert (analysis.pixel_size_source, analysis.pixel_size_A) == ("flag", 0.12)
    assert "contradicts" in analysis.warnings[0]
    assert analysis.ood.flag


def test_noise_without_atoms_is_flagged_not_believed(detector):
    noise = np.random.default_rng(1).poisson(3.0, (200, 200)).astype(np.uint8)
    analysis = detector.analyze(noise, header(0.104))
    assert analysis.ood.flag
    assert (analysis.table["p"] >= 0.5).sum() < 5


def test_a_frame_with_broken_pixels_is_analysed_around_them(render, detector):
    frame = render(counts=200.0)
    broken = frame.image.copy()
    broken[100:130, 100:130] = np.nan
    analysis = detector.analyze(broken, header(0.104))
    table = analysis.table
    inside = (abs(table["x_px"] - 115) < 14) & (abs(table["y_px"] - 115) < 14)
    assert not inside.any()
    assert "not finite" in " ".join(analysis.ood.reasons)


@pytest.mark.parametrize(
    ("image", "calibration", "error"),
    [
        (np.zeros((100, 100)), header(0.104), InputError),
        (np.random.default_rng(1).random((40, 200)), header(0.104), InputError),
        (np.random.default_rng(1).random((100, 100)), header(0.9), InputError),
        (np.random.default_rng(1).random((200, 200)), NOTHING, UncalibratedError),
        (np.random.default_rng(1).random((8000, 70)), header(0.3), InputError),
    ],
)
def test_what_cannot_be_analysed_is_refused_in_kind(detector, image, calibration, error):
    with pytest.raises(error) as refusal:
        detector.analyze(image, calibration)
    assert isinstance(refusal.value, AtomLoopError)
    assert refusal.value.remedy


def test_the_table_is_complete_and_finite(render, detector):
    analysis = detector.analyze(render(counts=60.0).image, header(0.104))
    assert analysis.table.dtype == ATOM
    for name in ATOM.names:
        assert np.isfinite(analysis.table[name].astype(float)).all(), name
    assert (analysis.table["p"] >= 0.05).all()
    assert (analysis.table["sigma_x_px"] > 0).all()
    assert len(detector.digest) == 64
    assert detector.members >= 1


def test_the_same_frame_gives_the_same_answer(render, detector):
    frame = render(counts=100.0)
    first = detector.analyze(frame.image, header(0.104))
    second = detector.analyze(frame.image, header(0.104))
    assert np.array_equal(first.table, second.table)
