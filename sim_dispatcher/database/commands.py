"""The server's command table, and how a command is run.

The greeting announces a standalone server without sessions, retryable writes or transactions;
drivers then use none of them. A transaction that comes all the same is refused.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from importlib.metadata import version
from typing import Any, Final

from shared.clock import Clock
from sim_dispatcher.database.call import Call, Handler
from sim_dispatcher.database.catalog import Catalog, Effect
from sim_dispatcher.database.cursors import Cursors
from sim_dispatcher.database.errors import REFUSALS, CommandError, translate
from sim_dispatcher.database.queries import QUERIES
from sim_dispatcher.database.schema import SCHEMA
from sim_dispatcher.database.wire import MAX_DOCUMENT_BYTES, MAX_MESSAGE_BYTES
from sim_dispatcher.database.writes import WRITES

__all__ = ["COMMANDS", "Interpreter"]

Document = dict[str, Any]

_ANSWERS_TO: Final = "7.0.0"
"""The MongoDB release whose wire version is announced."""


def hello(call: Call) -> Document:
    """Greet a driver."""
    now = dt.datetime.fromtimestamp(call.clock.wall_ns() / 1e9, dt.UTC)
    return {
        "helloOk": True,
        "ismaster": True,
        "isWritablePrimary": True,
        "maxBsonObjectSize": MAX_DOCUMENT_BYTES,
        "maxMessageSizeBytes": MAX_MESSAGE_BYTES,
        "maxWriteBatchSize": 100_000,
        "localTime": now,
        "minWireVersion": 0,
        "maxWireVersion": 21,
        "readOnly": False,
        "ok": 1.0,
    }


def build_info(call: Call) -> Document:
    """Say what server this is."""
    del call
    numbers = [int(part) for part in _ANSWERS_TO.split(".")]
    modules = [f"atomloop-{version('atomloop')}"]
    return {
        "version": _ANSWERS_TO,
        "versionArray": [*numbers, 0],
        "gitVersion": modules[0],
        "modules": modules,
        "maxBsonObjectSize": MAX_DOCUMENT_BYTES,
        "ok": 1.0,
    }


def agree(call: Call) -> Document:
    """Answer a command that asks for nothing this server would have to do."""
    del call
    return {"ok": 1.0}


COMMANDS: Final[dict[str, Handler]] = {
    "hello": hello,
    "ismaster": hello,
    "ping": agree,
    "endsessions": agree,
    "compact": agree,
    "buildinfo": build_info,
    **QUERIES,
    **WRITES,
    **SCHEMA,
}
"""Handlers by the command's name in lower case."""


class Interpreter:
    """Runs commands, one at a time, on a catalog.

    Args:
        catalog: The data.
        clock: For the greeting.
        commands: Handlers by lower-case name; a test may plant faulty ones.
    """

    def __init__(
        self, catalog: Catalog, clock: Clock, commands: Mapping[str, Handler] = COMMANDS
    ) -> None:
        self._catalog = catalog
        self._cursors = Cursors()
        self._clock = clock
        self._commands = commands

    def run(self, command: Document) -> tuple[Document, list[Effect]]:
        """Run a command.

        Args:
            command: As it came, the name first.

        Returns:
            The reply, and the changes made, which must be in the journal before the reply goes.
        """
        name = next(iter(command))
        try:
            reply = self._handler(name, command)(
                Call(name, command, self._catalog, self._cursors, self._clock)
            )
        except REFUSALS as error:
            reply = translate(error).reply()
        return reply, self._catalog.take_effects()

    def _handler(self, name: str, command: Document) -> Handler:
        handler = self._commands.get(name.lower())
        if handler is None:
            raise CommandError(59, f"No such command: {name[:64]}.")
        if command.get("startTransaction") or "autocommit" in command:
            raise CommandError(20, "Transactions are not supported by the embedded database.")
        return handler
