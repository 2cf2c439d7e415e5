"""A potential in a process of its own that keeps its wave function between points."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np

from shared.errors import NotConvergedError, SimulationError
from sim_dispatcher.levels.numerics import CHECK_STRUCTURE, TRY_MILDER
from sim_dispatcher.levels.potential import Array, Evaluation
from sim_dispatcher.levels.programs.process import last_words, start_program
from sim_dispatcher.levels.scratch import WorkingFolder

__all__ = ["WorkerPotential"]

_LOG: Final = "worker.log"
_WAIT_S: Final = 5.0
"""Time a worker is given to end by itself."""


class WorkerPotential:
    """Speaks lines of JSON with a worker; the process starts with the first point.

    Args:
        program: What computes, in words, for messages.
        command: Absolute path of the program and its arguments.
        setup: The first line it is told.
    """

    def __init__(self, program: str, command: Sequence[str], setup: Mapping[str, Any]) -> None:
        self._program = program
        self._command = tuple(command)
        self._setup = setup
        self._folder = WorkingFolder()
        self._process: subprocess.Popen[bytes] | None = None

    def evaluate(self, positions_A: Array) -> Evaluation:
        """Compute one point; see `Potential.evaluate`."""
        reply = self._ask(positions_A.tolist())
        if "error" in reply:
            message = f"{self._program} gave no energy: {reply['error']}."
            if reply["unsettled"]:
                raise NotConvergedError(message, remedy=TRY_MILDER)
            raise SimulationError(message, remedy=CHECK_STRUCTURE)
        return Evaluation(float(reply["energy_eV"]), np.array(reply["forces_eV_A"], dtype=float))

    def close(self) -> None:
        """End the worker; the next point starts another."""
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()
        process.wait(_WAIT_S)
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                pipe.close()

    def __del__(self) -> None:
        self.close()

    def _ask(self, question: Any) -> dict[str, Any]:
        try:
            process = self._started()
            self._write(process, question)
            line = process.stdout.readline() if process.stdout else b""
            reply: dict[str, Any] = json.loads(line)
        except (OSError, ValueError) as error:
            self.close()
            log = self._folder.path / _LOG
            said = last_words(log.read_text("utf-8", "replace") if log.exists() else "")
            raise SimulationError(
                f"{self._program} ended without an answer: {said}.",
                remedy="Use a smaller cluster or another level; check the program's installation.",
            ) from error
        return reply

    def _started(self) -> subprocess.Popen[bytes]:
        if self._process is not None:
            return self._process
        with (self._folder.path / _LOG).open("ab") as log:
            self._process = start_program(self._command, self._folder.path, log, talks=True)
        self._write(self._process, self._setup)
        return self._process

    @staticmethod
    def _write(process: subprocess.Popen[bytes], words: Any) -> None:
        if process.stdin is not None:
            process.stdin.write(json.dumps(words).encode() + b"\n")
            process.stdin.flush()
