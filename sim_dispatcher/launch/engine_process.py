"""The launcher's handle on its engine process."""

from __future__ import annotations

import contextlib
import os
import resource
import select
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Final

from pydantic import ValidationError

from sim_dispatcher.launch.descendants import end_tree
from sim_dispatcher.launch.orders import (
    ENGINE_MESSAGES,
    EngineFailure,
    EngineMessage,
    EngineOrder,
)

__all__ = ["ENGINE_COMMAND", "EngineProcess"]

ENGINE_COMMAND: Final = (sys.executable, "-m", "sim_dispatcher.launch.engine")

_THREAD_COUNTS: Final = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
"""Read by the numerical libraries when they are first imported."""

_OUT_OF_MEMORY: Final = (
    "MemoryError",  # Python and NumPy
    "bad_alloc",  # C++
    "Cannot allocate memory",  # the C library
    "Allocation would exceed",  # GNU Fortran
)
"""Last words of a process that asked for more than it may have."""

_CHUNK_BYTES: Final = 1 << 16
_LOG_TAIL_BYTES: Final = 4096
_WAIT_S: Final = 5.0
"""Time a killed process is given to be gone."""


class EngineProcess:
    """A warm engine; a new one is started where the last was killed or died.

    Args:
        log: Takes what the engine prints while it has no job.
        threads: Threads of the numerical libraries.
        command: Starts the engine.
        memory_MB: Address space that the engine, and each program it runs, may have; None for
            no limit. A job that needs more fails, and nothing else on the host does.
    """

    def __init__(
        self,
        log: Path,
        threads: int = 1,
        command: Sequence[str] = ENGINE_COMMAND,
        memory_MB: int | None = None,
    ) -> None:
        self._log = log
        self._memory_MB = memory_MB
        self._command = tuple(command)
        self._threads = threads
        self._process: subprocess.Popen[bytes] | None = None
        self._lines: list[bytes] = []
        self._part = b""
        self._folder: Path | None = None

    @property
    def pid(self) -> int | None:
        """The process's number while there is one."""
        return None if self._process is None else self._process.pid

    @property
    def cpu_s(self) -> float:
        """Processor time that it and the programs it ran have used, s; 0 while there is none."""
        return 0.0 if self._process is None else _cpu_s(self._process.pid)

    def start(self) -> None:
        """Start the process, unless it runs: importing the engines takes a second or two."""
        if self._process is not None and self._process.poll() is None:
            return
        self.stop()
        environment = {**os.environ, **dict.fromkeys(_THREAD_COUNTS, str(self._threads))}
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603 - a fixed argument list, never a shell
                self._command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                env=environment,
                start_new_session=True,
            )
        if self._memory_MB is not None:
            limit = self._memory_MB << 20
            with contextlib.suppress(ProcessLookupError):
                resource.prlimit(self._process.pid, resource.RLIMIT_AS, (limit, limit))
        self._lines, self._part = [], b""

    def order(self, order: EngineOrder) -> None:
        """Give the process something to compute."""
        self.start()
        self._folder = Path(order.folder)
        process = self._process
        if process is None or process.stdin is None:
            return
        try:
            process.stdin.write(order.model_dump_json().encode() + b"\n")
            process.stdin.flush()
        except BrokenPipeError:
            return  # `receive` says what became of it

    def receive(self, timeout_s: float) -> EngineMessage | None:
        """Return the engine's next message, None if none comes in time.

        Args:
            timeout_s: Longest wait.

        Returns:
            The message; a failure that says so where the process died.
        """
        process = self._process
        if process is None or process.stdout is None:
            return EngineFailure(
                reason="The engine is not running.", remedy="Run the job again.", code="engine-died"
            )
        if not self._lines:
            ready, _, _ = select.select([process.stdout], [], [], timeout_s)
            if not ready:
                return None
            chunk = os.read(process.stdout.fileno(), _CHUNK_BYTES)
            if not chunk:
                return self._obituary(process)
            *lines, self._part = (self._part + chunk).split(b"\n")
            self._lines.extend(lines)
        if not self._lines:
            return None
        try:
            return ENGINE_MESSAGES.validate_json(self._lines.pop(0))
        except ValidationError as error:
            self.stop()
            return EngineFailure(
                reason=f"The engine's answer is malformed: {error.errors()[0]['msg']}.",
                remedy="Report it with the input and the log in the job's folder.",
                code="malformed-answer",
            )

    def wind_up(self) -> None:
        """Ask the process to stop at a checkpoint; what it then says comes by `receive`."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGUSR1)

    def stop(self) -> None:
        """Kill the process with all that it started; returns when it is gone."""
        process, self._process = self._process, None
        if process is None:
            return
        if process.poll() is None:
            end_tree(process.pid)
        process.wait(_WAIT_S)
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                _close(pipe)

    def _obituary(self, process: subprocess.Popen[bytes]) -> EngineFailure:
        code = process.wait(_WAIT_S)
        self.stop()
        if code == -signal.SIGKILL:
            return EngineFailure(
                reason="The engine was killed, probably because memory ran out.",
                remedy="Use a smaller cluster or a cheaper level, or a host with more memory.",
                code="engine-died",
                exit_code=code,
            )
        how = f"signal {-code}" if code < 0 else f"exit code {code}"
        last = _last_line(self._folder)
        if any(words in last for words in _OUT_OF_MEMORY):
            return EngineFailure(
                reason=f"The engine ran out of memory{self._of_memory()}: {last}.",
                remedy="Use a smaller cluster or a cheaper level, or allow it more memory.",
                code="out-of-memory",
            )
        return EngineFailure(
            reason=f"The engine died with {how}{': ' + last if last else ''}.",
            remedy="Read engine.log in the job's folder; report it with the input.",
            code="engine-died",
            exit_code=code,
        )

    def _of_memory(self) -> str:
        return "" if self._memory_MB is None else f" (it may have {self._memory_MB} MB)"


def _close(pipe: IO[bytes]) -> None:
    with contextlib.suppress(BrokenPipeError):  # unsent orders to a dead engine
        pipe.close()


def _cpu_s(pid: int) -> float:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text("ascii", "replace")
    except OSError:
        return 0.0
    ticks = stat.rpartition(")")[2].split()[11:15]  # utime, stime and those of ended children
    return sum(map(int, ticks)) / os.sysconf("SC_CLK_TCK")


def _last_line(folder: Path | None) -> str:
    """Return the last line that the engine printed in a job's folder."""
    log = None if folder is None else folder / "engine.log"
    if log is None or not log.exists():
        return ""
    lines = log.read_bytes()[-_LOG_TAIL_BYTES:].decode("utf-8", "replace").strip().splitlines()
    return lines[-1][:200] if lines else ""
