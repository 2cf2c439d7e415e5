"""What machines watch: liveness, readiness with reasons, metrics."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.responses import JSONResponse, Response
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from pydantic import BaseModel, ConfigDict

from inference_service.readiness import Dependency, Readiness, is_ready

__all__ = ["probes_router"]


class Alive(BaseModel):
    """The process answers."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    alive: bool = True


class ReadinessView(BaseModel):
    """Whether the service can do its work, and why not."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    ready: bool
    dependencies: tuple[Dependency, ...]


def probes_router(readiness: Readiness, registry: CollectorRegistry) -> APIRouter:
    """Return the routes of probes and metrics.

    Args:
        readiness: State of the service's dependencies.
        registry: The metrics.
    """
    router = APIRouter(tags=["probes"])

    @router.get("/livez", summary="The process answers")
    async def livez() -> Alive:
        return Alive()

    @router.get(
        "/readyz",
        summary="Whether the service can do its work, dependency by dependency",
        response_model=ReadinessView,
        responses={503: {"model": ReadinessView}},
    )
    async def readyz() -> Response:
        dependencies = tuple(readiness())
        view = ReadinessView(ready=is_ready(dependencies), dependencies=dependencies)
        return JSONResponse(view.model_dump(mode="json"), 200 if view.ready else 503)

    @router.get("/metrics", summary="Prometheus metrics", response_class=Response)
    async def metrics() -> Response:
        return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)

    return router
