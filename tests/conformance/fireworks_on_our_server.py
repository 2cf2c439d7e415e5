"""A pytest plugin under which FireWorks' own tests reach our server instead of localhost:27017.

Loaded by `-p` into the process that runs them; nothing of FireWorks but its choice of client is
changed.
"""

from __future__ import annotations

import os
from typing import Any

import pymongo
from fireworks import fw_config
from fireworks.core import launchpad
from fireworks.utilities import filepad

URI_VARIABLE = "ATOMLOOP_TEST_URI"


class ClientOfOurServer(pymongo.MongoClient[dict[str, Any]]):
    """A client whose default server is ours."""

    def __init__(self, host: Any = None, port: int | None = None, *args: Any, **kwargs: Any):
        if host in (None, "localhost", "127.0.0.1"):
            host, port = os.environ[URI_VARIABLE], None
        super().__init__(host, port, *args, **kwargs)


for module in (fw_config, launchpad, filepad):
    module.MongoClient = ClientOfOurServer
