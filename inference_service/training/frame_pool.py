"""A pool of simulated frames on disk, and the random crops that training draws from it.

Frames are simulated once (about 0.1 s of CPU each), normalised as serving does, and kept with
their targets in plain ``.npy`` shards. Crops are turned, mirrored and rescaled as they are drawn.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from inference_service.detector.heads import STRIDE_PX
from inference_service.detector.normalise import normalise
from inference_service.training.conditions import WIDE, Conditions
from inference_service.training.simulated_frame import training_frame
from inference_service.training.specimen import training_families
from inference_service.training.targets import Plane, cell_targets
from shared.errors import ConfigurationError

__all__ = ["FRAMES_PER_SHARD", "FramePool", "PoolPlan", "fill_pool"]

FRAMES_PER_SHARD = 50
FRAME_PX = 208
CROP_PX = 160
_CHOOSY = 2 / 3
_RIM_DRAWS = 4
Place: TypeAlias = tuple[int, int, int, int]
"""Shard, frame, first row and first column of cells of a crop."""
_GAIN_SPREAD, _OFFSET_SPREAD = 0.15, 0.1


@dataclass(frozen=True)
class PoolPlan:
    """What a pool holds.

    Attributes:
        seed: of the pool; shard ``k`` depends on ``(seed, k)`` and the conditions alone.
        shards: how many there are.
        conditions: limits of what is drawn.
    """

    seed: int
    shards: int
    conditions: Conditions = WIDE


def fill_pool(folder: Path, plan: PoolPlan, workers: int) -> Iterator[int]:
    """Simulate the shards that are missing.

    Args:
        folder: where the shards lie; made if absent.
        plan: what the pool holds.
        workers: processes to share the work.

    Yields:
        The number of each shard as it is finished.
    """
    folder.mkdir(parents=True, exist_ok=True)
    missing = [k for k in range(plan.shards) if not _paths(folder, plan.seed, k)[1].exists()]
    write = partial(_write_shard, folder, plan)
    if workers <= 1:
        yield from map(write, missing)
        return
    with ProcessPoolExecutor(workers) as executor:
        yield from executor.map(write, missing)


@dataclass(frozen=True)
class FramePool:
    """Frames and targets, mapped from disk.

    Attributes:
        images: per shard, (n, side, side) normalised frames.
        targets: per shard, (n, planes, side / 2, side / 2).
    """

    images: tuple[NDArray[np.float16], ...]
    targets: tuple[NDArray[np.float16], ...]

    @classmethod
    def open(cls, folder: Path, plan: PoolPlan) -> FramePool:
        """Map the shards of a pool.

        Raises:
            ConfigurationError: a shard is missing.
        """
        pairs = [_paths(folder, plan.seed, k) for k in range(plan.shards)]
        for _, path in pairs:
            if not path.exists():
                raise ConfigurationError(
                    f"The frame pool lacks {path.name}.", remedy="Fill the pool before training."
                )
        images = tuple(np.load(a, mmap_mode="r", allow_pickle=False) for a, _ in pairs)
        targets = tuple(np.load(b, mmap_mode="r", allow_pickle=False) for _, b in pairs)
        return cls(images, targets)

    def batch(
        self, rng: Generator, size: int, *, edges: bool = False
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Draw random crops.

        Args:
            rng: source of chance.
            size: number of crops.
            edges: whether every other crop should show the rim of a hole.

        Returns:
            Images (size, 1, 160, 160) and targets (size, planes, 80, 80).
        """
        crops = [
            self._crop(rng, self._rim_place(rng) if edges and k % 2 else self._telling_place(rng))
            for k in range(size)
        ]
        images = np.stack([image for image, _ in crops])[:, None]
        gain = np.exp(rng.normal(0, _GAIN_SPREAD, (size, 1, 1, 1)))
        offset = rng.normal(0, _OFFSET_SPREAD, (size, 1, 1, 1))
        moved = (images * gain + offset).astype(np.float32)
        return moved, np.stack([target for _, target in crops])

    def _telling_place(self, rng: Generator) -> Place:
        """Draw a crop; two times in three prefer, of two, the one with more rare atoms."""
        place = self._place(rng)
        if rng.random() < _CHOOSY:
            place = max(place, self._place(rng), key=self._rare_cells)
        return place

    def _rim_place(self, rng: Generator) -> Place:
        """Of several crops draw the one with the longest rim."""
        return max((self._place(rng) for _ in range(_RIM_DRAWS)), key=self._rim_cells)

    def _crop(
        self, rng: Generator, place: Place
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Cut a crop out and turn it at random."""
        shard, frame, i, j = place
        cells = CROP_PX // STRIDE_PX
        y, x = i * STRIDE_PX, j * STRIDE_PX
        target = self.targets[shard][frame, :, i : i + cells, j : j + cells]
        image = self.images[shard][frame, y : y + CROP_PX, x : x + CROP_PX]
        return _turned(rng, image.astype(np.float32), target.astype(np.float32))

    def _place(self, rng: Generator) -> Place:
        """Draw shard, frame and the first row and column of cells."""
        shard = int(rng.integers(len(self.images)))
        frame = int(rng.integers(len(self.images[shard])))
        last = (FRAME_PX - CROP_PX) // STRIDE_PX
        i, j = rng.integers(0, last + 1, 2)
        return shard, frame, int(i), int(j)

    def _rare_cells(self, place: Place) -> int:
        """Count the cells of a crop that hold silicon, and thrice those of brighter elements."""
        shard, frame, i, j = place
        cells = CROP_PX // STRIDE_PX
        label = self.targets[shard][frame, Plane.CLASS, i : i + cells, j : j + cells]
        return int(np.count_nonzero(label == 2) + 3 * np.count_nonzero(label == 3))

    def _rim_cells(self, place: Place) -> int:
        """Count the cells of a crop where vacuum begins, from one row to the next."""
        shard, frame, i, j = place
        cells = CROP_PX // STRIDE_PX
        vacuum = self.targets[shard][frame, Plane.VACUUM, i : i + cells, j : j + cells]
        return int(np.count_nonzero(vacuum[1:] != vacuum[:-1]))


def _turned(
    rng: Generator, image: NDArray[np.float32], target: NDArray[np.float32]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Turn a crop and its truth by one of the eight symmetries of the square."""
    mirror_x, mirror_y, swap = rng.random(3) < 0.5
    if mirror_x:
        image, target = image[:, ::-1], target[:, :, ::-1]
        target[Plane.DX] *= -1
    if mirror_y:
        image, target = image[::-1], target[:, ::-1]
        target[Plane.DY] *= -1
    if swap:
        image, target = image.T, target.transpose(0, 2, 1)
        target = target[[Plane.CLASS, Plane.DY, Plane.DX, Plane.COVER, Plane.VACUUM]]
    return image, target


def _paths(folder: Path, seed: int, shard: int) -> tuple[Path, Path]:
    """Name the two files of a shard; the second is written last."""
    stem = f"{seed}-{shard:04d}"
    return folder / f"frames-{stem}.npy", folder / f"targets-{stem}.npy"


def _write_shard(folder: Path, plan: PoolPlan, shard: int) -> int:
    """Simulate one shard and write it."""
    rng = np.random.default_rng([plan.seed, shard])
    families = training_families()
    names = sorted(families)
    weight = np.array([families[name].weight for name in names])
    images, targets = [], []
    for name in rng.choice(names, FRAMES_PER_SHARD, p=weight / weight.sum()):
        frame = training_frame(rng, families[str(name)], FRAME_PX, plan.conditions)
        images.append(normalise(frame.image).astype(np.float16))
        targets.append(cell_targets(frame))
    first, last = _paths(folder, plan.seed, shard)
    np.save(first, np.stack(images))
    np.save(last, np.stack(targets))
    return shard
