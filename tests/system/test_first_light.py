"""The whole loop on Nion's acquisition API: frames in, a computed defect out, all over REST."""

from __future__ import annotations

import json
import subprocess
import sys
from io import StringIO
from pathlib import Path
from typing import Any

import ase.io
import numpy as np
import pytest

CARBON_BOND_A = (1.38, 1.47)
SILICON_CARBON_BOND_A = (1.6, 2.0)
STRAINED_BOND_A = 2.2
"""Silicon clusters have longer bonds: their mean reached 2.02 Å in a dimer."""


@pytest.fixture(scope="module")
def answer(live: Any) -> dict[str, Any]:
    """The first relaxation at a quantum level."""
    items = live.get("/api/v1/answers")["items"]
    return next(each for each in reversed(items) if each["result"]["level"] != "gfnff")


def test_the_service_says_that_everything_is_there(live: Any) -> None:
    status = live.get("/api/v1/status")
    assert status["ready"]
    assert status["edge"]["connected"]
    assert status["dispatcher"]["connected"]
    assert status["frames_failed"] == 0
    for probe in ("/livez", "/readyz"):
        assert live.ask(probe, key=False)[0] == 200
    assert b"atomloop_" in live.ask("/metrics")[1]


def test_frames_come_from_the_vendors_api_with_their_dose(live: Any) -> None:
    frame = live.get("/api/v1/frames")["items"][0]
    acquisition = frame["acquisition"]
    assert frame["shape"] == [896, 896]
    assert frame["calibration"]["pixel_size_A"] == pytest.approx(0.104, rel=1e-3)
    assert acquisition["dwell_time_us"] > 0
    assert acquisition["beam_current_pA"] > 0
    assert acquisition["dose_e_A2"] >= 4e5


def test_atoms_come_as_json_and_as_extended_xyz(live: Any) -> None:
    name = next(f["name"] for f in live.get("/api/v1/frames")["items"] if f["analysis"])
    listed = live.get(f"/api/v1/frames/{name}/atoms")
    status, text = live.ask(f"/api/v1/frames/{name}/atoms?format=extxyz")
    assert status == 200
    atoms = ase.io.read(StringIO(text.decode()), format="extxyz")
    found = [atom for atom in listed["atoms"] if atom["p"] >= 0.5]
    assert len(atoms) == len(found) > 1000
    assert {"C", "Si"} <= set(atoms.get_chemical_symbols())


def test_the_answer_is_physical_and_says_what_it_rests_on(answer: dict[str, Any]) -> None:
    result = answer["result"]
    assert result["converged"]
    assert result["energy_eV"] < 0
    assert CARBON_BOND_A[0] < result["bonds_A"]["C-C"]["mean"] < CARBON_BOND_A[1]
    if result["formation_eV"] is not None:
        assert result["reference"]["note"]
        assert np.isfinite(result["formation_eV"])
    assert result["uncertainty"] is None or result["uncertainty"]["total_eV"] >= 0
    if silicon := result["bonds_A"].get("C-Si"):
        low, high = SILICON_CARBON_BOND_A
        assert low < silicon["mean"] < STRAINED_BOND_A
        if answer["roi"].startswith("Si_C3"):
            assert low < silicon["min"] <= silicon["max"] < high


def test_the_relaxed_structure_can_be_downloaded(live: Any, answer: dict[str, Any]) -> None:
    level = answer["result"]["level"]
    status, text = live.ask(f"/api/v1/answers/{answer['roi']}/structure?level={level}")
    assert status == 200
    atoms = ase.io.read(StringIO(text.decode()), format="extxyz")
    assert {"C", "H"} <= set(atoms.get_chemical_symbols())


def test_the_roi_went_from_queued_to_done(live: Any, answer: dict[str, Any]) -> None:
    roi = live.get(f"/api/v1/rois/{answer['roi']}")
    jobs = live.get(f"/api/v1/jobs?roi={answer['roi']}")["items"]
    assert roi["state"] in {"running", "done", "queued"}
    assert any(job["key"] == answer["job"] and job["state"] == "done" for job in jobs)


def test_the_printed_address_admits_one_browser_once(live: Any) -> None:
    path = "/" + live.dashboard().split("/", 3)[3]
    first, _ = live.ask(path, key=False, accept="text/html")
    second, _ = live.ask(path, key=False, accept="text/html")
    assert first in {200, 302, 303, 307}
    assert second == 401


def test_nobody_gets_in_without_a_key(live: Any) -> None:
    status, body = live.ask("/api/v1/status", key=False)
    assert status == 401
    assert json.loads(body)["remedy"]


def test_a_port_in_use_is_refused_in_one_line(live: Any) -> None:
    refused = command("inference-service", "run", "-c", live.run_folder / "inference-service.toml")
    assert refused.returncode == 1
    assert "in use" in refused.stderr
    assert len(refused.stderr.strip().splitlines()) == 1


def test_an_edge_with_a_key_that_nobody_authorised_is_refused(live: Any, tmp_path: Path) -> None:
    command("edge-agent", "keys", tmp_path, "--name", "stranger")
    settings = (live.run_folder / "edge-agent.toml").read_text()
    own = str(live.run_folder / "keys" / "edge.key_secret")
    config = tmp_path / "edge.toml"
    config.write_text(settings.replace(own, str(tmp_path / "stranger.key_secret")))
    refused = command("edge-agent", "run", "-c", config)
    assert refused.returncode == 1
    assert "refuses this key" in refused.stderr
    assert "authorized" in refused.stderr
    assert live.get("/api/v1/status")["edge"]["connected"]


def test_a_truncated_file_is_refused_and_the_service_goes_on(live: Any, tmp_path: Path) -> None:
    damaged = tmp_path / "damaged.npz"
    damaged.write_bytes(b"PK\x03\x04 not the rest of an archive")
    refused = command("inference-service", "analyze", damaged, "--json", tmp_path / "out.json")
    assert refused.returncode == 1
    errors = json.loads((tmp_path / "out.json").read_text())["errors"]
    assert errors["damaged"]["remedy"]
    assert live.get("/api/v1/status")["ready"]


def command(script: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    """Run a console script to its end."""
    return subprocess.run(
        [str(Path(sys.executable).parent / script), *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        stdin=subprocess.DEVNULL,
    )
