"""The work bench: frames in the order they came, one at a time, off the event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np
import structlog
from numpy.typing import NDArray

from inference_service.detector.analysis import FrameAnalysis
from inference_service.registration import Registration
from inference_service.session import Session
from shared.clock import Clock
from shared.codec import decode_frame
from shared.codec.envelope import Buffer
from shared.errors import AtomLoopError, InternalError
from shared.messages import Atoms, AtomTable, Calibration, Defect, Frame

__all__ = ["Analyst", "Eye", "Publish", "Work"]

_log = structlog.get_logger(__name__)


class Eye(Protocol):
    """What finds atoms; `inference_service.detector.pipeline.Detector` is the real one."""

    @property
    def digest(self) -> str:
        """Digest of the ensemble."""
        ...

    @property
    def members(self) -> int:
        """Members of the ensemble."""
        ...

    def analyze(self, image: NDArray[np.generic], calibration: Calibration) -> FrameAnalysis:
        """Find the atoms and defects of one frame."""
        ...


@dataclass(frozen=True, slots=True)
class Work:
    """A frame that waits to be looked at.

    Attributes:
        frame: Its header.
        payload: Its pixels as they travelled.
        arrived_s: Monotonic instant of its arrival.
        confirm: Called once its atoms exist.
        reject: Called with the reason if it can never have any.
    """

    frame: Frame
    payload: Buffer
    arrived_s: float
    confirm: Callable[[], None]
    reject: Callable[[str], None]


Publish = Callable[[Atoms, AtomTable, Sequence[Defect]], None]
"""Sends the atoms of a frame to whoever listens; returns at once."""


class Analyst:
    """Takes frames in, hands atoms out; the queue is bounded by the credit of the diallers.

    Args:
        eye: Finds the atoms.
        session: Gets frames, atoms and failures.
        publish: Passes the atoms on.
        clock: Time.
    """

    def __init__(self, eye: Eye, session: Session, publish: Publish, clock: Clock) -> None:
        self._eye = eye
        self._session = session
        self._publish = publish
        self._clock = clock
        self._queue: asyncio.Queue[Work] = asyncio.Queue()
        self._executor = ThreadPoolExecutor(1, "eye")
        self._registration = Registration()
        self._registered: str | None = None

    @property
    def waiting(self) -> int:
        """Frames received and not yet looked at."""
        return self._queue.qsize()

    def take(self, work: Work) -> None:
        """Queue a frame."""
        self._queue.put_nowait(work)

    async def run(self) -> None:
        """Work until cancelled."""
        try:
            while True:
                await self._look(await self._queue.get())
        finally:
            self._executor.shutdown(wait=False, cancel_futures=True)

    async def _look(self, work: Work) -> None:
        frame = work.frame
        loop = asyncio.get_running_loop()
        try:
            pixels = await loop.run_in_executor(self._executor, decode_frame, frame, work.payload)
            self._session.add_frame(frame, pixels)
            started_s = self._clock.monotonic_s()
            analysis = await loop.run_in_executor(
                self._executor, self._eye.analyze, pixels, frame.calibration
            )
        except AtomLoopError as error:
            self._refuse(work, error)
            return
        except Exception as cause:  # noqa: BLE001 - one frame must not stop the service
            _log.exception("analysis failed", frame=frame.index)
            self._refuse(work, InternalError(f"The analysis of frame {frame.index}", cause))
            return
        atoms = self._report(frame, analysis, queued_ms=(started_s - work.arrived_s) * 1e3)
        self._session.add_atoms(atoms, analysis.table, analysis.defects)
        self._publish(atoms, analysis.table, analysis.defects)
        work.confirm()
        _log.info(
            "frame analysed",
            frame=frame.index,
            atoms=atoms.n_atoms,
            defects=len(analysis.defects),
            seconds=round(self._clock.monotonic_s() - started_s, 3),
        )
        for warning in analysis.warnings:
            _log.warning("analysis", frame=frame.index, warning=warning)

    def _refuse(self, work: Work, error: AtomLoopError) -> None:
        _log.warning("frame refused", frame=work.frame.index, reason=str(error))
        self._session.add_failure(work.frame.name, error)
        work.reject(str(error))

    def _report(self, frame: Frame, analysis: FrameAnalysis, queued_ms: float) -> Atoms:
        given = frame.acquisition.dose_e_A2
        return Atoms(
            session=frame.session,
            frame=frame.name,
            frame_index=frame.index,
            shape=frame.shape,
            model=self._eye.digest,
            members=self._eye.members,
            n_atoms=len(analysis.table),
            pixel_size_A=analysis.pixel_size_A,
            pixel_size_source=analysis.pixel_size_source,
            header_pixel_size_A=analysis.header_pixel_size_A,
            dose_e_A2=given or analysis.dose_e_A2,
            dose_note=_GIVEN_DOSE if given else analysis.dose_note,
            contamination=analysis.cover.fraction,
            cover_px=analysis.cover.brief(),
            warnings=analysis.warnings,
            ood=analysis.ood,
            drift_A=self._drift(frame, analysis),
            times=analysis.times.model_copy(update={"queue_ms": max(queued_ms, 0.0)}),
        )

    def _drift(self, frame: Frame, analysis: FrameAnalysis) -> tuple[float, float]:
        """Return (row, column) of the frame's origin in its session's sample frame, Å."""
        if frame.session != self._registered:
            self._registration, self._registered = Registration(), frame.session
        found = analysis.table[analysis.table["p"] >= _FOUND_P]
        positions = np.column_stack([found["x_px"], found["y_px"]]) * analysis.pixel_size_A
        centre = frame.acquisition.centre_A
        drift = self._registration.update(positions, found["atomic_number"], centre)
        return drift.offset_A


_FOUND_P: Final = 0.5
_GIVEN_DOSE: Final = "From the beam current, the dwell time and the pixel size."
