"""Long campaigns against the dispatch path: resumable, seeded, one JSON line per round.

    python -m tests.campaigns kills --rounds 200 --out build/campaigns/kills.jsonl
    python -m tests.campaigns slurm-kills --rounds 40 --out build/campaigns/slurm-kills.jsonl
    python -m tests.campaigns submissions --rounds 200 --out build/campaigns/submissions.jsonl
    python -m tests.campaigns answers --rounds 36 --out build/campaigns/answers.jsonl
    python -m tests.campaigns sbatch --rounds 100 --out build/campaigns/sbatch.jsonl

Rounds whose numbers are in the file already are not played again. Ends with a summary; exit code 1
where anything was lost, doubled or changed after its end.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import structlog

from tests.campaigns.answers import answer_rounds
from tests.campaigns.kills import kill_rounds
from tests.campaigns.sbatch import sbatch_rounds
from tests.campaigns.slurm_kills import slurm_kill_rounds
from tests.campaigns.submissions import submission_rounds

ROUNDS_PER_SITE = {
    "answers": 36,
    "kills": 10,
    "slurm-kills": 10,
    "submissions": 50,
    "sbatch": 100,
}
SEED = 20261122
ERRORS = ("lost", "failed", "doubled", "changed", "foreign", "unsettled")
"""What must be zero in every round."""

CAMPAIGNS: dict[str, Callable[[Path, list[int], int], list[dict[str, Any]]]] = {
    "answers": answer_rounds,
    "kills": kill_rounds,
    "slurm-kills": slurm_kill_rounds,
    "sbatch": sbatch_rounds,
    "submissions": submission_rounds,
}


def main() -> None:
    """Play what is missing, and sum up."""
    parser = argparse.ArgumentParser(prog="python -m tests.campaigns")
    parser.add_argument("campaign", choices=CAMPAIGNS)
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--out", type=Path, required=True)
    asked = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(40))
    asked.out.parent.mkdir(parents=True, exist_ok=True)
    played = {line["round"] for line in _lines(asked.out)}
    missing = [number for number in range(asked.rounds) if number not in played]
    size = ROUNDS_PER_SITE[asked.campaign]
    for start in range(0, len(missing), size):
        with tempfile.TemporaryDirectory(prefix="campaign-") as folder:
            numbers = missing[start : start + size]
            outcomes = CAMPAIGNS[asked.campaign](Path(folder), numbers, asked.seed)
        with asked.out.open("a") as file:
            file.writelines(json.dumps(outcome) + "\n" for outcome in outcomes)
        print(f"{numbers[-1] + 1} of {asked.rounds}", file=sys.stderr, flush=True)
    print(json.dumps(summary(_lines(asked.out))))
    sys.exit(1 if any(bad(line) for line in _lines(asked.out)) else 0)


def bad(line: dict[str, Any]) -> bool:
    """Tell whether a round went wrong."""
    return any(line.get(name) for name in ERRORS)


def summary(lines: list[dict[str, Any]]) -> dict[str, Any]:
    """Add up the rounds."""
    totals: dict[str, Any] = {"rounds": len(lines), "bad": sum(map(bad, lines))}
    for name, value in ((n, v) for line in lines for n, v in line.items()):
        if isinstance(value, int) and name != "round":
            totals[name] = totals.get(name, 0) + value
    return totals


def _lines(path: Path) -> list[dict[str, Any]]:
    text = path.read_text() if path.exists() else ""
    return [json.loads(line) for line in text.splitlines() if line]


if __name__ == "__main__":
    main()
