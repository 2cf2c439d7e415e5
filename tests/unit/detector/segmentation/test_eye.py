"""Networks that paint classes are served as ours are: candidates on the frame's own pixels."""

import json

import numpy as np
import pytest

from inference_service.detector.model import load_model
from inference_service.detector.segmentation import eye as eye_module
from inference_service.detector.segmentation.eye import open_eye
from shared.errors import ModelError

XY = np.array([[20.3, 30.6], [34.2, 30.1], [60.7, 25.5], [40.4, 55.9]])
BRIGHTNESS = (0.6, 0.7, 1.0, 0.65)


def look(folder, image, pixel_A=0.104):
    return open_eye(folder, load_model(folder), threads=1).see(image, pixel_A)


def nearest(found, xy):
    distance = np.linalg.norm(found.xy_px[None] - np.asarray(xy)[:, None], axis=2)
    return distance.argmin(axis=1), distance.min(axis=1)


def test_every_blob_is_a_candidate_at_its_own_place(write_painters, draw):
    found = look(write_painters(), draw((80, 88), XY, BRIGHTNESS))
    which, distance = nearest(found, XY)
    assert len(found) == 4
    assert sorted(which) == [0, 1, 2, 3]
    assert distance.max() < 0.05


def test_the_probability_is_the_mean_over_members_and_the_spread_their_scatter(
    write_painters, draw
):
    found = look(write_painters((1.0, 0.8)), draw((80, 80), [[40, 40]], [1.0]))
    assert found.p == pytest.approx([0.9], abs=1e-3)
    assert found.p_spread == pytest.approx([0.1], abs=1e-3)


def test_members_that_agree_on_a_place_have_no_position_spread(write_painters, draw):
    found = look(write_painters((1.0, 0.8)), draw((80, 80), [[40.4, 40.2]], [1.0]))
    assert found.spread_px.max() < 0.02


def test_a_position_is_never_claimed_exact(write_painters, draw):
    found = look(write_painters(), draw((80, 80), [[40.4, 40.2]], [1.0]))
    assert found.sigma_xy_px * 0.104 == pytest.approx(np.full((1, 2), 0.06), rel=0.05)


def test_the_brighter_class_is_silicon(write_painters, draw):
    found = look(write_painters(), draw((80, 88), XY, BRIGHTNESS))
    which, _ = nearest(found, XY)
    names = found.species[which].argmax(axis=1)
    assert names.tolist() == [0, 0, 1, 0]
    assert found.species.sum(axis=1) == pytest.approx(np.ones(4))


def test_classes_without_a_column_of_their_own_are_unknown_or_light(write_painters, draw):
    folder = write_painters(classes=["N", "W"])
    found = look(folder, draw((80, 88), XY, BRIGHTNESS))
    which, _ = nearest(found, XY)
    assert found.species[which].argmax(axis=1).tolist() == [0, 0, 2, 0]


def test_blobs_below_the_threshold_are_left_out(write_painters, draw):
    found = look(write_painters(threshold=0.68), draw((80, 88), XY, BRIGHTNESS))
    assert len(found) == 2


def test_a_frame_of_another_sampling_is_brought_to_the_network_and_back(write_painters, draw):
    factor = 1.3
    image = draw((104, 116), XY * factor, BRIGHTNESS, 3.0 * factor)
    found = look(write_painters(), image, 0.104 / factor)
    _, distance = nearest(found, XY * factor)
    assert len(found) == 4
    assert distance.max() < 0.15


def test_tiles_see_what_the_whole_sees(write_painters, draw, monkeypatch, rng):
    spots = np.stack(np.meshgrid(np.arange(16, 300, 14.3), np.arange(16, 260, 14.7)), -1)
    spots = spots.reshape(-1, 2) + rng.uniform(-2, 2, (spots.size // 2, 2))
    image = draw((272, 312), spots, np.full(len(spots), 0.9))
    folder = write_painters()
    whole = look(folder, image)
    monkeypatch.setattr(eye_module, "TILE_PX", 96)
    monkeypatch.setattr(eye_module, "HALO_PX", 24)
    tiled = look(folder, image)
    assert len(whole) == len(tiled) == len(spots)
    _, distance = nearest(tiled, whole.xy_px)
    assert distance.max() < 1e-3


def test_our_own_heads_are_no_painters(tmp_path):
    (tmp_path / "manifest.json").write_text(json.dumps({"members": []}))
    assert open_eye(tmp_path, model=None, threads=1) is None


@pytest.mark.parametrize(
    "wrong",
    [{"classes": []}, {"pixel_size_A": 5}, {"classes": ["carbon"]}, {"multiple_px": 0}, {"odd": 1}],
)
def test_a_description_that_makes_no_sense_is_refused(write_painters, wrong):
    folder = write_painters(**wrong)
    with pytest.raises(ModelError, match="segmentation"):
        open_eye(folder, load_model(folder), threads=1)


def test_a_network_of_other_channels_is_refused(write_painters):
    folder = write_painters(classes=["C"])
    with pytest.raises(ModelError, match="2 channels"):
        open_eye(folder, load_model(folder), threads=1)


def test_a_network_of_another_interface_is_refused(write_painters):
    folder = write_painters(output="heads")
    with pytest.raises(ModelError, match="probability"):
        open_eye(folder, load_model(folder), threads=1)
