"""Takes the operator's orders, hands them to the dispatchers and keeps what became of them.

An order is idempotent by its id: the same one twice is one order, another one under a used id is
refused. It is taken only while a dispatcher is connected; one that is taken is offered again to
a dispatcher that comes back, until an outcome is known.
"""

from __future__ import annotations

import secrets
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import replace
from typing import Final, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from inference_service.records import OrderRecord
from inference_service.revisions import Revisions
from shared.clock import Clock
from shared.errors import AtomLoopError
from shared.messages import (
    Action,
    Identifier,
    Level,
    Order,
    OrderOutcome,
    Recipe,
    RecipeOptions,
)

__all__ = [
    "Carrier",
    "NoDispatcherError",
    "OrderDesk",
    "OrderIdReusedError",
    "OrderRefusedError",
    "OrderRequest",
    "OtherSittingError",
    "TooManyOrdersError",
]

Carrier = Callable[[Order], int]
"""Offers an order to every connected dispatcher; returns how many took it."""

NEEDS: Final[dict[Action, tuple[str, ...]]] = {
    "pick": ("roi",),
    "release": ("roi",),
    "dismiss": ("roi",),
    "compute": ("roi", "recipe"),
    "look_at": ("x_A", "y_A"),
    "cancel": ("job",),
    "pause": (),
    "resume": (),
}
"""What each action cannot do without."""

MAY_HAVE: Final[dict[Action, tuple[str, ...]]] = {"compute": ("level", "options")}
DETAILS: Final = ("roi", "job", "x_A", "y_A", "recipe", "level", "options")


class OrderRefusedError(AtomLoopError):
    """An order that was not taken; nothing of it will happen."""

    code = "order-refused"


class NoDispatcherError(OrderRefusedError):
    """Nobody is there to carry it out."""

    code = "no-dispatcher"


class OtherSittingError(OrderRefusedError):
    """It names a place of another sample frame than the one on the screen."""

    code = "other-sitting"


class OrderIdReusedError(OrderRefusedError):
    """Its id belongs to a different order."""

    code = "order-id-reused"


class TooManyOrdersError(OrderRefusedError):
    """More orders wait for an outcome than are kept."""

    code = "too-many-orders"


class OrderRequest(BaseModel):
    """What the operator asks for."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    id: Identifier | None = Field(
        default=None, description="Names the order: the same one twice is one. Null: made here."
    )
    action: Action
    roi: Identifier | None = Field(
        default=None, description="For `pick`, `release`, `dismiss` and `compute`."
    )
    job: Identifier | None = Field(default=None, description="For `cancel`.")
    session: Identifier | None = Field(
        default=None, description="Refuse unless this is still the sitting at the microscope."
    )
    x_A: float | None = Field(
        default=None, description="For `look_at`: column position in the session's sample frame, Å."
    )
    y_A: float | None = Field(default=None, description="For `look_at`: row position, Å.")
    recipe: Recipe | None = Field(default=None, description="For `compute`.")
    level: Level | None = Field(
        default=None,
        description="For `compute`; null: the highest level that answers in a live session.",
    )
    options: RecipeOptions | None = Field(default=None, description="For `compute`.")

    @model_validator(mode="after")
    def check_details(self) -> Self:
        """Refuse an action without what it needs, or with what it has no use for."""
        given = {name for name in DETAILS if getattr(self, name) is not None}
        needed = set(NEEDS[self.action])
        if missing := sorted(needed - given):
            raise ValueError(f"the action {self.action} needs {' and '.join(missing)}")
        if idle := sorted(given - needed - set(MAY_HAVE.get(self.action, ()))):
            raise ValueError(f"the action {self.action} takes no {' and no '.join(idle)}")
        return self

    def order(self, order_id: str, by: str, now_ns: int) -> Order:
        """Return the order as the dispatchers get it.

        Args:
            order_id: Its name.
            by: Who asked, as the service knows them.
            now_ns: Wall clock.
        """
        details = {name: getattr(self, name) for name in DETAILS}
        return Order(id=order_id, action=self.action, by=by, issued_at_ns=now_ns, **details)


class OrderDesk:
    """The orders of the session; every call comes from the event-loop thread.

    Args:
        revisions: Counts and announces changes.
        clock: Time.
        max_orders: Orders kept, with their outcomes.
        sitting: Tells the sitting now at the microscope.
    """

    def __init__(
        self,
        revisions: Revisions,
        clock: Clock,
        max_orders: int,
        sitting: Callable[[], str | None],
    ) -> None:
        self._revisions = revisions
        self._clock = clock
        self._max_orders = max_orders
        self._sitting = sitting
        self._records: OrderedDict[str, OrderRecord] = OrderedDict()
        self._carry: Carrier = _nobody

    def connect(self, carry: Carrier) -> None:
        """Say who takes orders to the dispatchers."""
        self._carry = carry

    def take(self, request: OrderRequest, by: str) -> OrderRecord:
        """Take an order and hand it on; one that is known already is returned as it stands.

        Args:
            request: What is asked for.
            by: Who asks, as the service knows them.

        Raises:
            OrderRefusedError: It was not taken; the kind says why.
        """
        order_id = request.id or f"order-{secrets.token_hex(8)}"
        order = request.order(order_id, by, self._clock.wall_ns())
        known = self._records.get(order_id)
        if known is not None:
            return _same(known, order)
        self._check_sitting(request)
        self._make_room()
        self._records[order_id] = OrderRecord(order, None, self._revisions.next())
        if not self._carry(order):
            del self._records[order_id]
            raise NoDispatcherError(
                f"The order to {_words(order.action)} reached no dispatcher: none is connected "
                "with room for it.",
                remedy="Start sim-dispatcher and authorise its key; /readyz says when it is there.",
            )
        self._revisions.announce("order", order_id)
        return self._records[order_id]

    def settle(self, outcome: OrderOutcome) -> None:
        """Take in what became of an order.

        Several dispatchers may speak: that one did it weighs more than that another could not.

        Args:
            outcome: A dispatcher's word; ignored where the order is not known here.
        """
        record = self._records.get(outcome.id)
        if record is None:
            return
        known = record.outcome
        if known is not None and (known.accepted or not outcome.accepted):
            return
        record = replace(record, outcome=outcome, revision=self._revisions.next())
        self._records[outcome.id] = record
        self._revisions.announce("order", outcome.id)

    def unanswered(self) -> list[Order]:
        """Return the orders whose outcome is not known, oldest first."""
        return [each.order for each in self._records.values() if each.outcome is None]

    def all(self) -> list[OrderRecord]:
        """Return the orders, newest first."""
        return list(reversed(self._records.values()))

    def get(self, order_id: str) -> OrderRecord | None:
        """Return an order by its id."""
        return self._records.get(order_id)

    def _check_sitting(self, request: OrderRequest) -> None:
        now = self._sitting()
        if request.session is not None and request.session != now:
            raise OtherSittingError(
                f"The order belongs to sitting {request.session}; the one at the microscope is "
                f"{now or 'none'}.",
                remedy="Look at the present image and ask again.",
            )

    def _make_room(self) -> None:
        """Forget the oldest settled orders; one that waits is never forgotten."""
        settled = [key for key, each in self._records.items() if each.outcome is not None]
        for key in settled[: max(len(self._records) - self._max_orders + 1, 0)]:
            del self._records[key]
        if len(self._records) >= self._max_orders:
            raise TooManyOrdersError(
                f"{len(self._records)} orders wait for a dispatcher's word.",
                remedy="Wait until it has answered; /api/v1/orders lists them.",
            )


def _same(known: OrderRecord, order: Order) -> OrderRecord:
    again = order.model_copy(
        update={"issued_at_ns": known.order.issued_at_ns, "by": known.order.by}
    )
    if again != known.order:
        raise OrderIdReusedError(
            f"The id {order.id} belongs to another order, to {_words(known.order.action)}.",
            remedy="Give each order an id of its own.",
        )
    return known


def _words(action: Action) -> str:
    return action.replace("_", " ")


def _nobody(order: Order) -> int:
    del order
    return 0
