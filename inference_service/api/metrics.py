"""Prometheus metrics of the service, on a registry of their own.

Base units, bounded labels; nothing is labelled by frame, ROI or viewer. Counts that the session
keeps anyway are read when scraped, durations are observed as analyses arrive.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, get_args

from prometheus_client import CollectorRegistry, Histogram
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from inference_service.live.hub import LiveHub
from inference_service.readiness import Readiness
from inference_service.records import Change
from inference_service.session import Session
from inference_service.views import StatusView, status_view
from shared.messages import EdgeStatus, JobState, RoiState, StageTimes

__all__ = ["new_registry"]

STAGES: Final = ("queue", "detect", "refine", "classify")
STAGE_BUCKETS_S: Final = (0.001, 0.003, 0.01, 0.03, 0.1, 0.2, 0.3, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0)
MS_PER_S: Final = 1000.0
EDGE_OUTCOMES: Final = ("offered", "accepted", "skipped", "refused")


def new_registry(session: Session, readiness: Readiness, hub: LiveHub) -> CollectorRegistry:
    """Return a registry that follows the session from now on.

    Args:
        session: The live session.
        readiness: State of the service's dependencies.
        hub: The live view.
    """
    registry = CollectorRegistry()
    stages = Histogram(
        "atomloop_frame_stage_seconds",
        "Time a frame spent in each stage of the service.",
        ["stage"],
        buckets=STAGE_BUCKETS_S,
        registry=registry,
    )
    by_stage = {stage: stages.labels(stage) for stage in STAGES}

    def observe(change: Change) -> None:
        record = session.frame(change.key) if change.kind == "atoms" else None
        if record is not None and record.analysis is not None:
            times: StageTimes = record.analysis.header.times
            for stage, histogram in by_stage.items():
                histogram.observe(getattr(times, f"{stage}_ms") / MS_PER_S)

    session.subscribe(observe)
    registry.register(SessionCollector(session, readiness, hub))
    return registry


class SessionCollector(Collector):
    """Reads counts and states off the session when scraped.

    Args:
        session: The live session.
        readiness: State of the service's dependencies.
        hub: The live view.
    """

    def __init__(self, session: Session, readiness: Readiness, hub: LiveHub) -> None:
        self._session = session
        self._readiness = readiness
        self._hub = hub

    def collect(self) -> Iterator[Metric]:
        """Yield every family with its value now."""
        status = status_view(self._session, self._readiness())
        yield _counter(
            "atomloop_frames",
            "Frames by what became of them.",
            "outcome",
            {
                "received": status.frames_received,
                "analysed": status.frames_analysed,
                "failed": status.frames_failed,
            },
        )
        yield from self._states(status)
        yield from self._picture(status)
        yield _gauge("atomloop_live_viewers", "Connected live views.", self._hub.viewers)
        skipped = CounterMetricFamily(
            "atomloop_live_frames_skipped", "Frames a viewer did not get because a newer was there."
        )
        skipped.add_metric([], self._hub.skipped_total)
        yield skipped

    def _states(self, status: StatusView) -> Iterator[Metric]:
        rois = {state: status.rois.get(state, 0) for state in get_args(RoiState)}
        jobs = {state: status.jobs.get(state, 0) for state in get_args(JobState)}
        yield _gauges("atomloop_rois", "ROIs by state.", "state", rois)
        yield _gauges("atomloop_jobs", "Jobs by state.", "state", jobs)
        yield _gauges(
            "atomloop_orders", "Orders kept, by outcome.", "outcome", _orders(self._session)
        )
        peers = {"edge": status.edge.connected, "dispatcher": status.dispatcher.connected}
        yield _gauges("atomloop_peer_connected", "1 while the peer is there.", "peer", peers)
        ready = {dependency.name: dependency.ready for dependency in status.dependencies}
        yield _gauges("atomloop_ready", "1 while the dependency is there.", "dependency", ready)
        edge: EdgeStatus | None = status.edge.edge
        if edge is not None:
            counts = {outcome: getattr(edge, outcome) for outcome in EDGE_OUTCOMES}
            yield _counter(
                "atomloop_edge_frames", "The edge's account of its frames.", "outcome", counts
            )

    def _picture(self, status: StatusView) -> Iterator[Metric]:
        if status.newest_frame is not None:
            yield _gauge(
                "atomloop_frame_age_seconds",
                "Age of the newest frame.",
                status.newest_frame.age_s,
            )
        record = self._session.latest_analysed
        if record is None or record.analysis is None:
            return
        header = record.analysis.header
        if header.dose_e_A2 is not None:
            yield _gauge(
                "atomloop_dose_electrons_per_square_angstrom",
                "Areal dose of the newest analysed frame.",
                header.dose_e_A2,
            )
        yield _gauge(
            "atomloop_out_of_distribution_score",
            "Of the newest analysed frame; flagged from 1.",
            header.ood.score,
        )


def _orders(session: Session) -> dict[str, int]:
    counts = {"accepted": 0, "refused": 0, "waiting": 0}
    for record in session.orders.all():
        outcome = record.outcome
        counts["waiting" if outcome is None else "accepted" if outcome.accepted else "refused"] += 1
    return counts


def _gauge(name: str, text: str, value: float) -> Metric:
    return GaugeMetricFamily(name, text, value=value)


def _gauges(name: str, text: str, label: str, values: dict[str, int] | dict[str, bool]) -> Metric:
    family = GaugeMetricFamily(name, text, labels=[label])
    for key, value in values.items():
        family.add_metric([key], value)
    return family


def _counter(name: str, text: str, label: str, values: dict[str, int]) -> Metric:
    family = CounterMetricFamily(name, text, labels=[label])
    for key, value in values.items():
        family.add_metric([key], value)
    return family
