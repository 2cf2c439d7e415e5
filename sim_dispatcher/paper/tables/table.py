"""A table of comparisons: what the paper says, what was found here, and whether they agree."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Final, Literal, TypeAlias

__all__ = ["Row", "Table", "Verdict", "as_json", "as_markdown", "as_text"]

Verdict: TypeAlias = Literal["agrees", "differs", "too short", "missing", "-"]
"""`too short`: the trajectory is not long enough to say; `-`: the paper gives no counterpart."""

COLUMNS: Final = ("quantity", "paper", "here", "verdict", "why")
_WIDTHS: Final = (34, 22, 26, 9)
_WHY_WIDTH: Final = 58


@dataclass(frozen=True)
class Row:
    """One comparison.

    Attributes:
        quantity: What is compared, with its unit.
        paper: The paper's value, in words or digits.
        here: Ours.
        verdict: Whether they agree.
        why: Why they differ, or what the comparison rests on.
    """

    quantity: str
    paper: str
    here: str
    verdict: Verdict
    why: str = ""


@dataclass(frozen=True)
class Table:
    """Some comparisons under one heading.

    Attributes:
        name: Short name, as `--only` takes it.
        heading: What it compares, and how long the calculations behind it were.
        rows: The comparisons.
        notes: What holds for all of them.
    """

    name: str
    heading: str
    rows: tuple[Row, ...]
    notes: tuple[str, ...] = ()


def as_text(tables: Iterable[Table]) -> str:
    """Render for a terminal."""
    return "\n".join(_text(table) for table in tables)


def as_markdown(tables: Iterable[Table]) -> str:
    """Render as Markdown."""
    return "\n".join(_markdown(table) for table in tables)


def as_json(tables: Iterable[Table]) -> list[dict[str, object]]:
    """Return objects for a JSON file."""
    return [asdict(table) for table in tables]


def _text(table: Table) -> str:
    lines = [table.heading, "=" * min(len(table.heading), 120)]
    lines += _text_row(Row(*COLUMNS[:3], "-", COLUMNS[4]), heading=True)
    for row in table.rows:
        lines += _text_row(row)
    for note in table.notes:
        lines += textwrap.wrap(note, 120, initial_indent="* ", subsequent_indent="  ")
    return "\n".join(lines) + "\n"


def _text_row(row: Row, *, heading: bool = False) -> list[str]:
    verdict = COLUMNS[3] if heading else row.verdict
    cells = [row.quantity, row.paper, row.here, verdict]
    wrapped = [textwrap.wrap(cell, w) or [""] for cell, w in zip(cells, _WIDTHS, strict=True)]
    wrapped.append(textwrap.wrap(row.why, _WHY_WIDTH) or [""])
    height = max(len(lines) for lines in wrapped)
    widths = (*_WIDTHS, _WHY_WIDTH)
    return [
        "  ".join(
            (lines[k] if k < len(lines) else "").ljust(width)
            for lines, width in zip(wrapped, widths, strict=True)
        ).rstrip()
        for k in range(height)
    ]


def _markdown(table: Table) -> str:
    lines = [f"### {table.heading}", "", f"| {' | '.join(COLUMNS)} |", "|" + "---|" * len(COLUMNS)]
    for row in table.rows:
        cells = (row.quantity, row.paper, row.here, row.verdict, row.why)
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    lines += ["", *(f"- {note}" for note in table.notes)]
    return "\n".join(lines).rstrip() + "\n"
