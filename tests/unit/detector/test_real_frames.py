"""Real frames of other people's microscopes, where they are at hand (marker `real_data`)."""

import json

import h5py
import numpy as np
import pytest

from inference_service.detector.lattice_scale import measure_lattice
from inference_service.detector.pipeline import Detector, shipped_model
from shared.files import ImageReader
from shared.messages import Calibration

pytestmark = pytest.mark.real_data

EVERY = 6
"""Frames of a movie are nearly the same: one in six is looked at."""


@pytest.fixture(scope="module")
def detector():
    made = Detector(shipped_model(), threads=2)
    image = np.random.default_rng(1).random((96, 96), dtype=np.float32)
    made.analyze(image, Calibration(pixel_size_A=0.1, source="header"))
    yield made
    made.close()


@pytest.fixture(scope="module")
def read():
    """Read a file of one image, with one reader process for all."""
    with ImageReader() as reader:
        yield lambda path: next(reader.read(path))


@pytest.fixture
def movies(evaluation_data):
    """(path, positions of the labelled Si) of the frames of a single Si in graphene."""
    index = json.loads((evaluation_data / "index.json").read_text())
    names = [one["file"] for one in index if one.get("group") == "A_single_Si_movies"]
    return [(evaluation_data / name, labelled_silicon(evaluation_data / name)) for name in names]


def labelled_silicon(path):
    with h5py.File(path) as file:
        rows = [row for key in file if "coord" in key for row in file[key][()]]
    return np.array([(float(x), float(y)) for x, y, element in rows if element == b"Si"])


def calibrated(record):
    return Calibration(pixel_size_A=record.pixel_size_A, source=record.calibration)


def test_the_labelled_silicon_is_found_and_no_other_is_invented(movies, read, detector):
    hits, extra, frames = 0, 0, movies[::EVERY]
    for path, silicon in frames:
        record = read(path)
        analysis = detector.analyze(record.image, calibrated(record))
        table = analysis.table[(analysis.table["p"] >= 0.5)]
        named = table[table["atomic_number"] == 14]
        xy = np.stack([named["x_px"], named["y_px"]], axis=1)
        near = [
            (np.hypot(*(xy - one).T) * analysis.pixel_size_A < 0.7).any() if len(xy) else False
            for one in silicon
        ]
        hits += all(near)
        extra += max(0, len(named) - sum(near))
        assert not analysis.ood.flag, (path.name, analysis.ood.reasons)
    assert hits >= 0.9 * len(frames)
    assert extra <= 0.05 * len(frames)


def test_the_lattice_of_a_real_frame_gives_its_header_within_five_percent(movies, read):
    for path, _ in movies[::EVERY]:
        record = read(path)
        found = measure_lattice(record.image.astype(float))
        assert found is not None, path.name
        assert found.pixel_size_A == pytest.approx(record.pixel_size_A, rel=0.05)


@pytest.mark.parametrize("name", ["other/HAADF149.dm3", "perovskite/16_STOimage_1.ser"])
def test_other_materials_are_flagged(evaluation_data, read, detector, name):
    record = read(evaluation_data / name)
    analysis = detector.analyze(record.image, calibrated(record))
    assert analysis.ood.flag
    assert analysis.ood.reasons
