"""A database that is away for a moment, told apart from everything else that can go wrong."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from pymongo.errors import OperationFailure, PyMongoError

from shared.errors import DatabaseError

__all__ = ["DatabaseAwayError", "is_outage", "says_when_away"]

P = ParamSpec("P")
R = TypeVar("R")


class DatabaseAwayError(DatabaseError):
    """The database did not answer; the same call may succeed later."""

    code = "database-away"


def is_outage(error: BaseException | None) -> bool:
    """Tell whether an error is, or was raised while handling, one of a database that is away.

    A server that answers, but refuses, is not away.
    """
    while error is not None:
        away = isinstance(error, PyMongoError | DatabaseAwayError)
        if away and not isinstance(error, OperationFailure):
            return True
        error = error.__cause__ or error.__context__
    return False


def says_when_away(call: Callable[P, R]) -> Callable[P, R]:
    """Have a function raise `DatabaseAwayError` where the driver reaches no server.

    What a server refuses becomes a plain `DatabaseError`: trying again would not help.
    """

    @wraps(call)
    def calling(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return call(*args, **kwargs)
        except OperationFailure as error:
            raise DatabaseError(
                f"The database refuses what was asked: {str(error)[:200]}.",
                remedy="Let nothing but AtomLoop write to it; see its log if it happens again.",
            ) from error
        except PyMongoError as error:
            raise DatabaseAwayError(
                f"The database does not answer: {str(error)[:200]}.",
                remedy="Check that it runs; everything goes on by itself when it is back.",
            ) from error

    return calling
