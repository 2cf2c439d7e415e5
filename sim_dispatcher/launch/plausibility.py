"""Whether an answer can be the answer to a job: a result from elsewhere is not taken on trust."""

from __future__ import annotations

import math

from sim_dispatcher.launch.orders import EngineAnswer, EngineFailure
from sim_dispatcher.ledger import JobSpec

__all__ = ["checked"]


def checked(answer: EngineAnswer, spec: JobSpec) -> EngineAnswer | EngineFailure:
    """Return an answer, or the failure that it is.

    Args:
        answer: What the engine said.
        spec: What it was asked.
    """
    result = answer.answer.result
    numbers = (result.energy_eV, result.formation_eV or 0.0, result.fmax_eV_A)
    if (result.recipe, result.level) != (spec.recipe, spec.level):
        wrong = f"it is of {result.recipe} at {result.level}"
    elif not all(map(math.isfinite, numbers)):
        wrong = "its energy or force is not a number"
    elif not answer.answer.structure.strip():
        wrong = "it has no structure"
    else:
        return answer
    return EngineFailure(
        reason=f"The engine's answer does not fit the job: {wrong}.",
        remedy="Report it with the input and the log in the job's folder.",
        code="malformed-answer",
    )
