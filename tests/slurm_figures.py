"""How soon things happen: `python -m tests.slurm_figures [quick|ladder|cancel|…] …`.

quick   the force field's answer while a long calculation keeps the general lane busy (real engine)
ladder  from a submission to its answers at T0 and T1, a 91-carbon patch with silicon (real engine)
cancel  from the ledger's cancel to the end of every process: on this host, and in Slurm
urgent  from an operator's pick to its claim, on a Slurm that background jobs fill
unsure  200 submissions of which sbatch's answer is lost, late, or whose submitter is killed
submit  what a submission to Slurm costs, by the feed and by sbatch alone

Each prints one line of JSON with the load of the machine beside it; take it into account.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import structlog
from fireworks.user_objects.queue_adapters.common_adapter import CommonAdapter

from shared.clock import SystemClock
from shared.messages import RecipeOptions
from shared.testing.structures import DEFECTS
from sim_dispatcher.database.hosting import hosted
from sim_dispatcher.launch.assembly import open_launcher, open_ledger
from sim_dispatcher.launch.engine_process import ENGINE_COMMAND, EngineProcess
from sim_dispatcher.launch.lanes import Lane, plan_lanes, run_lanes
from sim_dispatcher.launch.launcher import Launcher, LauncherSettings
from sim_dispatcher.ledger import FINAL, JobSpec, Ledger
from sim_dispatcher.structure import RADIUS_A, DetectedAtoms, build_cluster
from sim_dispatcher.structure import Cluster as Structure
from tests.slurm_jobs import BatchSite, batch_site
from tests.slurm_site import Cluster, pause, running_cluster

ENGINE = (sys.executable, "-S", str(Path(__file__).with_name("slurm_engine.py")))
SAMPLES = 20


def wait(condition: Callable[[], object], within_s: float = 180.0) -> float:
    """Look every two milliseconds until something holds; return how long it took, s."""
    began = time.monotonic()
    while not condition():
        assert time.monotonic() - began < within_s, "it did not happen in time"
        pause(0.002)
    return time.monotonic() - began


def told(name: str, seconds: list[float], **more: Any) -> None:
    """Print a measurement."""
    ordered = sorted(seconds)
    print(
        json.dumps(
            {
                "what": name,
                "n": len(ordered),
                "median_s": round(statistics.median(ordered), 3),
                "p95_s": round(ordered[min(len(ordered) - 1, int(0.95 * len(ordered)))], 3),
                "max_s": round(ordered[-1], 3),
                "load": round(os.getloadavg()[0], 1),
                **more,
            }
        ),
        flush=True,
    )


@contextlib.contextmanager
def local_site(command: tuple[str, ...]) -> Iterator[Ledger]:
    """A database and the lanes of one launcher on this host."""
    with (
        tempfile.TemporaryDirectory(prefix="fig-", dir="/tmp") as name,
        hosted(Path(name) / "db") as uri,
    ):
        folder = Path(name)
        stop = threading.Event()

        def make(lane: Lane) -> Launcher:
            engine = EngineProcess(folder / f"{lane.name}.log", command=command)
            own = lane.settings(LauncherSettings("w", folder / "jobs"))
            return open_launcher(uri, folder / "key", own, engine, SystemClock())

        (folder / "jobs").mkdir()
        ledger = open_ledger(uri, folder / "key", SystemClock())
        lanes = plan_lanes(1, 1000.0)
        thread = threading.Thread(target=run_lanes, args=(lanes, make, stop))
        thread.start()
        try:
            yield ledger
        finally:
            stop.set()
            thread.join()


def spec(key: str, **changes: Any) -> JobSpec:
    """Return a job."""
    fields: dict[str, Any] = {
        "key": key, "roi": key, "recipe": "relax", "level": "gfnff", "structure": "1\n\nC 0 0 0\n",
        "frame": "0" * 64, "model": "1" * 64, "created_at_ns": 1,
    }  # fmt: skip
    return JobSpec(**{**fields, **changes})


def state(ledger: Ledger, key: str) -> str:
    """Return a job's state."""
    record = ledger.get(key)
    return "" if record is None else record.state


def patch() -> Structure:
    """Return a patch of 91 carbon atoms or so with a silicon atom in it."""
    drawn = DEFECTS["Si_C3"]()
    atoms = DetectedAtoms(drawn.elements, drawn.positions_A, drawn.p)
    return build_cluster(atoms, drawn.centre_A, RADIUS_A)


def fields_of(cluster: Structure) -> dict[str, Any]:
    """Return what a job says of its structure."""
    return {
        "structure": cluster.extxyz(),
        "charge": cluster.charge,
        "unpaired": cluster.unpaired,
    }


def measure_quick() -> None:
    """The first answer on a 91-carbon patch while molecular dynamics runs in the general lane."""
    cluster = patch()
    fields = fields_of(cluster)
    with local_site(ENGINE_COMMAND) as ledger:
        ledger.submit(spec("warm", **fields))
        wait(lambda: state(ledger, "warm") in FINAL)
        long = RecipeOptions(duration_fs=1e5)
        ledger.submit(spec("long", recipe="md", level="gfn1", options=long, **fields))
        wait(lambda: state(ledger, "long") == "running")
        taken = []
        for number in range(SAMPLES):
            key, began = f"quick-{number}", time.monotonic()
            ledger.submit(spec(key, **fields))
            wait(lambda key=key: state(ledger, key) in FINAL)
            assert state(ledger, key) == "done"
            taken.append(time.monotonic() - began)
        assert state(ledger, "long") == "running"
        told("T0 answer beside molecular dynamics", taken, atoms=len(cluster))


def measure_ladder() -> None:
    """Both answers on one patch after the other, each shaken by 0.02 Å; engines are warm."""
    cluster, rng = patch(), np.random.default_rng(20261122)
    first, second = [], []
    with local_site(ENGINE_COMMAND) as ledger:
        for number in range(SAMPLES // 2 + 1):
            shaken = cluster.positions_A + rng.normal(0, 0.02, cluster.positions_A.shape)
            fields = fields_of(dataclasses.replace(cluster, positions_A=shaken))
            began = time.monotonic()
            ledger.submit(spec(f"t0-{number}", priority=10.0, **fields))
            ledger.submit(spec(f"t1-{number}", level="gfn1", **fields))
            wait(lambda number=number: state(ledger, f"t0-{number}") == "done")
            first.append(time.monotonic() - began)
            wait(lambda number=number: state(ledger, f"t1-{number}") == "done")
            second.append(time.monotonic() - began)
    told("submission to T0 answer", first[1:], atoms=len(cluster))
    told("submission to T1 answer", second[1:], atoms=len(cluster))


def measure_cancel() -> None:
    """From the cancel to the end of the engine and of its grandchildren."""
    with local_site(ENGINE) as ledger:
        taken = []
        for number in range(SAMPLES):
            key = f"tree-{number}"
            ledger.submit(spec(key, roi="tree", level="gfn1"))
            taken.append(cancelled(ledger, key, our_engines))
        told("cancel on this host to the end of every process", taken)
    with slurm_site() as (cluster, site), site.feed():
        taken, gone = [], []
        for number in range(SAMPLES):
            key = f"tree-{number}"
            site.submit(key, "tree")
            taken.append(cancelled(site.ledger, key, lambda key=key: site.starts(key)))
            gone.append(wait(lambda key=key: not cluster.job_state(key)))
        told("cancel in Slurm to the end of every process", taken)
        told("from there until Slurm has forgotten the job", gone)
        taken = []
        fill(site, 2)
        for number in range(SAMPLES):
            key = f"waiting-{number}"
            site.submit(key, "count.1")
            wait(lambda key=key: cluster.job_state(key) == ["PENDING"])
            began = time.monotonic()
            site.ledger.cancel(key, "measured")
            wait(lambda key=key: not cluster.job_state(key))
            taken.append(time.monotonic() - began)
        told("cancel of a job that waits in Slurm", taken)
        empty(site)


def cancelled(ledger: Ledger, key: str, engines: Callable[[], list[int]]) -> float:
    """Cancel a running job; return the time to the end of its processes, s."""
    wait(lambda: (record := ledger.get(key)) is not None and record.progress is not None)
    family = [pid for engine in engines() for pid in descendants(engine)]
    assert len(family) >= 3
    began = time.monotonic()
    ledger.cancel(key, "measured")
    wait(lambda: not any(map(alive, family)))
    return time.monotonic() - began


def our_engines() -> list[int]:
    """Return the engines under this process that have children."""
    found = Path(f"/proc/{os.getpid()}/task").glob("*/children")
    pids = [int(pid) for path in found for pid in path.read_text().split()]
    return [pid for pid in pids if len(descendants(pid)) >= 3]


def descendants(pid: int) -> list[int]:
    """Return a process and all that came from it."""
    found = [pid]
    with contextlib.suppress(OSError):
        for path in Path(f"/proc/{pid}/task").glob("*/children"):
            for child in path.read_text().split():
                found += descendants(int(child))
    return found


def alive(pid: int) -> bool:
    """Tell whether a process still runs."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@contextlib.contextmanager
def slurm_site() -> Iterator[tuple[Cluster, BatchSite]]:
    """A site with two places in Slurm."""
    with (
        running_cluster(cpus=2) as cluster,
        tempfile.TemporaryDirectory(prefix="fig-", dir="/tmp") as folder,
        batch_site(Path(folder), cluster) as site,
    ):
        yield cluster, site


def fill(site: BatchSite, places: int) -> None:
    """Fill Slurm with background jobs."""
    for number in range(places):
        site.submit(f"background-{number}", "count.100000")
    for number in range(places):
        wait(lambda number=number: site.record(f"background-{number}").progress is not None)


def empty(site: BatchSite) -> None:
    """Cancel everything."""
    for record in site.ledger.changes(0):
        site.ledger.cancel(record.key, "measured")
    wait(lambda: not site.cluster.jobs())


def measure_urgent() -> None:
    """From the pick to the claim; the background job goes back to the queue each time."""
    with slurm_site() as (cluster, site), site.feed():
        fill(site, 2)
        picked, fresh = [], []
        for number in range(SAMPLES // 2):
            for taken, priority in ((picked, 0.0), (fresh, 1000.0)):
                key, began = f"urgent-{number}-{priority:.0f}", time.monotonic()
                site.submit(key, "count.1", priority=priority)
                if not priority:
                    wait(lambda key=key: cluster.job_state(key) == ["PENDING"])
                    began = time.monotonic()
                    site.ledger.prioritise(key, 1000.0)
                wait(lambda key=key: site.record(key).token > 0)
                taken.append(time.monotonic() - began)
                wait(lambda key=key: site.record(key).state == "done")
                for job, name, what, _ in cluster.jobs():
                    if what == "PENDING" and name.startswith("background"):
                        cluster.ask("scontrol", "update", f"jobid={job}", "StartTime=now")
                wait(lambda: sum(job[2] == "RUNNING" for job in cluster.jobs()) == 2)
        told("pick of a job that waits in a full Slurm to its claim", picked)
        told("submission of an urgent job to a full Slurm to its claim", fresh)
        empty(site)


def measure_submit() -> None:
    """What the feed adds to sbatch."""
    with slurm_site() as (cluster, site):
        script = cluster.folder / "job.sh"
        script.write_text("#!/bin/sh\n#SBATCH --output=/dev/null\nexec sleep 1000\n")
        alone = []
        for _ in range(SAMPLES):
            began = time.monotonic()
            cluster.ask("sbatch", "--parsable", str(script))
            alone.append(time.monotonic() - began)
        told("sbatch alone", alone)
        for number in range(SAMPLES):
            site.submit(f"many-{number}", "count.1")
        began = time.monotonic()
        with site.feed():
            wait(lambda: sum(job[1].startswith("many") for job in cluster.jobs()) == SAMPLES)
            took = time.monotonic() - began
            told("feed, per job", [took / SAMPLES])
            cluster.ask("scancel", *(job[0] for job in cluster.jobs()))


FLAKY = """#!/bin/sh
number=$(cat {folder}/calls); echo $((number + 1)) > {folder}/calls
case $((number % 4)) in
0) {real} "$@" > {folder}/answer; echo "Socket timed out on send/recv operation" >&2; exit 1 ;;
1) {real} "$@" > {folder}/answer; kill -9 $PPID; exit 1 ;;
2) kill -9 $PPID; exit 1 ;;
*) exec {real} "$@" ;;
esac
"""
"""An sbatch that is accepted and does not say so, twice, is not accepted, and works, in turn."""


def measure_unsure() -> None:
    """Each submission is repeated until it is acknowledged, as the feed and qlaunch do."""
    with slurm_site() as (cluster, site):
        folder, cluster_env = site.folder, site.environment
        real = cluster.ask("sh", "-c", "command -v sbatch")
        (folder / "bin").mkdir()
        flaky = folder / "bin" / "sbatch"
        flaky.write_text(FLAKY.format(folder=folder, real=real))
        flaky.chmod(0o700)
        (folder / "calls").write_text("0")
        environment = {**cluster_env, "PATH": f"{folder / 'bin'}:{cluster_env['PATH']}"}
        template = folder / "batch" / "slurm_template.txt"
        site.init()
        cluster.ask("scontrol", "update", "partition=live", "state=down")
        taken, tries = [], 0
        for number in range(200):
            place = folder / "batch" / f"launcher_{number}"
            place.mkdir()
            script = filled(template, place, f"unsure-{number}")
            began = time.monotonic()
            while True:
                tries += 1
                command = [sys.executable, "-m", "sim_dispatcher.batch.submit", str(script)]
                done = subprocess.run(command, env=environment, capture_output=True, check=False)
                if done.returncode == 0:
                    break
            taken.append(time.monotonic() - began)
        names = [job[1] for job in cluster.jobs()]
        told("unsure submission to its acknowledgement", taken, tries=tries,
             jobs=len(names), different=len(set(names)))  # fmt: skip
        cluster.ask("scancel", *(job[0] for job in cluster.jobs()))


def filled(template: Path, folder: Path, name: str) -> Path:
    """Fill the template as FireWorks does; return the script."""
    values = {"queue": "live", "walltime": "01:00:00", "cpus_per_task": 1, "mem": "100M",
              "warning": 90, "job_name": name, "rocket_launch": "/bin/true"}  # fmt: skip
    adapter = CommonAdapter("SLURM", template_file=str(template), **values)
    script = folder / "FW_submit.script"
    script.write_text(adapter.get_script_str(str(folder)))
    return script


MEASUREMENTS = {
    "quick": measure_quick,
    "ladder": measure_ladder,
    "cancel": measure_cancel,
    "urgent": measure_urgent,
    "submit": measure_submit,
    "unsure": measure_unsure,
}

if __name__ == "__main__":
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(40))
    for chosen in sys.argv[1:] or MEASUREMENTS:
        MEASUREMENTS[chosen]()
