"""Command line of `sim-dispatcher`."""

from __future__ import annotations

from typing import Final

from shared.command_line import command_line

__all__ = ["COMMANDS", "app"]

COMMANDS: Final = {
    "run": "Pick defects from the live atoms, queue their jobs, report every state.",
    "launch": "Compute queued jobs on this host, or one inside a Slurm job.",
    "batch": "Hand jobs to Slurm by FireWorks' own means, and look after them there.",
    "build": "Build a structure file from detected atoms: a cut, a cell, the whole frame.",
    "compute": "Compute a recipe on one structure file, without any server.",
    "inputs": "Write the input files of VASP, DFTB+, Quantum ESPRESSO or GPAW for a recipe.",
    "reproduce-paper": "Run the paper's programme; print its tables beside ours.",
    "database": "Serve the embedded database.",
    "doctor": "Check keys, database and levels of theory; say how to mend what is wrong.",
    "config": "Print the settings in force, or their schema.",
    "keys": "Make this dispatcher's key pair.",
}

app = command_line(
    "sim_dispatcher.commands",
    COMMANDS,
    "Compute the defects that a microscope shows, while it shows them.\n\n"
    "One structure needs no set-up: `sim-dispatcher compute FILE --recipe relax --json OUT`.",
)
