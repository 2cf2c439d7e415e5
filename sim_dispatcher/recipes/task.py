"""What a recipe is given and what it gives back."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final, Literal

from blake3 import blake3
from threadpoolctl import threadpool_limits

from shared.messages.reports import Report
from shared.messages.simulation import Reference, SimulationResult
from sim_dispatcher.levels import Level, System
from sim_dispatcher.levels.potential import Array, Potential
from sim_dispatcher.recipes.checkpoint import Checkpoint, Saved
from sim_dispatcher.recipes.errors import UnfinishedError
from sim_dispatcher.recipes.minimise import Minimum, Watcher
from sim_dispatcher.recipes.options import Options
from sim_dispatcher.recipes.twins import TwinEnergies
from sim_dispatcher.structure.cluster import Cluster

__all__ = ["SAVE_S", "Computed", "Outcome", "ResultFile", "Task"]

SAVE_S: Final = 5.0
"""Least time between two checkpoints, s: what a killed process loses."""

_SETTINGS_OF_A_CHECKPOINT: Final = (
    *("fmax_eV_A", "max_step_A", "temperature_K", "timestep_fs", "seed"),
    *("adsorbate", "site", "images"),
)
"""Settings under which unfinished work may be taken up: not how long it may go on."""


@dataclass(frozen=True, eq=False)
class Task:
    """One calculation as it was asked for.

    Attributes:
        recipe: Its name.
        cluster: What to compute, checked.
        level: At which level of theory.
        options: Settings.
        watch: Told of every step.
        twins: Energies of pristine twins to reuse and to add to.
        began_s: When it began, on the options' clock.
    """

    recipe: str
    cluster: Cluster
    level: Level
    options: Options
    watch: Watcher | None
    twins: TwinEnergies
    began_s: float = 0.0

    @cached_property
    def checkpoint(self) -> Checkpoint:
        """The file that keeps this calculation, and no other, while it is unfinished."""
        settings = {name: getattr(self.options, name) for name in _SETTINGS_OF_A_CHECKPOINT}
        level = (self.level.name, self.level.implementation)
        parts = (self.recipe, self.cluster.digest, *level, json.dumps(settings))
        return Checkpoint(self.options.checkpoint, blake3("\n".join(parts).encode()).hexdigest())

    def surface(self, cluster: Cluster) -> Potential:
        """Return the level's energy surface of a cluster, its libraries held to the threads."""
        system = System(cluster.numbers, cluster.charge, cluster.unpaired, cluster.lattice_A)
        potential = self.level.potential(system, self.options.numerics)
        threadpool_limits(limits=self.options.threads)  # libraries load with the first surface
        return potential

    def must_stop(self) -> bool:
        """Return whether the time allowed is up, or somebody asked for a stop."""
        limit = self.options.max_wall_s
        if self.options.stop.is_set():
            return True
        return limit is not None and self.options.clock.monotonic_s() - self.began_s >= limit

    def stop_with(self, saved: Saved) -> UnfinishedError:
        """Keep unfinished work, and return what to raise."""
        self.checkpoint.save(saved)
        return UnfinishedError(saved.step, self.checkpoint.path)

    def keeper(self, stage: str, done: int = 0) -> Callable[[int, Array], None]:
        """Return what an optimiser calls after each step, so that no work is lost.

        Args:
            stage: Name of the part that is under way.
            done: Steps done before a resume.
        """
        clock = self.options.clock
        written_s = [clock.monotonic_s()] if self.checkpoint.path else []

        def keep(step: int, positions_A: Array) -> None:
            saved = Saved(stage, done + step, {"positions_A": positions_A.copy()})
            if self.must_stop():
                raise self.stop_with(saved)
            if written_s and clock.monotonic_s() - written_s[0] >= SAVE_S:
                self.checkpoint.save(saved)
                written_s[0] = clock.monotonic_s()

        return keep


@dataclass(frozen=True)
class ResultFile:
    """A small file that goes with a result.

    Attributes:
        name: File name.
        media_type: As on the web.
        role: What it is to the calculation.
        content: Bytes; UTF-8 where the media type is textual.
    """

    name: str
    media_type: str
    role: Literal["input", "output", "picture"]
    content: bytes

    @classmethod
    def text(
        cls,
        name: str,
        content: str,
        media_type: str = "text/plain",
        role: Literal["input", "output"] = "output",
    ) -> ResultFile:
        """Return a text file."""
        return cls(name, media_type, role, content.encode())


@dataclass(frozen=True, eq=False)
class Outcome:
    """What a recipe found out.

    Attributes:
        cluster: The final structure.
        energy_eV: Its total energy, eV.
        fmax_eV_A: Largest force on any free atom there, eV/Å.
        steps: Optimiser or integrator steps.
        converged: Whether it ended as intended.
        formation_eV: Formation energy, eV.
        reference: What that is measured against.
        report: What this recipe alone has to say.
        files: Files that belong to the answer.
        settings: What the recipe did, in words, for the provenance.
        whole: Whether the final structure must hang together.
        n_sheet: Atoms that make up the sheet and its rings, counted from the first; None = all.
        comparable: Whether its atoms rest where the level of theory says, so that they may be
            compared with those detected.
    """

    cluster: Cluster
    energy_eV: float
    fmax_eV_A: float
    steps: int
    converged: bool = True
    formation_eV: float | None = None
    reference: Reference | None = None
    report: Report | None = None
    files: tuple[ResultFile, ...] = ()
    settings: str = ""
    whole: bool = True
    n_sheet: int | None = None
    comparable: bool = True

    @classmethod
    def of(cls, cluster: Cluster, minimum: Minimum, settings: str) -> Outcome:
        """Return the outcome of a relaxation that ended in a minimum."""
        return cls(
            cluster=cluster,
            energy_eV=minimum.energy_eV,
            fmax_eV_A=minimum.fmax_eV_A,
            steps=minimum.steps,
            converged=minimum.converged,
            settings=settings,
        )


@dataclass(frozen=True, eq=False)
class Computed:
    """A recipe's answer.

    Attributes:
        result: Numbers, as they travel.
        cluster: The final structure, with all notes.
        software: Code and version that computed it.
        settings: Level of theory and numerical settings in one line.
        files: Files that belong to the answer.
    """

    result: SimulationResult
    cluster: Cluster
    software: str
    settings: str = ""
    files: tuple[ResultFile, ...] = field(default=())
