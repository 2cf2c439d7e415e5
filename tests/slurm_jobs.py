"""A site with a Slurm: database, ledger, FireWorks' files, the feed or stock qlaunch.

For tests and campaigns. The jobs in Slurm run `sim-dispatcher launch`, with the counting engine of
`slurm_engine` unless the real one is asked for.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest

from shared.clock import SystemClock
from shared.settings import load_settings
from sim_dispatcher.batch.routing import BatchRouter
from sim_dispatcher.batch.settings import BatchSettings
from sim_dispatcher.commands.batch import _feed
from sim_dispatcher.database.hosting import hosted
from sim_dispatcher.launch.assembly import connect
from sim_dispatcher.launch.signing import load_or_make_key
from sim_dispatcher.launch.workflows import LaunchPadWorkflows
from sim_dispatcher.ledger import FINAL, JobRecord, JobSpec, Ledger
from sim_dispatcher.settings import DispatcherSettings
from tests.slurm_site import Cluster, pause

PATIENCE_S: Final = 60.0
SCRIPTS: Final = Path(sys.executable).parent
ROCKET: Final = f"{sys.executable} {Path(__file__).with_name('slurm_rocket.py')}"


@dataclass
class BatchSite:
    """Everything that belongs to one LaunchPad before one Slurm."""

    folder: Path
    cluster: Cluster
    launchpad: Any
    ledger: Ledger
    settings: DispatcherSettings

    @property
    def config(self) -> Path:
        """The dispatcher's settings file."""
        return self.folder / "site.toml"

    @property
    def batch_folder(self) -> Path:
        """FireWorks' files and the jobs' scripts."""
        return self.folder / "batch"

    def init(self, *, real_engine: bool = False) -> None:
        """Write FireWorks' files as `sim-dispatcher batch init` does."""
        self.run("sim-dispatcher", "batch", "init", "--config", self.config)
        if not real_engine:
            adapter = self.batch_folder / "my_qadapter.yaml"
            text = adapter.read_text()
            adapter.write_text(text.replace(str(SCRIPTS / "sim-dispatcher"), ROCKET))

    def run(self, program: str, *arguments: object, check: bool = True) -> str:
        """Run a program of this environment in the batch folder; return what it prints."""
        folder = self.batch_folder if self.batch_folder.exists() else self.folder
        done = subprocess.run(
            [str(SCRIPTS / program), *map(str, arguments)],
            cwd=folder, env=self.environment, capture_output=True, text=True, timeout=120,
            check=False, stdin=subprocess.DEVNULL,
        )  # fmt: skip
        assert not check or done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    @property
    def environment(self) -> dict[str, str]:
        """What jobs and programs see."""
        return {**self.cluster.environment, "PYTHONWARNINGS": "ignore", "OMP_NUM_THREADS": "1"}

    @contextlib.contextmanager
    def feed(self, *, submits: bool = True, real_engine: bool = False) -> Iterator[None]:
        """Run the feed in a thread until the block ends."""
        with pytest.MonkeyPatch.context() as patch:
            for name in ("SLURM_CONF", "PYTHONWARNINGS"):
                patch.setenv(name, self.environment[name])
            self.init(real_engine=real_engine)
            feeding = _feed(self.config, self.settings, submits=submits)
            stop = threading.Event()
            thread = threading.Thread(target=feeding.run, args=(stop,), daemon=True)
            thread.start()
            try:
                yield
            finally:
                stop.set()
                thread.join()
                feeding._parts.launchpad.connection.close()

    def submit(self, key: str, roi: str = "quick", **changes: Any) -> JobRecord:
        """Submit a job to the ledger; the ROI tells the counting engine what to do."""
        fields: dict[str, Any] = {
            "key": key, "roi": roi, "recipe": "relax", "level": "gfn1",
            "structure": "1\n\nC 0 0 0\n", "frame": "0" * 64, "model": "1" * 64,
            "created_at_ns": 1,
        }  # fmt: skip
        return self.ledger.submit(JobSpec(**{**fields, **changes}))

    def record(self, key: str) -> JobRecord:
        """Return a job's record."""
        record = self.ledger.get(key)
        assert record is not None
        return record

    def firework_state(self, key: str) -> str:
        """Return the state of a job's firework."""
        document = self.launchpad.fireworks.find_one({"fw_id": self.record(key).firework})
        return str(document["state"])

    def steps(self, key: str) -> list[str]:
        """Return what the counting engine did for a job, over all attempts."""
        path = self.folder / "jobs" / f"{key}.steps"
        return path.read_text().split("\n")[:-1] if path.exists() else []

    def release(self, key: str) -> None:
        """Let a job that holds come to its end."""
        (self.folder / "jobs" / f"{key}.go").touch()

    def starts(self, key: str) -> list[int]:
        """Return the process numbers of the engines that worked on a job."""
        return [int(line.split()[1]) for line in self.steps(key) if line.startswith("start")]

    def wait_for(
        self, condition: Callable[[], object], what: str, within_s: float = PATIENCE_S
    ) -> float:
        """Look every few milliseconds until something holds; return how long it took, s."""
        began = time.monotonic()
        while not condition():
            took = time.monotonic() - began
            assert took < within_s, f"no {what} in {within_s:.0f} s; {self.account()}"
            pause(0.01)
        return time.monotonic() - began

    def end_of(self, key: str, within_s: float = PATIENCE_S) -> JobRecord:
        """Wait until a job has ended; return its record."""
        self.wait_for(lambda: self.record(key).state in FINAL, f"end of {key}", within_s)
        return self.record(key)

    def account(self) -> str:
        """Return where everything stands, for a failing test."""
        jobs = self.ledger.changes(0)
        states = [(job.key, job.state, job.reason, self.firework_state(job.key)) for job in jobs]
        outputs = {path.name: path.read_text()[-600:] for path in self.batch_folder.rglob("*.out")}
        return f"{states} {self.cluster.jobs()} {outputs}"


@contextlib.contextmanager
def batch_site(folder: Path, cluster: Cluster, **batch: Any) -> Iterator[BatchSite]:
    """Make a site whose jobs at GFN1 go to Slurm.

    Args:
        folder: For everything; its path is short.
        cluster: Runs the jobs.
        batch: Further settings of the section `[batch]`.
    """
    with hosted(folder / "db") as uri:
        section = {"folder": str(folder / "batch"), "levels": ["gfn1"], "memory_MB": 500, **batch}
        lines = "".join(f"{name} = {json.dumps(value)}\n" for name, value in section.items())
        (folder / "site.toml").write_text(
            f'[database]\nuri = "{uri}"\n[launch]\nfolder = "{folder / "jobs"}"\n'
            f'[log]\nlevel = "info"\n[batch]\n{lines}'
        )
        settings = load_settings(DispatcherSettings, folder / "site.toml")
        clock = SystemClock()
        launchpad = connect(uri, None)
        key = load_or_make_key(settings.launch.key_file)
        router = BatchRouter(BatchSettings(**section))
        workflows = LaunchPadWorkflows(launchpad, key, clock, router)
        ledger = Ledger(launchpad.connection, launchpad.name, workflows, clock)
        ledger.prepare()
        try:
            yield BatchSite(folder, cluster, launchpad, ledger, settings)
        finally:
            launchpad.connection.close()
