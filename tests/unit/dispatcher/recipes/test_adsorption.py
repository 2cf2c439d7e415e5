"""Adsorption: where a guest starts, where it ends, and what the numbers mean."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from shared.errors import ConfigurationError, StructureError
from shared.messages.reports import AdsorptionReport
from sim_dispatcher.levels import choose_level
from sim_dispatcher.recipes import Computed, Options, run_recipe
from sim_dispatcher.recipes.adsorbates import adsorbate_of, rotation_onto
from sim_dispatcher.recipes.adsorption import joined, resting_place
from sim_dispatcher.recipes.sites import Kind, nearest_site
from sim_dispatcher.structure import Cluster

GFN1 = choose_level("gfn1")


@pytest.fixture(scope="module")
def sheet(coronene: Cluster) -> Cluster:
    return run_recipe(coronene, "relax", GFN1).cluster


@pytest.fixture(scope="module")
def chromium(sheet: Cluster) -> Computed:
    return run_recipe(sheet, "adsorb", GFN1, Options(site="hollow"))


def report_of(computed: Computed) -> AdsorptionReport:
    report = computed.result.report
    assert isinstance(report, AdsorptionReport)
    return report


def test_chromium_stays_in_the_hollow_at_the_known_distance(chromium: Computed) -> None:
    report = report_of(chromium)
    assert (report.found_at, report.n_touching) == ("hollow", 6)
    assert report.distance_A == pytest.approx(2.165, abs=0.05)  # the paper's, by VASP
    assert report.binding_eV > 1


def test_the_binding_energy_is_the_paper_s_equation(chromium: Computed) -> None:
    report = report_of(chromium)
    parts = report.sheet_eV + report.adsorbate_eV
    assert report.binding_eV == pytest.approx(parts - chromium.result.energy_eV)
    assert any("positive = bound" in note for note in chromium.cluster.notes)
    assert any("without spin" in note for note in chromium.cluster.notes)


def test_the_rings_are_those_of_the_sheet(chromium: Computed) -> None:
    assert chromium.result.rings["after"] == {"6": 7}
    assert "C-Cr" in chromium.result.bonds_A


def test_a_guest_that_touches_nothing_has_left(coronene: Cluster) -> None:
    both = joined(coronene, adsorbate_of("CH3"), nearest_site(coronene, "hollow"))
    lifted = both.positions_A.copy()
    lifted[len(coronene) :, 2] += 2.5
    resting = resting_place(both.moved(lifted), len(coronene))
    assert (resting.found_at, resting.n_touching) == ("desorbed", 0)
    assert resting.distance_A > 2.5


def test_a_sheet_without_such_a_site_is_refused_before_anything_is_computed() -> None:
    methane = adsorbate_of("CH4")
    with pytest.raises(StructureError, match="no hollow site"):
        run_recipe(methane, "adsorb", GFN1)


def test_the_spin_follows_from_the_parity_of_all_atoms(coronene: Cluster) -> None:
    expected = {"Cr": 0, "CH": 1, "CH2": 0, "CH3": 1}
    for name, unpaired in expected.items():
        guest = adsorbate_of(name)
        both = joined(coronene, guest, nearest_site(coronene, "top"))
        assert guest.unpaired == both.unpaired == unpaired


@pytest.mark.parametrize("name", ["CH", "CH2", "CH3", "H2O", "CO", "NH3"])
def test_a_molecule_stands_on_its_binding_atom(name: str) -> None:
    guest = adsorbate_of(name)
    assert guest.symbols[0] == ("C" if "C" in name else name.strip("H23")[0])
    assert (guest.positions_A[1:, 2] > guest.positions_A[0, 2] - 0.01).all()


def test_what_is_neither_atom_nor_molecule_is_refused(coronene: Cluster) -> None:
    with pytest.raises(ConfigurationError, match="no atom or molecule called 'Unobtain'"):
        run_recipe(coronene, "adsorb", GFN1, Options(adsorbate="Unobtain"))


@pytest.mark.parametrize(("kind", "hosts"), [("hollow", 6), ("bridge", 2), ("top", 1)])
def test_a_guest_starts_over_the_middle_and_rests_where_it_starts(
    coronene: Cluster, kind: Kind, hosts: int
) -> None:
    site = nearest_site(coronene, kind)
    both = joined(coronene, adsorbate_of("Cr"), site)
    resting = resting_place(both, len(coronene))
    assert len(site.hosts) == hosts
    assert resting.found_at == kind
    assert resting.distance_A == pytest.approx(2.15, abs=0.2)


def test_atoms_that_were_not_detected_carry_no_error(coronene: Cluster) -> None:
    seen = dataclasses.replace(coronene, sigma_A=np.full(len(coronene), 0.05))
    both = joined(seen, adsorbate_of("CH3"), nearest_site(seen, "top"))
    assert both.sigma_A is not None
    assert np.isnan(both.sigma_A).sum() == 4


def test_the_smallest_rotation_takes_one_direction_to_another() -> None:
    generator = np.random.default_rng(2)
    for _ in range(20):
        a, b = generator.normal(size=(2, 3))
        a, b = a / np.linalg.norm(a), b / np.linalg.norm(b)
        turn = rotation_onto(a, b)
        assert np.allclose(turn @ a, b)
        assert np.allclose(turn @ turn.T, np.eye(3))
    assert np.allclose(rotation_onto(b, -b) @ b, -b)
