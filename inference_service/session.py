"""The live session in memory: recent frames with their atoms, ROIs, jobs, answers, states.

The link server writes, REST and the live view read. Every call must come from the event-loop
thread: nothing here locks, waits or copies pixels. Each change gets a new, strictly increasing
revision and is announced to the subscribers. The store forgets, it never blocks: the ring of
frames is bounded by count and bytes, every other table by count.
"""

from __future__ import annotations

import itertools
from collections import OrderedDict, deque
from collections.abc import Callable, Sequence
from dataclasses import replace
from statistics import median
from typing import Final, TypeAlias, TypeVar, assert_never

import numpy as np
from numpy.typing import NDArray

from inference_service.answer_shelf import AnswerShelf
from inference_service.order_desk import OrderDesk
from inference_service.patches import PatchShelf
from inference_service.records import (
    Analysis,
    AnswerRecord,
    Failure,
    FrameRecord,
    PeerRecord,
    PeerRole,
    RoiRecord,
)
from inference_service.revisions import Revisions, Subscriber
from inference_service.settings import SessionSettings
from shared.clock import Clock, SystemClock
from shared.errors import AtomLoopError
from shared.messages import (
    Answer,
    Atoms,
    AtomTable,
    Defect,
    DispatcherStatus,
    EdgeStatus,
    Frame,
    Job,
    Roi,
)

__all__ = ["Session", "Update"]

INTERVALS: Final = 16
"""Frame intervals whose median is the usual one."""

KNOWN_FRAMES: Final = 65_536
"""Frame names remembered beyond the ring, to tell which session a ROI belongs to."""

Update: TypeAlias = Roi | Job | EdgeStatus | DispatcherStatus
K = TypeVar("K")
V = TypeVar("V")
S = TypeVar("S", bound=np.generic)


class Session:
    """The one live session of the service.

    Args:
        limits: What to keep; defaults are those of the settings.
        clock: Time; the machine's by default.

    Attributes:
        orders: The operator's orders and what became of them.
        patches: What the microscope showed at each ROI.
    """

    def __init__(self, limits: SessionSettings | None = None, clock: Clock | None = None) -> None:
        self._limits = limits or SessionSettings()
        self._clock = clock or SystemClock()
        self._revisions = Revisions()
        self._frames: OrderedDict[str, FrameRecord] = OrderedDict()
        self._bytes = 0
        self._session_of: OrderedDict[str, str] = OrderedDict()
        self._name: str | None = None
        self._arrivals: deque[float] = deque(maxlen=INTERVALS + 1)
        self._analyses: deque[float] = deque(maxlen=INTERVALS + 1)
        self._latest: str | None = None
        self._latest_analysed: str | None = None
        self._rois: OrderedDict[str, RoiRecord] = OrderedDict()
        self._jobs: OrderedDict[str, Job] = OrderedDict()
        self._running_since: OrderedDict[str, float] = OrderedDict()
        self.patches = PatchShelf(self._limits.max_patch_bytes)
        limits = self._limits
        self._answers = AnswerShelf(self._revisions, limits.max_answers, limits.max_file_bytes)
        self.orders = OrderDesk(self._revisions, self._clock, limits.max_orders, lambda: self._name)
        self._peers: dict[PeerRole, PeerRecord] = {
            "edge": PeerRecord(),
            "dispatcher": PeerRecord(),
        }
        self._frames_total = 0
        self._analysed_total = 0
        self._failed_total = 0
        self._started_at_ns = self._clock.wall_ns()

    # -- what the link server calls ------------------------------------------------------

    def add_frame(self, frame: Frame, pixels: NDArray[np.generic]) -> None:
        """Take a decoded frame into the ring; a frame already there is left as it is.

        Args:
            frame: Its header.
            pixels: (rows, columns) as decoded; kept by reference and must not change again.

        Raises:
            ValueError: The pixels do not have the header's shape.
        """
        if pixels.shape != frame.shape:
            raise ValueError(f"frame {frame.name}: {pixels.shape} pixels, header {frame.shape}")
        if frame.name in self._frames:
            return
        if frame.session != self._name:
            self._name = frame.session
            self._arrivals.clear()
            self._analyses.clear()
        now = self._clock.monotonic_s()
        self._arrivals.append(now)
        self._frames_total += 1
        _remember(self._session_of, frame.name, frame.session, KNOWN_FRAMES)
        record = FrameRecord(
            frame, _read_only(pixels), now, self._clock.wall_ns(), self._revisions.next()
        )
        latest = self.latest
        if latest is None or record.newer_than(latest):
            self._latest = frame.name
        self._store(record)
        self._revisions.announce("frame", frame.name)

    def add_atoms(self, atoms: Atoms, table: AtomTable, defects: Sequence[Defect]) -> None:
        """Attach an analysis to its frame; ignored where the ring has forgotten the frame.

        Args:
            atoms: Header of the analysis.
            table: (n_atoms,) records of `shared.messages.ATOM`; kept by reference.
            defects: The frame's classified defects.

        Raises:
            ValueError: The table does not have the header's number of atoms.
        """
        if len(table) != atoms.n_atoms:
            raise ValueError(f"frame {atoms.frame}: {len(table)} atoms, header {atoms.n_atoms}")
        record = self._frames.get(atoms.frame)
        if record is None:
            return
        self._analysed_total += 1
        now = self._clock.monotonic_s()
        self._analyses.append(now)
        analysis = Analysis(atoms, _read_only(table), tuple(defects), now)
        revision = self._revisions.next()
        self._store(replace(record, analysis=analysis, failure=None, revision=revision))
        latest = self.latest_analysed
        if latest is None or not latest.newer_than(record):
            self._latest_analysed = atoms.frame
        self._revisions.announce("atoms", atoms.frame)

    def add_failure(self, frame: str, error: AtomLoopError) -> None:
        """Record why a frame has no atoms; ignored where the ring has forgotten the frame.

        Args:
            frame: Name of the frame.
            error: The detector's refusal.
        """
        record = self._frames.get(frame)
        if record is None:
            return
        self._failed_total += 1
        failure = Failure(error.code, error.message, error.remedy)
        self._store(replace(record, failure=failure, revision=self._revisions.next()))
        self._revisions.announce("failure", frame)

    def apply(self, message: Update) -> None:
        """Take the last word on a ROI, a job or a peer; the newest arrival wins.

        Args:
            message: The message as received.
        """
        match message:
            case Roi():
                session = self._session_of.get(message.frame)
                patch = self.patches.capture(message, self._frames.get(message.frame))
                image = patch.frame if patch else None
                record = RoiRecord(message, session, self._revisions.next(), image)
                _remember(self._rois, message.key, record, self._limits.max_rois)
                self._revisions.announce("roi", message.key)
            case Job():
                self._revisions.next()
                _remember(self._jobs, message.key, message, self._limits.max_jobs)
                self._time_run(message)
                self._revisions.announce("job", message.key)
            case EdgeStatus():
                self._heard("edge", message)
            case DispatcherStatus():
                self._heard("dispatcher", message)
            case _:
                assert_never(message)

    def add_answer(self, answer: Answer, structure: str, files: Sequence[bytes] = ()) -> None:
        """Keep an answer beside those of other levels; the same job's is replaced.

        Args:
            answer: What the job returned.
            structure: Its final structure as extended XYZ.
            files: Contents of `answer.attachments`, in that order.
        """
        self._answers.add(answer, structure, files)

    def set_connected(self, role: PeerRole, *, connected: bool) -> None:
        """Note that a peer's link came up or went down.

        Args:
            role: Which peer.
            connected: Whether it is there now.
        """
        peer = replace(self._peers[role], connected=connected, heard_at_s=self._clock.monotonic_s())
        self._peers[role] = peer
        self._revisions.next()
        self._revisions.announce(role, role)

    # -- what readers ask ----------------------------------------------------------------

    def subscribe(self, subscriber: Subscriber) -> Callable[[], None]:
        """Announce every later change to `subscriber`, which must return at once.

        Args:
            subscriber: Called on the event-loop thread, after the change is in place.

        Returns:
            A function that ends the subscription.
        """
        return self._revisions.subscribe(subscriber)

    @property
    def revision(self) -> int:
        """Number of changes so far."""
        return self._revisions.number

    @property
    def name(self) -> str | None:
        """Identifier of the session the newest frame belongs to."""
        return self._name

    @property
    def started_at_ns(self) -> int:
        """Wall clock when this store was made, Unix epoch."""
        return self._started_at_ns

    @property
    def frames_total(self) -> int:
        """Frames received since the start, forgotten ones included."""
        return self._frames_total

    @property
    def analysed_total(self) -> int:
        """Analyses received since the start."""
        return self._analysed_total

    @property
    def failed_total(self) -> int:
        """Frames the detector refused since the start."""
        return self._failed_total

    @property
    def usual_interval_s(self) -> float | None:
        """Median interval between the latest analyses, s; between frames before the third one.

        None before the third frame.
        """
        instants = self._analyses if len(self._analyses) >= 3 else self._arrivals
        if len(instants) < 3:
            return None
        return median(late - early for early, late in itertools.pairwise(instants))

    @property
    def latest(self) -> FrameRecord | None:
        """The newest frame, analysed or not."""
        return self._frames.get(self._latest) if self._latest else None

    @property
    def latest_analysed(self) -> FrameRecord | None:
        """The newest frame that has atoms and is still in the ring."""
        return self._frames.get(self._latest_analysed) if self._latest_analysed else None

    def frame(self, name: str) -> FrameRecord | None:
        """Return a frame of the ring by its name, `latest` meaning the newest analysed one.

        Args:
            name: Digest of the frame, or `latest`.
        """
        return self.latest_analysed if name == "latest" else self._frames.get(name)

    def frames(self) -> list[FrameRecord]:
        """Return the ring, newest first."""
        return list(reversed(self._frames.values()))

    def rois(self) -> list[RoiRecord]:
        """Return the ROIs, last changed first."""
        return list(reversed(self._rois.values()))

    def roi(self, key: str) -> RoiRecord | None:
        """Return a ROI by its key."""
        return self._rois.get(key)

    def jobs(self) -> list[Job]:
        """Return the jobs, last changed first."""
        return list(reversed(self._jobs.values()))

    def job(self, key: str) -> Job | None:
        """Return a job by its key."""
        return self._jobs.get(key)

    def running_since_s(self, job: str) -> float | None:
        """Return the monotonic instant a running job was first heard to run; else None."""
        return self._running_since.get(job)

    def answers(self, roi: str | None = None) -> list[AnswerRecord]:
        """Return the answers, newest first, of one ROI or of all.

        Args:
            roi: Key of the ROI; None for every ROI.
        """
        return self._answers.of(roi)

    def answer(self, job: str) -> AnswerRecord | None:
        """Return the answer of a job by the job's key."""
        return self._answers.get(job)

    def peer(self, role: PeerRole) -> PeerRecord:
        """Return what is known of a peer."""
        return self._peers[role]

    def now_s(self) -> float:
        """Return the monotonic instant that ages are measured against, s."""
        return self._clock.monotonic_s()

    def wall_ns(self) -> int:
        """Return this service's wall clock, Unix epoch."""
        return self._clock.wall_ns()

    # -- inside --------------------------------------------------------------------------

    def _heard(self, role: PeerRole, status: EdgeStatus | DispatcherStatus) -> None:
        self._peers[role] = PeerRecord(
            connected=True, status=status, heard_at_s=self._clock.monotonic_s()
        )
        self._revisions.next()
        self._revisions.announce(role, role)

    def _time_run(self, job: Job) -> None:
        if job.state != "running":
            self._running_since.pop(job.key, None)
        elif job.key not in self._running_since:
            now_s = self._clock.monotonic_s()
            _remember(self._running_since, job.key, now_s, self._limits.max_jobs)

    def _store(self, record: FrameRecord) -> None:
        old = self._frames.get(record.frame.name)
        self._bytes += record.nbytes - (old.nbytes if old else 0)
        self._frames[record.frame.name] = record
        limits = self._limits
        while len(self._frames) > 1 and (
            len(self._frames) > limits.ring_frames or self._bytes > limits.ring_bytes
        ):
            _, forgotten = self._frames.popitem(last=False)
            self._bytes -= forgotten.nbytes


def _read_only(array: NDArray[S]) -> NDArray[S]:
    view = array.view()
    view.flags.writeable = False
    return view


def _remember(table: OrderedDict[K, V], key: K, value: V, limit: int) -> None:
    table[key] = value
    table.move_to_end(key)
    while len(table) > limit:
        table.popitem(last=False)
