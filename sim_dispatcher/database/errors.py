"""Refusals in the server's own words: MongoDB error numbers and names."""

from __future__ import annotations

from typing import Any, Final

from bson.errors import BSONError
from pymongo.errors import PyMongoError

from shared.errors import DatabaseError

__all__ = ["REFUSALS", "CommandError", "DuplicateKeyError", "translate"]

_NAMES: Final[dict[int, str]] = {
    2: "BadValue",
    8: "UnknownError",
    9: "FailedToParse",
    14: "TypeMismatch",
    20: "IllegalOperation",
    26: "NamespaceNotFound",
    27: "IndexNotFound",
    40: "ConflictingUpdateOperators",
    43: "CursorNotFound",
    48: "NamespaceExists",
    59: "CommandNotFound",
    66: "ImmutableField",
    67: "CannotCreateIndex",
    73: "InvalidNamespace",
    85: "IndexOptionsConflict",
    238: "NotImplemented",
    10334: "BSONObjectTooLarge",
    11000: "DuplicateKey",
}


class CommandError(DatabaseError):
    """A command that is refused, with the number a MongoDB driver knows it by.

    Args:
        number: MongoDB's error code.
        message: What is wrong with the command.
    """

    code = "database-command"

    def __init__(self, number: int, message: str) -> None:
        super().__init__(message, remedy="Mend the command; the server is sound.")
        self.number = number

    def reply(self) -> dict[str, Any]:
        """Return the reply document of the refused command."""
        name = _NAMES.get(self.number, "Error")
        return {"ok": 0.0, "errmsg": self.message, "code": self.number, "codeName": name}


class DuplicateKeyError(CommandError):
    """A document whose unique key another document holds."""

    def __init__(self, namespace: str, index: str, key: object) -> None:
        text = f"E11000 duplicate key error collection: {namespace} index: {index} dup key: {key}"
        super().__init__(11000, text[:500])


REFUSALS: Final = (
    CommandError,
    PyMongoError,
    BSONError,
    NotImplementedError,
    TypeError,
    ValueError,
    LookupError,
    AttributeError,
    RecursionError,
    OverflowError,
)
"""What a malformed command can raise here and in the query library; nothing of it is our fault."""


def translate(error: Exception) -> CommandError:
    """Return the refusal that stands for an error out of the query library."""
    if isinstance(error, CommandError):
        return error
    if isinstance(error, NotImplementedError):
        return CommandError(238, str(error))
    number = getattr(error, "code", None)
    text = str(error) or type(error).__name__
    return CommandError(number if isinstance(number, int) else 2, text)
