"""`edge-agent doctor`: whether this host can acquire, and what to mend."""

from __future__ import annotations

import typer

from edge_agent.arguments import Config
from edge_agent.checks import checks
from edge_agent.settings import EdgeSettings
from shared.checks import examine, show
from shared.command_line import plain_errors
from shared.settings import load_settings

__all__ = ["doctor"]


def doctor(config: Config = None) -> None:
    """Check Python, packages, keys and the way to the service; say how to mend what is wrong."""
    with plain_errors("edge-agent"):
        settings = load_settings(EdgeSettings, config)
    findings = examine(checks(settings))
    show(findings)
    if not all(finding.well for finding in findings):
        raise typer.Exit(1)
