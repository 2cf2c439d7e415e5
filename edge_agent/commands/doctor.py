"""`edge-agent doctor`: whether this host can acquire, and what to mend."""

from __future__ import annotations

import typer

from edge_agent.arguments import Config
from edge_agent.checks import examine
from edge_agent.settings import EdgeSettings
from shared.command_line import plain_errors
from shared.settings import load_settings

__all__ = ["doctor"]


def doctor(config: Config = None) -> None:
    """Check Python, packages, keys and the way to the service; say how to mend what is wrong."""
    with plain_errors("edge-agent"):
        findings = examine(load_settings(EdgeSettings, config))
    for finding in findings:
        typer.echo(f"{'ok  ' if finding.well else 'BAD '} {finding.subject}: {finding.detail}")
        if not finding.well:
            typer.echo(f"     Remedy: {finding.remedy}")
    if not all(finding.well for finding in findings):
        raise typer.Exit(1)
