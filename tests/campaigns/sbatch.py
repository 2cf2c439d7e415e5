"""Lose what `sbatch` says, or the feed that asked it, and see that Slurm has each job once."""

from __future__ import annotations

import contextlib
import shutil
import stat
import sys
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tests.campaigns.roles import acknowledged
from tests.campaigns.site import pause
from tests.campaigns.slurm_kills import SlurmSite
from tests.slurm_site import running_cluster, unavailable

__all__ = ["sbatch_rounds"]

END_S = 1200.0
CALM_S = 15.0
"""So long nothing more may be submitted, before the jobs are counted."""


class UnsureSite(SlurmSite):
    """A site whose feed meets the unsure `sbatch`."""

    def environment(self) -> dict[str, str]:
        """What the processes see: our `sbatch` comes first."""
        there = super().environment()
        path = f"{self.folder / 'programs'}:{there['PATH']}"
        real = shutil.which("sbatch") or "sbatch"
        return {**there, "PATH": path, "REAL_SBATCH": real, "SBATCH_LOG": str(self.log)}

    @property
    def log(self) -> Path:
        """One line per call of `sbatch`."""
        return self.folder / "calls"

    def calls(self) -> list[tuple[str, str]]:
        """Return name and mode of every call so far."""
        text = self.log.read_text() if self.log.exists() else ""
        return [(line.split("|")[0], line.split("|")[1]) for line in text.splitlines()]

    def revive(self) -> None:
        """Start the feed again where it was killed."""
        if self.processes["feed"].poll() is not None:
            self.processes.pop("feed").wait()
            self.start("feed")


def sbatch_rounds(folder: Path, numbers: list[int], seed: int) -> list[dict[str, Any]]:
    """Submit one job per round to a Slurm that starts nothing; return what each came to."""
    del folder, seed  # the socket's path must be short; the modes follow from the names
    reason = unavailable()
    if reason is not None:
        raise SystemExit(reason)
    keys = [f"batch{number}-0-0" for number in numbers]
    with TemporaryDirectory(prefix="sb-", dir="/tmp") as name, running_cluster(2) as cluster:
        site = UnsureSite(Path(name), cluster=cluster)
        (site.folder / "uri").write_text(site.uri)
        (site.folder / "wanted").write_text("".join(f"{key}\n" for key in keys))
        _install(site.folder / "programs")
        site.prepare()
        cluster.ask("scontrol", "update", "PartitionName=live", "State=DOWN")
        try:
            for role in ("database", "submitter", "feed"):
                site.start(role)
            _calm(site, keys)
            queued = Counter(job[1] for job in cluster.jobs())
            calls = site.calls()
        finally:
            site.stop()
    sent = Counter(key for key, mode in calls if mode != "unsent")
    return [
        {"round": number, "key": key, "doubled": int(queued[key] > 1 or sent[key] > 1),
         "lost": int(queued[key] < 1), "calls": sum(one == key for one, _ in calls),
         "troubled": sum(one == key and mode != "answered" for one, mode in calls)}
        for number, key in zip(numbers, keys, strict=True)
    ]  # fmt: skip


def _calm(site: UnsureSite, keys: list[str]) -> None:
    """Keep the feed alive until every job is in the queue and nothing has come for a while."""
    assert site.cluster is not None
    still, before = 0.0, -1
    for _ in range(int(END_S / 0.2)):
        with contextlib.suppress(AssertionError):
            site.revive()
        there = {job[1] for job in site.cluster.jobs()}
        now = len(site.calls())
        whole = set(keys) <= there and set(keys) <= set(acknowledged(site.folder))
        still = still + 0.2 if whole and now == before else 0.0
        if still >= CALM_S:
            return
        before = now
        pause(0.2)
    raise AssertionError(f"only {len(there)} of {len(keys)} jobs are in the queue")


def _install(programs: Path) -> None:
    programs.mkdir()
    script = Path(__file__).with_name("unsure_sbatch.py")
    sbatch = programs / "sbatch"
    sbatch.write_text(f'#!/bin/sh\nexec {sys.executable} -S {script} "$@"\n')
    sbatch.chmod(stat.S_IRWXU)
