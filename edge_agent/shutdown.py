"""How the edge ends: first signal stops acquiring, second one stops waiting."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Callable, Coroutine, Iterator
from typing import Final

import structlog

__all__ = ["Shutdown", "first_of"]

_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)
_log = structlog.get_logger(__name__)


class Shutdown:
    """Turns Ctrl-C and SIGTERM into an orderly end.

    Args:
        stop_acquiring: Called once, at the first signal.
        drain_s: How long open answers are then waited for, s.
    """

    def __init__(self, stop_acquiring: Callable[[], None], drain_s: float) -> None:
        self._stop_acquiring = stop_acquiring
        self._drain_s = drain_s
        self._requested = asyncio.Event()
        self._at_once = asyncio.Event()

    def request(self) -> None:
        """Ask for the end; asking again ends the wait for open answers."""
        if self._requested.is_set():
            self._at_once.set()
            return
        _log.info("stopping", drain_s=self._drain_s)
        self._requested.set()
        self._stop_acquiring()

    @contextlib.contextmanager
    def on_signals(self) -> Iterator[None]:
        """Listen to Ctrl-C and SIGTERM while the block runs."""
        loop = asyncio.get_running_loop()
        for number in _SIGNALS:
            loop.add_signal_handler(number, self.request)
        try:
            yield
        finally:
            for number in _SIGNALS:
                loop.remove_signal_handler(number)

    async def due(self) -> None:
        """Wait until an end was asked for and nothing more is to be waited for."""
        await self._requested.wait()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._drain_s):
                await self._at_once.wait()


async def first_of(*duties: Coroutine[None, None, None]) -> None:
    """Run duties together until one of them ends or fails; then end the others.

    Raises:
        Exception: What the first failing one raised.
    """
    tasks = [asyncio.ensure_future(duty) for duty in duties]
    try:
        ended, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    for task in ended:
        task.result()
