"""`make bench`: ours beside theirs, measured in turns in one run, written to benchmarks.json.

A pair's two sides alternate, so that a busy machine slows both: trust ratios more than times.
`ratio` is theirs divided by ours, both of them medians where less is better.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from time import perf_counter

from coding import bytes_per_frame, coding_time
from detect import Sides, eye, turns
from detect_classical import (
    error_against_classical,
    time_against_classical,
    wrong_against_classical,
)
from faces import ring_search
from jobs import job_launch, job_submission
from latency import print_latency
from link import frame_link
from refine import refine_time
from relax import relaxation

RUNS = 15
OUT = Path(__file__).resolve().parents[2] / "benchmarks.json"


@dataclass(frozen=True)
class Pair:
    """Two ways to do the same thing.

    Attributes:
        baseline: What theirs is.
        ours: Does it our way; returns a quantity, or None to be timed.
        theirs: Does it their way.
        unit: Of the numbers.
        runs: Turns; fewer where one takes long or always gives the same.
    """

    baseline: str
    ours: Callable[[], float | None]
    theirs: Callable[[], float | None]
    unit: str = "ms"
    runs: int = RUNS

    def measure(self) -> dict[str, object]:
        """Run both sides in turns."""
        ours, theirs = [], []
        for _ in range(self.runs):
            ours.append(_once(self.ours))
            theirs.append(_once(self.theirs))
        return {
            "ratio": round(median(theirs) / median(ours), 3),
            "baseline": self.baseline,
            "ours": round(median(ours), 4),
            "theirs": round(median(theirs), 4),
            "unit": self.unit,
            "runs": self.runs,
        }


def _once(work: Callable[[], float | None]) -> float:
    began = perf_counter()
    quantity = work()
    elapsed_ms = 1000 * (perf_counter() - began)
    return elapsed_ms if quantity is None else quantity


def against_classical(sides: Sides, unit: str, runs: int) -> Pair:
    """Finding atoms without a network."""
    baseline = "difference of Gaussians, local maxima, intensity mixture"
    return Pair(baseline, *sides, unit, runs)


def beside_atomai(open_until: ExitStack, engine: str) -> Pair | None:
    """Finding atoms with AtomAI; None where its environment cannot be made."""
    taken = turns(open_until)
    baseline = f"AtomAI 0.8.1 EnsemblePredictor, {eye().members} U-Nets, Locator, 2 threads"
    return None if taken is None else Pair(baseline, *taken.sides(engine), "ms per 896² frame", 2)


PAIRS: dict[str, Callable[[ExitStack], Pair | None]] = {
    "rings_vs_cycle_basis": lambda _: Pair("networkx.minimum_cycle_basis", *ring_search()),
    "frame_bytes_vs_zstd": lambda _: Pair(
        "zstd of the pixels as they are", *bytes_per_frame(), "bytes"
    ),
    "frame_link_vs_pushpull": lambda _: Pair(
        "bare ZeroMQ PUSH/PULL", *frame_link(), "ms per frame"
    ),
    "frame_coding_vs_zstd": lambda _: Pair("zstd of the pixels as they are", *coding_time()),
    "refine_vs_atom_by_atom": lambda _: Pair(
        "scipy curve_fit of single atoms, scaled from 60 of them",
        *refine_time(),
        "CPU ms per 896² frame",
    ),
    "job_vs_rapidfire": lambda open_until: Pair(
        "FireWorks 2 rapidfire, the same database, a task that does nothing",
        *job_launch(open_until),
        "CPU ms per job, client and database, 5,000 waiting",
        7,
    ),
    "job_submission_vs_add_wf": lambda open_until: Pair(
        "FireWorks 2 add_wf, the same database",
        *job_submission(open_until),
        "CPU ms per job, client and database, 5,000 waiting",
        7,
    ),
    "relax_vs_plain": lambda _: Pair(
        "tblite and ASE's BFGS, silicon in 91 carbon atoms at GFN1", *relaxation(), "CPU s", 1
    ),
    "detect_vs_classical": lambda _: against_classical(
        time_against_classical(), "ms per 512² frame", 5
    ),
    "detect_wrong_vs_classical": lambda _: against_classical(
        wrong_against_classical(), "atoms missed or invented per 1000", 1
    ),
    "detect_error_vs_classical": lambda _: against_classical(
        error_against_classical(), "pm RMS", 1
    ),
    "detect_vs_atomai": lambda open_until: beside_atomai(open_until, "served"),
    "detect_onnx_vs_atomai": lambda open_until: beside_atomai(open_until, "onnx"),
}


def main() -> None:
    """Measure every pair, or those named on the command line; `answer_latency` is printed."""
    if sys.argv[1:2] == ["answer_latency"]:
        print_latency(sys.argv[2:])
        return
    wanted = sys.argv[1:] or list(PAIRS)
    results = json.loads(OUT.read_text("utf-8")) if sys.argv[1:] and OUT.exists() else {}
    with ExitStack() as open_until:
        for name in wanted:
            pair = PAIRS[name](open_until)
            if pair is None:
                continue
            results[name] = pair.measure()
            sys.stderr.write(f"{name}: {results[name]}\n")
    OUT.write_text(json.dumps(results, indent=2, ensure_ascii=False) + "\n", "utf-8")
    sys.stderr.write(f"written to {OUT.name}\n")


if __name__ == "__main__":
    main()
