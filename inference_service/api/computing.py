"""ROIs, jobs and answers of the live session."""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import APIRouter, Path, Query
from fastapi.responses import PlainTextResponse, Response

from inference_service.api.paging import Page, PageWanted, page
from inference_service.api.problems import ProblemError
from inference_service.api.structure_export import MEDIA_TYPES, StructureFormat, exported
from inference_service.records import AnswerRecord
from inference_service.session import Session
from inference_service.views import AnswerView, RoiView, answer_view, roi_view
from shared.messages import Identifier, Job, JobState, Level, RoiState

__all__ = ["computing_router"]

RoiKey = Annotated[Identifier, Path(description="Key of the ROI.")]


def computing_router(session: Session) -> APIRouter:
    """Return the routes of ROIs, jobs and answers.

    Args:
        session: The live session.
    """
    router = APIRouter(prefix="/api/v1", tags=["computing"])

    @router.get("/rois", summary="Defects picked or refused for computing")
    async def rois(wanted: PageWanted, state: RoiState | None = None) -> Page[RoiView]:
        entries = [record for record in session.rois() if state in {None, record.roi.state}]
        return page(entries, wanted, roi_view)

    @router.get("/rois/{roi}", summary="One ROI")
    async def roi(roi: RoiKey) -> RoiView:
        record = session.roi(roi)
        if record is None:
            raise ProblemError(
                404, "unknown-roi", f"There is no ROI {roi}.", remedy="/api/v1/rois lists them."
            )
        return roi_view(record)

    @router.get("/jobs", summary="Recipes on ROIs, each at one level of theory")
    async def jobs(
        wanted: PageWanted, roi: Identifier | None = None, state: JobState | None = None
    ) -> Page[Job]:
        entries = [
            job for job in session.jobs() if roi in {None, job.roi} and state in {None, job.state}
        ]
        return page(entries, wanted, lambda job: job)

    @router.get("/answers", summary="What finished jobs returned")
    async def answers(wanted: PageWanted, roi: Identifier | None = None) -> Page[AnswerView]:
        return page(session.answers(roi), wanted, answer_view)

    @router.get("/answers/{roi}", summary="The answers of one ROI, one for each level")
    async def answers_of(roi: RoiKey, wanted: PageWanted) -> Page[AnswerView]:
        _newest(session, roi, None)
        return page(session.answers(roi), wanted, answer_view)

    @router.get(
        "/answers/{roi}/structure",
        summary="The final structure of a ROI's newest answer",
        description="Extended XYZ is the structure as it came. CIF and POSCAR put a cluster in a "
        "box with 6 Å of vacuum.",
        response_class=PlainTextResponse,
        responses={200: {"content": {kind: {} for kind in MEDIA_TYPES.values()}}},
    )
    async def structure(
        roi: RoiKey,
        level: Annotated[Level | None, Query(description="Default: the newest answer's.")] = None,
        form: Annotated[StructureFormat, Query(alias="format")] = "extxyz",
    ) -> Response:
        record = _newest(session, roi, level)
        text = await asyncio.to_thread(exported, record.structure, form)
        disposition = f'attachment; filename="{roi}-{record.answer.result.level}.{form}"'
        headers = {"content-disposition": disposition}
        return PlainTextResponse(text, headers=headers, media_type=MEDIA_TYPES[form])

    return router


def _newest(session: Session, roi: str, level: Level | None) -> AnswerRecord:
    for record in session.answers(roi):
        if level in {None, record.answer.result.level}:
            return record
    at_level = f" at level {level}" if level else ""
    raise ProblemError(
        404,
        "no-answer-yet",
        f"ROI {roi} has no answer{at_level}.",
        remedy="/api/v1/answers lists what is there; /api/v1/jobs says what is running.",
    )
