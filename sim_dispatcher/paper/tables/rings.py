"""Bond lengths in five-, six- and seven-membered rings, by temperature."""

from __future__ import annotations

from typing import Final

import numpy as np

from shared.lattice import classify
from shared.messages.reports import DynamicsReport
from sim_dispatcher.paper.findings import Findings
from sim_dispatcher.paper.published import LENGTH_FS, RING_BONDS_A
from sim_dispatcher.paper.store import Done
from sim_dispatcher.paper.tables.table import Row, Table, Verdict
from sim_dispatcher.structure import Cluster
from sim_dispatcher.structure.census import heavy_atoms, seen_from_above

__all__ = ["rings_table"]

TOLERANCE_A: Final = 0.02
"""Thermal scatter of a mean over one snapshot's ring bonds, about; the paper gives no error."""

SIZES: Final = ("5", "6", "7")

WARM_SHARE: Final = 0.85
"""A trajectory below this share of its thermostat's temperature is not thermalised."""

QUIET_K: Final = 1200
"""Up to here the paper sees no reconstruction."""


def rings_table(findings: Findings) -> Table:
    """Compare ring bond lengths and what became of the rings."""
    rows: list[Row] = []
    for kelvin in findings.preset.temperatures_K:
        name = f"md-{kelvin:04d}K"
        done = findings.done.get(name)
        if done is None:
            rows.append(Row(f"{kelvin} K", "", findings.absence(name), "missing"))
        else:
            rows += _rows(done, kelvin)
    return Table(
        "rings",
        f"Ring bond lengths after {length_in_words(findings.preset.anneal_fs)} at constant"
        f" temperature, {findings.level}, {findings.preset.name} preset",
        tuple(rows),
        (
            _thermostats(findings),
            (
                "The paper's rings at 300 K are those of its own patch, whose coordinates are not"
                " printed in it; its pentagons average 1.713 Å, which no closed C-C bond has: at"
                " least one side of them is open. Other starting rings give other means."
            ),
        ),
    )


def length_in_words(length_fs: float) -> str:
    """Return a trajectory's length, and that it is not the paper's where it is not."""
    if length_fs >= LENGTH_FS:
        return f"{length_fs / 1000:g} ps (as in the paper)"
    return f"{length_fs:g} fs (not the paper's {LENGTH_FS / 1000:g} ps)"


def _thermostats(findings: Findings) -> str:
    used = {
        done.result.report.thermostat
        for done in findings.done.values()
        if isinstance(done.result.report, DynamicsReport)
    }
    return "Thermostat: " + ("; ".join(sorted(used)) or "none yet") + " (paper: Nosé-Hoover)."


def _rows(done: Done, kelvin: int) -> list[Row]:
    report = done.result.report
    if not isinstance(report, DynamicsReport):
        return [Row(f"{kelvin} K", "", "no trajectory in the result", "missing")]
    return [
        *(_bond_row(report, kelvin, size) for size in SIZES),
        _census_row(done, report, kelvin),
    ]


def _bond_row(report: DynamicsReport, kelvin: int, size: str) -> Row:
    published = RING_BONDS_A.get(kelvin, {}).get(size)
    bonds = report.ring_bonds_A.get(size)
    here = "none" if bonds is None else f"{bonds.mean:.3f} ({bonds.n} bonds)"
    return Row(
        f"{size}-rings at {kelvin} K [Å]",
        "" if published is None else f"{published:.3f}",
        here,
        _bond_verdict(published, None if bonds is None else bonds.mean),
    )


def _bond_verdict(published_A: float | None, mean_A: float | None) -> Verdict:
    if published_A is None:
        return "-"
    if mean_A is None:
        return "differs"
    return "agrees" if abs(mean_A - published_A) <= TOLERANCE_A else "differs"


def _census_row(done: Done, report: DynamicsReport, kelvin: int) -> Row:
    after = done.result.rings["after"]
    counts = ", ".join(f"{n} of {size}" for size, n in sorted(after.items(), key=_size))
    kinds = ", ".join(sorted(_classes(done.cluster)))
    paper, verdict = _reconstruction(kelvin, after, kinds, report)
    return Row(
        f"rings after {report.done_fs:g} fs at {kelvin} K",
        paper,
        f"{counts}; {_when(report)}" + (f"; seen as {kinds}" if kinds else ""),
        verdict,
        _warmth(report),
    )


def _warmth(report: DynamicsReport) -> str:
    """Say how warm it was, and whether it had time to be."""
    words = f"mean kinetic temperature {report.mean_temperature_K:.0f} K"
    if report.mean_temperature_K < WARM_SHARE * report.temperature_K:
        words += ": too short to be thermalised"
    return words


def _reconstruction(
    kelvin: int, after: dict[str, int], kinds: str, report: DynamicsReport
) -> tuple[str, Verdict]:
    """Return what the paper says became of the rings, and whether it did here."""
    long_enough = report.done_fs >= LENGTH_FS
    if kelvin <= QUIET_K:
        quiet: Verdict = "agrees" if long_enough else "too short"
        return "no reconstruction", "differs" if _reconstructed(report) else quiet
    if kelvin == 2000:
        met, paper = set(after) <= {"6"}, "only hexagons"
    elif kelvin == 4000:
        met, paper = "SW_5577" in kinds, "5-7-7-5 defects form"
    else:
        return "", "-"
    if met:
        return paper, "agrees"
    return paper, "differs" if long_enough else "too short"


def _reconstructed(report: DynamicsReport) -> bool:
    """Return whether the rings changed for good; one odd sample at the end is no proof."""
    changed = report.rings_changed_at_fs
    return changed is not None and changed < report.done_fs


def _when(report: DynamicsReport) -> str:
    changed = report.rings_changed_at_fs
    if changed is None:
        return "unchanged"
    if not _reconstructed(report):
        return "changed in the last sample alone"
    return f"changed for good at {changed:.0f} fs"


def _classes(cluster: Cluster) -> set[str]:
    """Return the defect classes that our own classifier sees in a structure."""
    heavy = heavy_atoms(cluster.symbols)
    plane = seen_from_above(cluster.positions_A[heavy])
    found = classify(plane, [cluster.symbols[i] for i in heavy], np.ones(len(heavy)))
    return {defect.type for defect in found}


def _size(item: tuple[str, int]) -> int:
    return int(item[0])
