"""Answers for theorists: structures, files, and the chain back to the detector's counts."""

from __future__ import annotations

import asyncio
from typing import Annotated, Final, Literal

from fastapi import APIRouter, Path, Query
from fastapi.responses import JSONResponse, PlainTextResponse, Response

from inference_service.api.answer_table import answer_table
from inference_service.api.paging import Page, PageWanted, page
from inference_service.api.problems import Problem, ProblemError
from inference_service.api.structure_export import MEDIA_TYPES, StructureFormat, exported
from inference_service.chain import Chain, chain_of, input_file
from inference_service.crate import crate_archive, crate_metadata
from inference_service.records import AnswerRecord
from inference_service.session import Session
from inference_service.views import AnswerView, answer_view
from shared.messages import Identifier, Level, Recipe

__all__ = ["answers_router"]

SAFE_MEDIA: Final = frozenset(
    {"text/plain", "text/csv", "application/json", "image/png", *MEDIA_TYPES.values()}
)
"""Served under their own name; anything else is a row of bytes to a browser."""

CSV: Final = "text/csv"
LD_JSON: Final = "application/ld+json"
GONE: Final[dict[int | str, dict[str, object]]] = {410: {"model": Problem}}

RoiKey = Annotated[Identifier, Path(description="Key of the ROI.")]
FileName = Annotated[str, Path(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
JobKey = Annotated[Identifier | None, Query(description="Which job's; default: the newest's.")]
LevelWanted = Annotated[Level | None, Query(description="Default: the newest answer's.")]
Which = Annotated[
    Literal["final", "input"], Query(description="What came out, or what the job started from.")
]


def answers_router(session: Session) -> APIRouter:
    """Return the routes of answers.

    Args:
        session: The live session.
    """
    router = APIRouter(prefix="/api/v1", tags=["answers"])
    _add_lists(router, session)
    _add_structures(router, session)
    _add_files(router, session)
    _add_provenance(router, session)
    return router


def _add_lists(router: APIRouter, session: Session) -> None:
    @router.get(
        "/answers",
        summary="What finished jobs returned",
        description="`format=csv` gives all of them as one table, oldest first.",
        response_model=Page[AnswerView],
        responses={200: {"content": {CSV: {}}}},
    )
    async def answers(
        wanted: PageWanted,
        roi: Identifier | None = None,
        recipe: Recipe | None = None,
        level: Level | None = None,
        form: Annotated[Literal["json", "csv"], Query(alias="format")] = "json",
    ) -> Page[AnswerView] | Response:
        entries = [
            record
            for record in session.answers(roi)
            if recipe in {None, record.answer.result.recipe}
            and level in {None, record.answer.result.level}
        ]
        if form == "json":
            return page(entries, wanted, answer_view)
        name = f"answers-{session.name or 'none'}.csv"
        return Response(answer_table(entries, session), headers=_download(name), media_type=CSV)

    @router.get(
        "/answers/{roi}",
        summary="The answers of one ROI with their attachments, newest first",
        description="Each level and each recipe keeps its own.",
    )
    async def answers_of(roi: RoiKey, wanted: PageWanted) -> Page[AnswerView]:
        _found(session, roi)
        return page(session.answers(roi), wanted, answer_view)


def _add_structures(router: APIRouter, session: Session) -> None:
    @router.get(
        "/answers/{roi}/structure",
        summary="The final structure of an answer, or the one its job started from",
        description="Extended XYZ is the structure as it came. CIF and POSCAR put a cluster in a "
        "box with 6 Å of vacuum.",
        response_class=PlainTextResponse,
        responses={200: {"content": {kind: {} for kind in MEDIA_TYPES.values()}}},
    )
    async def structure(
        roi: RoiKey,
        level: LevelWanted = None,
        job: JobKey = None,
        which: Which = "final",
        form: Annotated[StructureFormat, Query(alias="format")] = "extxyz",
    ) -> Response:
        record = _found(session, roi, level, job)
        source = record.structure if which == "final" else _input(record)
        text = await asyncio.to_thread(exported, source, form)
        part = "" if which == "final" else "-input"
        name = f"{roi}-{record.answer.result.level}{part}.{form}"
        return PlainTextResponse(text, headers=_download(name), media_type=MEDIA_TYPES[form])


def _add_files(router: APIRouter, session: Session) -> None:
    @router.get(
        "/answers/{roi}/files/{name}",
        summary="One file of an answer: an input, an output or a picture",
        response_class=Response,
        responses=GONE,
    )
    async def file(roi: RoiKey, name: FileName, job: JobKey = None) -> Response:
        record = _with_file(session, roi, name, job)
        if record.files is None:
            raise _forgotten(record)
        names = [each.name for each in record.answer.attachments]
        attachment = record.answer.attachments[names.index(name)]
        kind = attachment.media_type
        headers = {**_download(name), "etag": f'"{attachment.digest}"'}
        media = kind if kind in SAFE_MEDIA or kind.startswith("chemical/") else OCTETS
        return Response(record.files[names.index(name)], headers=headers, media_type=media)

    @router.get(
        "/answers/{roi}/crate",
        summary="Everything of an answer as an RO-Crate, zipped",
        response_class=Response,
        responses={200: {"content": {"application/zip": {}}}, **GONE},
    )
    async def crate(roi: RoiKey, level: LevelWanted = None, job: JobKey = None) -> Response:
        record = _found(session, roi, level, job)
        if record.files is None:
            raise _forgotten(record)
        chain = await _chain(session, record)
        content = await asyncio.to_thread(crate_archive, record, chain)
        headers = _download(f"{roi}-{record.answer.job}.crate.zip")
        return Response(content, headers=headers, media_type="application/zip")


def _add_provenance(router: APIRouter, session: Session) -> None:
    @router.get(
        "/answers/{roi}/provenance",
        summary="The chain from detector counts to this answer, recomputed where possible",
        description="`format=ro-crate` gives the same as RO-Crate metadata in JSON-LD.",
        response_model=Chain,
        responses={200: {"content": {LD_JSON: {}}}},
    )
    async def provenance(
        roi: RoiKey,
        level: LevelWanted = None,
        job: JobKey = None,
        form: Annotated[Literal["json", "ro-crate"], Query(alias="format")] = "json",
    ) -> Response:
        record = _found(session, roi, level, job)
        chain = await _chain(session, record)
        if form == "ro-crate":
            return JSONResponse(crate_metadata(record, chain), media_type=LD_JSON)
        return Response(chain.model_dump_json(), media_type="application/json")


OCTETS: Final = "application/octet-stream"


async def _chain(session: Session, record: AnswerRecord) -> Chain:
    """Recompute the chain off the event loop: a frame may have 100 megapixels."""
    frame = session.frame(record.answer.provenance.frame)
    return await asyncio.to_thread(chain_of, record, frame)


def _download(name: str) -> dict[str, str]:
    return {"content-disposition": f'attachment; filename="{name}"'}


def _found(
    session: Session, roi: str, level: Level | None = None, job: str | None = None
) -> AnswerRecord:
    for record in session.answers(roi):
        if level in {None, record.answer.result.level} and job in {None, record.answer.job}:
            return record
    of_job = f" of job {job}" if job else ""
    at_level = f" at level {level}" if level else ""
    raise ProblemError(
        404,
        "no-answer-yet",
        f"ROI {roi} has no answer{of_job}{at_level}.",
        remedy="/api/v1/answers lists what is there; /api/v1/jobs says what is running.",
    )


def _with_file(session: Session, roi: str, name: str, job: str | None) -> AnswerRecord:
    """Return the newest answer that has a file of this name."""
    _found(session, roi, job=job)
    for record in session.answers(roi):
        names = {each.name for each in record.answer.attachments}
        if job in {None, record.answer.job} and name in names:
            return record
    raise ProblemError(
        404,
        "no-such-file",
        f"No answer of ROI {roi} has a file {name}.",
        remedy=f"/api/v1/answers/{roi} lists the attachments.",
    )


def _forgotten(record: AnswerRecord) -> ProblemError:
    return ProblemError(
        410,
        "files-forgotten",
        f"The files of job {record.answer.job} were forgotten to make room for newer ones.",
        remedy="The dispatcher's ledger still has them; raise session.max_file_bytes to keep "
        "more here.",
    )


def _input(record: AnswerRecord) -> str:
    if record.files is None:
        raise _forgotten(record)
    text = input_file(record)
    if text is None:
        raise ProblemError(
            404,
            "no-input-structure",
            f"Job {record.answer.job} came without the structure it started from.",
            remedy="Run the same AtomLoop version on both sides.",
        )
    return text
