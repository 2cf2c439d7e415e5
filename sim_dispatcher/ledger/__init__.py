"""The dispatch ledger: every computation asked for, once, and what came of it."""

from sim_dispatcher.ledger.attempts import Attempt, Failure, Spent
from sim_dispatcher.ledger.outage import DatabaseAwayError, is_outage
from sim_dispatcher.ledger.records import (
    JobAnswer,
    JobFile,
    JobProgress,
    JobRecord,
    JobSpec,
    Variant,
)
from sim_dispatcher.ledger.states import FINAL, JobEvent
from sim_dispatcher.ledger.store import LEASE_S, MAX_LOSSES, Ledger
from sim_dispatcher.ledger.workflows import Workflows

__all__ = [
    "FINAL",
    "LEASE_S",
    "MAX_LOSSES",
    "Attempt",
    "DatabaseAwayError",
    "Failure",
    "JobAnswer",
    "JobEvent",
    "JobFile",
    "JobProgress",
    "JobRecord",
    "JobSpec",
    "Ledger",
    "Spent",
    "Variant",
    "Workflows",
    "is_outage",
]
