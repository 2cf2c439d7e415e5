"""`sim-dispatcher launch`: compute ready jobs until told to stop."""

from __future__ import annotations

import os
import signal
import socket
import threading
from pathlib import Path
from typing import Annotated

import typer

from shared.clock import SystemClock
from shared.command_line import plain_errors
from shared.logs import configure_logs
from shared.settings import load_settings
from sim_dispatcher.launch.assembly import open_launcher
from sim_dispatcher.launch.engine_process import EngineProcess
from sim_dispatcher.launch.launcher import LauncherSettings
from sim_dispatcher.launch.workflows import LOCAL
from sim_dispatcher.settings import DispatcherSettings

__all__ = ["launch"]


def launch(
    config: Annotated[Path | None, typer.Option(help="The dispatcher's settings file.")] = None,
    uri: Annotated[str | None, typer.Option(help="MongoDB URI; beats the settings.")] = None,
    folder: Annotated[Path | None, typer.Option(help="For the jobs' folders.")] = None,
    key: Annotated[Path | None, typer.Option(help="Signing key file.")] = None,
    worker: Annotated[str | None, typer.Option(help="Name of this launcher.")] = None,
    category: Annotated[str, typer.Option(help="Fireworker category to serve.")] = LOCAL,
) -> None:
    """Compute signed jobs out of a LaunchPad; at SIGTERM the job under way is given back."""
    with plain_errors("sim-dispatcher launch"):
        tree = load_settings(DispatcherSettings, config)
        configure_logs(tree.log)
        place = tree.launch if folder is None else tree.launch.model_copy(update={"folder": folder})
        settings = LauncherSettings(
            worker or place.worker or f"{socket.gethostname()}-{os.getpid()}",
            place.folder,
            category,
            tree.database.name if uri is None else None,
        )
        place.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        engine = EngineProcess(place.folder / "engine.log", place.threads)
        address = uri or tree.database.uri
        launcher = open_launcher(address, key or place.key_file, settings, engine, SystemClock())
        typer.echo(f"ready {settings.worker}")
        launcher.run(_stop_signal())
        launcher.close()


def _stop_signal() -> threading.Event:
    """Return an event that SIGTERM or Ctrl-C sets."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    return stop


if __name__ == "__main__":
    typer.run(launch)
