"""The paper's tables beside ours: pure functions from findings to rows."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from types import MappingProxyType
from typing import Final

from sim_dispatcher.paper.findings import Findings
from sim_dispatcher.paper.programme import Topic
from sim_dispatcher.paper.tables.adatoms import adatoms_table
from sim_dispatcher.paper.tables.bonds import bonds_table
from sim_dispatcher.paper.tables.errors import errors_table
from sim_dispatcher.paper.tables.groups import groups_table
from sim_dispatcher.paper.tables.rings import rings_table
from sim_dispatcher.paper.tables.table import Row, Table, as_json, as_markdown, as_text

__all__ = ["TABLES", "Row", "Table", "as_json", "as_markdown", "as_text", "make_tables"]

TABLES: Final[Mapping[Topic, Callable[[Findings], Table]]] = MappingProxyType(
    {
        "bonds": bonds_table,
        "errors": errors_table,
        "rings": rings_table,
        "cr": adatoms_table,
        "chx": groups_table,
    }
)
"""How each table is made."""


def make_tables(findings: Findings, topics: Collection[Topic]) -> tuple[Table, ...]:
    """Return the tables asked for, in the paper's order."""
    return tuple(make(findings) for topic, make in TABLES.items() if topic in topics)
