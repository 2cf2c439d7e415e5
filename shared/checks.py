"""What a `doctor` command looks at: named checks, each with its finding and its remedy."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import typer

from shared.errors import AtomLoopError

__all__ = ["Check", "Finding", "examine", "show"]

Check = Callable[[], str]
"""Looks at one thing: returns what was found, or raises an `AtomLoopError` with the remedy."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        subject: What.
        well: Whether it is as it should be.
        detail: What was found.
        remedy: What to do where it is not well.
    """

    subject: str
    well: bool
    detail: str
    remedy: str = ""


def examine(checks: Mapping[str, Check]) -> list[Finding]:
    """Make every check, whatever the others find.

    Args:
        checks: By the subject's name.
    """
    return [_look(subject, check) for subject, check in checks.items()]


def show(findings: list[Finding]) -> None:
    """Print a line for each finding, a second one with the remedy where it is not well."""
    for finding in findings:
        typer.echo(f"{'ok  ' if finding.well else 'BAD '} {finding.subject}: {finding.detail}")
        if not finding.well:
            typer.echo(f"     Remedy: {finding.remedy}")


def _look(subject: str, check: Check) -> Finding:
    try:
        return Finding(subject, well=True, detail=check())
    except AtomLoopError as error:
        return Finding(subject, well=False, detail=error.message, remedy=error.remedy)
