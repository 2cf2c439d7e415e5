"""FireWorks' own LaunchPad, by URI, with its defaults tightened.

- Nothing but `ComputeTask` is ever made out of a stored document: FireWorks' loader, which imports
  any module that a document names, is replaced for this process.
- A workflow's lock that a killed process left behind is taken over after `LOCK_WAIT_S` (FireWorks:
  waits 300 s, then gives up). With one firework per workflow a lock is held for milliseconds.
- Log records go to `logging` and not to standard output.
"""

from __future__ import annotations

from typing import Any, Final

from fireworks import LaunchPad
from fireworks.core import launchpad as launchpad_module
from fireworks.utilities import exceptions as fw_exceptions
from fireworks.utilities import fw_serializers, fw_utilities
from pymongo.errors import OperationFailure, PyMongoError
from pymongo.uri_parser import parse_uri

from shared.errors import ConfigurationError, DatabaseError
from sim_dispatcher.launch.firetasks.compute import TASK_NAME, ComputeTask

__all__ = [
    "DATABASE",
    "FIREWORKS_ERRORS",
    "database_of",
    "force_state",
    "load_compute_task",
    "open_launchpad",
    "prepare_launchpad",
]

DATABASE: Final = "atomloop"
"""The database, where the URI names none."""

LOCK_WAIT_S: Final = 2

LOG_LEVEL: Final = "WARNING"


FIREWORKS_ERRORS: Final = (
    RuntimeError,
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    OperationFailure,
    fw_exceptions.FWConfigurationError,
    fw_exceptions.FWFormatError,
    fw_exceptions.FWSerializationError,
)
"""What FireWorks raises at documents that are not as it left them."""


def database_of(uri: str) -> str:
    """Return the database that a URI names, or the default one.

    Raises:
        ConfigurationError: It is no MongoDB URI.
    """
    return _parsed(uri)["database"] or DATABASE


def _parsed(uri: str) -> dict[str, Any]:
    try:
        return parse_uri(uri)
    except (PyMongoError, ValueError) as error:
        raise ConfigurationError(
            f"The database's address is no MongoDB URI: {str(error)[:200]}.",
            remedy="Take the one that `sim-dispatcher database` prints when it is ready.",
        ) from error


def open_launchpad(uri: str, database: str | None = None) -> Any:
    """Connect a stock `LaunchPad`.

    Args:
        uri: Any MongoDB-protocol server.
        database: Its database; None for the one in the URI or the default.

    Raises:
        DatabaseError: No server answers there.
        ConfigurationError: It is no MongoDB URI.
    """
    _tighten()
    parsed = _parsed(uri)
    launchpad = LaunchPad(
        host=uri,
        name=database or parsed["database"] or DATABASE,
        uri_mode=True,
        strm_lvl=LOG_LEVEL,
        wf_user_indices=["metadata.job"],
        mongoclient_kwargs=_patience(parsed),
    )
    try:
        launchpad.connection.admin.command("ping")
    except PyMongoError as error:
        launchpad.connection.close()
        raise DatabaseError(
            f"No database answers at {_servers(parsed)}: {str(error)[:200]}.",
            remedy="Start `sim-dispatcher database --path …`, or correct the URI.",
        ) from error
    return launchpad


def prepare_launchpad(launchpad: Any) -> None:
    """Make counters and indexes of a new LaunchPad; leaves an existing one as it is."""
    if launchpad.fw_id_assigner.find_one() is None:
        launchpad.fw_id_assigner.update_one(
            {"_id": -1}, {"$setOnInsert": {"next_fw_id": 1, "next_launch_id": 1}}, upsert=True
        )
    launchpad.tuneup()


def load_compute_task(document: dict[str, Any]) -> ComputeTask:
    """Make a task of a stored document; stands in for FireWorks' `load_object`.

    Raises:
        FWSerializationError: It names anything but `ComputeTask`.
    """
    if document.get("_fw_name") != TASK_NAME:
        raise fw_serializers.FWSerializationError(
            f"{str(document.get('_fw_name'))[:80]!r} is not on AtomLoop's list of tasks."
        )
    return ComputeTask(job=document.get("job"), signature=document.get("signature"))


def force_state(launchpad: Any, firework: int, changes: dict[str, Any]) -> None:
    """Set a firework's state by plain updates, without FireWorks' making objects of anything.

    Args:
        launchpad: Where it lives.
        firework: Its `fw_id`.
        changes: `state`, and whatever else is to be noted on the firework.
    """
    state = changes["state"]
    launchpad.fireworks.update_many({"fw_id": firework}, {"$set": changes})
    launchpad.workflows.update_many(
        {"nodes": firework}, {"$set": {"state": state, f"fw_states.{firework}": state}}
    )


def _servers(parsed: dict[str, Any]) -> str:
    """Return the servers that a URI names, without the password that it may carry."""
    nodes = parsed["nodelist"]
    return ", ".join(f"{host}:{port}" if port else str(host) for host, port in nodes)


def _patience(parsed: dict[str, Any]) -> dict[str, Any]:
    """Return how long to look for the server, unless the URI says so itself."""
    named = {option.lower() for option in parsed["options"]}
    return {} if "serverselectiontimeoutms" in named else {"serverSelectionTimeoutMS": 5000}


def _tighten() -> None:
    fw_serializers.load_object = load_compute_task
    fw_serializers.DECODE_MONTY = False
    launchpad_module.WFLock.__init__.__defaults__ = (LOCK_WAIT_S, True)
    known = ("launchpad", LOG_LEVEL)
    if known not in fw_utilities.PREVIOUS_STREAM_LOGGERS:
        fw_utilities.PREVIOUS_STREAM_LOGGERS.append(known)
