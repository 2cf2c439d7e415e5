"""`make bench`: ours beside theirs, measured in turns in one run, written to benchmarks.json.

A pair's two sides alternate, so that a busy machine slows both: trust ratios more than times.
`ratio` is theirs divided by ours, both of them medians where less is better.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from time import perf_counter

from coding import bytes_per_frame, coding_time
from faces import ring_search
from link import frame_link

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
    """

    baseline: str
    ours: Callable[[], float | None]
    theirs: Callable[[], float | None]
    unit: str = "ms"

    def measure(self) -> dict[str, object]:
        """Run both sides in turns."""
        ours, theirs = [], []
        for _ in range(RUNS):
            ours.append(_once(self.ours))
            theirs.append(_once(self.theirs))
        return {
            "ratio": round(median(theirs) / median(ours), 3),
            "baseline": self.baseline,
            "ours": round(median(ours), 4),
            "theirs": round(median(theirs), 4),
            "unit": self.unit,
            "runs": RUNS,
        }


def _once(work: Callable[[], float | None]) -> float:
    began = perf_counter()
    quantity = work()
    elapsed_ms = 1000 * (perf_counter() - began)
    return elapsed_ms if quantity is None else quantity


def main() -> None:
    """Measure every pair."""
    pairs = {
        "rings_vs_cycle_basis": Pair("networkx.minimum_cycle_basis", *ring_search()),
        "frame_bytes_vs_zstd": Pair("zstd of the pixels as they are", *bytes_per_frame(), "bytes"),
        "frame_link_vs_pushpull": Pair("bare ZeroMQ PUSH/PULL", *frame_link(), "ms per frame"),
        "frame_coding_vs_zstd": Pair("zstd of the pixels as they are", *coding_time()),
    }
    results = {}
    for name, pair in pairs.items():
        results[name] = pair.measure()
        sys.stderr.write(f"{name}: {results[name]}\n")
    OUT.write_text(json.dumps(results, indent=2) + "\n", "utf-8")
    sys.stderr.write(f"written to {OUT.name}\n")


if __name__ == "__main__":
    main()
