"""What is known so far: everything that a table is made from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sim_dispatcher.paper.patch import Patch
from sim_dispatcher.paper.programme import Case, Preset
from sim_dispatcher.paper.store import Done, Failure, Store

__all__ = ["Findings", "gather"]


@dataclass(frozen=True, eq=False)
class Findings:
    """The state of a programme.

    Attributes:
        preset: How much of it was asked for.
        level: Level of theory.
        patch: The starting structure.
        done: Finished cases by name.
        failed: Why others have no result.
    """

    preset: Preset
    level: str
    patch: Patch
    done: Mapping[str, Done]
    failed: Mapping[str, Failure]

    def absence(self, case: str) -> str:
        """Say why a case has no result."""
        failure = self.failed.get(case)
        return "not computed yet" if failure is None else f"failed: {failure.message}"


def gather(
    preset: Preset, level: str, patch: Patch, store: Store, rows: Iterable[Case]
) -> Findings:
    """Read what a folder holds of some cases.

    Raises:
        UnreadableFileError: A result is damaged.
    """
    rows = tuple(rows)
    done = {row.name: store.find(row) for row in rows}
    failed = {row.name: store.failure(row) for row in rows}
    return Findings(
        preset,
        level,
        patch,
        {name: found for name, found in done.items() if found is not None},
        {name: failure for name, failure in failed.items() if failure is not None},
    )
