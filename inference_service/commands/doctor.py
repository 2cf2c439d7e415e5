"""`inference-service doctor`: whether this host can serve, and what to mend."""

from __future__ import annotations

import errno
import socket
import sys
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Final

import typer

from inference_service.api.pages import DIST
from inference_service.app import engine_policy, open_detector, threads_of
from inference_service.detector.engine_choice.opening import check_installed, decide, verdict_of
from inference_service.detector.engine_choice.table import describe
from inference_service.detector.model import load_model
from inference_service.detector.pipeline import shipped_model
from inference_service.detector.segmentation.description import read_segmentation
from inference_service.detector.segmentation.eye import SegmentationEye
from inference_service.settings import HttpSettings, InferenceSettings, LinkSettings
from shared.checks import examine, show
from shared.clock import SystemClock
from shared.command_line import plain_errors
from shared.errors import ConfigurationError, PortInUseError
from shared.settings import load_settings
from shared.transport import load_keys

__all__ = ["doctor"]

PATIENCE_S: Final = 300.0
"""How long measuring the engines may take here."""


def doctor(
    config: Annotated[
        Path | None, typer.Option("--config", "-c", help="TOML file of the settings.")
    ] = None,
    measure: Annotated[
        bool, typer.Option("--measure", help="Measure the engines anew, whatever is stored.")
    ] = False,
) -> None:
    """Check Python, engine, model, dashboard, keys and ports; say how to mend what is wrong."""
    with plain_errors("inference-service"):
        settings = load_settings(InferenceSettings, config)
    findings = examine(
        {
            "Python": lambda: sys.version.split(maxsplit=1)[0],
            "engine": lambda: _engine(settings, anew=measure),
            "model": lambda: _model(settings),
            "dashboard": _dashboard,
            "keys": lambda: _keys(settings),
            "ports": lambda: _ports(settings),
        }
    )
    show(findings)
    if not all(finding.well for finding in findings):
        raise typer.Exit(1)


def _engine(settings: InferenceSettings, *, anew: bool) -> str:
    policy = replace(engine_policy(settings), budget_s=PATIENCE_S)
    check_installed(policy.wish)
    folder = settings.detector.model_dir or shipped_model()
    if read_segmentation(folder) is not None:
        return f"{SegmentationEye.key}, the only one for an ensemble that paints classes"
    model = load_model(folder)
    verdict = verdict_of(model, threads_of(settings), policy, anew=anew)
    return describe(verdict, decide(verdict, policy.wish))


def _model(settings: InferenceSettings) -> str:
    detector = open_detector(settings, SystemClock())
    detector.close()
    return f"{detector.members} members, digest {detector.digest[:12]}, verified"


def _dashboard() -> str:
    if not (DIST / "index.html").exists():
        raise ConfigurationError(
            "The dashboard is not built.", remedy="Run `make setup`; REST works without it."
        )
    return "built"


def _keys(settings: InferenceSettings) -> str:
    link = settings.link
    if link.key_file is None or link.authorized_dir is None:
        raise ConfigurationError(
            "link.key_file and link.authorized_dir are not set.",
            remedy="Run `inference-service keys make FOLDER` and set what it prints.",
        )
    load_keys(link.key_file.expanduser())
    count = len(list(link.authorized_dir.expanduser().glob("*/*.key")))
    return f"key pair readable, {count} authorised diallers"


def _ports(settings: InferenceSettings) -> str:
    ports: dict[str, HttpSettings | LinkSettings] = {
        "http.port": settings.http,
        "link.port": settings.link,
    }
    for name, where in ports.items():
        try:
            socket.create_server((where.host, where.port)).close()
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
            raise PortInUseError(
                f"{name} = {where.port} is in use, perhaps by a running service.",
                remedy=f"Stop it, or choose another {name}.",
            ) from error
    return ", ".join(f"{name} {where.port} free" for name, where in ports.items())
