"""Talk to AtomAI: one process of its environment, one request at a time."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryFile
from types import TracebackType
from typing import IO, Any, Final, Self

from inference_service.atomai.environment import clean_environment, python
from shared.errors import InternalError, ModelError

__all__ = ["AtomAI"]

THREAD_COUNTS: Final = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
TAIL_BYTES: Final = 2000
WORKER_HOME: Final = Path(__file__).resolve().parent
"""Where the package `worker` lies: AtomAI's Python sees nothing else of ours."""


class AtomAI:
    """AtomAI at work; use it as a context manager.

    Args:
        threads: Threads of its numerical libraries.
        say: Takes lines of progress.
    """

    def __init__(self, threads: int = 1, say: Callable[[str], None] | None = None) -> None:
        self._threads = threads
        self._say = say or (lambda _: None)

    def __enter__(self) -> Self:
        interpreter = python()
        environment = clean_environment()
        environment |= dict.fromkeys(THREAD_COUNTS, str(self._threads))
        environment |= {
            "MPLBACKEND": "Agg",
            "OMP_WAIT_POLICY": "PASSIVE",
            "PYTHONPATH": str(WORKER_HOME),
        }
        self._log: IO[bytes] = TemporaryFile()
        self._process = subprocess.Popen(  # noqa: S603 - our own interpreter, fixed arguments
            [interpreter, "-P", "-s", "-m", "worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            env=environment,
            text=True,
        )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            if kind is None:
                self._process.communicate()
        finally:
            self._process.kill()
            self._process.communicate()
            self._log.close()

    def ask(self, task: str, **request: object) -> dict[str, Any]:
        """Have a task done and return the answer.

        Args:
            task: `export`, `train`, `detect` or `classify`, as the worker's modules describe.
            request: Its arguments, as JSON can hold them.

        Raises:
            ModelError: AtomAI's side refuses the model or the frames, and says why.
            InternalError: The process failed or died.
        """
        if self._process.stdin is None or self._process.stdout is None:
            raise RuntimeError("the worker was started without pipes")
        try:
            self._process.stdin.write(json.dumps({"task": task} | request) + "\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            raise self._died(task) from None
        for line in self._process.stdout:
            answer: dict[str, Any] = json.loads(line)
            if "progress" in answer:
                self._say(answer["progress"])
                continue
            return self._checked(task, answer)
        raise self._died(task)

    def _checked(self, task: str, answer: dict[str, Any]) -> dict[str, Any]:
        if "refused" in answer:
            raise ModelError(answer["refused"], remedy=answer["remedy"])
        if "failed" in answer:
            raise InternalError(f"AtomAI's {task}", RuntimeError(answer["failed"]))
        return answer

    def _died(self, task: str) -> InternalError:
        """Return what its last words say."""
        self._process.wait()
        end = self._log.seek(0, 2)
        self._log.seek(max(0, end - TAIL_BYTES))
        lines = self._log.read().decode(errors="replace").strip().splitlines()
        last = lines[-1] if lines else f"exit code {self._process.returncode}"
        return InternalError(f"AtomAI's {task}", RuntimeError(last))
