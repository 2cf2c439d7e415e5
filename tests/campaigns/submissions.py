"""Lose the answer to a write in the middle of a submission, and see that there is one job each."""

from __future__ import annotations

import random
import threading
from collections import Counter
from pathlib import Path
from typing import Any

from shared.clock import SystemClock
from sim_dispatcher.database.hosting import hosted
from sim_dispatcher.database.server import socket_uri
from sim_dispatcher.launch.launchpad import open_launchpad, prepare_launchpad
from sim_dispatcher.launch.routing import LOCAL
from sim_dispatcher.launch.signing import load_or_make_key
from sim_dispatcher.launch.workflows import ORPHAN_AGE_S, LaunchPadWorkflows
from sim_dispatcher.ledger import FINAL, DatabaseAwayError, Ledger
from tests.campaigns.cutter import Cutter, cutting
from tests.campaigns.roles import launch_for_ever, spec_of
from tests.campaigns.site import pause

__all__ = ["submission_rounds"]

WRITES_PER_SUBMISSION = 10
"""At least as many answers a submission waits for; each is lost in turn."""
TRIES = 20
END_S = 300.0


class LaterClock(SystemClock):
    """The machine's clock; its dates can be put forward, so that orphans count as old."""

    ahead_s = 0.0

    def wall_ns(self) -> int:
        """Nanoseconds since the Unix epoch, and as much more as was asked for."""
        return super().wall_ns() + int(self.ahead_s * 1e9)


def submission_rounds(folder: Path, numbers: list[int], seed: int) -> list[dict[str, Any]]:
    """Submit one job per round through a proxy that loses answers; then run them all."""
    folder.mkdir(parents=True, exist_ok=True)
    clock, own = LaterClock(), folder / "cut.sock"
    with hosted(folder / "db") as uri, cutting(folder / "db" / "mongodb.sock", own) as cutter:
        launchpad = open_launchpad(socket_uri(own))
        prepare_launchpad(launchpad)
        workflows = LaunchPadWorkflows(launchpad, load_or_make_key(folder / "key"), clock)
        ledger = Ledger(launchpad.connection, launchpad.name, workflows, clock)
        ledger.prepare()
        rounds = {number: _round(ledger, cutter, number, seed) for number in numbers}
        clock.ahead_s = ORPHAN_AGE_S + 1
        ledger.reconcile()
        _run_all(folder, uri, ledger, [one["key"] for one in rounds.values()])
        found = _census(launchpad.db, folder)
        launchpad.connection.close()
    return [{**one, **_judged(one["key"], found)} for one in rounds.values()]


def _round(ledger: Ledger, cutter: Cutter, number: int, seed: int) -> dict[str, Any]:
    dice = random.Random(f"{seed}/{number}")
    key, before, tries = f"s{number}-0", cutter.cuts, 0
    cutter.arm(1 + number % WRITES_PER_SUBMISSION)
    while tries < TRIES and not _is_queued(ledger, key):
        tries += 1
        cutter.arm(dice.choice((0, 0, *range(1, WRITES_PER_SUBMISSION))))
    cutter.arm(0)
    return {"round": number, "key": key, "answers_lost": cutter.cuts - before, "tries": 1 + tries}


def _is_queued(ledger: Ledger, key: str) -> bool:
    """Submit, as a dispatcher does until it is told that the job waits; mend what is half done."""
    try:
        if ledger.submit(spec_of(key)).state == "queued":
            return True
        ledger.reconcile(grace_s=0.0)
    except DatabaseAwayError:
        return False
    return False


def _run_all(folder: Path, uri: str, ledger: Ledger, keys: list[str]) -> None:
    stop = threading.Event()
    launcher = threading.Thread(target=launch_for_ever, args=(folder, uri, "w", stop))
    launcher.start()
    try:
        for _ in range(int(END_S / 0.05)):
            pause(0.05)
            records = {record.key: record.state for record in ledger.changes(0)}
            if all(records.get(key) in FINAL for key in keys):
                break
    finally:
        stop.set()
        launcher.join()


def _census(held: Any, folder: Path) -> dict[str, Counter[str]]:
    """Count records, workflows, visible fireworks, all fireworks and runs by key."""
    runs = (folder / "trace").read_text().splitlines()
    return {
        "records": Counter(one["_id"] for one in held["atomloop_jobs"].find({"state": "done"})),
        "workflows": Counter(one["metadata"]["job"] for one in held["workflows"].find()),
        "fireworks": Counter(one["name"] for one in held["fireworks"].find()),
        "visible": Counter(
            one["name"] for one in held["fireworks"].find({"spec._category": LOCAL})
        ),
        "runs": Counter(run.split('"')[3] for run in runs),
    }


def _judged(key: str, found: dict[str, Counter[str]]) -> dict[str, int]:
    return {
        "lost": int(found["records"][key] != 1),
        "doubled": sum(found[what][key] > 1 for what in ("workflows", "visible", "runs")),
        "unsettled": found["fireworks"][key] - 1,
    }
