"""A defect of AtomLoop itself, contained: one ROI, order or frame must not stop the dispatcher."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import structlog

from shared.errors import AtomLoopError, InternalError

__all__ = ["contained"]

_log = structlog.get_logger(__name__)


@contextmanager
def contained(what: str) -> Iterator[None]:
    """Turn whatever nobody expected into an error that can be answered; it is logged in full.

    Args:
        what: What is being done, and to what.

    Raises:
        InternalError: Something unexpected was raised within.
    """
    try:
        yield
    except AtomLoopError:
        raise
    except Exception as cause:
        _log.exception("contained", what=what)
        raise InternalError(what, cause) from cause
