"""ROIs and jobs of the live session."""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import APIRouter, Path
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field

from inference_service.api.paging import Page, PageWanted, page
from inference_service.api.patch_image import patch_headers, png
from inference_service.api.problems import ProblemError
from inference_service.records import RoiRecord
from inference_service.session import Session
from inference_service.views import JobView, RoiView, job_view, roi_view
from shared.messages import Identifier, JobState, Level, Recipe, RoiOrigin, RoiState, Wish

__all__ = ["computing_router"]

HISTORY_LENGTH = 100
"""Links of a chain that are followed."""


class RoiHistory(BaseModel):
    """What the beam made of a defect, oldest first."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    items: tuple[RoiView, ...]
    forgotten: Identifier | None = Field(
        description="The ROI before the first item, which is not remembered any more."
    )


RoiKey = Annotated[Identifier, Path(description="Key of the ROI.")]


def computing_router(session: Session) -> APIRouter:
    """Return the routes of ROIs and jobs.

    Args:
        session: The live session.
    """
    router = APIRouter(prefix="/api/v1", tags=["computing"])
    _add_rois(router, session)
    _add_image(router, session)
    _add_jobs(router, session)
    return router


def _add_rois(router: APIRouter, session: Session) -> None:
    @router.get("/rois", summary="Defects picked or refused for computing")
    async def rois(
        wanted: PageWanted,
        state: RoiState | None = None,
        origin: RoiOrigin | None = None,
        wish: Wish | None = None,
    ) -> Page[RoiView]:
        entries = [
            record
            for record in session.rois()
            if state in {None, record.roi.state}
            and origin in {None, record.roi.origin}
            and wish in {None, record.roi.wish}
        ]
        return page(entries, wanted, roi_view)

    @router.get("/rois/{roi}", summary="One ROI")
    async def roi(roi: RoiKey) -> RoiView:
        return roi_view(_known(session, roi))

    @router.get(
        "/rois/{roi}/history",
        summary="What it was before, and what became of it",
        description="Each entry's `previous` names the one the beam turned into it.",
    )
    async def history(roi: RoiKey) -> RoiHistory:
        return _history(session, _known(session, roi))


def _add_image(router: APIRouter, session: Session) -> None:
    @router.get(
        "/rois/{roi}/image",
        summary="What the microscope showed there, as a grey PNG",
        description="From the frame the ROI was last told with. The headers `x-frame`, "
        "`x-pixel-size-a` and `x-origin-a` (x, y of the first pixel's centre in that frame, Å) "
        "place it.",
        response_class=Response,
        responses={200: {"content": {"image/png": {}}}},
    )
    async def image(roi: RoiKey) -> Response:
        _known(session, roi)
        patch = session.patches.get(roi)
        if patch is None:
            raise ProblemError(
                404,
                "no-image",
                f"No pixels of ROI {roi} are kept: its frame was gone before it was told.",
                remedy="/api/v1/frames lists the frames in memory.",
            )
        content = await asyncio.to_thread(png, patch)
        return Response(content, headers=patch_headers(patch), media_type="image/png")


def _add_jobs(router: APIRouter, session: Session) -> None:
    @router.get("/jobs", summary="Recipes on ROIs, each at one level of theory")
    async def jobs(
        wanted: PageWanted,
        roi: Identifier | None = None,
        state: JobState | None = None,
        recipe: Recipe | None = None,
        level: Level | None = None,
    ) -> Page[JobView]:
        entries = [
            job
            for job in session.jobs()
            if roi in {None, job.roi}
            and state in {None, job.state}
            and recipe in {None, job.recipe}
            and level in {None, job.level}
        ]
        return page(entries, wanted, lambda job: job_view(session, job))

    @router.get("/jobs/{job}", summary="One job")
    async def job(job: Annotated[Identifier, Path(description="Its key.")]) -> JobView:
        known = session.job(job)
        if known is None:
            raise ProblemError(
                404, "unknown-job", f"There is no job {job}.", remedy="/api/v1/jobs lists them."
            )
        return job_view(session, known)


def _known(session: Session, roi: str) -> RoiRecord:
    record = session.roi(roi)
    if record is None:
        raise ProblemError(
            404, "unknown-roi", f"There is no ROI {roi}.", remedy="/api/v1/rois lists them."
        )
    return record


def _history(session: Session, record: RoiRecord) -> RoiHistory:
    """Follow the chain back, then forward; the newest of several successors is taken."""
    chain = [record]
    seen = {record.roi.key}
    while (before := chain[0].roi.previous) and before not in seen and len(seen) < HISTORY_LENGTH:
        known = session.roi(before)
        if known is None:
            break
        seen.add(before)
        chain.insert(0, known)
    after = {each.roi.previous: each for each in reversed(session.rois()) if each.roi.previous}
    while (known := after.get(chain[-1].roi.key)) and known.roi.key not in seen:
        seen.add(known.roi.key)
        chain.append(known)
    first = chain[0].roi.previous
    forgotten = None if first is None or first in seen else first
    return RoiHistory(items=tuple(map(roi_view, chain)), forgotten=forgotten)
