"""What goes wrong with a job, what is tried next, and when to give up: pure tables.

`classify` turns how a job ended into a kind of failure; `decide` looks up what follows. Nothing
here touches a process, a file or a database, and nothing of it is read from one.
"""

from sim_dispatcher.failures.adjustments import Adjustments
from sim_dispatcher.failures.ending import Ending, classify
from sim_dispatcher.failures.kinds import CONTINUING, FailureKind
from sim_dispatcher.failures.policy import (
    MAX_ATTEMPTS,
    MAX_CONTINUATIONS,
    MAX_LOSSES,
    GiveUp,
    Retry,
    Tries,
    adjustments_after,
    attempt_after,
    decide,
    is_lawful,
)

__all__ = [
    "CONTINUING",
    "MAX_ATTEMPTS",
    "MAX_CONTINUATIONS",
    "MAX_LOSSES",
    "Adjustments",
    "Ending",
    "FailureKind",
    "GiveUp",
    "Retry",
    "Tries",
    "adjustments_after",
    "attempt_after",
    "classify",
    "decide",
    "is_lawful",
]
