"""A real Slurm, driven by FireWorks' own qlaunch on the embedded database.

The jobs run `sim-dispatcher launch`; all but one have an engine that counts instead of computing.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import ase.build
import pytest

from shared.messages import RecipeOptions
from sim_dispatcher.structure.reading import cluster_from_ase
from tests.slurm_jobs import BatchSite, batch_site
from tests.slurm_site import Cluster, running_cluster, unavailable

pytestmark = pytest.mark.slurm

JOBS = 12


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    """A Slurm of one node, for all tests of this module."""
    if reason := unavailable():
        pytest.skip(reason)
    with running_cluster(cpus=6) as cluster:
        yield cluster


@pytest.fixture(scope="module")
def site(cluster: Cluster) -> Iterator[BatchSite]:
    """A site whose jobs have six places."""
    with made(cluster, cpus=1) as site:
        yield site


@pytest.fixture(scope="module")
def narrow(cluster: Cluster) -> Iterator[BatchSite]:
    """A site whose jobs have two places."""
    with made(cluster, cpus=3) as site:
        yield site


@contextmanager
def made(cluster: Cluster, cpus: int) -> Iterator[BatchSite]:
    """Make a site; its path is short, for the sockets in it."""
    with (
        TemporaryDirectory(prefix="site-", dir="/tmp") as folder,
        batch_site(Path(folder), cluster, look_s=0.5, cpus=cpus) as site,
    ):
        site.init()
        yield site


@pytest.fixture(autouse=True)
def _empty_queue(cluster: Cluster) -> Iterator[None]:
    """Leave nothing in Slurm to the next test."""
    yield
    cluster.ask("scancel", "--full", *(job[0] for job in cluster.jobs()))
    cluster.wait_for(lambda: not cluster.jobs(), "empty queue")


def counted(site: BatchSite, key: str) -> list[int]:
    """Return the steps that engines made for a job, over all attempts."""
    return [int(line) for line in site.steps(key) if not line.startswith("start")]


def in_one_go(site: BatchSite, key: str) -> bool:
    """Tell whether a job's attempts together did every step once."""
    steps = counted(site, key)
    return steps == list(range(1, len(steps) + 1))


def running(site: BatchSite, key: str) -> None:
    """Wait until a job is well under way."""
    site.wait_for(lambda: len(counted(site, key)) > 3, f"start of {key}")


def start_now(cluster: Cluster, key: str) -> None:
    """Take away the two minutes that Slurm lets a requeued job wait."""
    for number, name, state, _ in cluster.jobs():
        if name == key and state == "PENDING":
            cluster.ask("scontrol", "update", f"jobid={number}", "StartTime=now")


def test_nothing_of_the_cluster_listens_beyond_this_machine(cluster: Cluster) -> None:
    assert cluster.listeners() == ["127.0.0.1"] * 2


def test_stock_qlaunch_runs_a_dozen_jobs_once_each(site: BatchSite) -> None:
    keys = [f"job-{number}" for number in range(JOBS)]
    for key in keys:
        assert site.submit(key).state == "queued"
    assert "job-7" in site.run("lpad", "get_wflows", "-d", "more")
    site.run("qlaunch", "-r", "rapidfire")
    states = [site.end_of(key).state for key in keys]
    assert states == ["done"] * JOBS
    assert [len(site.starts(key)) for key in keys] == [1] * JOBS
    outputs = sorted(path.stem for path in site.batch_folder.rglob("*.out"))
    assert outputs == sorted(keys)
    numbers = [site.record(key).firework for key in keys]
    assert site.launchpad.launches.count_documents({"fw_id": {"$in": numbers}}) == JOBS
    site.wait_for(lambda: {site.firework_state(key) for key in keys} == {"COMPLETED"}, "completion")


def test_a_pick_takes_the_place_of_a_background_job_which_goes_on_later(
    narrow: BatchSite, cluster: Cluster
) -> None:
    background = ("back-1", "back-2")
    with narrow.feed():
        for key in background:
            narrow.submit(key, "hold")
        for key in background:
            running(narrow, key)
        narrow.submit("picked", "count.2")
        narrow.wait_for(lambda: cluster.job_state("picked") == ["PENDING"], "full Slurm")
        narrow.ledger.prioritise("picked", 1000.5)
        assert narrow.end_of("picked").state == "done"
        displaced = next(key for key in background if narrow.record(key).state != "running")
        narrow.wait_for(lambda: cluster.job_state(displaced) == ["PENDING"], "requeue")
        start_now(cluster, displaced)
        for key in background:
            narrow.release(key)
            assert narrow.end_of(key).state == "done"
            assert in_one_go(narrow, key)
    assert narrow.record(displaced).token == 2
    assert len(narrow.starts(displaced)) == 2


def test_before_the_walltime_a_job_stops_at_a_checkpoint_and_goes_on(
    site: BatchSite, cluster: Cluster
) -> None:
    with site.feed():
        site.submit("long", "hold")
        running(site, "long")
        number = next(job[0] for job in cluster.jobs() if job[1] == "long")
        cluster.ask("scancel", "--signal=USR1", "--batch", number)
        site.wait_for(lambda: site.record("long").token == 2, "continuation")
        site.release("long")
        record = site.end_of("long")
    assert record.state == "done"
    assert record.token == 2
    assert in_one_go(site, "long")
    assert record.adjustments.attempt == 1


def test_a_cancel_reaches_slurm_and_every_process_of_the_job(
    narrow: BatchSite, cluster: Cluster
) -> None:
    with narrow.feed():
        narrow.submit("tree", "tree")
        narrow.submit("beside", "hold")
        running(narrow, "tree")
        running(narrow, "beside")
        narrow.submit("waiting", "count.5")
        narrow.wait_for(lambda: cluster.job_state("waiting") == ["PENDING"], "full Slurm")
        (engine,) = narrow.starts("tree")
        family = descendants(engine)
        assert len(family) == 3
        for key in ("waiting", "tree", "beside"):
            narrow.ledger.cancel(key, "Not wanted.")
        narrow.wait_for(lambda: not any(map(alive, family)), "end of the processes")
        narrow.wait_for(lambda: not cluster.jobs(), "empty queue")
    assert not counted(narrow, "waiting")
    for key in ("tree", "waiting"):
        assert narrow.record(key).state == "cancelled"
        assert narrow.firework_state(key) == "DEFUSED"


def test_a_job_that_vanishes_from_slurm_is_brought_back(site: BatchSite, cluster: Cluster) -> None:
    keys = ("killed", "removed")
    with site.feed():
        for key in keys:
            site.submit(key, "hold")
        for key in keys:
            running(site, key)
        (engine,) = site.starts("killed")
        os.kill(parent(engine), 9)
        removed = next(job[0] for job in cluster.jobs() if job[1] == "removed")
        cluster.ask("scancel", removed)
        for key in keys:
            site.wait_for(lambda key=key: site.record(key).token == 2, "second attempt")
            site.release(key)
        ends = [site.end_of(key) for key in keys]
    assert [(end.state, end.token) for end in ends] == [("done", 2)] * 2
    assert "Slurm says FAILED" in ends[0].attempts[0].reason
    assert in_one_go(site, "removed")


def test_a_lost_answer_of_sbatch_makes_one_job(site: BatchSite, cluster: Cluster) -> None:
    programs = site.folder / "programs"
    programs.mkdir()
    real = cluster.ask("sh", "-c", "command -v sbatch")
    fake = programs / "sbatch"
    fake.write_text(f"#!/bin/sh\n{real} \"$@\" >/dev/null\necho 'Socket timed out' >&2\nexit 1\n")
    fake.chmod(stat.S_IRWXU)
    site.submit("unsure", "hold")
    path = f"{programs}:{os.environ['PATH']}"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", path)
        site.run("qlaunch", "-r", "rapidfire")
    assert len(cluster.job_state("unsure")) == 1
    running(site, "unsure")
    site.release("unsure")
    assert site.end_of("unsure").state == "done"
    assert len(site.starts("unsure")) == 1


def test_no_hostile_queue_settings_reach_slurm(site: BatchSite, cluster: Cluster) -> None:
    """Neither through stock qlaunch, whose query and submit program stop them, nor the feed."""
    mark = site.folder / "executed"
    touch = f"live\ntouch {mark}"
    for number, (field, value) in enumerate(
        [("queue", touch), ("walltime", f"1\n{touch}"), ("rocket_launch", f"touch {mark} #"),
         ("mem", f"1M\ntouch {mark}"), ("job_name", "x\ntouch y")]
    ):  # fmt: skip
        record = site.submit(f"hostile-{number}", "count.1")
        site.launchpad.fireworks.update_one(
            {"fw_id": record.firework}, {"$set": {f"spec._queueadapter.{field}": value}}
        )
    site.run("qlaunch", "-r", "rapidfire", check=False)
    assert cluster.jobs() == []
    with site.feed():
        for number in range(5):
            record = site.end_of(f"hostile-{number}")
            assert record.state == "failed"
            assert "queue settings" in (record.reason or "")
    assert not mark.exists()


def test_what_slurm_does_not_take_fails_with_slurms_reason(site: BatchSite) -> None:
    record = site.submit("nowhere", "count.1")
    site.launchpad.fireworks.update_one(
        {"fw_id": record.firework}, {"$set": {"spec._queueadapter.queue": "nowhere"}}
    )
    with site.feed():
        record = site.end_of("nowhere")
    assert record.state == "failed"
    assert "nvalid partition" in (record.reason or "")
    assert record.remedy
    assert site.firework_state("nowhere") == "DEFUSED"


def test_an_interrupted_trajectory_ends_as_one_in_one_piece(
    site: BatchSite, cluster: Cluster
) -> None:
    """The real engine: molecular dynamics of benzene, interrupted by Slurm's warning."""
    atoms = ase.build.molecule("C6H6")
    atoms.center(5.0)
    options = RecipeOptions(duration_fs=200.0, timestep_fs=0.5, seed=7)
    fields = {"recipe": "md", "structure": cluster_from_ase(atoms).extxyz(), "options": options}
    with site.feed(real_engine=True):
        for key in ("whole", "parted"):
            site.submit(key, "md", **fields)
        site.wait_for(lambda: site.record("parted").progress is not None, "first step")
        number = next(job[0] for job in cluster.jobs() if job[1] == "parted")
        cluster.ask("scancel", "--signal=USR1", "--batch", number)
        whole, parted = site.end_of("whole"), site.end_of("parted")
    assert (whole.state, parted.state) == ("done", "done"), site.account()
    assert (whole.token, parted.token) == (1, 2)
    assert parted.structure == whole.structure


def descendants(pid: int) -> list[int]:
    """Return a process and all that came from it."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *(found for child in children for found in descendants(int(child)))]


def parent(pid: int) -> int:
    """Return a process's parent."""
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def alive(pid: int) -> bool:
    """Tell whether a process still runs."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
