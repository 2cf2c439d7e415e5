"""Kill Slurm's daemons, its jobs, the feed, the submitter and the database in mid-work."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from pymongo import MongoClient

from tests.campaigns.roles import acknowledged
from tests.campaigns.site import ROOT, Site, pause
from tests.campaigns.witness import SWEEP_S, Witness
from tests.slurm_site import Cluster, running_cluster, unavailable

__all__ = ["slurm_kill_rounds"]

VICTIMS: tuple[tuple[str, ...], ...] = (
    ("slurmctld",),
    ("slurmd",),
    ("launchers",),
    ("feed",),
    ("database",),
    ("submitter",),
    ("slurmctld", "feed"),
    ("slurmd", "database"),
    ("slurmctld", "slurmd", "launchers"),
    ("slurmctld", "feed", "database", "submitter"),
)
DAEMONS = ("slurmctld", "slurmd")
JOBS_PER_ROUND = 3
LATEST_S = 6.0
LONGEST_MS = 2000
END_S = 400.0
PLACES = 4


@dataclass
class SlurmSite(Site):
    """A site whose launchers are jobs of a Slurm."""

    cluster: Cluster | None = None

    def prepare(self) -> None:
        """Write the settings and FireWorks' files."""
        folder = self.folder
        batch = {"folder": str(folder / "batch"), "levels": ["gfn1"], "memory_MB": 500, "cpus": 1,
                 "look_s": 0.5, "at_once": 1000}  # fmt: skip
        lines = "".join(f"{name} = {json.dumps(value)}\n" for name, value in batch.items())
        (folder / "site.toml").write_text(
            f'[database]\nuri = "{self.uri}"\n[launch]\nfolder = "{folder / "jobs"}"\n'
            f"[batch]\n{lines}"
        )
        command = ["sim_dispatcher", "batch", "init", "--config", str(folder / "site.toml")]
        subprocess.run([sys.executable, "-m", *command], cwd=ROOT, check=True, capture_output=True)
        adapter = folder / "batch" / "my_qadapter.yaml"
        real = str(Path(sys.executable).with_name("sim-dispatcher"))
        rocket = f"{sys.executable} {Path(__file__).with_name('rocket.py')}"
        adapter.write_text(adapter.read_text().replace(real, rocket))

    def environment(self) -> dict[str, str]:
        """What the processes, and Slurm's jobs, see."""
        there = dict(os.environ) if self.cluster is None else self.cluster.environment
        return {**there, "OMP_NUM_THREADS": "1", "PYTHONWARNINGS": "ignore"}

    def strike(self, victims: tuple[str, ...]) -> None:
        """Kill some at once, and start again what does not start by itself."""
        if self.cluster is None:
            return
        for name in DAEMONS:
            if name in victims:
                self.cluster.kill_daemon(name)
        if "launchers" in victims:
            for pid in self._launchers():
                os.kill(pid, signal.SIGKILL)
        own = [name for name in victims if name in self.processes]
        self.kill(*own)
        for name in sorted(own, key=lambda name: name != "database"):
            self.start(name)
        for name in DAEMONS:
            if name in victims:
                self.cluster.start_daemon(name)

    def _launchers(self) -> list[int]:
        found = [] if self.cluster is None else self.cluster.left()
        return [pid for pid in found if b"rocket.py" in _command_line(pid)]

    def _command(self, name: str) -> list[str]:
        if name == "feed":
            config = str(self.folder / "site.toml")
            return ["sim_dispatcher", "batch", "feed", "--config", config]
        return super()._command(name)


def slurm_kill_rounds(folder: Path, numbers: list[int], seed: int) -> list[dict[str, Any]]:
    """Play rounds on one Slurm; return what each came to."""
    reason = unavailable()
    if reason is not None:
        raise SystemExit(reason)
    del folder  # the socket's path must be short
    with TemporaryDirectory(prefix="sk-", dir="/tmp") as name, running_cluster(PLACES) as cluster:
        site = SlurmSite(Path(name), cluster=cluster)
        (site.folder / "uri").write_text(site.uri)
        (site.folder / "wanted").touch()
        site.prepare()
        try:
            for role in ("database", "submitter", "feed"):
                site.start(role)
            with MongoClient[dict[str, Any]](site.uri, serverSelectionTimeoutMS=1000) as client:
                witness = Witness(client)
                outcomes = [_round(site, witness, number, seed) for number in numbers]
                site.wait_for(witness.no_orphans, "sweep", SWEEP_S)
                return outcomes
        finally:
            site.stop()


def _round(site: SlurmSite, witness: Witness, number: int, seed: int) -> dict[str, Any]:
    dice = random.Random(f"slurm/{seed}/{number}")
    victims, delay_s = VICTIMS[number % len(VICTIMS)], dice.uniform(0.0, LATEST_S)
    keys = [f"batch{number}-{job}-{dice.randrange(LONGEST_MS)}" for job in range(JOBS_PER_ROUND)]
    with (site.folder / "wanted").open("a") as wanted:
        wanted.write("".join(f"{key}\n" for key in keys))
    pause(delay_s)
    site.strike(victims)
    site.wait_for(lambda: set(keys) <= set(acknowledged(site.folder)), "acknowledgement", END_S)
    site.wait_for(lambda: witness.all_ended(keys), f"end of round {number}", END_S)
    verdict = witness.judge(keys, site.folder / "trace")
    return {"round": number, "killed": victims, "after_s": round(delay_s, 3), "jobs": len(keys),
            **asdict(verdict)}  # fmt: skip


def _command_line(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""
