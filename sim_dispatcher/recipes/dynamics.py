"""Molecular dynamics at constant temperature, with rings and bonds watched along the way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from shared.messages.reports import DynamicsReport
from sim_dispatcher.recipes.checkpoint import Saved
from sim_dispatcher.recipes.minimise import Progress
from sim_dispatcher.recipes.options import Options
from sim_dispatcher.recipes.placement import laid_over
from sim_dispatcher.recipes.relaxation import Settling, settle
from sim_dispatcher.recipes.task import SAVE_S, Outcome, Task
from sim_dispatcher.recipes.thermostat import (
    CHAIN_LENGTH,
    DAMPING_FS,
    START_FACTOR,
    Bath,
    Point,
    State,
    advanced,
    thermalised,
)
from sim_dispatcher.recipes.trajectory import Record, Sample, changed_for_good, ring_bonds
from sim_dispatcher.structure.cluster import Cluster

__all__ = [
    "BLOCK_STEPS",
    "METHODS_TEMPERATURES_K",
    "PAPER_TEMPERATURES_K",
    "STAGE",
    "Flight",
    "dynamics",
]

PAPER_TEMPERATURES_K: Final = (300, 500, 700, 900, 1200, 2000, 3000, 4000, 5000)
"""Temperatures of the AICrystallographer paper's results, K."""

METHODS_TEMPERATURES_K: Final = PAPER_TEMPERATURES_K[:5]
"""Temperatures that its Methods list, K."""

STAGE: Final = "dynamics"

BLOCK_STEPS: Final = 25
"""Steps between two places where a trajectory can be taken up again. Each starts the wave function
anew, which costs about one step in 25."""

SAMPLE_FS: Final = 10.0
"""Time between two samples, fs; longer where there would be more than `MAX_SAMPLES`."""

MAX_SAMPLES: Final = 2000


@dataclass(frozen=True, eq=False)
class Flight:
    """A trajectory under way.

    Attributes:
        state: Where it stands.
        record: Samples up to there.
    """

    state: State
    record: Record

    def saved(self) -> Saved:
        """Return all of it as arrays."""
        state, record = self.state, self.record
        arrays: dict[str, NDArray[Any]] = {
            "positions_A": state.positions_A,
            "momenta": state.momenta,
            "eta": state.eta,
            "p_eta": state.p_eta,
            "numbers": record.numbers,
            "frames_A": record.frames_A,
        }
        return Saved(STAGE, state.step, arrays)

    @classmethod
    def restored(cls, saved: Saved) -> Flight:
        """Return the trajectory that `saved` describes."""
        a = saved.arrays
        state = State(saved.step, a["positions_A"], a["momenta"], a["eta"], a["p_eta"])
        return cls(state, Record(a["numbers"], a["frames_A"]))


def dynamics(task: Task) -> Outcome:
    """Relax, heat up, and follow the atoms for the time asked for.

    Raises:
        SimulationError: The engine gave no answer, or the trajectory exploded.
        UnfinishedError: The time was up; the trajectory goes on from its checkpoint.
    """
    total = max(1, round(task.options.duration_fs / task.options.timestep_fs))
    flight = _begun(task)
    written_s = task.options.clock.monotonic_s()
    last: Point | None = None
    while last is None or flight.state.step < total:
        steps = min(BLOCK_STEPS, total - flight.state.step)
        flight, last = _block(task, flight, steps)
        now_s = task.options.clock.monotonic_s()
        if now_s - written_s >= SAVE_S:
            task.checkpoint.save(flight.saved())
            written_s = now_s
    return _outcome(task, flight, last)


def _begun(task: Task) -> Flight:
    """Return the trajectory as it was left, or a relaxed and heated start."""
    saved = task.checkpoint.load(STAGE)
    if saved is not None:
        return Flight.restored(saved)
    cluster = task.cluster
    relaxed = settle(task, cluster, Settling(look_first=True))
    start = laid_over(relaxed.positions_A, cluster)
    state = thermalised(cluster.symbols, start, _bath(task.options), task.options.seed)
    flight = Flight(state, Record.empty(len(cluster)))
    task.checkpoint.save(flight.saved())
    return flight


def _bath(options: Options) -> Bath:
    return Bath(options.temperature_K, options.timestep_fs)


def _block(task: Task, flight: Flight, steps: int) -> tuple[Flight, Point]:
    """Go some steps; a stop within them ends it, and what is kept is the state before them."""
    every = _sample_steps(task.options)
    points: list[Point] = []
    samples: list[Point] = []

    def observe(point: Point) -> None:
        points[:] = [point]
        if point.step > flight.state.step or not len(flight.record):
            if task.watch is not None:
                task.watch(Progress(STAGE, point.step, point.potential_eV, point.fmax_eV_A))
            if point.step % every == 0:
                samples.append(point)
        if task.must_stop():
            raise task.stop_with(flight.saved())

    surface = (task.cluster.symbols, task.surface(task.cluster))
    state = advanced(flight.state, steps, surface, _bath(task.options), observe)
    return Flight(state, flight.record.extended(samples)), points[0]


def _sample_steps(options: Options) -> int:
    apart_fs = max(SAMPLE_FS, options.duration_fs / MAX_SAMPLES)
    return max(1, round(apart_fs / options.timestep_fs))


def _outcome(task: Task, flight: Flight, last: Point) -> Outcome:
    cluster, options, record = task.cluster, task.options, flight.record
    samples = record.samples(cluster.symbols)
    final: Cluster = cluster.moved(laid_over(last.positions_A, cluster))
    return Outcome(
        cluster=final,
        energy_eV=last.potential_eV,
        fmax_eV_A=last.fmax_eV_A,
        steps=last.step,
        report=_report(task, record, samples, (final, last)),
        files=(
            record.series(samples, options.timestep_fs),
            record.trajectory(cluster.symbols, options.timestep_fs),
        ),
        settings=(
            f"{_thermostat()} at {options.temperature_K:g} K, {options.timestep_fs:g} fs steps,"
            f" seed {options.seed}, from the structure relaxed to {options.fmax_eV_A:g} eV/Å with"
            f" velocities of {START_FACTOR:g} times the temperature, half of which the vibrations"
            " take up"
        ),
        whole=False,
        comparable=False,
    )


def _report(
    task: Task, record: Record, samples: Sequence[Sample], end: tuple[Cluster, Point]
) -> DynamicsReport:
    final, last = end
    options, conserved = task.options, record.column("conserved_eV")
    kelvin = record.column("temperature_K")
    times = record.column("step") * options.timestep_fs
    return DynamicsReport(
        thermostat=_thermostat(),
        temperature_K=options.temperature_K,
        mean_temperature_K=float(np.mean(kelvin[len(kelvin) // 2 :])),
        planned_fs=options.duration_fs,
        done_fs=last.step * options.timestep_fs,
        timestep_fs=options.timestep_fs,
        ring_bonds_A=ring_bonds(final.symbols, final.positions_A),
        rings_changed_at_fs=changed_for_good([sample.rings for sample in samples], times),
        drift_eV=float(last.conserved_eV - conserved[0]),
    )


def _thermostat() -> str:
    return f"Nosé-Hoover chain of {CHAIN_LENGTH}, {DAMPING_FS:g} fs"
