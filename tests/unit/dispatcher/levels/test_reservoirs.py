"""The bench that computes chemical potentials, on a level whose answers are known."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

from sim_dispatcher.levels import Evaluation, System
from sim_dispatcher.recipes.formation import chemical_potentials
from sim_dispatcher.recipes.reservoirs import LEVELS, RESERVOIRS, Bench, silicon_cell


@dataclass(frozen=True)
class Spring:
    """A crystal whose energy per atom is least at a lattice constant of 5.6 Å."""

    points: list[float] = field(default_factory=list)
    name: str = "gfn1"
    implementation: str = "spring 1.0"

    def potential(self, system: System) -> Spring:
        lattice_A = np.cbrt(8 * abs(np.linalg.det(system.lattice_A)) / len(system))
        self.points.append(lattice_A)
        return self

    def evaluate(self, positions_A: np.ndarray) -> Evaluation:
        energy = len(positions_A) * ((self.points[-1] - 5.6) ** 2 - 50.0)
        return Evaluation(energy, np.zeros_like(positions_A))


def test_the_lattice_constant_is_found_outside_the_first_trials() -> None:
    assert Bench(Spring()).lattice(silicon_cell, 5.43, 2) == pytest.approx(5.6, abs=0.002)


def test_what_was_computed_before_a_stop_is_not_computed_again(tmp_path: Path) -> None:
    keep = tmp_path / "cells.json"
    first, second = Spring(), Spring()
    one = Bench(first, keep).lattice(silicon_cell, 5.6, 2)
    assert len(first.points) == 3
    assert Bench(second, keep).lattice(silicon_cell, 5.6, 2) == one
    assert second.points == []


def test_the_shipped_table_has_every_potential_with_its_error() -> None:
    table = chemical_potentials()
    for level in LEVELS:
        for source in RESERVOIRS:
            assert table["mu_eV"][level][source.element] < 0
            assert 0 <= table["mu_error_eV"][level][source.element] < 0.5
            assert table["notes"][source.element] == source.note
