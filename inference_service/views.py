"""What REST and the live view show of the session: one set of models for both."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from importlib.metadata import version

from pydantic import BaseModel, ConfigDict, Field

from inference_service.readiness import Dependency, is_ready
from inference_service.records import (
    AnswerRecord,
    FrameRecord,
    OrderRecord,
    PeerRecord,
    RoiRecord,
)
from inference_service.session import Session
from shared.messages import (
    Acquisition,
    Answer,
    Atoms,
    Calibration,
    Defect,
    DispatcherStatus,
    EdgeStatus,
    Job,
    Order,
    OrderOutcome,
    PixelType,
    Roi,
)

__all__ = [
    "AnswerView",
    "FailureView",
    "FrameView",
    "JobView",
    "NewestFrame",
    "OrderView",
    "PeerView",
    "RoiView",
    "StatusView",
    "answer_view",
    "frame_view",
    "job_view",
    "order_view",
    "roi_view",
    "status_view",
]


class View(BaseModel):
    """A value shown to a reader."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class FailureView(View):
    """Why a frame has no atoms."""

    code: str
    message: str
    remedy: str


class FrameView(View):
    """A frame without its pixels and atoms."""

    name: str = Field(description="BLAKE3 of the frame's content: its name everywhere.")
    session: str
    index: int = Field(description="Counts accepted frames within the session, without gaps.")
    shape: tuple[int, int] = Field(description="(rows, columns)")
    pixel_type: PixelType
    calibration: Calibration = Field(description="What the header or the operator says.")
    acquisition: Acquisition
    received_at_ns: int = Field(description="Wall clock of this service, Unix epoch.")
    received_s: float = Field(description="Monotonic instant of arrival, on the scale of `now_s`.")
    analysed_s: float | None = Field(description="Monotonic instant its atoms were there.")
    revision: int
    analysis: Atoms | None = Field(description="Null until the detector has looked.")
    defects: tuple[Defect, ...]
    failure: FailureView | None = Field(description="Why the detector refused it.")


class RoiView(Roi):
    """A ROI, and the session whose sample frame its position is in."""

    session: str | None = Field(description="Null where its frame was never seen here.")
    image: str | None = Field(description="The frame whose pixels about it are kept, if any.")
    revision: int


class AnswerView(Answer):
    """An answer without its structure and files, which have paths of their own."""

    files_kept: bool = Field(description="False where its files were forgotten to save memory.")
    revision: int


class JobView(Job):
    """A job, and since when it runs."""

    running_since_s: float | None = Field(
        description="Monotonic instant it was first heard to run, on the scale of `now_s`."
    )


class OrderView(Order):
    """An order, and what became of it."""

    outcome: OrderOutcome | None = Field(description="Null until a dispatcher has answered.")
    revision: int


class PeerView(View):
    """An edge or dispatcher: whether it is there, and its last word."""

    connected: bool
    heard_age_s: float | None = Field(description="Seconds since its last word.")
    edge: EdgeStatus | None = None
    dispatcher: DispatcherStatus | None = None


class NewestFrame(View):
    """Where the newest frame stands."""

    name: str
    session: str
    index: int
    age_s: float = Field(description="Seconds since it arrived here.")
    analysed: bool


class StatusView(View):
    """The service and the loop around it, at one instant."""

    version: str
    session: str | None = Field(description="Session of the newest frame.")
    revision: int = Field(description="Grows with every change of the session.")
    now_s: float = Field(description="This service's monotonic clock.")
    started_at_ns: int
    ready: bool
    dependencies: tuple[Dependency, ...]
    frames_received: int
    frames_analysed: int
    frames_failed: int
    usual_interval_s: float | None = Field(description="Median interval between frames.")
    newest_frame: NewestFrame | None
    edge: PeerView
    dispatcher: PeerView
    rois: dict[str, int] = Field(description="Number of ROIs by state.")
    jobs: dict[str, int] = Field(description="Number of jobs by state.")
    answers: int


def frame_view(record: FrameRecord) -> FrameView:
    """Return a frame as shown to readers."""
    frame, analysis, failure = record.frame, record.analysis, record.failure
    return FrameView(
        name=frame.name,
        session=frame.session,
        index=frame.index,
        shape=frame.shape,
        pixel_type=frame.pixel_type,
        calibration=frame.calibration,
        acquisition=frame.acquisition,
        received_at_ns=record.received_at_ns,
        received_s=record.received_at_s,
        analysed_s=analysis.at_s if analysis else None,
        revision=record.revision,
        analysis=analysis.header if analysis else None,
        defects=analysis.defects if analysis else (),
        failure=FailureView(code=failure.code, message=failure.message, remedy=failure.remedy)
        if failure
        else None,
    )


def roi_view(record: RoiRecord) -> RoiView:
    """Return a ROI as shown to readers."""
    fields = dict(record.roi)
    return RoiView(**fields, session=record.session, image=record.image, revision=record.revision)


def answer_view(record: AnswerRecord) -> AnswerView:
    """Return an answer as shown to readers."""
    kept = record.files is not None
    return AnswerView(**dict(record.answer), files_kept=kept, revision=record.revision)


def job_view(session: Session, job: Job) -> JobView:
    """Return a job as shown to readers."""
    return JobView(**dict(job), running_since_s=session.running_since_s(job.key))


def order_view(record: OrderRecord) -> OrderView:
    """Return an order as shown to readers."""
    return OrderView(**dict(record.order), outcome=record.outcome, revision=record.revision)


def status_view(session: Session, dependencies: Sequence[Dependency]) -> StatusView:
    """Return the state of the service and its peers now.

    Args:
        session: The live session.
        dependencies: What readiness says now.
    """
    now_s = session.now_s()
    return StatusView(
        version=version("atomloop"),
        session=session.name,
        revision=session.revision,
        now_s=now_s,
        started_at_ns=session.started_at_ns,
        ready=is_ready(dependencies),
        dependencies=tuple(dependencies),
        frames_received=session.frames_total,
        frames_analysed=session.analysed_total,
        frames_failed=session.failed_total,
        usual_interval_s=session.usual_interval_s,
        newest_frame=_newest(session.latest, now_s),
        edge=_peer(session.peer("edge"), now_s),
        dispatcher=_peer(session.peer("dispatcher"), now_s),
        rois=dict(Counter(record.roi.state for record in session.rois())),
        jobs=dict(Counter(job.state for job in session.jobs())),
        answers=len(session.answers()),
    )


def _newest(record: FrameRecord | None, now_s: float) -> NewestFrame | None:
    if record is None:
        return None
    return NewestFrame(
        name=record.frame.name,
        session=record.frame.session,
        index=record.frame.index,
        age_s=now_s - record.received_at_s,
        analysed=record.analysis is not None,
    )


def _peer(record: PeerRecord, now_s: float) -> PeerView:
    status = record.status
    return PeerView(
        connected=record.connected,
        heard_age_s=None if record.heard_at_s is None else now_s - record.heard_at_s,
        edge=status if isinstance(status, EdgeStatus) else None,
        dispatcher=status if isinstance(status, DispatcherStatus) else None,
    )
