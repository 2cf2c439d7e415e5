"""The server as a process of its own: started, killed, stopped, started again."""

from __future__ import annotations

import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pymongo import MongoClient
from pymongo.errors import AutoReconnect
from pymongo.write_concern import WriteConcern

Client = MongoClient[dict[str, Any]]
COMMAND = [sys.executable, "-m", "sim_dispatcher.commands.database", "--path"]


@contextmanager
def database(folder: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    process = subprocess.Popen(
        [*COMMAND, str(folder)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    try:
        assert process.stdout is not None
        word, uri = process.stdout.readline().split()
        assert word == "ready"
        yield process, uri
    finally:
        process.kill()
        process.communicate()


def test_acknowledged_writes_survive_a_kill_and_the_socket_is_private(tmp_path: Path) -> None:
    folder = tmp_path / "db"
    acknowledged = []
    with database(folder) as (process, uri), Client(uri) as client:
        assert stat.S_IMODE((folder / "mongodb.sock").stat().st_mode) == 0o600
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        durable = client.db.get_collection("t", write_concern=WriteConcern(j=True))
        client.db.t.create_index("n", unique=True)
        try:
            for number in range(400):
                if number == 250:
                    process.send_signal(signal.SIGKILL)
                (durable if number % 10 == 0 else client.db.t).insert_one(
                    {"_id": number, "n": -1 - number}
                )
                acknowledged.append(number)
        except AutoReconnect:
            pass
    assert len(acknowledged) >= 250
    with database(folder) as (process, uri), Client(uri) as client:
        stored = {document["_id"] for document in client.db.t.find()}
        assert set(acknowledged) <= stored
        assert list(client.db.t.index_information()) == ["_id_", "n_1"]
        process.terminate()
        assert process.wait() == 0
    assert not (folder / "mongodb.sock").exists()


def test_a_second_server_on_the_folder_is_refused_with_one_line(tmp_path: Path) -> None:
    with database(tmp_path):
        second = subprocess.run(
            [*COMMAND, str(tmp_path)], capture_output=True, text=True, check=False
        )
    assert second.returncode == 1
    assert second.stderr.count("\n") == 1
    assert "Another database server holds the folder" in second.stderr
