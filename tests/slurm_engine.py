"""An engine for tests in Slurm: starts in a blink, and counts where a real one would compute.

The job's ROI says what it does: `count.40` counts to 40, a step in 50 ms, and comes to a checkpoint
at SIGUSR1; `hold` counts until there is a file `<key>.go` in the launch folder; `stubborn.40` comes
to no checkpoint; `tree` has children of its own; anything else answers at once.
Every step goes to a file `<key>.steps` in the launch folder, one line each.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

STEP_S = 0.05
GRANDCHILD = "import subprocess; subprocess.run(['sleep', '100'], start_new_session=True)"
"""A child whose own child leaves the process group."""
stop: list[int] = []


def tell(message: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


def work(order: dict[str, Any]) -> dict[str, Any]:
    spec, folder = order["spec"], Path(order["folder"])
    what, _, number = spec["roi"].partition(".")
    log = folder.parent / f"{spec['key']}.steps"
    with log.open("a") as file:
        file.write(f"start {os.getpid()}\n")
    if what == "tree":
        grandchild = (
            "import subprocess,sys; subprocess.run(['sleep','100'], start_new_session=True)"
        )
        subprocess.Popen([sys.executable, "-S", "-c", grandchild])
    checkpoint = folder / "checkpoint.npz"
    done = int(checkpoint.read_text()) if checkpoint.exists() else 0
    goal = int(number) if number else (100_000 if what in ("tree", "hold") else 1)
    go = folder.parent / f"{spec['key']}.go"
    stop.clear()
    while done < goal and not (what == "hold" and go.exists()):
        signal.sigtimedwait((), STEP_S)
        done += 1
        with log.open("a") as file:
            file.write(f"{done}\n")
        tell({"kind": "progress", "progress": {"step": done, "energy_eV": -1.0, "fmax_eV_A": 0.5}})
        if stop and what != "stubborn" and done < goal:
            checkpoint.write_text(str(done))
            return {"kind": "unfinished", "checkpoint": str(checkpoint), "step": done}
    result = {
        "recipe": spec["recipe"], "level": spec["level"], "energy_eV": -1.5, "formation_eV": None,
        "reference": None, "bonds_A": {}, "rings": {"before": {}, "after": {}}, "converged": True,
        "steps": done, "fmax_eV_A": 0.01, "wall_s": 0.0, "cpu_s": 0.0,
    }  # fmt: skip
    answer = {"result": result, "structure": spec["structure"], "software": "counting"}
    return {"kind": "answer", "answer": answer}


if __name__ == "__main__":
    signal.signal(signal.SIGUSR1, lambda *_: stop.append(1))
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    for line in sys.stdin:
        tell(work(json.loads(line)))
