"""The arithmetic of error bars, and the comparison of two levels."""

from __future__ import annotations

import dataclasses
from math import hypot, sqrt

import ase.build
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from shared.errors import StructureError
from shared.messages.simulation import SimulationResult
from sim_dispatcher.structure.bonds import bond_statistics
from sim_dispatcher.structure.census import ring_census
from sim_dispatcher.structure.cluster import Cluster
from sim_dispatcher.structure.reading import cluster_from_ase
from sim_dispatcher.uncertainty import disagreement, merge
from sim_dispatcher.uncertainty.parts import any_of, numerics_eV, reservoir_eV, size_eV, spread_eV

ENERGIES = st.floats(0, 100)


def answer(cluster: Cluster, formation_eV: float | None = None) -> SimulationResult:
    census = ring_census(cluster.symbols, cluster.positions_A)
    return SimulationResult(
        recipe="relax",
        level="gfn1",
        energy_eV=-1.0,
        formation_eV=formation_eV,
        reference=None,
        bonds_A=bond_statistics(cluster.symbols, cluster.positions_A),
        rings={"before": census, "after": census},
        converged=True,
        steps=1,
        fmax_eV_A=0.01,
        wall_s=1.0,
        cpu_s=1.0,
    )


@settings(deadline=None, max_examples=30)
@given(st.dictionaries(st.sampled_from(["size_eV", "starts_eV", "reservoir_eV"]), ENERGIES))
def test_the_total_is_the_root_of_the_squares_of_parts_in_electronvolt(
    parts: dict[str, float],
) -> None:
    whole = merge({**parts, "topology_share": 0.7})
    assert whole.get("total_eV") == (pytest.approx(hypot(*parts.values())) if parts else None)
    assert merge(whole) == whole


def test_a_second_level_adds_its_disagreement_and_replaces_the_total() -> None:
    bar = merge({"size_eV": 0.3}, None)
    assert merge(bar, -0.4) == {"size_eV": 0.3, "levels_eV": 0.4, "total_eV": pytest.approx(0.5)}


def test_a_coin_toss_between_two_species_is_worth_its_weighted_difference() -> None:
    assert spread_eV(3.8, [(0.5, 0.0)]) == pytest.approx(3.8 * sqrt(0.5))
    assert spread_eV(3.8, []) == 0.0


@settings(deadline=None, max_examples=30)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=5))
def test_the_chance_of_any_is_between_the_likeliest_and_all_together(weights: list[float]) -> None:
    assert max(weights) - 1e-12 <= any_of(weights) <= min(1.0, sum(weights)) + 1e-12


@settings(deadline=None, max_examples=30)
@given(weight=st.floats(0, 1), own=ENERGIES, other=ENERGIES)
def test_the_spread_grows_with_the_weight(weight: float, own: float, other: float) -> None:
    assert spread_eV(own, [(weight / 2, other)]) <= spread_eV(own, [(weight, other)]) + 1e-12


def test_reservoirs_count_each_exchanged_atom() -> None:
    errors = {"C": 0.1, "Si": 0.2}
    assert reservoir_eV({"C": -2, "Si": 2}, errors) == pytest.approx(hypot(0.2, 0.4))
    assert reservoir_eV({}, errors) == 0.0
    assert reservoir_eV({"N": 1}, errors) is None


@settings(deadline=None, max_examples=30)
@given(endless=ENERGIES, pull=st.floats(-50, 50), few=st.integers(20, 200), more=st.integers(5, 99))
def test_the_size_part_is_exact_where_energies_fall_with_the_number_of_atoms(
    endless: float, pull: float, few: int, more: int
) -> None:
    small, large = ((endless + pull / n, n) for n in (few, few + more))
    assert size_eV(small, large) == pytest.approx(abs(pull) / few, abs=1e-9)


@settings(deadline=None, max_examples=30)
@given(stiffness=st.floats(0.5, 80), force=st.floats(-0.05, 0.05))
def test_on_a_parabola_the_residual_energy_is_exact(stiffness: float, force: float) -> None:
    hessian = np.eye(3) * stiffness
    assert numerics_eV(np.array([[force, 0, 0]]), hessian) == pytest.approx(
        force**2 / (2 * stiffness)
    )


@settings(deadline=None, max_examples=30)
@given(angles=st.tuples(*(st.floats(-3, 3) for _ in range(3))), upside=st.booleans())
def test_levels_agree_on_a_molecule_however_it_lies(
    angles: tuple[float, ...], *, upside: bool
) -> None:
    molecule = cluster_from_ase(ase.build.molecule("CH3OH"))
    side = np.array([1, 1, -1 if upside else 1])
    turned = molecule.positions_A * side @ Rotation.from_rotvec(angles).as_matrix().T
    other = dataclasses.replace(molecule, positions_A=turned)
    found = disagreement(answer(molecule, 1.0), answer(other, 1.25), molecule, other)
    assert found.rms_A < 1e-6
    assert found.bond_A < 1e-9
    assert found.formation_eV == pytest.approx(-0.25)
    assert found.same_rings


def test_a_missing_formation_energy_leaves_no_difference() -> None:
    molecule = cluster_from_ase(ase.build.molecule("C6H6"))
    found = disagreement(answer(molecule), answer(molecule, 1.0), molecule, molecule)
    assert found.formation_eV is None


def test_answers_about_different_atoms_are_not_compared() -> None:
    one, other = (cluster_from_ase(ase.build.molecule(name)) for name in ("C6H6", "CH4"))
    with pytest.raises(StructureError, match="12 and 5 atoms"):
        disagreement(answer(one), answer(other), one, other)
