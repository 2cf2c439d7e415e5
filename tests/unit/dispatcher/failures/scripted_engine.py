"""An engine that misbehaves as a job's ROI says: `what.argument.times`. Started as a process.

It misbehaves in as many attempts as asked, which it tells by the fencing token in its folder's
name, then answers; the answer's `settings` quote what the launcher told it to do differently.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import sys
import threading
import traceback
from pathlib import Path
from typing import Any


def tell(message: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


def misbehave(what: str, argument: str, folder: Path) -> dict[str, Any] | None:
    """Return a message in place of an answer, or do not return at all."""
    if what == "code":
        return {"kind": "failure", "reason": f"It ended by {argument}.", "remedy": "Think.",
                "code": argument}  # fmt: skip
    if what == "unfinished":
        checkpoint = folder / "checkpoint.npz"
        steps = int(checkpoint.read_text()) + 10 if checkpoint.exists() else 10
        checkpoint.write_text(str(steps))
        return {"kind": "unfinished", "checkpoint": str(checkpoint), "step": steps}
    if what == "signal":
        os.kill(os.getpid(), getattr(signal, argument))
    if what == "exit":
        os._exit(int(argument))
    if what == "says":
        tell(json.loads({"nonsense": '"nonsense"', "half": '{"kind": "answer"}'}[argument]))
    if what == "memory":
        try:
            resource.setrlimit(resource.RLIMIT_AS, (1 << 28, 1 << 28))
            bytearray(1 << 30)
        except MemoryError:
            (folder / "engine.log").write_text(traceback.format_exc())
            os._exit(1)
    threading.Event().wait(60)
    return None


def work(order: dict[str, Any]) -> dict[str, Any]:
    spec, folder, adjusted = order["spec"], Path(order["folder"]), order["adjustments"]
    what, argument, times = spec["roi"].split(".")
    token = int(folder.name.rpartition("-")[2])
    tell({"kind": "progress", "progress": {"step": 1, "energy_eV": -1.0, "fmax_eV_A": 0.5}})
    if what not in ("answers", "alien") and token <= int(times):
        message = misbehave(what, argument, folder)
        if message is not None:
            return message
    alien = what == "alien" and token <= int(times)
    result = {
        "recipe": "md" if alien and argument == "recipe" else spec["recipe"],
        "level": spec["level"],
        "energy_eV": float("nan") if alien and argument == "energy" else -1.5,
        "formation_eV": None, "reference": None, "bonds_A": {},
        "rings": {"before": {}, "after": {}}, "converged": True,
        "steps": 1, "fmax_eV_A": 0.01, "wall_s": 0.0, "cpu_s": 0.0,
    }  # fmt: skip
    answer = {"result": result, "structure": spec["structure"], "software": "scripted",
              "settings": json.dumps(adjusted)[:500]}  # fmt: skip
    return {"kind": "answer", "answer": answer}


if __name__ == "__main__":
    for line in sys.stdin:
        tell(work(json.loads(line)))
