"""The service's state, the session, and one-time keys for further browsers."""

from __future__ import annotations

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from inference_service.admission import Rights
from inference_service.api.keys import KeyRing
from inference_service.readiness import Readiness
from inference_service.session import Session
from inference_service.views import StatusView, status_view

__all__ = ["status_router"]


class SessionView(BaseModel):
    """The live session as a whole."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    session: str | None = Field(description="Its identifier; null before the first frame.")
    revision: int
    first_index: int | None = Field(description="Oldest frame still in memory.")
    last_index: int | None = Field(description="Newest frame.")
    frames_in_memory: int
    rois: int
    jobs: int
    answers: int


class OneTimeKey(BaseModel):
    """An address that admits one browser, once."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    key: str
    path: str = Field(description="To be opened at this service's own address.")
    rights: Rights = Field(description="What the browser it admits may do.")


def status_router(session: Session, readiness: Readiness, keys: KeyRing) -> APIRouter:
    """Return the routes of the service's state.

    Args:
        session: The live session.
        readiness: State of the service's dependencies.
        keys: Mints one-time keys.
    """
    router = APIRouter(prefix="/api/v1", tags=["service"])

    @router.get("/status", summary="The service and the loop around it, now")
    async def status() -> StatusView:
        return status_view(session, readiness())

    @router.get("/session", summary="The live session as a whole")
    async def live_session() -> SessionView:
        frames = [r.frame for r in session.frames() if r.frame.session == session.name]
        indices = [frame.index for frame in frames]
        return SessionView(
            session=session.name,
            revision=session.revision,
            first_index=min(indices, default=None),
            last_index=max(indices, default=None),
            frames_in_memory=len(frames),
            rois=len(session.rois()),
            jobs=len(session.jobs()),
            answers=len(session.answers()),
        )

    @router.post("/one-time-keys", status_code=201, summary="A key that admits one browser, once")
    async def one_time_key(rights: Rights = "operate") -> OneTimeKey:
        key = keys.mint_one_time_key(rights)
        return OneTimeKey(key=key, path=f"/?key={key}", rights=rights)

    return router
