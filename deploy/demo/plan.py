"""What the demo runs: services, their settings and their order, from a few choices."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from deploy.demo.settings_file import Tree
from deploy.demo.source import Source

__all__ = ["Layout", "ServicePlan", "plan_services"]


@dataclass(frozen=True, slots=True)
class Layout:
    """Where one run of the demo keeps its things.

    Attributes:
        folder: Settings, keys and logs of this run.
        socket: The database's Unix socket; its path is bounded to about 100 bytes by the kernel.
        http_port: Loopback port of REST and dashboard.
        link_port: Loopback port of the frame link.
    """

    folder: Path
    socket: Path
    http_port: int
    link_port: int

    @property
    def keys(self) -> Path:
        """Folder of the key pairs."""
        return self.folder / "keys"

    @property
    def authorized(self) -> Path:
        """Folder of the public keys that may dial in."""
        return self.folder / "authorized"

    @property
    def api_key(self) -> Path:
        """File with the REST API's key."""
        return self.folder / "api.key"


@dataclass(frozen=True, slots=True)
class ServicePlan:
    """One process of the demo.

    Attributes:
        name: What people call it; also its log's name.
        command: Console script and arguments, without the settings file.
        settings: Its settings tree, if it reads one.
        needs_database: Whether it starts only once the database answers.
        may_end: Whether it may end by itself without anything being wrong.
    """

    name: str
    command: tuple[str, ...]
    settings: Tree | None = None
    needs_database: bool = False
    may_end: bool = False


def plan_services(layout: Layout, source: Source) -> tuple[ServicePlan, ...]:
    """Plan the processes, in the order in which they are started.

    Args:
        layout: Where things are.
        source: Where frames come from.
    """
    dispatcher = _dispatcher(layout)
    return (
        ServicePlan("database", _database(layout)),
        ServicePlan("inference-service", ("inference-service", "run"), _inference(layout)),
        ServicePlan(
            "edge-agent", ("edge-agent", "run"), _edge(layout, source), may_end=source.ends
        ),
        ServicePlan("sim-dispatcher", ("sim-dispatcher", "run"), dispatcher, needs_database=True),
        ServicePlan("launcher", ("sim-dispatcher", "launch"), dispatcher, needs_database=True),
    )


def _database(layout: Layout) -> tuple[str, ...]:
    data = layout.folder / "database"
    return ("sim-dispatcher", "database", "--path", str(data), "--socket", str(layout.socket))


def _inference(layout: Layout) -> Tree:
    return {
        "http": {"port": layout.http_port, "key_file": str(layout.api_key)},
        "link": {
            "port": layout.link_port,
            "key_file": str(layout.keys / "inference.key_secret"),
            "authorized_dir": str(layout.authorized),
        },
    }


def _edge(layout: Layout, source: Source) -> Tree:
    return {"link": _dial(layout, "edge"), "source": source.settings()}


def _dispatcher(layout: Layout) -> Tree:
    return {
        "link": _dial(layout, "dispatcher"),
        "database": {
            "uri": f"mongodb://{quote(str(layout.socket), safe='')}/?directConnection=true",
            "name": "atomloop",
        },
    }


def _dial(layout: Layout, name: str) -> Tree:
    return {
        "endpoint": f"tcp://127.0.0.1:{layout.link_port}",
        "server_key": str(layout.keys / "inference.key"),
        "key_file": str(layout.keys / f"{name}.key_secret"),
    }
