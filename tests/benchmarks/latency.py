"""ROI picked to its first answer and to its relaxed answer, through the real stack.

    python tests/benchmarks answer_latency [--rois N]

An embedded database server and `sim-dispatcher launch` run as processes of their own; this one
plays the dispatcher: it cuts the ROI out of a frame's atoms, submits the force field's and the
GFN1 relaxation as one pick does, and waits for the ledger's records. One pick at a time, each a
different defect, turned and displaced as a measurement would be; the web is left out. The clock
starts with the atoms in memory and ends with the answer there. Prints JSON; targets are for two
idle cores, so the load and the processor time are printed as well.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

import numpy as np
import structlog

from shared.clock import SystemClock
from shared.errors import StructureError
from shared.messages.simulation import Level
from shared.testing.structures import DEFECTS, PlanarStructure
from sim_dispatcher.launch.assembly import open_ledger
from sim_dispatcher.ledger import FINAL, JobRecord, JobSpec, Ledger
from sim_dispatcher.structure import RADIUS_A, DetectedAtoms, build_cluster

KINDS = (
    *("Si_C3", "SW_5577", "V1", "Si_C4", "V2_585", "Si_C3", "Si_dimer", "V_555777"),
    *("Si_C3", "SW_5577", "Si_trimer", "Si_C4"),
)
"""The first one warms the engines up and is left out."""
SIGMA_A = 0.03
"""Displacement of each atom, per axis: what the detector leaves at a usual dose."""
LEVELS: tuple[Level, ...] = ("gfnff", "gfn1")
TARGETS_S = {"gfnff": {"p95": 3.0}, "gfn1": {"p50": 12.0, "p95": 30.0}}
PATIENCE_S = 600.0
POLL_S = 0.05


@dataclass(frozen=True)
class Pick:
    """One ROI's answers.

    Attributes:
        kind: Defect class.
        atoms: Atoms in the cluster.
        seconds: From the pick to each level's answer, s.
        cpu_s: Processor time of each level's engine, s.
    """

    kind: str
    atoms: int
    seconds: dict[str, float]
    cpu_s: dict[str, float]


def print_latency(words: Sequence[str]) -> None:
    """Measure and print."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(40))
    count = int(words[1]) if words[:1] == ["--rois"] else len(KINDS)
    kinds = [KINDS[number % len(KINDS)] for number in range(count + 1)]
    with tempfile.TemporaryDirectory(prefix="latency-") as folder, _stack(Path(folder)) as ledger:
        picks = [_picked(ledger, number, kind) for number, kind in enumerate(kinds)][1:]
    print(json.dumps(summary(picks), indent=2))


def summary(picks: Sequence[Pick]) -> dict[str, object]:
    """Median and 95th percentile of each level, beside its target."""
    levels = {
        level: {
            "p50_s": round(float(np.percentile([p.seconds[level] for p in picks], 50)), 2),
            "p95_s": round(float(np.percentile([p.seconds[level] for p in picks], 95)), 2),
            "cpu_p50_s": round(float(np.percentile([p.cpu_s[level] for p in picks], 50)), 2),
            "cpu_p95_s": round(float(np.percentile([p.cpu_s[level] for p in picks], 95)), 2),
            "target_s": TARGETS_S[level],
        }
        for level in LEVELS
    }
    load = round(os.getloadavg()[1], 1)
    return {"rois": len(picks), "cores": os.cpu_count(), "load_5min": load, "levels": levels}


def _picked(ledger: Ledger, number: int, kind: str) -> Pick:
    structure = _seen(number, kind)
    began = perf_counter()
    atoms = DetectedAtoms(structure.elements, structure.positions_A, structure.p)
    try:
        cluster = build_cluster(atoms, structure.centre_A, RADIUS_A)
    except StructureError as error:
        raise SystemExit(f"{kind}: {error}") from error
    for level in LEVELS:
        ledger.submit(
            JobSpec(
                key=f"r{number}-{level}", roi=f"r{number}", recipe="relax", level=level,
                structure=cluster.extxyz(), charge=cluster.charge, unpaired=cluster.unpaired,
                frame="0" * 64, model="1" * 64, created_at_ns=SystemClock().wall_ns(),
            )
        )  # fmt: skip
    seconds, cpu = {}, {}
    for level in LEVELS:
        record = _ended(ledger, f"r{number}-{level}")
        seconds[level] = perf_counter() - began
        if record.result is None or not record.result.converged:
            raise SystemExit(f"{kind} at {level}: {record.reason or 'not converged'}")
        cpu[level] = record.result.cpu_s
    pick = Pick(kind, len(cluster), seconds, cpu)
    sys.stderr.write(f"{number} {pick}\n")
    return pick


def _ended(ledger: Ledger, key: str) -> JobRecord:
    """Return a job's record once it has ended."""
    began, ticker = perf_counter(), threading.Event()
    while True:
        record = ledger.get(key)
        if record is not None and record.state in FINAL:
            return record
        if perf_counter() - began > PATIENCE_S:
            raise SystemExit(f"{key} has not ended in {PATIENCE_S:.0f} s")
        ticker.wait(POLL_S)


def _seen(number: int, kind: str) -> PlanarStructure:
    """Return a defect as it might have been detected: turned, displaced."""
    return DEFECTS[kind]().transformed(23.0 * number).displaced(SIGMA_A, seed=number)


@contextlib.contextmanager
def _stack(folder: Path) -> Iterator[Ledger]:
    """Run the database and a launcher as an operator would, and open their ledger."""
    with contextlib.ExitStack() as running:
        database = running.enter_context(_process("database", "--path", folder / "db"))
        uri = _ready(database)
        words = ("--uri", uri, "--folder", folder / "jobs", "--key", folder / "key")
        ledger = open_ledger(uri, folder / "key", SystemClock())
        launcher = running.enter_context(_process("launch", *words))
        _ready(launcher)
        yield ledger


@contextlib.contextmanager
def _process(*words: object) -> Iterator[subprocess.Popen[str]]:
    program = Path(sys.executable).with_name("sim-dispatcher")
    process = subprocess.Popen(
        [str(program), *map(str, words)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


def _ready(process: subprocess.Popen[str]) -> str:
    """Return what a process says after `ready`."""
    line = process.stdout.readline() if process.stdout else ""
    word, _, rest = line.partition(" ")
    if word != "ready":
        raise SystemExit(f"it did not start: {line!r}")
    return rest.strip()
