"""Frames of the live session and their atoms."""

from __future__ import annotations

import asyncio
from typing import Annotated, Final, Literal

from fastapi import APIRouter, Header, Path, Query
from fastapi.responses import PlainTextResponse, Response

from inference_service.api.atoms_view import AtomsView, atoms_as_extxyz, atoms_view
from inference_service.api.paging import Page, PageWanted, page
from inference_service.api.problems import ProblemError
from inference_service.api.structure_export import MEDIA_TYPES
from inference_service.records import Analysis, FrameRecord
from inference_service.session import Session
from inference_service.views import FrameView, frame_view

__all__ = ["frames_router"]

EXTXYZ: Final = MEDIA_TYPES["extxyz"]

FOUND_P: Final = 0.5
"""Probability from which an atom counts as found; fainter ones are listed in JSON only."""

FrameId = Annotated[
    str,
    Path(
        pattern=r"^(latest|[0-9a-f]{64})$",
        description="Name of the frame, or `latest`: the newest one that has atoms.",
    ),
]
AtomsFormat = Literal["json", "extxyz"]
LeastP = Annotated[
    float | None,
    Query(
        ge=0,
        le=1,
        description="Leave out atoms less probable than this. Default: 0 (all) in JSON, 0.5 (those "
        "counted as found) in extended XYZ.",
    ),
]


def frames_router(session: Session) -> APIRouter:
    """Return the routes of frames.

    Args:
        session: The live session.
    """
    router = APIRouter(prefix="/api/v1/frames", tags=["frames"])

    @router.get("", summary="Frames in memory, newest first")
    async def frames(wanted: PageWanted) -> Page[FrameView]:
        return page(session.frames(), wanted, frame_view)

    @router.get("/{frame}", summary="One frame without its pixels and atoms")
    async def frame(frame: FrameId) -> FrameView:
        return frame_view(_found(session, frame))

    @router.get(
        "/{frame}/atoms",
        summary="The atoms of one frame, as JSON or extended XYZ",
        response_model=AtomsView,
        responses={200: {"content": {EXTXYZ: {}}}},
    )
    async def atoms(
        frame: FrameId,
        form: Annotated[AtomsFormat | None, Query(alias="format")] = None,
        least_p: LeastP = None,
        accept: Annotated[str, Header(include_in_schema=False)] = "",
    ) -> Response:
        analysis = _analysed(_found(session, frame))
        if form == "extxyz" or (form is None and _wants_extxyz(accept)):
            floor = FOUND_P if least_p is None else least_p
            text = await asyncio.to_thread(atoms_as_extxyz, analysis, floor)
            name = f"frame-{analysis.header.frame_index:06d}-{analysis.header.frame[:8]}.extxyz"
            return _download(text, name)
        text = await asyncio.to_thread(_json, analysis, least_p or 0.0)
        return Response(text, media_type="application/json")

    return router


def _found(session: Session, name: str) -> FrameRecord:
    record = session.frame(name)
    if record is not None:
        return record
    if name == "latest":
        raise ProblemError(
            404,
            "no-frame-yet",
            "No frame has been analysed yet.",
            remedy="Start an edge agent; /readyz says what the service still waits for.",
        )
    raise ProblemError(
        404,
        "unknown-frame",
        f"Frame {name} is not in memory.",
        remedy="Only the newest frames are kept; /api/v1/frames lists them.",
    )


def _analysed(record: FrameRecord) -> Analysis:
    if record.analysis is not None:
        return record.analysis
    if record.failure is not None:
        raise ProblemError(
            409, record.failure.code, record.failure.message, remedy=record.failure.remedy
        )
    raise ProblemError(
        409,
        "not-analysed-yet",
        f"Frame {record.frame.name} is waiting for the detector.",
        remedy="Ask again in a moment.",
    )


def _wants_extxyz(accept: str) -> bool:
    kinds = {part.partition(";")[0].strip().lower() for part in accept.split(",")}
    return bool(kinds & {EXTXYZ, "chemical/x-xyz"}) and "application/json" not in kinds


def _json(analysis: Analysis, least_p: float) -> str:
    return atoms_view(analysis, least_p).model_dump_json()


def _download(text: str, name: str) -> PlainTextResponse:
    disposition = f'attachment; filename="{name}"'
    return PlainTextResponse(text, headers={"content-disposition": disposition}, media_type=EXTXYZ)
