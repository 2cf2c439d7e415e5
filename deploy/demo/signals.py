"""Signals as something to wait for, instead of something that interrupts."""

from __future__ import annotations

import os
import select
import signal
from types import FrameType, TracebackType
from typing import Self

__all__ = ["Signals"]

WATCHED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGCHLD)


class Signals:
    """Collects requests to stop, and wakes the waiter when a child ends.

    A context manager; use it in the main thread. Outside it, signals act as before.

    Attributes:
        stop: The signal that asked this process to stop, once one has.
    """

    def __init__(self) -> None:
        self.stop: signal.Signals | None = None
        self._reader, self._writer = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)

    def __enter__(self) -> Self:
        """Start collecting."""
        self._before = {number: signal.signal(number, self._note) for number in WATCHED}
        self._wakeup = signal.set_wakeup_fd(self._writer, warn_on_full_buffer=False)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Give the signals back."""
        signal.set_wakeup_fd(self._wakeup)
        for number, handler in self._before.items():
            signal.signal(number, handler)
        os.close(self._reader)
        os.close(self._writer)

    def wait(self, timeout_s: float) -> None:
        """Return at the next signal, or after `timeout_s`."""
        ready, _, _ = select.select([self._reader], [], [], timeout_s)
        if ready:
            os.read(self._reader, 4096)

    def _note(self, number: int, frame: FrameType | None) -> None:
        del frame
        if number != signal.SIGCHLD and self.stop is None:
            self.stop = signal.Signals(number)
