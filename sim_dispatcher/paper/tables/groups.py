"""CH, CH2 and CH3 on the sheet, three configurations each."""

from __future__ import annotations

from sim_dispatcher.paper.findings import Findings
from sim_dispatcher.paper.programme import GROUPS, SITES
from sim_dispatcher.paper.published import GROUP_ENERGIES_EV, GROUP_RANGE_EV
from sim_dispatcher.paper.tables.adatoms import EQUATION, adsorption
from sim_dispatcher.paper.tables.rings import length_in_words
from sim_dispatcher.paper.tables.table import Row, Table, Verdict

__all__ = ["groups_table"]


def groups_table(findings: Findings) -> Table:
    """Compare adsorption energies."""
    length_fs = findings.preset.group_fs
    after = length_in_words(length_fs) if length_fs else "no trajectory (the paper: 2 ps at 300 K)"
    return Table(
        "chx",
        f"{', '.join(GROUPS)} on the relaxed patch: relaxed from three sites (forces below"
        f" {findings.preset.fmax_eV_A:g} eV/Å), {after},"
        f" {findings.level}, {findings.preset.name} preset",
        (
            _order_row(findings),
            *(_row(findings, group, site) for group in GROUPS for site in SITES),
        ),
        (
            EQUATION,
            (
                "The paper builds its three configurations by hand, breaking bonds of the sheet"
                " and of its hydrogen, and does not print them; ours are the three sites beside the"
                " defect, nothing broken. Of a group that meets a dangling bond, several eV are"
                " expected; of one on a closed sheet, tenths to a few eV. Only the sign and the"
                " order of CH3 < CH2 < CH can therefore be compared."
            ),
        ),
    )


def _order_row(findings: Findings) -> Row:
    quantity = "strongest binding of each group [eV]"
    paper = "CH3 7.2; CH, CH2 14.5"
    best = {
        group: max(report.binding_eV for report in found)
        for group in GROUPS
        if (found := [r for s in SITES if (r := adsorption(findings, group, s)) is not None])
    }
    if len(best) < len(GROUPS):
        return Row(quantity, paper, "not all groups computed", "missing")
    ranked = sorted(best, key=lambda group: best[group])
    here = " < ".join(f"{group} {best[group]:.2f}" for group in ranked)
    agrees = ranked[0] == "CH3" and best["CH3"] > 0
    why = "all bound, CH3 the weakest, in both" if agrees else "another order here"
    return Row(quantity, paper, here, "agrees" if agrees else "differs", why)


def _row(findings: Findings, group: str, site: str) -> Row:
    quantity = f"{group} from {site} [eV]"
    report = adsorption(findings, group, site)
    paper = _paper(group, site)
    if report is None:
        absence = findings.absence(f"adsorb-{group}-{site}")
        return Row(quantity, paper, absence, "missing")
    where = "desorbed" if report.found_at == "desorbed" else f"rests at {report.found_at}"
    here = f"{report.binding_eV:+.3f}, {where}, C-C {report.distance_A:.2f} Å"
    return Row(quantity, paper, here, _verdict(group, report.binding_eV), _why(report.binding_eV))


def _paper(group: str, site: str) -> str:
    if group == "CH3":
        return f"{GROUP_ENERGIES_EV[SITES.index(site)]:.3f} (its configuration {_number(site)})"
    low, high = GROUP_RANGE_EV
    return f"{low:.3f} to {high:.3f}"


def _number(site: str) -> int:
    return SITES.index(site) + 1


def _verdict(group: str, binding_eV: float) -> Verdict:
    values = GROUP_ENERGIES_EV if group == "CH3" else GROUP_RANGE_EV
    least, most = min(map(abs, values)), max(map(abs, values))
    return "agrees" if least <= binding_eV <= most else "differs"


def _why(binding_eV: float) -> str:
    return "bound in both" if binding_eV > 0 else "not bound here"
