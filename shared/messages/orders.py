"""What the operator asks of the dispatcher, and what became of it.

Orders travel from the service to every connected dispatcher on the sequenced stream. An order's
`id` makes it idempotent: the same one twice is carried out once.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from shared.messages.base import Identifier, Message, Text
from shared.messages.simulation import Level, Recipe, RecipeOptions

__all__ = ["Action", "Order", "OrderOutcome"]

Action = Literal[
    "pick",
    "release",
    "dismiss",
    "compute",
    "look_at",
    "cancel",
    "pause",
    "resume",
]
"""`pick`: compute this ROI before all others, though the budget or a doubt speaks against it;
`release`: forget what was said of it; `dismiss`: never compute it, and cancel what is under way;
`compute`: one more recipe on a ROI; `look_at`: make a place of the sample a ROI; `cancel`: end one
job; `pause`, `resume`: start nothing new, and go on."""


class Order(Message):
    """One wish of the operator."""

    kind: Literal["order"] = "order"
    id: Identifier
    action: Action
    roi: Identifier | None = None
    """For pick, release, dismiss and compute."""
    job: Identifier | None = None
    """For cancel."""
    x_A: float | None = None
    """For look_at: column position in the session's sample frame, Å."""
    y_A: float | None = None
    recipe: Recipe | None = None
    """For compute."""
    level: Level | None = None
    """For compute; None = the highest level that answers in a live session."""
    options: RecipeOptions | None = None
    by: Text = ""
    """Who asked, as the service knows them."""
    issued_at_ns: Annotated[int, Field(ge=0)]


class OrderOutcome(Message):
    """What became of an order."""

    kind: Literal["order_outcome"] = "order_outcome"
    id: Identifier
    accepted: bool
    message: Text
    """What was done, or why not and what would help."""
    job: Identifier | None = None
    """The job it made, where it made one."""
    roi: Identifier | None = None
    """The ROI it made, where it made one (`look_at`)."""
    undo: Action | None = None
    """The action that takes it back; None where nothing can."""
    at_ns: Annotated[int, Field(ge=0)]
