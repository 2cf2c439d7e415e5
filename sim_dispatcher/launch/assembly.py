"""Putting the parts together: a ledger for the dispatcher, a launcher for its process."""

from __future__ import annotations

from pathlib import Path

from shared.clock import Clock
from sim_dispatcher.launch.engine_process import EngineProcess
from sim_dispatcher.launch.launcher import Launcher, LauncherSettings
from sim_dispatcher.launch.launchpad import database_of, open_launchpad, prepare_launchpad
from sim_dispatcher.launch.signing import load_or_make_key
from sim_dispatcher.launch.workflows import LaunchPadWorkflows
from sim_dispatcher.ledger import Ledger

__all__ = ["open_launcher", "open_ledger"]


def open_ledger(uri: str, key_file: Path, clock: Clock) -> Ledger:
    """Connect the ledger to its database and LaunchPad.

    Args:
        uri: Any MongoDB-protocol server; its database is the URI's, or `atomloop`.
        key_file: The signing key, shared with the launchers; made where it is missing.
        clock: Wall time.

    Raises:
        DatabaseError: No server answers.
        KeyRefusedError: Others may use the key file, or it holds no key.
    """
    launchpad = open_launchpad(uri)
    prepare_launchpad(launchpad)
    workflows = LaunchPadWorkflows(launchpad, load_or_make_key(key_file), clock)
    ledger = Ledger(launchpad.connection, database_of(uri), workflows, clock)
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
        DatabaseError: No server answers.
        KeyRefusedError: Others may use the key file, or it holds no key.
    """
    launchpad = open_launchpad(uri)
    prepare_launchpad(launchpad)
    key = load_or_make_key(key_file)
    workflows = LaunchPadWorkflows(launchpad, key, clock, settings.category)
    ledger = Ledger(launchpad.connection, database_of(uri), workflows, clock)
    ledger.prepare()
    return Launcher(launchpad, ledger, key, engine, settings, clock)
