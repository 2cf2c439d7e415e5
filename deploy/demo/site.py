"""A place for one run: folder, ports, keys, settings files."""

from __future__ import annotations

import os
import secrets
import shutil
import socket
import tempfile
from pathlib import Path

from deploy.demo.plan import Layout, ServicePlan
from deploy.demo.settings_file import to_toml
from shared.transport import create_keys

__all__ = ["new_layout", "write_site"]

KEPT_RUNS = 3
"""Ended runs whose logs stay for reading."""

PREFERRED_PORTS = (8600, 8601)
"""The services' defaults, so that addresses stay the same from run to run where they can."""

SOCKET_PATH_BYTES = 100
"""Linux takes 107; the database may add a suffix."""


def new_layout(home: Path) -> Layout:
    """Choose folder and ports for a new run, and clear away old runs.

    Args:
        home: Folder that holds the runs.
    """
    home.mkdir(parents=True, exist_ok=True)
    _clear(home)
    folder = home / f"run-{os.getpid()}"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700)
    http_port, link_port = _free_ports()
    return Layout(folder, _socket_path(folder), http_port, link_port)


def _clear(home: Path) -> None:
    ended = [run for run in home.glob("run-*") if not Path(f"/proc/{run.name[4:]}").exists()]
    for run in sorted(ended, key=lambda path: path.stat().st_mtime)[:-KEPT_RUNS]:
        shutil.rmtree(run, ignore_errors=True)


def _socket_path(folder: Path) -> Path:
    path = folder / "database.sock"
    if len(os.fsencode(path)) <= SOCKET_PATH_BYTES:
        return path
    return Path(tempfile.mkdtemp(prefix="atomloop-")) / "database.sock"


def _free_ports() -> tuple[int, int]:
    """Take the preferred ports where they are free, any others where not."""
    with _bound(PREFERRED_PORTS[0]) as first, _bound(PREFERRED_PORTS[1]) as second:
        return int(first.getsockname()[1]), int(second.getsockname()[1])


def _bound(port: int) -> socket.socket:
    candidate = socket.socket()
    try:
        candidate.bind(("127.0.0.1", port))
    except OSError:
        candidate.bind(("127.0.0.1", 0))
    return candidate


def write_site(layout: Layout, plans: tuple[ServicePlan, ...]) -> str:
    """Make the keys and write every service's settings file.

    Returns:
        The API key.
    """
    for name in ("inference", "edge", "dispatcher"):
        create_keys(layout.keys, name)
    for role in ("edge", "dispatcher"):
        folder = layout.authorized / role
        folder.mkdir(parents=True)
        shutil.copy(layout.keys / f"{role}.key", folder)
    api_key = secrets.token_urlsafe(32)
    layout.api_key.touch(mode=0o600)
    layout.api_key.write_text(api_key + "\n", "ascii")
    for plan in plans:
        if plan.settings is not None:
            (layout.folder / f"{plan.name}.toml").write_text(to_toml(plan.settings), "utf-8")
    return api_key
