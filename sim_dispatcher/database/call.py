"""One command on its way through the server."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from shared.clock import Clock
from sim_dispatcher.database.catalog import Catalog
from sim_dispatcher.database.cursors import Cursors
from sim_dispatcher.database.errors import CommandError
from sim_dispatcher.database.table import Table

__all__ = ["Call", "Handler"]

Document = dict[str, Any]


@dataclass(frozen=True)
class Call:
    """A command with what it works on."""

    name: str
    """The command's name as the client spelled it."""
    command: Document
    catalog: Catalog
    cursors: Cursors
    clock: Clock

    @property
    def database(self) -> str:
        """The database the command is meant for."""
        return self.text("$db")

    @property
    def collection(self) -> str:
        """The collection the command names."""
        return self.text(self.name)

    @property
    def namespace(self) -> str:
        """`database.collection`."""
        return f"{self.database}.{self.collection}"

    @property
    def table(self) -> Table:
        """The collection's documents, to be read."""
        return self.catalog.table(self.database, self.collection)

    def text(self, field: str) -> str:
        """Return a field that must be a text.

        Raises:
            CommandError: It is missing or something else.
        """
        value = self.command.get(field)
        if not isinstance(value, str) or not value:
            raise CommandError(2, f"{self.name} needs a text in {field}.")
        return value

    def document(self, field: str) -> Document:
        """Return a field that must be a document; an empty one where it is missing.

        Raises:
            CommandError: It is something else.
        """
        value = self.command.get(field)
        if value is None:
            return {}
        if not isinstance(value, dict):
            raise CommandError(14, f"{self.name} needs a document in {field}.")
        return value

    def documents(self, field: str) -> list[Document]:
        """Return a field that must be a list of documents.

        Raises:
            CommandError: It is missing or something else.
        """
        value = self.command.get(field)
        if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
            raise CommandError(14, f"{self.name} needs a list of documents in {field}.")
        return value

    def number(self, field: str) -> int | None:
        """Return a field that must be a whole number, None where it is missing.

        Raises:
            CommandError: It is something else.
        """
        value = self.command.get(field)
        if value is None:
            return None
        if not isinstance(value, int | float) or int(value) != value:
            raise CommandError(14, f"{self.name} needs a whole number in {field}.")
        return int(value)


Handler = Callable[[Call], Document]
"""What answers a command: the reply document; changes go through the catalog."""
