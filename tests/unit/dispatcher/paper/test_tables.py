"""Tables from made-up results: what agrees, what differs, what cannot be said."""

from __future__ import annotations

import json

import numpy as np
import pytest

from shared.messages.reports import AdsorptionReport, BondStatistics, DynamicsReport, Report
from shared.messages.simulation import SimulationResult
from sim_dispatcher.paper import (
    Findings,
    Patch,
    as_json,
    as_markdown,
    as_text,
    chosen_topics,
    make_tables,
)
from sim_dispatcher.paper.coordinates import compare_coordinates
from sim_dispatcher.paper.programme import PRESETS
from sim_dispatcher.paper.store import Done, Failure
from sim_dispatcher.paper.tables import Row, Table
from sim_dispatcher.structure import Cluster


def result(recipe: str, report: Report | None = None, cc_A: float = 1.42) -> SimulationResult:
    bonds = BondStatistics(mean=cc_A, min=cc_A - 0.05, max=cc_A + 0.05, n=30)
    return SimulationResult.model_validate(
        {
            "recipe": recipe, "level": "gfn1", "energy_eV": -1.0, "formation_eV": None,
            "reference": None, "bonds_A": {"C-C": bonds, "C-H": bonds}, "converged": True,
            "rings": {"before": {"5": 2, "6": 3, "7": 2}, "after": {"6": 7}}, "steps": 3,
            "fmax_eV_A": 0.1, "wall_s": 1.0, "cpu_s": 1.0, "report": report,
        }
    )  # fmt: skip


def trajectory(length_fs: float) -> DynamicsReport:
    bonds = BondStatistics(mean=1.45, min=1.3, max=1.6, n=10)
    return DynamicsReport(
        thermostat="Nosé-Hoover chain",
        temperature_K=300,
        mean_temperature_K=290,
        planned_fs=length_fs,
        done_fs=length_fs,
        timestep_fs=1,
        ring_bonds_A={"5": bonds, "6": bonds, "7": bonds},
        rings_changed_at_fs=None,
    )


def bound(adsorbate: str, site: str, binding_eV: float) -> AdsorptionReport:
    return AdsorptionReport.model_validate(
        {
            "adsorbate": adsorbate, "site": site, "found_at": "hollow", "binding_eV": binding_eV,
            "sheet_eV": 0.0, "adsorbate_eV": 0.0, "distance_A": 2.15, "n_touching": 6,
            "height_A": 1.6,
        }
    )  # fmt: skip


def done(cluster: Cluster, recipe: str, report: Report | None = None, cc_A: float = 1.42) -> Done:
    return Done(result(recipe, report, cc_A), cluster, "an engine")


def findings(patch: Patch, cases: dict[str, Done], preset: str = "short") -> Findings:
    return Findings(PRESETS[preset], "gfn1", patch, cases, {})


def row(table: Table, start: str) -> Row:
    return next(each for each in table.rows if each.quantity.startswith(start))


def only(found: Findings, topic: str) -> Table:
    return make_tables(found, chosen_topics(topic))[0]


def test_a_bond_within_the_papers_digits_agrees_and_another_does_not(patch: Patch) -> None:
    cases = {
        "relax": done(patch.cluster, "relax", cc_A=1.414),
        "relax_z": done(patch.cluster, "relax_z", cc_A=1.39),
    }
    table = only(findings(patch, cases), "bonds")
    assert row(table, "C-C [Å], full").verdict == "agrees"
    assert row(table, "C-H [Å], full").verdict == "differs"
    assert row(table, "C-C [Å], (b)").verdict == "differs"
    assert row(table, "(a) perimeter held").verdict == "missing"


def test_the_percentage_depends_on_its_origin_and_the_length_does_not(patch: Patch) -> None:
    shift = np.zeros((len(patch.cluster), 3))
    shift[:24, 0] = 0.05 * (-1.0) ** np.arange(24)
    errors = compare_coordinates(patch, patch.cluster.moved(patch.cluster.positions_A + shift))
    assert errors.rms_A == pytest.approx(0.05 / np.sqrt(2), rel=0.05)
    percents = [errors.percent(origin)[0] for origin in errors.origins_A]
    assert max(percents) > 2 * min(percents)
    lines = errors.csv("corner of the cube").splitlines()
    assert len(lines) == 25
    assert lines[0].startswith("atom,element,x_detected_A")


def test_a_rigid_motion_is_no_error(patch: Patch) -> None:
    turn = np.array([[0.8, -0.6, 0], [0.6, 0.8, 0], [0, 0, 1]])
    moved = patch.cluster.moved(patch.cluster.positions_A @ turn.T + [3.0, 1.0, 0.0])
    assert compare_coordinates(patch, moved).rms_A < 1e-6


def test_a_short_trajectory_says_too_short_where_the_paper_sees_a_reconstruction(
    patch: Patch,
) -> None:
    cases = {
        f"md-{kelvin:04d}K": done(patch.cluster, "md", trajectory(100)) for kelvin in (300, 4000)
    }
    table = only(findings(patch, cases), "rings")
    assert row(table, "rings after 100 fs at 300 K").verdict == "too short"
    assert row(table, "rings after 100 fs at 4000 K").verdict == "too short"
    assert row(table, "5-rings at 300 K").verdict == "differs"
    assert row(table, "6-rings at 300 K").verdict == "agrees"
    assert row(table, "2000 K").verdict == "missing"


def test_after_the_papers_length_it_is_no_longer_too_short(patch: Patch) -> None:
    hot = done(patch.cluster, "md", trajectory(2000))
    table = only(findings(patch, {"md-4000K": hot}, "paper"), "rings")
    assert row(table, "rings after 2000 fs at 4000 K").verdict == "differs"
    assert "2 ps (as in the paper)" in table.heading


def test_chromium_is_ranked_by_binding(patch: Patch) -> None:
    energies = {"hollow": 3.0, "bridge": 2.9, "top": 2.0}
    cases = {
        f"adsorb-Cr-{site}": done(patch.cluster, "adsorb", bound("Cr", site, energy))
        for site, energy in energies.items()
        if site != "top"
    }
    assert row(only(findings(patch, cases), "cr"), "order").verdict == "missing"
    assert row(only(findings(patch, cases), "cr"), "mean Cr-C").verdict == "agrees"


def test_a_failure_is_shown_where_its_number_would_be(patch: Patch) -> None:
    failed = {"adsorb-CH-top": Failure(code="x", message="It fell apart.", remedy="Mend.")}
    found = Findings(PRESETS["short"], "gfn1", patch, {}, failed)
    shown = row(only(found, "chx"), "CH from top")
    assert (shown.verdict, shown.here) == ("missing", "failed: It fell apart.")


def test_all_renderings_carry_every_row(patch: Patch) -> None:
    tables = make_tables(findings(patch, {}), chosen_topics(None))
    rows = sum(len(table.rows) for table in tables)
    assert len(tables) == 5
    assert as_markdown(tables).count("\n| ") == rows + len(tables)
    assert json.dumps(as_json(tables)).count('"verdict"') == rows
    text = as_text(tables)
    assert all(table.heading in text for table in tables)


def test_the_groups_are_ranked_by_their_strongest_configuration(patch: Patch) -> None:
    energies = {"CH": 4.8, "CH2": 4.4, "CH3": 2.6}
    cases = {
        f"adsorb-{group}-top": done(patch.cluster, "adsorb", bound(group, "top", energy))
        for group, energy in energies.items()
    }
    table = only(findings(patch, cases), "chx")
    strongest = row(table, "strongest")
    assert (strongest.verdict, strongest.here) == ("agrees", "CH3 2.60 < CH2 4.40 < CH 4.80")
    assert row(table, "CH3 from top").verdict == "differs"
    assert row(table, "CH3 from hollow").verdict == "missing"
