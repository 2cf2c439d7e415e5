"""Chromium at hollow, bridge and top: order, binding, distances, and whether it stays."""

from __future__ import annotations

from typing import Final

import numpy as np

from shared.messages.reports import AdsorptionReport, DynamicsReport
from sim_dispatcher.paper.findings import Findings
from sim_dispatcher.paper.programme import ADATOM, SITES
from sim_dispatcher.paper.published import (
    ADATOM_ENERGIES_EV,
    ADATOM_HOLLOW_A,
    ADATOM_TOP_A,
    LENGTH_FS,
)
from sim_dispatcher.paper.tables.rings import length_in_words
from sim_dispatcher.paper.tables.table import Row, Table, Verdict
from sim_dispatcher.structure import Cluster

__all__ = ["EQUATION", "adatoms_table", "adsorption"]

TOLERANCE_A: Final = 0.05

TOUCHING_A: Final = 2.6
"""Carbon atoms within this distance of chromium belong to its bond, Å."""

EQUATION: Final = (
    "Binding energy: E(sheet) + E(adsorbate) - E(both), the paper's equation: positive where it is"
    " bound. The paper prints negative values, so its sign is the opposite of its equation's."
)


def adsorption(findings: Findings, adsorbate: str, site: str) -> AdsorptionReport | None:
    """Return what an adsorption case found, or None where it has no result."""
    done = findings.done.get(f"adsorb-{adsorbate}-{site}")
    report = None if done is None else done.result.report
    return report if isinstance(report, AdsorptionReport) else None


def adatoms_table(findings: Findings) -> Table:
    """Compare the three sites."""
    length = length_in_words(findings.preset.adatom_fs)
    return Table(
        "cr",
        f"{ADATOM} on graphene: relaxed from three sites (forces below"
        f" {findings.preset.fmax_eV_A:g} eV/Å), then {length} at 300 K,"
        f" {findings.level}, {findings.preset.name} preset",
        (
            _order_row(findings),
            *(_site_row(findings, site) for site in SITES),
            _hollow_row(findings),
            _top_row(findings),
            *(_trajectory_row(findings, site) for site in SITES),
        ),
        (
            EQUATION,
            (
                "Magnetism is left out, as in the paper: the fewest unpaired electrons that parity"
                " allows. The paper starts its trajectories at the sites as built; here they start"
                " from the relaxed structures. The sheet is perfect graphene inside the patch's"
                " rim."
            ),
        ),
    )


def _order_row(findings: Findings) -> Row:
    paper = " < ".join(sorted(ADATOM_ENERGIES_EV, key=lambda site: ADATOM_ENERGIES_EV[site]))
    quantity = "order of total energies, by starting site"
    reports = {site: adsorption(findings, ADATOM, site) for site in SITES}
    known = {site: report.binding_eV for site, report in reports.items() if report is not None}
    if len(known) < len(SITES):
        return Row(quantity, paper, "not all three computed", "missing")
    ranked = sorted(SITES, key=lambda site: -known[site])
    best = known[ranked[0]]
    here = ", ".join(f"{site} {best - known[site]:+.2f}" for site in ranked) + " eV"
    rests = {site: report.found_at for site, report in reports.items() if report is not None}
    moved = [f"{site} came to rest at {rest}" for site, rest in rests.items() if rest != site]
    hollow_best = rests[ranked[0]] == "hollow"
    why = "most stable: " + ("hollow in both" if hollow_best else f"{rests[ranked[0]]} here")
    return Row(
        quantity,
        f"{paper} (0, +3.0, +12.8 eV)",
        here,
        "agrees" if hollow_best else "differs",
        "; ".join([why, *moved]),
    )


def _site_row(findings: Findings, site: str) -> Row:
    report = adsorption(findings, ADATOM, site)
    quantity = f"binding energy from {site} [eV]"
    if report is None:
        return Row(quantity, "", findings.absence(f"adsorb-{ADATOM}-{site}"), "missing")
    here = f"{report.binding_eV:+.2f}, rests at {report.found_at}"
    if site != "hollow":
        return Row(quantity, "", here, "-")
    return Row(
        quantity,
        "magnitude above 8",
        here,
        "agrees" if abs(report.binding_eV) > 8 else "differs",
        "'above -8 eV in this nonmagnetic picture': the paper's reference atom is not spin"
        " polarised, which makes any binding look stronger",
    )


def _hollow_row(findings: Findings) -> Row:
    report = adsorption(findings, ADATOM, "hollow")
    quantity = "mean Cr-C distance at the hollow [Å]"
    if report is None:
        return Row(quantity, f"{ADATOM_HOLLOW_A:.3f}", "", "missing")
    close = abs(report.distance_A - ADATOM_HOLLOW_A) <= TOLERANCE_A
    here = f"{report.distance_A:.3f} ({report.n_touching} C)"
    return Row(quantity, f"{ADATOM_HOLLOW_A:.3f}", here, "agrees" if close else "differs")


def _top_row(findings: Findings) -> Row:
    quantity = "Cr to the closest C, from top [Å]"
    paper = f"{ADATOM_TOP_A:.3f}"
    done = findings.done.get(f"adsorb-{ADATOM}-top")
    report = adsorption(findings, ADATOM, "top")
    if done is None or report is None:
        return Row(quantity, paper, findings.absence(f"adsorb-{ADATOM}-top"), "missing")
    nearest = float(_distances(done.cluster)[0])
    verdict: Verdict = "agrees" if abs(nearest - ADATOM_TOP_A) <= TOLERANCE_A else "differs"
    return Row(quantity, paper, f"{nearest:.3f}", verdict, f"it rests at {report.found_at}")


def _trajectory_row(findings: Findings, site: str) -> Row:
    name = f"md-{ADATOM}-{site}"
    paper = {
        "hollow": "stays bound for all of it",
        "bridge": "moves away within 10 fs",
        "top": "highest of the three",
    }[site]
    done = findings.done.get(name)
    report = None if done is None else done.result.report
    if done is None or not isinstance(report, DynamicsReport):
        return Row(f"300 K, from {site}", paper, findings.absence(name), "missing")
    distances = _distances(done.cluster)
    near = distances[distances < TOUCHING_A]
    here = f"{len(near)} C within {TOUCHING_A} Å"
    if len(near):
        here += f", mean {near.mean():.3f} Å"
    start = adsorption(findings, ADATOM, site)
    verdict: Verdict = "-"
    if site == "hollow":
        stays: Verdict = "agrees" if report.done_fs >= LENGTH_FS else "too short"
        verdict = stays if len(near) >= 4 else "differs"
    elif site == "bridge" and start is not None:
        verdict = "agrees" if start.found_at != "bridge" else "differs"
    why = f"after {report.done_fs:g} fs; {report.mean_temperature_K:.0f} K on average"
    if site == "bridge" and start is not None and start.found_at != "bridge":
        why += f"; it had left the bridge for the {start.found_at} while it was relaxed"
    return Row(f"300 K, from {site}", paper, here, verdict, why)


def _distances(cluster: Cluster) -> np.ndarray:
    """Return the distances of the carbon atoms from chromium, nearest first, Å."""
    metal = cluster.symbols.index(ADATOM)
    carbon = [i for i, symbol in enumerate(cluster.symbols) if symbol == "C"]
    away = cluster.positions_A[carbon] - cluster.positions_A[metal]
    return np.sort(np.linalg.norm(away, axis=1))
