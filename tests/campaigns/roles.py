"""The processes that are killed: a submitter and a launcher, both out of the real parts.

`python -m tests.campaigns.roles submitter|launcher FOLDER NAME`. The submitter takes keys from
`wanted`, submits each until the ledger has acknowledged it, writes it to `acknowledged`, and
reconciles all the time; its clock runs fast, so that a lease is over in seconds.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import structlog

from shared.clock import SystemClock
from shared.errors import DatabaseError
from shared.messages.simulation import Level
from shared.settings import load_settings
from sim_dispatcher.batch.routing import BatchRouter
from sim_dispatcher.launch.assembly import open_launcher, open_ledger
from sim_dispatcher.launch.engine_process import EngineProcess
from sim_dispatcher.launch.launcher import LauncherSettings
from sim_dispatcher.launch.routing import LOCAL, QUICK
from sim_dispatcher.ledger import LEASE_S, DatabaseAwayError, JobSpec, Ledger
from sim_dispatcher.settings import DispatcherSettings

LEASE_REAL_S = 3.0
"""What a lease of `LEASE_S` lasts on the submitter's clock; six heartbeats of a launcher."""
GRACE_S = 1.0
RECONCILE_S = 0.5
POLL_S = 0.05

T = TypeVar("T")


class FastClock(SystemClock):
    """A clock on which leases run out sooner; dates are the machine's."""

    def monotonic_s(self) -> float:
        """Seconds since an arbitrary start, too many."""
        return super().monotonic_s() * LEASE_S / LEASE_REAL_S


def spec_of(key: str) -> JobSpec:
    """Return the job that a key stands for; the last part of the key is its length in ms."""
    level: Level = "gfn1" if key.startswith("batch") else "gfnff"
    return JobSpec(
        key=key, roi=key, recipe="relax", level=level, structure="1\n\nC 0 0 0\n",
        frame="0" * 64, model="1" * 64, created_at_ns=1,
    )  # fmt: skip


def acknowledged(folder: Path) -> list[str]:
    """Return the keys whose submission was acknowledged; a torn last line was not."""
    path = folder / "acknowledged"
    text = path.read_text() if path.exists() else ""
    return [line for line in text.split("\n")[:-1] if line]


def submit_for_ever(folder: Path, uri: str, stop: threading.Event) -> None:
    """Submit what is wanted, and mend what crashes left behind."""
    key_file, router = _site(folder)
    ledger = opened(lambda: open_ledger(uri, key_file, FastClock(), router=router), stop)
    done, clock, reconciled = set(acknowledged(folder)), SystemClock(), 0.0
    with (folder / "acknowledged").open("a") as file:
        while not stop.wait(POLL_S):
            try:
                for key in (folder / "wanted").read_text().split():
                    if key not in done and _submitted(ledger, key):
                        file.write(f"{key}\n")
                        file.flush()
                        os.fsync(file.fileno())
                        done.add(key)
                if clock.monotonic_s() - reconciled > RECONCILE_S:
                    ledger.reconcile(grace_s=GRACE_S)
                    reconciled = clock.monotonic_s()
            except DatabaseAwayError:
                continue


def _site(folder: Path) -> tuple[Path, BatchRouter | None]:
    """Return the key file and, where there is a Slurm, which jobs go there."""
    config = folder / "site.toml"
    if not config.exists():
        return folder / "key", None
    settings = load_settings(DispatcherSettings, config)
    return settings.launch.key_file, BatchRouter(settings.batch)


def _submitted(ledger: Ledger, key: str) -> bool:
    return ledger.submit(spec_of(key)).state != "reserved"


def launch_for_ever(
    folder: Path,
    uri: str,
    name: str,
    stop: threading.Event,
    categories: tuple[str, ...] = (QUICK, LOCAL),
) -> None:
    """Run the real launcher with the traced engine."""
    command = (sys.executable, "-S", str(Path(__file__).with_name("engine.py")))
    engine = EngineProcess(folder / f"{name}.log", command=(*command, str(folder / "trace")))
    settings = LauncherSettings(name, folder / "jobs", categories)
    launcher = opened(
        lambda: open_launcher(uri, folder / "key", settings, engine, SystemClock()), stop
    )
    launcher.run(stop)
    launcher.close()


def opened(make: Callable[[], T], stop: threading.Event) -> T:
    """Open something on the database, again and again while that is away, as systemd would."""
    while True:
        try:
            return make()
        except DatabaseError:
            if stop.wait(POLL_S):
                raise


def main() -> None:
    """Play a role until SIGTERM."""
    role, folder, name = sys.argv[1], Path(sys.argv[2]), sys.argv[3]
    uri = (folder / "uri").read_text()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(40))
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    if role == "submitter":
        submit_for_ever(folder, uri, stop)
    else:
        launch_for_ever(folder, uri, name, stop)


if __name__ == "__main__":
    main()
