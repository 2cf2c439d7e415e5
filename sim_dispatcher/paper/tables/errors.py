"""Detected coordinates against relaxed ones: in Å, and in the paper's percent."""

from __future__ import annotations

import math

from sim_dispatcher.paper.coordinates import CoordinateErrors, compare_coordinates, inner_rms_A
from sim_dispatcher.paper.findings import Findings
from sim_dispatcher.paper.published import COORDINATE_PERCENT
from sim_dispatcher.paper.tables.table import Row, Table

__all__ = ["errors_table"]


def errors_table(findings: Findings) -> Table:
    """Compare coordinates."""
    done = findings.done.get("relax")
    if done is None:
        rows = [Row("detected against relaxed", "", findings.absence("relax"), "missing")]
    else:
        rows = _rows(compare_coordinates(findings.patch, done.cluster), _held_row(findings))
    return Table(
        "errors",
        "Detected against fully relaxed coordinates of the heavy atoms,"
        f" {findings.level}, {findings.preset.name} preset:"
        f" forces below {findings.preset.fmax_eV_A:g} eV/Å",
        tuple(rows),
        (
            (
                "A percentage of a coordinate says little: the same displacements give another"
                " number from each origin, and none is a property of the structure. The paper names"
                " no origin; the corner of its cube is the likeliest."
            ),
            (
                "Every atom's coordinates and errors: coordinates.csv, percent from the corner of"
                " the cube."
            ),
        ),
    )


def _rows(errors: CoordinateErrors, held: Row) -> list[Row]:
    return [
        _length_row(errors),
        held,
        Row("largest displacement [Å]", "", f"{errors.largest_A:.3f}", "-"),
        *(_percent_row(errors, origin) for origin in errors.origins_A),
    ]


def _length_row(errors: CoordinateErrors) -> Row:
    expected = errors.expected_A
    here = f"{errors.rms_A:.4f}"
    why = "after the best rigid motion in the plane"
    if math.isfinite(expected):
        here += f" (sigma {expected:.4f})"
        why += (
            f"; {errors.rms_A / expected:.1f} times what the detector's own sigma let expect:"
            " 1 would leave nothing for the calculation to correct"
        )
    return Row("RMS per axis [Å]", "", here, "-", why)


def _held_row(findings: Findings) -> Row:
    done = findings.done.get("relax_perimeter")
    quantity = "the same, perimeter held [Å]"
    if done is None:
        return Row(quantity, "", findings.absence("relax_perimeter"), "missing")
    return Row(
        quantity,
        "",
        f"{inner_rms_A(findings.patch, done.cluster):.4f}",
        "-",
        "atoms inside; a free patch curls about its defect, which the sheet around it prevents",
    )


def _percent_row(errors: CoordinateErrors, origin: str) -> Row:
    x, y = errors.percent(origin)
    return Row(
        f"mean |dx/x|, |dy/y| [%], from the {origin}",
        f"< {COORDINATE_PERCENT:g}",
        f"{x:.2f}, {y:.2f}",
        "agrees" if max(x, y) < COORDINATE_PERCENT else "differs",
        "atoms near an axis through the middle have a coordinate near zero"
        if origin.startswith("middle")
        else "",
    )
