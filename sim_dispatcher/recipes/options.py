"""Settings of a run: what was asked, and how this process is to go about it."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from shared.clock import Clock, SystemClock
from shared.messages.simulation import RecipeOptions
from sim_dispatcher.levels.numerics import ENGINE_DEFAULTS, Numerics
from sim_dispatcher.recipes.registration import Measured

__all__ = ["Options"]


@dataclass(frozen=True)
class Options:
    """Settings of a run; what does not concern a recipe, it ignores.

    Attributes:
        fmax_eV_A: Converged when no free atom feels more, eV/Å.
        max_steps: Optimiser steps before giving up; the result then says `converged: false`.
        max_step_A: Longest step of an atom in one optimiser step, Å; smaller is safer and slower.
        temperature_K: Of the thermostat, K.
        duration_fs: Length of a trajectory, fs.
        timestep_fs: Step of the integrator, fs.
        seed: Of everything drawn at random.
        adsorbate: Atom or molecule put on the sheet.
        site: Where it starts.
        images: Images of a band, ends included.
        patch: Pixels to compare an image with; None = the image alone.
        probe_sigma_A: Width of the microscope's probe, Å; None = from the patch, else a usual one.
        max_wall_s: Stop at a checkpoint before this much wall time has gone, s; None = no limit.
        threads: Of the engine and the linear algebra. More than one makes the force field slower
            (3.5 ms on one, 10 ms on two for 116 atoms) and tight binding only a third faster.
        numerics: Settings of the self-consistent field.
        checkpoint: Where unfinished work is kept and taken up again; None = nowhere.
        stop: Set, from a signal or another thread, to stop at a checkpoint as soon as possible.
        clock: Measures the wall time.
    """

    fmax_eV_A: float = 0.05
    max_steps: int = 300
    max_step_A: float = 0.2
    temperature_K: float = 300.0
    duration_fs: float = 2000.0
    timestep_fs: float = 1.0
    seed: int = 0
    adsorbate: str = "Cr"
    site: Literal["hollow", "bridge", "top"] = "hollow"
    images: int = 7
    patch: Measured | None = None
    probe_sigma_A: float | None = None
    max_wall_s: float | None = None
    threads: int = 1
    numerics: Numerics = ENGINE_DEFAULTS
    checkpoint: Path | None = None
    stop: threading.Event = field(default_factory=threading.Event)
    clock: Clock = field(default_factory=SystemClock)

    @classmethod
    def of(
        cls, asked: RecipeOptions, *, threads: int = 1, checkpoint: Path | None = None
    ) -> Options:
        """Return what a job asks for, as this process will do it."""
        return cls(**asked.model_dump(), threads=threads, checkpoint=checkpoint)
