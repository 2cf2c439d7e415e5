"""One server for all tests of this folder, emptied after each, and a plain driver."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from pymongo import MongoClient

from sim_dispatcher.database.hosting import hosted


@pytest.fixture(scope="session")
def uri(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with hosted(tmp_path_factory.mktemp("database")) as address:
        yield address


@pytest.fixture
def client(uri: str) -> Iterator[MongoClient[dict[str, Any]]]:
    with MongoClient[dict[str, Any]](uri) as connected:
        yield connected
        for name in connected.list_database_names():
            connected.drop_database(name)
