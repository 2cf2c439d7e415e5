"""`sim-dispatcher launch`: compute ready jobs until told to stop, or one inside a Slurm job."""

from __future__ import annotations

import os
import signal
import socket
import threading
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from pydantic import TypeAdapter, ValidationError

from shared.clock import SystemClock
from shared.command_line import plain_errors
from shared.errors import ConfigurationError
from shared.logs import configure_logs
from shared.messages import Identifier
from shared.settings import load_settings
from sim_dispatcher.launch.assembly import open_launcher
from sim_dispatcher.launch.engine_process import EngineProcess
from sim_dispatcher.launch.lanes import Lane, plan_lanes, run_lanes
from sim_dispatcher.launch.launcher import Launcher, LauncherSettings
from sim_dispatcher.launch.routing import BATCH
from sim_dispatcher.settings import DispatcherSettings, LaunchSettings

__all__ = ["launch"]


def launch(
    config: Annotated[
        Path | None, typer.Option("--config", "-c", help="The dispatcher's settings file.")
    ] = None,
    uri: Annotated[str | None, typer.Option(help="MongoDB URI; beats the settings.")] = None,
    folder: Annotated[Path | None, typer.Option(help="For the jobs' folders.")] = None,
    key: Annotated[Path | None, typer.Option(help="Signing key file.")] = None,
    worker: Annotated[str | None, typer.Option(help="Name of this launcher.")] = None,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Lanes for long jobs; beats the settings.")
    ] = None,
    category: Annotated[
        str | None, typer.Option(help="Serve this fireworker category alone, in one lane.")
    ] = None,
    once: Annotated[
        bool, typer.Option("--once", "--singleshot", help="End when nothing is ready any more.")
    ] = False,
    firework: Annotated[
        int | None,
        typer.Option("--firework", "--fw_id", min=1, help="Serve this one alone, then end."),
    ] = None,
    max_wall: Annotated[
        float | None, typer.Option(min=1, help="Come to a checkpoint before so long, s.")
    ] = None,
) -> None:
    """Compute signed jobs out of a LaunchPad.

    At SIGTERM the job under way comes to a checkpoint, if it can in three seconds, and is given
    back; at SIGUSR1 it has a minute. Inside a Slurm job, `--once` or `--firework` ends with it.
    """
    with plain_errors("sim-dispatcher launch"):
        tree = load_settings(DispatcherSettings, config)
        configure_logs(tree.log)
        place = tree.launch if folder is None else tree.launch.model_copy(update={"folder": folder})
        place.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        single = once or firework is not None
        settings = LauncherSettings(
            worker=_checked(worker or _own_name(place.worker)),
            folder=place.folder,
            database=tree.database.name if uri is None else None,
            firework=firework,
            max_wall_s=max_wall,
        )
        if single or category:
            lanes: tuple[Lane, ...] = (Lane("", (category or BATCH,)),)
        else:
            lanes = plan_lanes(workers or place.workers, tree.batch.urgent_priority)
        make = partial(_make, place, uri or tree.database.uri, key or place.key_file, settings)
        stop = _stop_signal()
        if single:
            _run_once(make(lanes[0]), stop)
            return
        typer.echo(f"ready {settings.worker}")
        run_lanes(lanes, make, stop)


def _make(
    place: LaunchSettings, uri: str, key: Path, settings: LauncherSettings, lane: Lane
) -> Launcher:
    """Make a lane's launcher, with an engine of its own."""
    log = place.folder / f"engine{lane.name and '-'}{lane.name}.log"
    limit_MB = place.memory_MB or _most_of_the_memory()
    engine = EngineProcess(log, _threads(place.threads), memory_MB=limit_MB)
    return open_launcher(uri, key, lane.settings(settings), engine, SystemClock())


def _run_once(launcher: Launcher, stop: threading.Event) -> None:
    """Serve what is ready; SIGUSR1 has the job come to a checkpoint."""
    signal.signal(signal.SIGUSR1, lambda *_: launcher.wind_up())
    launcher.run_once(stop)
    launcher.close()


def _most_of_the_memory() -> int | None:
    """Return 80 % of this host's memory, MB, so that a job that runs wild fails before the host.

    None beside a graphics card: CUDA reserves far more address space than there is memory.
    """
    if Path("/dev/nvidiactl").exists():
        return None
    return int(0.8 * os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")) >> 20


def _threads(configured: int) -> int:
    """Return the processors that Slurm gave this job, or the configured number elsewhere."""
    given = os.environ.get("SLURM_CPUS_PER_TASK", "")
    return int(given) if given.isdecimal() else configured


def _own_name(configured: str | None) -> str:
    """Return a launcher's name: that of its Slurm job, the configured one, or host and process."""
    job = os.environ.get("SLURM_JOB_ID", "")
    if job.isdecimal():
        return f"slurm-{job}"
    return configured or f"{socket.gethostname()}-{os.getpid()}"


def _checked(name: str) -> str:
    """Refuse a name that could be anything but a name where it is shown or logged."""
    try:
        return TypeAdapter(Identifier).validate_python(name)
    except ValidationError as error:
        raise ConfigurationError(
            f"{name[:80]!r} cannot be a launcher's name.",
            remedy="Use up to 64 letters, digits and . _ - alone.",
        ) from error


def _stop_signal() -> threading.Event:
    """Return an event that SIGTERM or Ctrl-C sets."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    return stop


if __name__ == "__main__":
    typer.run(launch)
