"""The demo's supervisor around the real services: one answer, deaths, and a clean end."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

FIELDS = {
    *("frames", "atoms", "rois", "jobs_done", "energy_eV", "formation_eV"),
    *("mean_cc_bond_A", "seconds", "dashboard_url"),
}
Start = Callable[..., Any]


def test_once_ends_with_the_first_relaxation_as_one_line_of_json(
    start: Start, frames: Path
) -> None:
    demo = start("--once", "--source", f"replay {frames} --loop --rate 1")
    assert demo.process.wait(300) == 0, demo.err.read_text()
    result = json.loads(demo.out.read_text().splitlines()[-1])
    assert result.keys() == FIELDS
    assert result["frames"] >= 1
    assert result["atoms"] > 250
    assert result["rois"] >= 1
    assert result["jobs_done"] >= 1
    assert 1.38 < result["mean_cc_bond_A"] < 1.47
    assert result["energy_eV"] < 0
    assert not demo.gone()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_asked_to_stop_it_leaves_no_process(start: Start, frames: Path, number: int) -> None:
    demo = start("--source", f"replay {frames} --loop --rate 1")
    demo.dashboard()
    assert len(demo.leftovers()) >= 5
    demo.process.send_signal(number)
    assert demo.process.wait(60) == 0
    assert not demo.gone()


def test_killed_outright_it_leaves_no_process(start: Start, frames: Path) -> None:
    demo = start("--source", f"replay {frames} --loop --rate 1")
    demo.dashboard()
    demo.process.kill()
    assert not demo.gone(within_s=40)


def test_a_service_that_dies_is_named_and_the_others_go_on(start: Start, frames: Path) -> None:
    demo = start("--source", f"replay {frames} --loop --rate 1")
    demo.dashboard()
    victim = next(pid for pid, words in demo.leftovers().items() if "edge-agent" in words)
    os.kill(victim, signal.SIGKILL)
    demo.until(lambda: "edge-agent ended with status -9" in demo.err.read_text(), 30, "notice")
    demo.until(lambda: not demo.get("/api/v1/status")["edge"]["connected"], 60, "disconnection")
    assert demo.get("/api/v1/status")["dispatcher"]["connected"]
    demo.process.send_signal(signal.SIGINT)
    assert demo.process.wait(60) == 1  # a run in which something died did not go well


def test_a_source_that_does_not_exist_is_refused_at_once(start: Start) -> None:
    demo = start("--source", "replay nowhere.npz")
    assert demo.process.wait(60) == 1
    assert "nowhere.npz, which does not exist" in demo.err.read_text()
    assert not demo.leftovers()
