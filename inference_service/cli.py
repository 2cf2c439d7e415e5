"""Command line of `inference-service`."""

from __future__ import annotations

import os
from typing import Final

from shared.command_line import command_line

__all__ = ["COMMANDS", "app"]

COMMANDS: Final = {
    "run": "Serve the live loop: frames in, atoms out, REST and the dashboard.",
    "analyze": "Find the atoms in image files, without any server.",
    "doctor": "Check this host and say how to mend what is wrong.",
    "url": "Print an address that admits one more browser.",
    "config": "Print the settings in force, or their schema.",
    "keys": "Make the service's keys; authorise edges and dispatchers.",
    "evaluate": "Score an ensemble on simulated frames of families it never saw.",
    "train": "Simulate frames and train the ensemble from nothing.",
    "import-atomai": "Make models that AtomAI trained servable.",
    "label": "Label raw frames by intensity: a Gaussian mixture over local maxima.",
    "train-atomai": "Train an ensemble with AtomAI from labelled frames, and import it.",
    "calibrate": "Make the probabilities and sigmas of an ensemble honest.",
}

# The detector's workers compute side by side, one thread each; a BLAS with threads of its own would
# have them wait for one another awake. Set before NumPy is first imported, and only if nobody did.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

app = command_line(
    "inference_service.commands",
    COMMANDS,
    "Find atoms, species and honest error bars in STEM frames, live or from files.\n\n"
    "First `inference-service keys make FOLDER`, then `inference-service run`. Every setting can "
    "also come from the environment, for example ATOMLOOP_INFERENCE_HTTP__PORT=8600.",
)
