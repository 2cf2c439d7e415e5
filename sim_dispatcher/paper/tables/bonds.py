"""C-C and C-H after the full relaxation and the three selective ones."""

from __future__ import annotations

from typing import Final

from sim_dispatcher.paper.findings import Findings
from sim_dispatcher.paper.published import (
    CC_A,
    CC_SELECTIVE_A,
    CH_A,
    CH_SELECTIVE_A,
    FMAX_EV_A,
)
from sim_dispatcher.paper.store import Done
from sim_dispatcher.paper.tables.table import Row, Table, Verdict

__all__ = ["bonds_table"]

TOLERANCE_A: Final = 0.01
"""The paper gives two digits after the point."""

NAMES: Final = {
    "relax": "full",
    "relax_perimeter": "(a) perimeter held",
    "relax_z": "(b) only z free",
    "relax_h": "(c) H held",
}

HELD: Final = {
    "relax_perimeter": "the perimeter keeps the places where it was detected",
    "relax_z": "x and y stay as detected, so this is the detector's scatter and scale",
    "relax_h": "H stays where the cut put it; the carbon below it moves",
}


def bonds_table(findings: Findings) -> Table:
    """Compare mean bond lengths."""
    rows = [row for case in NAMES for row in _rows(findings, case)]
    return Table(
        "bonds",
        f"Bond lengths after relaxation at {findings.level}, {findings.preset.name} preset:"
        f" forces below {findings.preset.fmax_eV_A:g} eV/Å (paper: PBE, {FMAX_EV_A:g} eV/Å)",
        tuple(rows),
        (
            findings.patch.note,
            (
                "The paper gives one range for (a), (b) and (c) together. Held atoms keep their"
                " distances as detected: means up to 6 % above 1.42 Å, and C-H down to 0.94 Å, are"
                " what a scale off by a few percent and other capping distances would leave. Here"
                " the pixel size is measured in each frame and H starts at 1.09 Å."
            ),
        ),
    )


def _rows(findings: Findings, case: str) -> list[Row]:
    done = findings.done.get(case)
    if done is None:
        return [Row(NAMES[case], "", findings.absence(case), "missing")]
    return [_row(done, case, "C-C"), _row(done, case, "C-H")]


def _row(done: Done, case: str, kind: str) -> Row:
    bonds = done.result.bonds_A.get(kind)
    quantity = f"{kind} [Å], {NAMES[case]}"
    if bonds is None:
        return Row(quantity, "", "no such bond", "missing")
    here = f"{bonds.mean:.3f} ({bonds.min:.2f} to {bonds.max:.2f}, {bonds.n})"
    if not done.result.converged:
        here += " not converged"
    paper, verdict = _judged(case, kind, bonds.mean)
    return Row(quantity, paper, here, verdict, HELD.get(case, ""))


def _judged(case: str, kind: str, mean_A: float) -> tuple[str, Verdict]:
    if case == "relax":
        value = CC_A if kind == "C-C" else CH_A
        return f"{value:.2f}", "agrees" if abs(mean_A - value) <= TOLERANCE_A else "differs"
    low, high = CC_SELECTIVE_A if kind == "C-C" else CH_SELECTIVE_A
    inside = low - TOLERANCE_A / 2 <= mean_A <= high + TOLERANCE_A / 2
    return f"{low:.2f} to {high:.2f}", "agrees" if inside else "differs"
