"""Answer requests until standard input closes."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from importlib import import_module
from typing import Any, TextIO

from .refusal import RefusedError
from .repairs import make_importable

Task = Callable[[dict[str, Any]], dict[str, Any]]


def main() -> None:
    """Serve; one JSON line in, any number of `progress` lines and one answer out."""
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # AtomAI prints; answers keep a channel of their own
    make_importable()
    tasks = _tasks(answers)
    for line in sys.stdin:
        request = json.loads(line)
        _send(answers, _answered(tasks[request.pop("task")], request))


def _answered(task: Task, request: dict[str, Any]) -> dict[str, Any]:
    """Do a task and return its answer, a refusal or a failure."""
    try:
        return task(request)
    except RefusedError as refusal:
        return {"refused": refusal.message, "remedy": refusal.remedy}
    except Exception as error:  # noqa: BLE001 - whatever AtomAI raises is this process's answer
        return {"failed": f"{type(error).__name__}: {error}"}


def _tasks(answers: TextIO) -> dict[str, Task]:
    """Import AtomAI and return what can be asked for."""
    export, detect, classify, train = (
        getattr(import_module(f".{module}", __package__), name)
        for module, name in (
            ("export", "export"),
            ("prediction", "detect"),
            ("intensity_classes", "classify"),
            ("ensemble_training", "train"),
        )
    )

    def progress(text: str) -> None:
        """Send a line of progress."""
        _send(answers, {"progress": text})

    return {
        "export": export,
        "detect": detect,
        "classify": classify,
        "train": lambda request: train(request, progress),
    }


def _send(answers: TextIO, answer: dict[str, Any]) -> None:
    answers.write(json.dumps(answer) + "\n")
    answers.flush()


if __name__ == "__main__":
    main()
