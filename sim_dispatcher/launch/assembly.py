"""Putting the parts together: a ledger for the dispatcher, a launcher for its process."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pymongo.errors import PyMongoError

from shared.clock import Clock
from shared.errors import DatabaseError
from sim_dispatcher.database.conformance import require_conformance
from sim_dispatcher.launch.engine_process import EngineProcess
from sim_dispatcher.launch.launcher import Launcher, LauncherSettings
from sim_dispatcher.launch.launchpad import open_launchpad, prepare_launchpad
from sim_dispatcher.launch.routing import Router
from sim_dispatcher.launch.signing import load_or_make_key
from sim_dispatcher.launch.workflows import LaunchPadWorkflows
from sim_dispatcher.ledger import Ledger
from sim_dispatcher.ledger.outage import says_when_away

__all__ = ["connect", "open_launcher", "open_ledger"]


def open_ledger(
    uri: str,
    key_file: Path,
    clock: Clock,
    database: str | None = None,
    router: Router | None = None,
) -> Ledger:
    """Connect the ledger to its database and LaunchPad.

    Args:
        uri: Any MongoDB-protocol server.
        key_file: The signing key, shared with the launchers; made where it is missing.
        clock: Wall time.
        database: Name of the database; None for the one in the URI, or `atomloop`.
        router: Decides which launchers see a job; None sends all to this host's.

    Raises:
        DatabaseError: No server answers, or one that would mislaunch.
        KeyRefusedError: Others may use the key file, or it holds no key.
    """
    launchpad = connect(uri, database)
    workflows = LaunchPadWorkflows(launchpad, load_or_make_key(key_file), clock, router)
    ledger = Ledger(launchpad.connection, launchpad.name, workflows, clock)
    ledger.prepare()
    return ledger


def open_launcher(
    uri: str, key_file: Path, settings: LauncherSettings, engine: EngineProcess, clock: Clock
) -> Launcher:
    """Connect a launcher to its database.

    Args:
        uri: The database that the dispatcher uses.
        key_file: The signing key, shared with the dispatcher.
        settings: Name, folder and category.
        engine: Computes.
        clock: Wall and monotonic time.

    Raises:
        DatabaseError: No server answers, or one that would mislaunch.
        KeyRefusedError: Others may use the key file, or it holds no key.
    """
    launchpad = connect(uri, settings.database)
    key = load_or_make_key(key_file)
    workflows = LaunchPadWorkflows(launchpad, key, clock)
    ledger = Ledger(launchpad.connection, launchpad.name, workflows, clock)
    ledger.prepare()
    return Launcher(launchpad, ledger, key, engine, settings, clock)


@says_when_away
def connect(uri: str, database: str | None) -> Any:
    """Connect a LaunchPad to a database that has proved to launch once.

    Args:
        uri: Any MongoDB-protocol server.
        database: Its name; None for the one in the URI, or `atomloop`.

    Raises:
        DatabaseError: No server answers, or one that would mislaunch.
    """
    launchpad = open_launchpad(uri, database)
    try:
        require_conformance(launchpad.connection, launchpad.name)
        prepare_launchpad(launchpad)
    except (DatabaseError, PyMongoError):
        launchpad.connection.close()
        raise
    return launchpad
