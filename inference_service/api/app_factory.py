"""The application: every route behind one guard."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from fastapi import FastAPI

from inference_service.api import pages, problems
from inference_service.api.answers import answers_router
from inference_service.api.computing import computing_router
from inference_service.api.frames import frames_router
from inference_service.api.guard import Guard
from inference_service.api.keys import KeyRing
from inference_service.api.metrics import new_registry
from inference_service.api.orders import orders_router
from inference_service.api.probes import probes_router
from inference_service.api.problems import Problem
from inference_service.api.status import status_router
from inference_service.live.hub import LiveHub
from inference_service.live.socket import live_router
from inference_service.readiness import Readiness
from inference_service.session import Session
from inference_service.settings import HttpSettings

__all__ = ["API_VERSION", "create_app"]

API_VERSION: Final = "1.1.0"
"""Version of the REST contract: raised with any change of docs/reference/openapi.json."""

PROBLEMS: Final[dict[int | str, dict[str, object]]] = {
    status: {"model": Problem, "content": {problems.MEDIA_TYPE: {}}} for status in (401, 404, 422)
}


def create_app(
    session: Session,
    settings: HttpSettings,
    *,
    keys: KeyRing,
    readiness: Readiness,
    dist: Path = pages.DIST,
) -> FastAPI:
    """Return the service's web application.

    Args:
        session: The live session, written on the same event loop.
        settings: Host names, caps, pace of the live view.
        keys: Who is admitted.
        readiness: State of the service's dependencies; must answer at once.
        dist: Folder of the built front end.
    """
    app = FastAPI(
        title="AtomLoop inference service",
        version=API_VERSION,
        description="Live STEM frames, their atoms, the ROIs picked from them and what computing "
        "returned. Lengths in Å, energies in eV, x = column, y = row.",
        openapi_url="/api/v1/openapi.json",
        docs_url=None,
        redoc_url=None,
        responses=PROBLEMS,
    )
    app.state.max_page = settings.max_page
    hub = LiveHub(session, readiness, window=settings.live_window, max_viewers=settings.max_clients)
    problems.install(app)
    app.include_router(status_router(session, readiness, keys))
    app.include_router(frames_router(session))
    app.include_router(computing_router(session))
    app.include_router(answers_router(session))
    app.include_router(orders_router(session))
    app.include_router(probes_router(readiness, new_registry(session, readiness, hub)))
    app.include_router(live_router(hub))
    pages.install(app, keys, dist)
    app.add_middleware(Guard, keys=keys, allowed_hosts=(*settings.allowed_hosts, settings.host))
    return app
