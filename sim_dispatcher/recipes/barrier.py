"""The barrier of a bond rotation: of the Stone-Wales defect's making, or of its healing."""

from __future__ import annotations

import dataclasses
from typing import Final

import numpy as np

from shared.errors import ConfigurationError, SimulationError
from shared.messages.reports import BarrierReport
from sim_dispatcher.recipes.band import Band, interpolated, relaxed_band
from sim_dispatcher.recipes.checkpoint import Saved
from sim_dispatcher.recipes.minimise import Minimum, Progress
from sim_dispatcher.recipes.placement import laid_over
from sim_dispatcher.recipes.relaxation import Settling, settle
from sim_dispatcher.recipes.rotation import Turn, choose_turn, turned
from sim_dispatcher.recipes.task import SAVE_S, Outcome, ResultFile, Task
from sim_dispatcher.structure.bonds import bonded_pairs
from sim_dispatcher.structure.cluster import Array, Cluster

__all__ = ["BAND_FACTOR", "barrier"]

STAGE: Final = "band"

LEAST_IMAGES: Final = 5
"""A shorter band has no direction along the path: its highest image runs away."""

BAND_FACTOR: Final = 2.0
"""The band is relaxed to this many times the force criterion of its ends: near a saddle the error
of the energy grows with the square of the force."""


def barrier(task: Task) -> Outcome:
    """Relax both ends of a bond's rotation, and the path between them.

    Raises:
        ConfigurationError: The band has too few images.
        StructureError: No bond of the cluster can be turned.
        SimulationError: The engine gave no answer, or the turned bond turned back.
    """
    cluster = task.cluster
    _refuse_few(task.options.images)
    turn = choose_turn(cluster)
    start = settle(task, cluster, Settling(stage="start", look_first=True))
    first = cluster.moved(laid_over(start.positions_A, cluster))
    end = settle(task, first.moved(turned(first, turn.pair)), Settling(stage="end"))
    last = first.moved(laid_over(end.positions_A, first))
    _refuse_return(first, last, turn)
    band = _band(task, first, last)
    relative = band.energies_eV - band.energies_eV[0]
    return Outcome(
        cluster=last.noted(*_notes(band, start, end)),
        energy_eV=float(band.energies_eV[-1]),
        fmax_eV_A=band.fmax_eV_A,
        steps=start.steps + end.steps + band.steps,
        converged=start.converged and end.converged and band.converged,
        report=BarrierReport(
            barrier_eV=float(relative.max()),
            reaction_eV=float(relative[-1]),
            energies_eV=tuple(relative.tolist()),
            what=turn.what,
        ),
        files=(_images(first, band),),
        settings=(
            f"ends relaxed to {task.options.fmax_eV_A:g} eV/Å; nudged elastic band of"
            f" {task.options.images} images, climbing, to {_goal(task):g} eV/Å"
        ),
        comparable=False,
    )


def _goal(task: Task) -> float:
    return BAND_FACTOR * task.options.fmax_eV_A


def _refuse_few(images: int) -> None:
    if images < LEAST_IMAGES:
        raise ConfigurationError(
            f"A band of {images} images is too short to find a saddle.",
            remedy=f"Ask for {LEAST_IMAGES} images or more, ends included; 7 is usual.",
        )


def _refuse_return(first: Cluster, last: Cluster, turn: Turn) -> None:
    """Refuse a path that leads back to where it began."""
    before = bonded_pairs(first.symbols, first.positions_A)
    if np.array_equal(before, bonded_pairs(last.symbols, last.positions_A)):
        raise SimulationError(
            f"The turned structure relaxed back: no minimum behind the {turn.what}.",
            remedy="There is no barrier to compute here; try a larger cluster or another level.",
        )


def _band(task: Task, first: Cluster, last: Cluster) -> Band:
    """Relax the path, going on from a checkpoint where there is one."""
    saved = task.checkpoint.load(STAGE)
    done = 0 if saved is None else saved.step
    images_A = _path(task, first, last) if saved is None else saved.arrays["images_A"]
    surfaces = tuple(task.surface(first) for _ in images_A)
    clock, watch = task.options.clock, task.watch
    written_s = [clock.monotonic_s()]

    def keep(band: Band) -> None:
        if watch is not None:
            highest = float(band.energies_eV.max())
            watch(Progress(STAGE, done + band.steps, highest, band.fmax_eV_A))
        now = Saved(STAGE, done + band.steps, {"images_A": band.images_A})
        if task.must_stop():
            raise task.stop_with(now)
        if clock.monotonic_s() - written_s[0] >= SAVE_S:
            task.checkpoint.save(now)
            written_s[0] = clock.monotonic_s()

    goal = (_goal(task), max(task.options.max_steps - done, 0))
    band = relaxed_band(images_A, surfaces, goal, keep)
    return dataclasses.replace(band, steps=done + band.steps)


def _path(task: Task, first: Cluster, last: Cluster) -> Array:
    return interpolated(first.symbols, first.positions_A, last.positions_A, task.options.images)


def _images(first: Cluster, band: Band) -> ResultFile:
    """Return the path as extended XYZ of several images."""
    text = []
    for positions, energy in zip(band.images_A, band.energies_eV, strict=True):
        head = f"energy_eV={energy:.6f} relative_eV={energy - band.energies_eV[0]:.6f}"
        rows = zip(first.symbols, positions.tolist(), strict=True)
        lines = [f"{symbol} {x:.6f} {y:.6f} {z:.6f}" for symbol, (x, y, z) in rows]
        top = f'Properties=species:S:1:pos:R:3 {head} pbc="F F F"'
        text.append("\n".join((str(len(lines)), top, *lines, "")))
    return ResultFile.text("band.extxyz", "".join(text), "chemical/x-xyz")


def _notes(band: Band, start: Minimum, end: Minimum) -> tuple[str, ...]:
    notes = [
        f"the structure given here is the end of the path; its start is {start.energy_eV:.4f} eV"
    ]
    if not band.converged:
        notes.append(
            f"the band is not converged after {band.steps} steps: the barrier is an upper bound"
            " no better than its largest force"
        )
    if not (start.converged and end.converged):
        notes.append("an end of the path is not converged")
    return tuple(notes)
