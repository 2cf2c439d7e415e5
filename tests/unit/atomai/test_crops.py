"""Crops keep image and mask together and show the rare class."""

import numpy as np
import pytest

from inference_service.atomai.crops import Cutting, cut
from inference_service.atomai.labelled_frame import LabelledFrame
from shared.errors import InputError


def frame(shape=(96, 120), classes=("C", "Si")):
    mask = np.full(shape, len(classes), dtype=np.uint8)
    mask[10:20, 10:20], mask[70:80, 100:110] = 0, 1
    image = (1.0 - mask / 2) * 50 + 7
    xy = np.array([[14.5, 14.5], [104.5, 74.5]])
    atoms = np.array([0, 1])
    return LabelledFrame(image.astype(np.float32), mask, xy, atoms, np.ones(2), 0.104, classes)


def test_image_and_mask_are_turned_and_cut_alike():
    images, masks = cut([frame()], Cutting(32, 40))
    assert images.shape == masks.shape == (40, 32, 32)
    assert np.array_equal(images, (1.0 - masks / 2).astype(np.float32))


def test_a_frame_is_scaled_as_a_whole_before_it_is_cut():
    images, masks = cut([frame()], Cutting(32, 60))
    empty = images[(masks == 2).all(axis=(1, 2))]
    assert len(empty)
    assert not empty.any()


def test_the_rare_class_is_seen_often():
    _, masks = cut([frame()], Cutting(32, 80))
    assert (masks == 1).any(axis=(1, 2)).mean() > 0.1


def test_the_same_seed_cuts_the_same_crops():
    one, other = (cut([frame()], Cutting(32, 5, seed=3))[0] for _ in range(2))
    assert np.array_equal(one, other)


@pytest.mark.parametrize(
    ("frames", "side", "says"),
    [
        ([], 32, "No labelled frame"),
        ([frame()], 36, "halved"),
        ([frame()], 128, "fewer than a crop"),
        ([frame(), frame(classes=("C", "N", "Si"))], 32, "differ"),
    ],
)
def test_frames_that_cannot_be_cut_are_refused_with_a_remedy(frames, side, says):
    with pytest.raises(InputError, match=says):
        cut(frames, Cutting(side, 4))
