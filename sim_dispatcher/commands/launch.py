"""`sim-dispatcher launch`: compute ready jobs until told to stop."""

from __future__ import annotations

import signal
import socket
import sys
import threading
from pathlib import Path
from typing import Annotated

import structlog
import typer

from shared.clock import SystemClock
from shared.errors import AtomLoopError
from sim_dispatcher.launch.assembly import open_launcher
from sim_dispatcher.launch.engine_process import EngineProcess
from sim_dispatcher.launch.launcher import LauncherSettings
from sim_dispatcher.launch.workflows import LOCAL

__all__ = ["launch"]


def launch(
    uri: Annotated[str, typer.Option(help="MongoDB URI of the LaunchPad.")],
    folder: Annotated[Path, typer.Option(help="Where each job gets a folder of its own.")],
    key: Annotated[
        Path | None, typer.Option(help="Signing key file. Default: launch.key in the folder.")
    ] = None,
    worker: Annotated[str | None, typer.Option(help="Name of this launcher.")] = None,
    category: Annotated[str, typer.Option(help="Fireworker category to serve.")] = LOCAL,
    threads: Annotated[int, typer.Option(min=1, help="Threads of the engines.")] = 1,
) -> None:
    """Compute signed jobs out of a LaunchPad; at SIGTERM the job under way is given back."""
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    settings = LauncherSettings(worker or socket.gethostname(), folder, category)
    engine = EngineProcess(folder / "engine.log", threads)
    try:
        launcher = open_launcher(uri, key or folder / "launch.key", settings, engine, SystemClock())
        typer.echo(f"ready {settings.worker}")
        launcher.run(stop)
        launcher.close()
    except AtomLoopError as error:
        typer.echo(f"{error.code}: {error}", err=True)
        raise typer.Exit(1) from error
    finally:
        engine.stop()


if __name__ == "__main__":
    typer.run(launch)
