"""Lose the answer to each write of a launch in turn: like a crash there, but at a known place."""

from __future__ import annotations

import threading
from dataclasses import asdict
from pathlib import Path
from typing import Any

from pymongo import MongoClient

from sim_dispatcher.database.hosting import hosted
from sim_dispatcher.database.server import socket_uri
from sim_dispatcher.launch.assembly import open_ledger
from sim_dispatcher.ledger import Ledger
from tests.campaigns.cutter import Cutter, cutting
from tests.campaigns.roles import GRACE_S, FastClock, launch_for_ever, spec_of
from tests.campaigns.site import pause
from tests.campaigns.witness import Witness

__all__ = ["answer_rounds"]

WRITES_PER_LAUNCH = 18
"""At least as many answers a launch waits for."""
LASTS_MS = 100
LOOKS = 3000


def answer_rounds(folder: Path, numbers: list[int], seed: int) -> list[dict[str, Any]]:
    """Run one job per round behind a proxy that loses an answer; return what each came to."""
    del seed  # nothing is drawn: the place follows from the round's number
    folder.mkdir(parents=True, exist_ok=True)
    own, stop = folder / "cut.sock", threading.Event()
    with (
        hosted(folder / "db") as uri,
        cutting(folder / "db" / "mongodb.sock", own) as cutter,
        MongoClient[dict[str, Any]](uri) as client,
    ):
        ledger, witness = open_ledger(uri, folder / "key", FastClock()), Witness(client)
        arguments = (folder, socket_uri(own), "w", stop)
        launcher = threading.Thread(target=launch_for_ever, args=arguments)
        launcher.start()
        try:
            pause(2.0)
            return [_round(ledger, witness, cutter, folder, number) for number in numbers]
        finally:
            stop.set()
            launcher.join()


def _round(
    ledger: Ledger, witness: Witness, cutter: Cutter, folder: Path, number: int
) -> dict[str, Any]:
    key, before = f"a{number}-0-{LASTS_MS}", cutter.cuts
    place = 1 + number % WRITES_PER_LAUNCH
    cutter.arm(place)
    ledger.submit(spec_of(key))
    for look in range(LOOKS):
        if witness.all_ended([key]):
            break
        if look % 10 == 9:
            ledger.reconcile(grace_s=GRACE_S)
        pause(0.05)
    cutter.arm(0)
    verdict = witness.judge([key], folder / "trace")
    return {"round": number, "place": place, "answers_lost": cutter.cuts - before,
            **asdict(verdict)}  # fmt: skip
