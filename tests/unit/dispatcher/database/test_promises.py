"""What an acknowledgement means, what happens when the disk fails, and who is let in."""

from __future__ import annotations

import asyncio
import errno
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from pymongo import MongoClient
from pymongo.errors import PyMongoError
from pymongo.write_concern import WriteConcern

from shared.errors import ConfigurationError, DatabaseError, PortInUseError
from sim_dispatcher.database.catalog import difference
from sim_dispatcher.database.hosting import Host, hosted
from sim_dispatcher.database.journal import Journal
from sim_dispatcher.database.server import listening_socket

Client = MongoClient[dict[str, Any]]


def test_a_durable_write_is_answered_after_the_sync_and_others_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate, real = threading.Event(), Journal.sync

    def gated(journal: Journal) -> None:
        gate.wait(30)
        real(journal)

    monkeypatch.setattr(Journal, "sync", gated)
    with hosted(tmp_path) as uri, Client(uri) as client, ThreadPoolExecutor(1) as pool:
        client.db.t.insert_one({"_id": "quick"})
        durable = client.db.get_collection("t", write_concern=WriteConcern(j=True))
        answer = pool.submit(durable.insert_one, {"_id": "durable"})
        while client.db.t.find_one({"_id": "durable"}) is None:
            client.db.t.insert_one({"after": "another round trip"})
        assert not answer.done()
        gate.set()
        assert answer.result(30).acknowledged


async def test_a_write_that_the_disk_refuses_is_not_acknowledged_and_ends_the_server(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    host = Host(tmp_path / "db", tmp_path / "m.sock")

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    def insert() -> None:
        with Client(host.uri, serverSelectionTimeoutMS=200) as client:
            client.db.t.insert_one({"_id": 1})

    serving = asyncio.create_task(host.serve(asyncio.Event()))
    monkeypatch.setattr(Journal, "append", full)
    with pytest.raises(PyMongoError):
        await asyncio.to_thread(insert)
    with pytest.raises(DatabaseError, match="No space left") as refusal:
        await serving
    assert "Free space" in refusal.value.remedy


def test_garbage_on_the_socket_costs_its_connection_only(uri: str, client: Client) -> None:
    client.db.t.insert_one({"_id": 1})
    path = uri.removeprefix("mongodb://").split("/?")[0].replace("%2F", "/")
    with socket.socket(socket.AF_UNIX) as stranger:
        stranger.connect(path)
        stranger.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert stranger.recv(1024) == b""
    assert client.db.t.count_documents({}) == 1


def test_a_socket_in_a_folder_open_to_others_is_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o777)
    with pytest.raises(ConfigurationError, match="Others may write"):
        listening_socket(tmp_path / "m.sock")


@pytest.mark.parametrize("name", ["database", "d" * 120 + ".sock"])
def test_a_path_that_cannot_be_a_socket_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigurationError, match="cannot be a database socket"):
        listening_socket(tmp_path / name)


def test_a_stale_socket_is_replaced_and_a_live_one_is_not(tmp_path: Path) -> None:
    path = tmp_path / "m.sock"
    listening_socket(path).close()
    live = listening_socket(path)
    with pytest.raises(PortInUseError, match="listens on"):
        listening_socket(path)
    live.close()


def test_a_difference_names_the_fields_that_changed() -> None:
    spec = {"big": "unchanged"}
    old = {"_id": 1, "state": "READY", "spec": spec, "gone": 1}
    new = {"_id": 1, "state": "RUNNING", "spec": spec, "more": 2}
    assert difference(old, new) == {
        "_id": 1,
        "s": {"state": "RUNNING", "more": 2},
        "u": ["gone"],
    }
    assert difference(old, {"_id": 1, "spec": spec, "state": "READY"}) is None
