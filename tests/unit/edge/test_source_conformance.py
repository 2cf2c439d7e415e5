"""What every source that runs without an instrument keeps to, the test fake included."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from edge_agent.preprocess import prepare
from edge_agent.sources.base import FrameSource, RawFrame
from edge_agent.sources.replay import ReplaySource
from edge_agent.sources.replay_settings import ReplaySettings
from shared.clock import SystemClock

MakeSource = Callable[[], FrameSource]


@pytest.fixture(params=["replay", "fake"])
def make_source(
    request: pytest.FixtureRequest, tmp_path: Path, fakes: SimpleNamespace
) -> MakeSource:
    """Makes a source of three frames."""
    for number in range(3):
        np.save(tmp_path / f"{number}.npy", np.full((8, 8), number, dtype=np.uint16))

    def make() -> FrameSource:
        if request.param == "replay":
            return ReplaySource(ReplaySettings(paths=(tmp_path,)), SystemClock())
        return fakes.ListSource([fakes.image(number) for number in range(3)])

    return make


def test_a_source_delivers_frames_that_can_be_sent(make_source: MakeSource) -> None:
    offers = list(make_source().frames())
    assert len(offers) == 3
    assert all(isinstance(offer, RawFrame) for offer in offers)
    assert len({prepare(offer).name for offer in offers if isinstance(offer, RawFrame)}) == 3


def test_a_source_describes_itself_in_one_line_before_it_is_started(
    make_source: MakeSource,
) -> None:
    described = make_source().describe()
    assert described
    assert "\n" not in described


def test_a_source_can_be_closed_twice_and_before_it_is_started(make_source: MakeSource) -> None:
    source = make_source()
    source.close()
    source.close()


def test_frames_can_be_left_at_any_point(make_source: MakeSource) -> None:
    source = make_source()
    frames = source.frames()
    next(frames)
    source.close()
    frames.close()
