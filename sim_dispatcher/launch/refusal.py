"""What happens to a firework that must not run: it fizzles, with the reason beside it."""

from __future__ import annotations

from typing import Any

import structlog

from sim_dispatcher.launch.admission import Refused
from sim_dispatcher.launch.launchpad import force_state
from sim_dispatcher.ledger import Ledger

__all__ = ["REMEDY", "refuse"]

REMEDY = "Submit work through the dispatcher; look into who writes to this database."

log = structlog.get_logger(__name__)


def refuse(launchpad: Any, ledger: Ledger, refused: Refused) -> None:
    """Fizzle a firework without running any of it.

    Args:
        launchpad: Where it lives.
        ledger: Its job fails, where it is the firework of one.
        refused: Which, and why.
    """
    number = refused.firework
    details = {"_message": f"Refused by AtomLoop's launcher: {refused.reason}"}
    force_state(launchpad, number, {"state": "FIZZLED", "spec._exception_details": details})
    ledger.refuse(number, refused.reason, REMEDY)
    log.warning("firework refused", firework=number, reason=refused.reason)
