"""Nion's real scan API, in processes of its own: it keeps state for as long as a process lives."""

from __future__ import annotations

import itertools
import json
import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from edge_agent.sources.nion_settings import NionSettings
from edge_agent.sources.specimen import Truth, View, mixed_defect_field
from edge_agent.sources.stage_drift import StageDrift

SCAN = """
import json, sys, threading
import numpy as np
from edge_agent.sources.catalogue import open_source
from edge_agent.sources.settings import SourceSettings
from shared.clock import SystemClock

chosen = json.loads(sys.argv[1])
source = open_source(SourceSettings(nion=chosen), SystemClock())
taken = []

def take():
    for frame in source.frames():
        taken.append(frame)
        if len(taken) == 2:
            source.close()

worker = threading.Thread(target=take)
worker.start()
worker.join(90)
np.savez(sys.argv[2], *[frame.pixels for frame in taken])
print(json.dumps({
    "described": source.describe(),
    "calibrations": [frame.calibration.model_dump() for frame in taken],
    "acquisitions": [frame.acquisition.model_dump() for frame in taken],
    "threads": [thread.name for thread in threading.enumerate()],
}))
"""


def scan(folder: Path, **settings: object) -> tuple[dict, list[np.ndarray]]:
    done = subprocess.run(
        [
            sys.executable,
            "-W",
            "error",
            "-c",
            SCAN,
            json.dumps(settings),
            str(folder / "frames.npz"),
        ],
        capture_output=True,
        text=True,
        check=True,
        cwd=folder,
        timeout=100,
    )
    with np.load(folder / "frames.npz") as stored:
        return json.loads(done.stdout), [stored[name] for name in stored.files]


@pytest.mark.system
def test_nions_scan_api_delivers_our_sample_with_its_calibration(tmp_path: Path) -> None:
    report, frames = scan(
        tmp_path, dwell_time_us=1.0, beam_current_pA=720.0, centre_A=[30.0, -20.0]
    )
    assert [frame.shape for frame in frames] == [(896, 896)] * 2
    assert all(np.array_equal(frame, np.rint(frame)) for frame in frames)
    assert not np.array_equal(frames[0], frames[1])
    for calibration in report["calibrations"]:
        assert calibration == {"pixel_size_A": pytest.approx(0.104), "source": "header"}
    first, second = report["acquisitions"]
    assert first["dose_e_A2"] >= 4e5
    assert (first["dwell_time_us"], first["beam_current_pA"]) == (1.0, pytest.approx(720.0))
    assert first["high_tension_kV"] == 60.0
    assert first["detector"] == "HAADF"
    assert first["centre_A"] == pytest.approx([30.0, -20.0])
    assert first["field_of_view_A"] == pytest.approx([93.184, 93.184])
    assert 0 < second["started_at_ns"] - first["started_at_ns"] < 20e9
    assert "4.15e+05 e/Å²" in report["described"]
    assert report["threads"] == ["MainThread"]
    assert [path.name for path in tmp_path.iterdir()] == ["frames.npz"]


@pytest.mark.system
def test_the_frame_shows_what_is_truly_at_the_scan_centre(tmp_path: Path) -> None:
    """Centre and rotation travel through Nion's stack to our sample and back in the metadata."""
    settings = {"pixels": 448, "dwell_time_us": 1.0, "drift_amplitude_A": 0.0}
    centre, turn_deg = (35.0, -60.0), 30.0
    report, frames = scan(
        tmp_path, beam_current_pA=3e4, centre_A=centre, rotation_deg=turn_deg, **settings
    )
    assert report["acquisitions"][0]["rotation_deg"] == pytest.approx(turn_deg)
    field = mixed_defect_field(20)
    at_centre = View((448, 448), 0.208, centre, math.radians(turn_deg))
    elsewhere = View((448, 448), 0.208, (0.0, 0.0), math.radians(turn_deg))
    assert silicon_brightness(frames[0], field.truth(at_centre)) > 2.0
    assert silicon_brightness(frames[0], field.truth(elsewhere)) < 2.0


def silicon_brightness(frame: np.ndarray, truth: Truth) -> float:
    """Median brightness where silicon is said to be, over that where carbon is."""
    rows, columns = np.rint(truth.positions_px).astype(int).T
    levels = frame[rows, columns].astype(float)
    return float(np.median(levels[truth.numbers == 14]) / np.median(levels[truth.numbers == 6]))


def test_default_settings_give_the_dose_of_a_real_frame() -> None:
    settings = NionSettings()
    assert settings.pixel_size_A == pytest.approx(0.104)
    assert settings.dose_e_A2 >= 4e5


def test_drift_is_smooth_slow_and_bounded() -> None:
    drift = StageDrift(12.0, start_s=5.0)
    assert drift.offset_A(5.0) == (0.0, 0.0)
    for now_s in np.linspace(0, 8000, 41):
        row, column = drift.offset_A(now_s)
        later = drift.offset_A(now_s + 0.01)
        assert max(abs(row), abs(column)) <= 12.0
        measured = ((later[0] - row) / 0.01, (later[1] - column) / 0.01)
        assert measured == pytest.approx(drift.velocity_A_s(now_s), abs=1e-4)
        assert max(map(abs, measured)) < 0.05


ACCOUNT = """
import json, threading
from edge_agent.sources import nion
from edge_agent.sources.nion_settings import NionSettings
from shared.clock import SystemClock
from shared.errors import AtomLoopError

quick = NionSettings(pixels=128, dwell_time_us=4.0)

def take(count, dawdle_s):
    source, seen, errors = nion.NionSource(quick, SystemClock()), [], []
    def work():
        try:
            for frame in source.frames():
                seen.append((int(frame.acquisition.origin.split()[-1]), frame.missed))
                if len(seen) == 1:
                    threading.Event().wait(dawdle_s)
                if len(seen) == count:
                    source.close()
        except AtomLoopError as error:
            errors.append([error.message, error.remedy])
    worker = threading.Thread(target=work)
    worker.start()
    worker.join(60)
    return seen, errors

def broken(*arguments):
    raise RuntimeError("the sample is gone")

first, second = take(6, dawdle_s=1.0), take(2, dawdle_s=0.0)
nion.expose = broken
print(json.dumps([first, second, take(1, dawdle_s=0.0), threading.active_count()]))
"""


@pytest.mark.system
def test_nothing_is_lost_silently_and_everything_can_be_started_again() -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", ACCOUNT],
        capture_output=True,
        text=True,
        check=True,
        timeout=100,
    )
    (slow, no_errors), (again, _), (nothing, errors), threads = json.loads(done.stdout)
    numbers, missed = zip(*slow, strict=True)
    assert sum(missed) > 0
    assert not no_errors
    gaps = [later - earlier - 1 for earlier, later in itertools.pairwise(numbers)]
    assert list(missed[1:]) == gaps
    assert [number for number, _ in again] == [0, 1]
    assert not nothing
    assert "stopped by itself" in errors[0][0]
    assert "the sample is gone" in done.stderr
    assert threads == 1
