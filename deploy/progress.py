"""Progress on a terminal: one moving line; plain, sparse lines where nobody watches.

Everything goes to standard error, so that standard output stays free for results.
Standard library only: the set-up runs before anything is installed.
"""

from __future__ import annotations

import shutil
import sys
import time
from typing import TextIO

__all__ = ["Progress", "clock_text"]

PLAIN_EVERY_S = 15.0
"""Seconds between two lines about the same step where the output is not a terminal."""


def clock_text(seconds: float) -> str:
    """Write a duration as minutes and seconds, such as `1:07`."""
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes}:{rest:02d}"


class Progress:
    """Shows what is being done, for how long, and what it is at just now.

    Args:
        stream: Where to write; a terminal gets one line that moves.
    """

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stderr
        self._moving = self._stream.isatty()
        self._title = ""
        self._began = self._said = time.monotonic()
        self._line_open = False

    def begin(self, title: str) -> None:
        """Start a step.

        Args:
            title: What is being done, as a noun or a participle.
        """
        self._title = title
        self._began = self._said = time.monotonic()
        self._draw("")
        if not self._moving:
            self._write(f"{title} …")

    def update(self, detail: str) -> None:
        """Say what the step is at.

        Args:
            detail: A few words, such as the package being installed.
        """
        now = time.monotonic()
        if self._moving:
            self._draw(detail)
        elif now - self._said >= PLAIN_EVERY_S:
            self._said = now
            self._write(f"{self._title} {clock_text(now - self._began)} {detail}".rstrip())

    def end(self, outcome: str = "done") -> None:
        """Close the step with its duration.

        Args:
            outcome: How it ended.
        """
        self.say(f"{self._title}: {outcome} ({clock_text(time.monotonic() - self._began)})")

    def say(self, line: str) -> None:
        """Write one whole line, whatever step is on.

        Args:
            line: The text, without a line end.
        """
        if self._line_open:
            self._stream.write("\r\x1b[K")
            self._line_open = False
        self._write(line)

    def _draw(self, detail: str) -> None:
        if not self._moving:
            return
        elapsed = clock_text(time.monotonic() - self._began)
        width = shutil.get_terminal_size().columns - 1
        line = f"{self._title}  {elapsed}  {detail}"[:width]
        self._stream.write(f"\r\x1b[K{line}")
        self._stream.flush()
        self._line_open = True

    def _write(self, line: str) -> None:
        self._stream.write(line + "\n")
        self._stream.flush()
