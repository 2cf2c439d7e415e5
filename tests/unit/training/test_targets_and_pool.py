"""What the network is told, and that turning a crop turns the truth with it."""

from pathlib import Path

import numpy as np
import pytest

from inference_service.detector.heads import CELL_CENTRE_PX, STRIDE_PX
from inference_service.training import frame_pool
from inference_service.training.frame_pool import CROP_PX, FRAME_PX, FramePool, PoolPlan, fill_pool
from inference_service.training.simulated_frame import LabelledFrame, training_frame
from inference_service.training.specimen import FAMILIES
from inference_service.training.targets import FREE, Plane, cell_targets, species_class
from shared.errors import ConfigurationError

PLAN = PoolPlan(3, 1)


def _spots(side: int) -> LabelledFrame:
    """Three Gaussian spots of different species on a black field."""
    xy = np.array([[21.3, 30.8], [60.0, 22.5], [40.4, 77.7]])
    row, column = np.mgrid[:side, :side]
    image = sum(np.exp(-((column - x) ** 2 + (row - y) ** 2) / 4) for x, y in xy)
    empty = np.zeros((side // STRIDE_PX, side // STRIDE_PX), dtype=bool)
    number = np.array([6, 14, 79])
    labelled = np.ones(3, dtype=bool)
    return LabelledFrame(
        np.asarray(image, dtype=np.float32), 0.208, xy, number, labelled, empty, empty, 100.0
    )


def _pointed_at(target: np.ndarray) -> np.ndarray:
    """Return the places that the positive cells point at."""
    row, column = np.nonzero(target[Plane.CLASS] > 0)
    x = column * STRIDE_PX + CELL_CENTRE_PX + target[Plane.DX, row, column]
    y = row * STRIDE_PX + CELL_CENTRE_PX + target[Plane.DY, row, column]
    return np.column_stack([x, y])


def test_every_labelled_atom_has_a_cell_that_points_at_it() -> None:
    frame = training_frame(np.random.default_rng(0), FAMILIES["silicon"], 128)
    places = _pointed_at(cell_targets(frame).astype(np.float64))
    inside = frame.labelled & np.all((frame.xy_px > 0) & (frame.xy_px < 127), axis=1)
    for atom in frame.xy_px[inside]:
        assert np.min(np.hypot(*(places - atom).T)) < 0.01


def test_species_are_told_by_class() -> None:
    assert species_class(np.array([5, 6, 7, 8, 14, 26, 79])).tolist() == [1, 1, 1, 1, 2, 3, 3]


def test_nothing_is_asked_beside_an_atom_nobody_can_see() -> None:
    frame = _spots(96)
    hidden = LabelledFrame(
        frame.image,
        frame.pixel_A,
        frame.xy_px,
        frame.number,
        np.array([True, False, True]),
        frame.cover,
        frame.vacuum,
        100.0,
    )
    label = cell_targets(hidden)[Plane.CLASS]
    assert label[11, 29] == FREE
    assert 2 not in label


@pytest.mark.parametrize("seed", range(12))
def test_a_turned_crop_still_points_at_its_bright_spots(seed: int) -> None:
    frame = _spots(FRAME_PX)
    pool = FramePool((frame.image[None].astype(np.float16),), (cell_targets(frame)[None],))
    rng = np.random.default_rng(seed)
    images, targets = pool.batch(rng, 6)
    checked = 0
    for image, target in zip(images[:, 0], targets, strict=True):
        for x, y in _pointed_at(target):
            if 4 < x < CROP_PX - 5 and 4 < y < CROP_PX - 5:
                near = image[int(y) - 3 : int(y) + 5, int(x) - 3 : int(x) + 5]
                r, c = np.unravel_index(np.argmax(near), near.shape)
                assert abs(r + int(y) - 3 - y) <= 1
                assert abs(c + int(x) - 3 - x) <= 1
                checked += 1
    assert images.shape == (6, 1, CROP_PX, CROP_PX)
    assert checked or not (targets[:, Plane.CLASS] > 0).any()


def test_a_pool_is_the_same_for_the_same_seed_and_is_not_made_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(frame_pool, "FRAMES_PER_SHARD", 1)
    assert list(fill_pool(tmp_path / "a", PLAN, 1)) == [0]
    assert list(fill_pool(tmp_path / "a", PLAN, 1)) == []
    assert list(fill_pool(tmp_path / "b", PLAN, 1)) == [0]
    first, second = (FramePool.open(tmp_path / name, PLAN) for name in "ab")
    assert np.array_equal(first.images[0], second.images[0])
    assert np.array_equal(first.targets[0], second.targets[0])


def test_crops_with_edges_show_more_of_the_rim() -> None:
    frames = [training_frame(np.random.default_rng(k), FAMILIES["holes"], FRAME_PX) for k in (3, 4)]
    pool = FramePool(
        tuple(frame.image[None].astype(np.float16) for frame in frames),
        tuple(cell_targets(frame)[None] for frame in frames),
    )

    def rim(*, edges: bool) -> int:
        _, targets = pool.batch(np.random.default_rng(1), 24, edges=edges)
        vacuum = targets[:, Plane.VACUUM]
        return int(np.count_nonzero(vacuum[:, 1:] != vacuum[:, :-1]))

    assert rim(edges=True) > rim(edges=False) > 0


def test_a_missing_shard_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="targets-3-0000"):
        FramePool.open(tmp_path, PLAN)
