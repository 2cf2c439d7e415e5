from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from edge_agent.sources.base import RawFrame, RefusedInput
from edge_agent.sources.replay import ReplaySource, image_files, raw_frame
from edge_agent.sources.replay_settings import ReplaySettings
from shared.clock import SystemClock
from shared.errors import UncalibratedError
from shared.files import ImageMetadata, ImageRecord


class SteppingClock:
    """Time that passes only when somebody looks."""

    def __init__(self, step_s: float) -> None:
        self.now_s = 0.0
        self.step_s = step_s

    def monotonic_s(self) -> float:
        self.now_s += self.step_s
        return self.now_s

    def wall_ns(self) -> int:
        return 17


def save(folder: Path, name: str, value: int) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    np.save(path, np.full((4, 6), value, dtype=np.uint16))
    return path


def replayed(*paths: Path, **settings: object) -> list[RawFrame | RefusedInput]:
    source = ReplaySource(
        ReplaySettings.model_validate({"paths": paths, **settings}), SystemClock()
    )
    return list(source.frames())


def record(size_A: float | None, metadata: ImageMetadata) -> ImageRecord:
    return ImageRecord(np.zeros((4, 6), np.uint16), size_A, "header", "a.dm4", 0, metadata)


def test_names_are_taken_in_natural_order(tmp_path: Path) -> None:
    for number in (10, 2, 1):
        save(tmp_path, f"frame{number}.npy", number)
    assert [path.name for path in image_files(tmp_path)] == [
        "frame1.npy",
        "frame2.npy",
        "frame10.npy",
    ]


def test_folders_are_searched_below_and_other_files_are_left_alone(tmp_path: Path) -> None:
    save(tmp_path / "deep" / "deeper", "a.npy", 1)
    (tmp_path / "notes.txt").write_text("no image")
    assert [path.name for path in image_files(tmp_path)] == ["a.npy"]


def test_paths_are_streamed_in_the_order_given(tmp_path: Path) -> None:
    second, first = save(tmp_path, "a.npy", 1), save(tmp_path, "b.npy", 2)
    offers = replayed(first, second)
    assert [offer.acquisition.origin for offer in offers] == ["b.npy", "a.npy"]
    assert [int(offer.pixels[0, 0]) for offer in offers] == [2, 1]


def test_the_operators_pixel_size_is_marked_as_such(tmp_path: Path) -> None:
    path = save(tmp_path, "a.npy", 1)
    (frame,) = replayed(path, pixel_size_A=0.104)
    assert (frame.calibration.pixel_size_A, frame.calibration.source) == (0.104, "flag")
    assert frame.acquisition.field_of_view_A == pytest.approx((0.416, 0.624))
    (frame,) = replayed(path)
    assert (frame.calibration.pixel_size_A, frame.calibration.source) == (None, "none")


def test_bad_inputs_are_refused_one_by_one_and_the_others_go_on(tmp_path: Path) -> None:
    good = save(tmp_path, "good.npy", 1)
    damaged = tmp_path / "damaged.npy"
    damaged.write_bytes(good.read_bytes()[:100])
    empty = tmp_path / "empty"
    empty.mkdir()
    offers = replayed(damaged, tmp_path / "nowhere.tif", empty, good)
    refused = [offer for offer in offers if isinstance(offer, RefusedInput)]
    assert [offer.origin for offer in refused] == ["damaged.npy", "nowhere.tif", "empty"]
    assert all(offer.error.remedy for offer in refused)
    assert isinstance(offers[-1], RawFrame)


def test_looping_repeats_frames_for_ever_but_refusals_once(tmp_path: Path) -> None:
    paths = (save(tmp_path, "a.npy", 1), tmp_path / "nowhere.tif")
    source = ReplaySource(ReplaySettings(paths=paths, loop=True), SystemClock())
    frames = source.frames()
    offers = [next(frames) for _ in range(6)]
    assert [isinstance(offer, RawFrame) for offer in offers] == [
        True,
        False,
        True,
        True,
        True,
        True,
    ]
    source.close()
    assert list(frames) == []


def test_closing_ends_the_replay_before_the_next_file(tmp_path: Path) -> None:
    source = ReplaySource(
        ReplaySettings(paths=(save(tmp_path, "a.npy", 1), save(tmp_path, "b.npy", 2))),
        SystemClock(),
    )
    frames = source.frames()
    next(frames)
    source.close()
    assert list(frames) == []


def test_a_rate_spaces_frames_and_does_not_catch_up_in_a_burst(tmp_path: Path) -> None:
    clock = SteppingClock(step_s=0.0)
    paths = tuple(save(tmp_path, f"{n}.npy", n) for n in range(4))
    source = ReplaySource(ReplaySettings(paths=paths, rate_per_s=1000.0), clock)
    waits: list[float] = []
    source._closed.wait = waits.append
    frames = source.frames()
    next(frames)
    clock.now_s = 0.0105
    next(frames)
    next(frames)
    next(frames)
    assert waits == pytest.approx([0.0, 0.0, 0.001, 0.002])


def test_dose_follows_from_what_the_file_says_of_the_beam() -> None:
    beam = ImageMetadata(4.0, 60.0, 180.0, "HAADF", "UltraSTEM")
    acquisition = raw_frame(record(0.104, beam), 17).acquisition
    assert acquisition.dose_e_A2 == pytest.approx(4.155e5, rel=1e-3)
    assert raw_frame(record(None, beam), 17).acquisition.dose_e_A2 is None


def test_impossible_beam_values_are_left_out() -> None:
    nonsense = ImageMetadata(-4.0, float("inf"), 0.0, "d" * 900, None)
    acquisition = raw_frame(record(0.1, nonsense), 17).acquisition
    assert (acquisition.dwell_time_us, acquisition.high_tension_kV) == (None, None)
    assert acquisition.beam_current_pA is None
    assert len(acquisition.detector) == 500


@pytest.mark.parametrize("size_A", [0.0, -0.1, 1e-9, 1e6, float("nan")])
def test_an_impossible_pixel_size_is_refused_with_the_flag_that_mends_it(size_A: float) -> None:
    with pytest.raises(UncalibratedError) as caught:
        raw_frame(record(size_A, ImageMetadata()), 17)
    assert "--pixel-size" in caught.value.remedy


@pytest.mark.real_data
def test_a_real_movie_streams_with_the_files_own_calibration(evaluation_data: Path) -> None:
    movie = evaluation_data / "graphene_si_library" / "Si1C3"
    offers = replayed(movie)
    assert len(offers) == len(image_files(movie))
    assert all(isinstance(offer, RawFrame) for offer in offers)
    assert offers[0].calibration.source == "header"
    assert offers[0].calibration.pixel_size_A == pytest.approx(0.0781, abs=1e-3)
