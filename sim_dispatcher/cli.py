"""Command line of `sim-dispatcher`."""

from __future__ import annotations

from typing import Final

from shared.command_line import command_line

__all__ = ["COMMANDS", "app"]

COMMANDS: Final = {
    "run": "Pick defects from the live atoms, queue their jobs, send answers back.",
    "launch": "Compute signed jobs out of a LaunchPad.",
    "compute": "Compute a recipe on one structure file, without any server.",
    "database": "Serve the embedded database over MongoDB's protocol.",
    "doctor": "Check keys, database and levels of theory.",
    "config": "Print the settings in force, or their schema.",
    "keys": "Make the dispatcher's key pair.",
}

app = command_line(
    "sim_dispatcher.commands",
    COMMANDS,
    "Compute the defects that a microscope shows, while it shows them.\n\n"
    "First `sim-dispatcher keys FOLDER`, have the service authorise the public key, then "
    "`sim-dispatcher run` and at least one `sim-dispatcher launch`. Every setting can also come "
    "from the environment, for example ATOMLOOP_DISPATCHER_SELECTION__MIN_P=0.9.",
)
