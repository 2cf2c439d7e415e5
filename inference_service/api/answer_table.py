"""Answers as one table for a spreadsheet: a row for each, numbers with their unit in the head."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from io import StringIO
from typing import Final, TypeAlias

from inference_service.records import AnswerRecord
from inference_service.session import Session
from shared.messages import Answer

__all__ = ["answer_table"]

Cell: TypeAlias = str | int | float | None

FIXED: Final[dict[str, Callable[[Answer], Cell]]] = {
    "finished_at": lambda each: datetime.fromtimestamp(each.finished_at_ns / 1e9, UTC).isoformat(),
    "roi": lambda each: each.roi,
    "job": lambda each: each.job,
    "recipe": lambda each: each.result.recipe,
    "level": lambda each: each.result.level,
    "formation_eV": lambda each: each.result.formation_eV,
    "energy_eV": lambda each: each.result.energy_eV,
    "converged": lambda each: str(each.result.converged).lower(),
    "steps": lambda each: each.result.steps,
    "fmax_eV_A": lambda each: each.result.fmax_eV_A,
    "moved_rms_A": lambda each: each.result.moved.rms_A if each.result.moved else None,
    "moved_sigma_A": lambda each: each.result.moved.sigma_A if each.result.moved else None,
    "below_formation_eV": lambda each: (
        each.disagreement.formation_eV if each.disagreement else None
    ),
    "below_rms_A": lambda each: each.disagreement.rms_A if each.disagreement else None,
    "cpu_s": lambda each: each.result.cpu_s,
    "frame": lambda each: each.provenance.frame,
    "model": lambda each: each.provenance.model,
    "software": lambda each: each.provenance.software,
}
"""Columns that every answer has; a cell is empty where it means nothing."""


def answer_table(records: Sequence[AnswerRecord], session: Session) -> str:
    """Return answers as CSV text, oldest first, with the parts of error bars and mean bonds.

    Args:
        records: The answers, newest first.
        session: Knows the defects of their ROIs.
    """
    answers = [record.answer for record in reversed(records)]
    parts = _names(each.result.uncertainty or {} for each in answers)
    bonds = _names(each.result.bonds_A for each in answers)
    text = StringIO()
    table = csv.writer(text, lineterminator="\n")
    errors = [f"error_{name}" for name in parts]
    lengths = [f"{kind.replace('-', '_')}_mean_A" for kind in bonds]
    table.writerow([*FIXED, "defect", *errors, *lengths])
    for each in answers:
        roi = session.roi(each.roi)
        uncertainty, found = each.result.uncertainty or {}, each.result.bonds_A
        table.writerow(
            [
                *(column(each) for column in FIXED.values()),
                roi.roi.defect.type if roi else None,
                *(uncertainty.get(name) for name in parts),
                *(found[kind].mean if kind in found else None for kind in bonds),
            ]
        )
    return text.getvalue()


def _names(tables: Iterable[Iterable[str]]) -> list[str]:
    return sorted({name for table in tables for name in table})
