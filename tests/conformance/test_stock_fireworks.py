"""FireWorks as it comes from its authors, on the embedded database, by URI alone."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from pymongo import MongoClient

from sim_dispatcher.database.hosting import hosted

pytestmark = pytest.mark.system

PYTHON = [sys.executable, "-W", "ignore", "-m"]

ADD_TWENTY = """
import sys
from fireworks import Firework, LaunchPad, ScriptTask
launchpad = LaunchPad(host=sys.argv[1], name="fw", uri_mode=True, strm_lvl="ERROR")
launchpad.reset("", require_password=False)
for number in range(20):
    task = ScriptTask.from_str("echo $$ >> ran-%d" % number)
    launchpad.add_wf(Firework(task, spec={"_launch_dir": sys.argv[2]}, name="job-%d" % number))
"""


@pytest.fixture
def config(tmp_path: Path) -> Any:
    with hosted(tmp_path / "db") as uri:
        path = tmp_path / "launchpad.yaml"
        path.write_text(f"host: '{uri}'\nname: fw\nuri_mode: true\nstrm_lvl: ERROR\n")
        (tmp_path / "run").mkdir()
        command = [sys.executable, "-W", "ignore", "-c", ADD_TWENTY, uri, str(tmp_path / "run")]
        subprocess.run(command, check=True, capture_output=True, cwd=tmp_path)
        yield uri, path


def lpad(path: Path, *arguments: str) -> str:
    command = [*PYTHON, "fireworks.scripts.lpad_run", "-l", str(path), *arguments]
    shown = subprocess.run(command, check=True, capture_output=True, text=True, cwd=path.parent)
    return shown.stdout


def test_two_stock_launchers_run_twenty_fireworks_once_each(tmp_path: Path, config: Any) -> None:
    uri, path = config
    rlaunch = [*PYTHON, "fireworks.scripts.rlaunch_run", "-l", str(path), "rapidfire"]
    launchers = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        launchers.append(
            subprocess.Popen(
                rlaunch, cwd=tmp_path / name, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
            )
        )
    assert [launcher.wait(60) for launcher in launchers] == [0, 0]
    with MongoClient[dict[str, Any]](uri) as client:
        assert client.fw.launches.count_documents({}) == 20
        assert client.fw.fireworks.count_documents({"state": "COMPLETED"}) == 20
        assert client.fw.workflows.count_documents({"state": "COMPLETED"}) == 20
    runs = {file.name: len(file.read_text().split()) for file in (tmp_path / "run").glob("ran-*")}
    assert runs == {f"ran-{number}": 1 for number in range(20)}


def test_lpad_lists_defuses_and_reprioritises(config: Any) -> None:
    uri, path = config
    listed = json.loads(lpad(path, "get_wflows", "-s", "READY", "-d", "less"))
    assert len(listed) == 20
    lpad(path, "defuse_fws", "-i", "3")
    lpad(path, "set_priority", "9", "-i", "4")
    with MongoClient[dict[str, Any]](uri) as client:
        assert client.fw.fireworks.find_one({"fw_id": 3}, {"state": 1, "_id": 0}) == {
            "state": "DEFUSED"
        }
        assert client.fw.fireworks.count_documents({"spec._priority": 9}) == 1
