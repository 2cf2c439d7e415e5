"""Command line of `edge-agent`."""

from __future__ import annotations

from typing import Final

from shared.command_line import command_line

__all__ = ["COMMANDS", "app"]

COMMANDS: Final = {
    "run": "Acquire live, from the source that the settings choose (default: Nion).",
    "replay": "Stream image files through the live loop.",
    "doctor": "Check Python, packages, keys and the way to the service.",
    "config": "Print the settings in force, or their schema.",
    "keys": "Make this edge's key pair.",
}

app = command_line(
    "edge_agent.commands",
    COMMANDS,
    "Acquire frames beside the microscope and stream them to the inference service.\n\n"
    "First `edge-agent keys FOLDER`, then have the service authorise the public key, then "
    "`edge-agent run`. Every setting can also come from the environment, for example "
    "ATOMLOOP_EDGE_SOURCE__NION__DWELL_TIME_US=4.",
)
