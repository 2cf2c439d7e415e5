"""The operator's orders over REST: ask, and see what became of it."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import APIRouter, Header, Path, Request

from inference_service.admission import Admission
from inference_service.api.paging import Page, PageWanted, page
from inference_service.api.problems import Problem, ProblemError
from inference_service.order_desk import OrderRefusedError, OrderRequest
from inference_service.session import Session
from inference_service.views import OrderView, order_view
from shared.messages import Identifier

__all__ = ["orders_router"]

STATUS: Final = {
    "no-dispatcher": 409,
    "other-sitting": 409,
    "order-id-reused": 422,
    "too-many-orders": 429,
}
"""Kind of refusal to HTTP status."""

REFUSALS: Final[dict[int | str, dict[str, object]]] = {
    status: {"model": Problem} for status in (403, 409, 429)
}

IdempotencyKey = Annotated[
    Identifier | None,
    Header(description="The order's id, where the body has none: a repeated request is one order."),
]


def orders_router(session: Session) -> APIRouter:
    """Return the routes of orders; the guard lets only those in who may operate.

    Args:
        session: The live session.
    """
    router = APIRouter(prefix="/api/v1", tags=["orders"])

    @router.post(
        "/orders",
        status_code=202,
        summary="Ask the dispatcher for something",
        description="Taken means handed to a connected dispatcher; `outcome` says later what "
        "became of it. The same id with the same content is the same order.",
        responses=REFUSALS,
    )
    async def take(
        wanted: OrderRequest, request: Request, idempotency_key: IdempotencyKey = None
    ) -> OrderView:
        if idempotency_key is not None:
            wanted = _named(wanted, idempotency_key)
        admission: Admission = request.state.admission
        try:
            return order_view(session.orders.take(wanted, admission.who))
        except OrderRefusedError as error:
            raise ProblemError(
                STATUS[error.code], error.code, error.message, remedy=error.remedy
            ) from error

    @router.get("/orders", summary="The operator's orders, newest first")
    async def orders(wanted: PageWanted) -> Page[OrderView]:
        return page(session.orders.all(), wanted, order_view)

    @router.get("/orders/{order}", summary="One order and what became of it")
    async def order(order: Annotated[Identifier, Path(description="Its id.")]) -> OrderView:
        record = session.orders.get(order)
        if record is None:
            raise ProblemError(
                404,
                "unknown-order",
                f"There is no order {order}.",
                remedy="/api/v1/orders lists those that are remembered.",
            )
        return order_view(record)

    return router


def _named(wanted: OrderRequest, key: str) -> OrderRequest:
    if wanted.id not in {None, key}:
        raise ProblemError(
            422,
            "two-ids",
            f"The body names the order {wanted.id}, the header {key}.",
            remedy="Send one id, in the body or as Idempotency-Key.",
        )
    return wanted.model_copy(update={"id": key})
