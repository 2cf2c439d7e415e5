"""The files by which stock `lpad` and `qlaunch` work on this site.

JSON, which is YAML, with a line of explanation on top. They are made for one folder, one Python
and one settings file; make them anew when any of these moves.
"""

from __future__ import annotations

import json
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from shared.errors import ConfigurationError
from sim_dispatcher.batch.script import PATH, TEMPLATE
from sim_dispatcher.batch.settings import BatchSettings
from sim_dispatcher.launch.firetasks.compute import TASK_NAME
from sim_dispatcher.launch.launchpad import database_of
from sim_dispatcher.launch.queue_request import FIELD
from sim_dispatcher.launch.routing import BATCH

__all__ = ["Site", "read_adapter", "write_site"]

NAME_LENGTH: Final = 64
"""Longest job key; FireWorks cuts job names to 20 characters unless told otherwise."""

ADAPTER: Final = "my_qadapter.yaml"

_PRIVATE: Final = 0o600


@dataclass(frozen=True)
class Site:
    """Where this site keeps its things.

    Attributes:
        settings: The section `[batch]`.
        uri: Of the database.
        database: Its name; None for the one in the URI.
        config: The dispatcher's settings file, which the jobs read, too.
    """

    settings: BatchSettings
    uri: str
    database: str | None
    config: Path

    @property
    def folder(self) -> Path:
        """Where the files and the jobs' scripts are."""
        return self.settings.folder.absolute()


def write_site(site: Site) -> list[Path]:
    """Write FireWorks' files; existing ones are replaced.

    Args:
        site: Where things are.

    Returns:
        The files.

    Raises:
        ConfigurationError: A path holds characters that a job script must not.
    """
    folder = site.folder
    _check_paths(folder, site.config.absolute(), Path(sys.executable))
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    written = {
        "FW_config.yaml": _listed("FireWorks' own settings; found in the current folder.", {
            "ADD_USER_PACKAGES": ["sim_dispatcher.launch.firetasks"],
            "QUEUE_JOBNAME_MAXLEN": NAME_LENGTH,
            "QUEUE_UPDATE_INTERVAL": 0,
            "RAPIDFIRE_SLEEP_SECS": 1,
        }),
        "my_launchpad.yaml": _listed("The dispatcher's database.", {
            "host": site.uri,
            "name": site.database or database_of(site.uri),
            "uri_mode": True,
            "strm_lvl": "WARNING",
        }),
        "my_fworker.yaml": _listed("Only signed compute tasks, only those for Slurm.", {
            "name": "atomloop-slurm", "category": BATCH, "query": json.dumps(_query())
        }),
        ADAPTER: _listed("How a job is submitted.", _queue_adapter(site)),
        "slurm_template.txt": TEMPLATE,
        "submit": _submit_program(),
    }  # fmt: skip
    for name, text in written.items():
        path = folder / name
        path.write_text(text, "utf-8")
        path.chmod(0o700 if name == "submit" else _PRIVATE)
    return [folder / name for name in written]


def read_adapter(site: Site) -> dict[str, Any]:
    """Return the queue adapter's document, with whatever the site has changed in it.

    Raises:
        ConfigurationError: It was not written yet, or cannot be read.
    """
    path = site.folder / ADAPTER
    try:
        document = YAML(typ="safe", pure=True).load(path.read_text("utf-8"))
    except (OSError, YAMLError) as error:
        raise ConfigurationError(
            f"{path} cannot be read: {str(error)[:200]}.",
            remedy=f"sim-dispatcher batch init --config {site.config}",
        ) from error
    if not isinstance(document, dict):
        raise ConfigurationError(f"{path} is not a mapping.", remedy="Write it anew: batch init.")
    return document


def _queue_adapter(site: Site) -> dict[str, Any]:
    """Return the document that FireWorks makes its `CommonAdapter` of."""
    settings, folder = site.settings, site.folder
    launcher = Path(sys.executable).with_name("sim-dispatcher")
    hours, minutes = divmod(settings.walltime_min, 60)
    adapter = {
        "_fw_name": "CommonAdapter",
        "_fw_q_type": "SLURM",
        "_fw_template_file": str(folder / "slurm_template.txt"),
        "_q_commands_override": {"submit_cmd": str(folder / "submit")},
        "rocket_launch": f"{launcher} launch --singleshot --config {site.config.absolute()}",
        "queue": settings.partition,
        "walltime": f"{hours:02d}:{minutes:02d}:00",
        "cpus_per_task": settings.cpus,
        "mem": f"{settings.memory_MB}M",
        "warning": settings.warning_s,
        "account": settings.account,
        "qos": settings.qos,
        "constraint": settings.constraint,
    }
    return {name: value for name, value in adapter.items() if value is not None}


def _query() -> dict[str, Any]:
    """Return what a firework must look like for stock `qlaunch` to load it at all.

    The signature is checked where the job runs.
    """
    fields = ("_launch_dir", "_dupefinder", "_trackers", "_recovery", "_background_tasks")
    odd = ("rocket_launch", "pre_rocket", "post_rocket", "job_name", "launch_dir", "_fw_name")
    absent = [f"spec.{name}" for name in fields] + [f"spec.{FIELD}.{name}" for name in odd]
    return {
        "spec._tasks": {"$size": 1},
        "spec._tasks.0._fw_name": TASK_NAME,
        **{name: {"$exists": False} for name in absent},
    }


def _submit_program() -> str:
    return f'#!/bin/sh\nexec {sys.executable} -m sim_dispatcher.batch.submit "$@"\n'


def _listed(explanation: str, document: dict[str, Any]) -> str:
    heading = f"# {explanation} Written by `sim-dispatcher batch init`."
    return f"{heading}\n{json.dumps(document, indent=2)}\n"


def _check_paths(*paths: Path) -> None:
    for path in paths:
        if not re.fullmatch(PATH, str(path)):
            raise ConfigurationError(
                f"The path {path} cannot stand in a job script.",
                remedy="Use folders of letters, digits and . _ + @ = - alone.",
            )
