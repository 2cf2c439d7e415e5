"""What is recorded along a trajectory, and how it is handed out."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from shared.lattice.rings import RingSet
from shared.messages.reports import BondStatistics, RingCensus
from sim_dispatcher.levels.potential import Array
from sim_dispatcher.recipes.task import ResultFile
from sim_dispatcher.recipes.thermostat import Point
from sim_dispatcher.structure.bonds import bond_statistics
from sim_dispatcher.structure.census import heavy_atoms, rings_of

__all__ = ["COLUMNS", "Record", "Sample", "changed_for_good", "mean_by_ring", "ring_bonds"]

COLUMNS: Final = ("step", "temperature_K", "potential_eV", "conserved_eV")
"""Of `Record.numbers`."""

MAX_TRAJECTORY_BYTES: Final = 1_500_000
"""Of the trajectory file; images are left out evenly until it fits."""

Lengths: TypeAlias = dict[str, BondStatistics]


@dataclass(frozen=True)
class Sample:
    """What one sample looks like.

    Attributes:
        rings: Its rings by size.
        bonds_A: Mean length of each kind of bond, Å.
        ring_bonds_A: Mean C-C length by the size of the ring, Å.
    """

    rings: RingCensus
    bonds_A: dict[str, float]
    ring_bonds_A: dict[str, float]


@dataclass(frozen=True, eq=False)
class Record:
    """Samples along a trajectory.

    Attributes:
        numbers: (k, 4) values of `COLUMNS`.
        frames_A: (k, n, 3) positions, Å.
    """

    numbers: NDArray[np.float64]
    frames_A: NDArray[np.float32]

    @classmethod
    def empty(cls, n_atoms: int) -> Record:
        """Return a record without samples."""
        return cls(np.empty((0, len(COLUMNS))), np.empty((0, n_atoms, 3), dtype=np.float32))

    def __len__(self) -> int:
        return len(self.numbers)

    def extended(self, points: Sequence[Point]) -> Record:
        """Return the record with more samples."""
        if not points:
            return self
        numbers = [(p.step, p.temperature_K, p.potential_eV, p.conserved_eV) for p in points]
        frames = np.array([p.positions_A for p in points], dtype=np.float32)
        return Record(
            np.concatenate([self.numbers, np.array(numbers)]),
            np.concatenate([self.frames_A, frames]),
        )

    def column(
        self, name: Literal["step", "temperature_K", "potential_eV", "conserved_eV"]
    ) -> Array:
        """Return one of `COLUMNS`."""
        return self.numbers[:, COLUMNS.index(name)]

    def samples(self, symbols: Sequence[str]) -> list[Sample]:
        """Return rings and bonds of every sample."""
        return [_sample(symbols, frame) for frame in self.frames_A.astype(np.float64)]

    def series(self, samples: Sequence[Sample], timestep_fs: float) -> ResultFile:
        """Return everything but the positions as JSON, a list per quantity."""
        by_ring = [sample.ring_bonds_A for sample in samples]
        content: dict[str, Any] = {
            "time_fs": (self.column("step") * timestep_fs).tolist(),
            **{name: _rounded(self.numbers[:, k]) for k, name in enumerate(COLUMNS) if k},
            "rings": [sample.rings for sample in samples],
            "bonds_A": [_short(sample.bonds_A) for sample in samples],
            "ring_bonds_A": [_short(found) for found in by_ring],
            "ring_bonds_A_second_half": _short(mean_by_ring(by_ring[len(by_ring) // 2 :])),
        }
        return ResultFile.text("series.json", json.dumps(content), "application/json")

    def trajectory(
        self, symbols: Sequence[str], timestep_fs: float, max_bytes: int = MAX_TRAJECTORY_BYTES
    ) -> ResultFile:
        """Return the positions as extended XYZ, three decimals, thinned out to fit."""
        images = [
            _image(symbols, frame, numbers, timestep_fs)
            for frame, numbers in zip(self.frames_A, self.numbers, strict=True)
        ]
        every = -(-sum(map(len, images)) // max_bytes) or 1
        kept = images[::-1][::every][::-1]  # the last one always
        return ResultFile.text("trajectory.extxyz", "".join(kept), "chemical/x-xyz")


def changed_for_good(censuses: Sequence[Mapping[str, int]], times_fs: Array) -> float | None:
    """Return the first time, fs, from which no sample has the rings of the start; None = never."""
    alike = [k for k, census in enumerate(censuses) if census == censuses[0]]
    return None if alike[-1] == len(censuses) - 1 else float(times_fs[alike[-1] + 1])


def ring_bonds(symbols: Sequence[str], positions_A: Array) -> Lengths:
    """Return the C-C bonds by the size of the ring they belong to.

    A bond between two rings counts in both.
    """
    if len(heavy_atoms(symbols)) < 3:
        return {}
    return _by_ring(symbols, positions_A, rings_of(symbols, positions_A))


def _by_ring(symbols: Sequence[str], positions_A: Array, rings: RingSet) -> Lengths:
    heavy = heavy_atoms(symbols)
    lengths: dict[int, list[float]] = defaultdict(list)
    for ring in rings.rings:
        members = heavy[ring]
        following = np.roll(members, -1)
        apart = np.linalg.norm(positions_A[members] - positions_A[following], axis=1)
        for i, j, length in zip(members, following, apart.tolist(), strict=True):
            if symbols[i] == symbols[j] == "C":
                lengths[len(ring)].append(length)
    return {
        str(size): BondStatistics(
            mean=float(np.mean(found)), min=min(found), max=max(found), n=len(found)
        )
        for size, found in sorted(lengths.items())
    }


def _sample(symbols: Sequence[str], positions_A: Array) -> Sample:
    bonds = bond_statistics(symbols, positions_A)
    means = {kind: found.mean for kind, found in bonds.items()}
    if len(heavy_atoms(symbols)) < 3:
        return Sample({}, means, {})
    rings = rings_of(symbols, positions_A)
    by_ring = _by_ring(symbols, positions_A, rings)
    return Sample(rings.census(), means, {size: found.mean for size, found in by_ring.items()})


def mean_by_ring(samples: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Return the mean over samples of each ring size's mean length, Å."""
    sizes = sorted({size for sample in samples for size in sample}, key=int)
    return {
        size: float(np.mean([sample[size] for sample in samples if size in sample]))
        for size in sizes
    }


def _image(
    symbols: Sequence[str], frame_A: NDArray[np.float32], numbers: Array, timestep_fs: float
) -> str:
    step, kelvin, potential, _ = numbers.tolist()
    head = (
        f"{len(symbols)}\nProperties=species:S:1:pos:R:3 time_fs={step * timestep_fs:g}"
        f' temperature_K={kelvin:.1f} energy_eV={potential:.4f} pbc="F F F"\n'
    )
    rows = zip(symbols, frame_A.tolist(), strict=True)
    return head + "".join(f"{symbol} {x:.3f} {y:.3f} {z:.3f}\n" for symbol, (x, y, z) in rows)


def _rounded(values: Array) -> list[float]:
    return [round(value, 5) for value in values.tolist()]


def _short(lengths: Mapping[str, float]) -> dict[str, float]:
    return {name: round(value, 4) for name, value in lengths.items()}
