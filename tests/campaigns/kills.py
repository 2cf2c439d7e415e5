"""Kill processes in mid-work, and see that nothing is lost and nothing counts twice."""

from __future__ import annotations

import random
from dataclasses import asdict
from pathlib import Path
from typing import Any

from pymongo import MongoClient

from tests.campaigns.roles import acknowledged
from tests.campaigns.site import Site, pause, running_site
from tests.campaigns.witness import SWEEP_S, Witness

__all__ = ["VICTIMS", "kill_rounds"]

VICTIMS: tuple[tuple[str, ...], ...] = (
    ("database",),
    ("launcher-a",),
    ("launcher-b",),
    ("submitter",),
    ("database", "launcher-a"),
    ("submitter", "database"),
    ("launcher-a", "launcher-b"),
    ("database", "submitter", "launcher-a", "launcher-b"),
)
JOBS_PER_ROUND = 6
LATEST_S = 0.8
"""A kill falls at a random moment within so long of the first submission."""
LONGEST_MS = 250
END_S = 300.0


def plan(number: int, seed: int) -> tuple[tuple[str, ...], float, list[str]]:
    """Return who is killed in a round, when, and which jobs are under way."""
    dice = random.Random(f"{seed}/{number}")
    victims = VICTIMS[number % len(VICTIMS)]
    keys = [f"k{number}-{job}-{dice.randrange(LONGEST_MS)}" for job in range(JOBS_PER_ROUND)]
    return victims, dice.uniform(0.0, LATEST_S), keys


def kill_rounds(folder: Path, numbers: list[int], seed: int) -> list[dict[str, Any]]:
    """Play rounds on one site; return what each came to."""
    with (
        running_site(folder) as site,
        MongoClient[dict[str, Any]](site.uri, serverSelectionTimeoutMS=1000) as client,
    ):
        witness = Witness(client)
        outcomes = [_round(site, witness, number, seed) for number in numbers]
        site.wait_for(witness.no_orphans, "sweep", SWEEP_S)
    return outcomes


def _round(site: Site, witness: Witness, number: int, seed: int) -> dict[str, Any]:
    victims, delay_s, keys = plan(number, seed)
    with (site.folder / "wanted").open("a") as wanted:
        wanted.write("".join(f"{key}\n" for key in keys))
    pause(delay_s)
    site.kill(*victims)
    for name in sorted(victims, key=lambda name: name != "database"):
        site.start(name)
    site.wait_for(lambda: set(keys) <= set(acknowledged(site.folder)), "acknowledgement", END_S)
    site.wait_for(lambda: witness.all_ended(keys), f"end of round {number}", END_S)
    verdict = witness.judge(keys, site.folder / "trace")
    return {"round": number, "killed": victims, "after_s": round(delay_s, 3), "jobs": len(keys),
            **asdict(verdict)}  # fmt: skip
