"""The inference service as its REST API shows it."""

from __future__ import annotations

import json
from contextlib import closing
from http.client import HTTPConnection, HTTPException
from typing import Any

__all__ = ["ServiceClient"]

TIMEOUT_S = 5.0
HTTP_ERRORS = 400


class ServiceClient:
    """Asks the inference service over loopback.

    Args:
        port: Its HTTP port.
        api_key: The key that scripts send.
    """

    def __init__(self, port: int, api_key: str) -> None:
        self._port = port
        self._headers = {"X-Api-Key": api_key, "Accept": "application/json"}

    def get(self, path: str) -> dict[str, Any] | None:
        """Return the JSON object at a path; None while the service does not answer with one."""
        return self._ask("GET", path)

    def dashboard_url(self) -> str | None:
        """Return an address of the dashboard that admits one browser, once."""
        made = self._ask("POST", "/api/v1/one-time-keys")
        return f"http://127.0.0.1:{self._port}{made['path']}" if made else None

    def _ask(self, method: str, path: str) -> dict[str, Any] | None:
        with closing(HTTPConnection("127.0.0.1", self._port, timeout=TIMEOUT_S)) as connection:
            try:
                connection.request(method, path, headers=self._headers)
                reply = connection.getresponse()
                answer = json.load(reply)
            except (OSError, HTTPException, ValueError):  # away, restarting, or not yet ready
                return None
        return answer if reply.status < HTTP_ERRORS and isinstance(answer, dict) else None
