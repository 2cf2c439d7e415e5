"""`sim-dispatcher batch`: jobs to Slurm by FireWorks' own means."""

from __future__ import annotations

import signal
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from shared.clock import SystemClock
from shared.command_line import plain_errors
from shared.logs import configure_logs
from shared.settings import load_settings
from sim_dispatcher.batch.site_files import Site, read_adapter, write_site
from sim_dispatcher.settings import DispatcherSettings

if TYPE_CHECKING:
    from sim_dispatcher.batch.feed import Feed

__all__ = ["app"]

Config = Annotated[Path, typer.Option("--config", "-c", help="The dispatcher's settings file.")]

app = typer.Typer(
    name="batch",
    help="Jobs to Slurm by FireWorks' own means.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


@app.command()
def init(config: Config) -> None:
    """Write the files by which stock `lpad` and `qlaunch` work in the folder `batch.folder`."""
    with plain_errors("sim-dispatcher batch init"):
        for path in write_site(_site(config, load_settings(DispatcherSettings, config))):
            typer.echo(path)


@app.command()
def feed(
    config: Config,
    submit: Annotated[
        bool, typer.Option(help="Submit ready jobs; --no-submit leaves that to qlaunch.")
    ] = True,
) -> None:
    """Hand ready jobs to Slurm and look after those there, until SIGTERM or Ctrl-C."""
    with plain_errors("sim-dispatcher batch feed"):
        tree = load_settings(DispatcherSettings, config)
        configure_logs(tree.log)
        stop = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
        feeding = _feed(config, tree, submits=submit)
        typer.echo("ready")
        feeding.run(stop)


def _site(config: Path, tree: DispatcherSettings) -> Site:
    return Site(tree.batch, tree.database.uri, tree.database.name, config)


def _feed(config: Path, tree: DispatcherSettings, *, submits: bool) -> Feed:
    from sim_dispatcher.batch.feed import Feed, Parts
    from sim_dispatcher.batch.slurm import Slurm
    from sim_dispatcher.batch.submission import Submission
    from sim_dispatcher.batch.submit import Submitter, run_program
    from sim_dispatcher.launch.assembly import connect
    from sim_dispatcher.launch.signing import load_or_make_key
    from sim_dispatcher.launch.workflows import LaunchPadWorkflows
    from sim_dispatcher.ledger import Ledger

    clock, site = SystemClock(), _site(config, tree)
    adapter = read_adapter(site)
    launchpad = connect(site.uri, site.database)
    key = load_or_make_key(tree.launch.key_file)
    workflows = LaunchPadWorkflows(launchpad, key, clock)
    ledger = Ledger(launchpad.connection, launchpad.name, workflows, clock)
    ledger.prepare()
    submitter = Submitter(run_program, threading.Event().wait)
    submission = Submission(launchpad, adapter, site.folder, submitter)
    parts = Parts(launchpad, ledger, workflows, key, Slurm(), submission)
    return Feed(parts, tree.batch, clock, submits=submits)
