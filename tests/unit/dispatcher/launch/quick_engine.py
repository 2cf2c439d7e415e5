"""An engine that answers at once, or misbehaves as the job's ROI says. Started as a process.

Plain JSON and no imports of ours, so that it starts in a blink.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

GRANDCHILD = "import subprocess; subprocess.run(['sleep', '100'], start_new_session=True)"
"""A child whose own child leaves the process group."""


def tell(message: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


def work(order: dict[str, Any]) -> dict[str, Any]:
    spec, folder = order["spec"], Path(order["folder"])
    with (folder / "ran").open("a") as file:
        file.write(f"{os.getpid()}\n")
    tell({"kind": "progress", "progress": {"step": 1, "energy_eV": -1.0, "fmax_eV_A": 0.5}})
    if spec["roi"] == "slow":
        threading.Event().wait(60)
    if spec["roi"] == "tree":
        subprocess.Popen([sys.executable, "-S", "-c", GRANDCHILD])
        threading.Event().wait(60)
    if spec["roi"] == "eats":
        try:
            bytearray(1 << 32)
        except MemoryError:
            (folder / "engine.log").write_text("MemoryError\n")
            sys.exit(1)
    if spec["roi"] == "dies":
        (folder / "engine.log").write_text("Segmentation fault\n")
        os.kill(os.getpid(), signal.SIGSEGV)
    if spec["roi"] == "babbles":
        sys.stdout.write("not json\n")
        sys.stdout.flush()
        threading.Event().wait(60)
    if spec["roi"] == "fails":
        return {"kind": "failure", "reason": "SCF did not converge.", "remedy": "Use smearing."}
    result = {
        "recipe": spec["recipe"], "level": spec["level"], "energy_eV": -1.5, "formation_eV": None,
        "reference": None, "bonds_A": {}, "rings": {"before": {}, "after": {}}, "converged": True,
        "steps": 1, "fmax_eV_A": 0.01, "wall_s": 0.0, "cpu_s": 0.0,
    }  # fmt: skip
    answer = {"result": result, "structure": spec["structure"], "software": "quick"}
    return {"kind": "answer", "answer": answer}


if __name__ == "__main__":
    for line in sys.stdin:
        tell(work(json.loads(line)))
