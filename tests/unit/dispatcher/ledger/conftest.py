"""A ledger on the embedded database, with workflows that a test can break."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from pymongo import MongoClient

from shared.clock import SystemClock
from shared.messages.simulation import JobState
from sim_dispatcher.database.hosting import hosted
from sim_dispatcher.ledger import JobSpec, Ledger


class CrashError(Exception):
    """The dispatcher died here."""


class MemoryWorkflows:
    """Workflows in memory; `crash_in` names the call in which the dispatcher dies, before or after
    it took effect.
    """

    def __init__(self) -> None:
        self.fireworks: dict[int, dict[str, Any]] = {}
        self.crash_in: tuple[str, str] | None = None
        self._numbers = itertools.count(1)

    def _crash(self, call: str, when: str) -> None:
        if self.crash_in == (call, when):
            self.crash_in = None
            raise CrashError

    def stage(self, spec: JobSpec) -> int:
        self._crash("stage", "before")
        for number, firework in self.fireworks.items():
            if firework["key"] == spec.key:
                return number
        number = next(self._numbers)
        self.fireworks[number] = {"key": spec.key, "open": False, "state": "READY"}
        self._crash("stage", "after")
        return number

    def is_whole(self, firework: int) -> bool:
        return firework in self.fireworks

    def open(self, firework: int) -> None:
        self._crash("open", "before")
        self.fireworks[firework]["open"] = True
        self._crash("open", "after")

    def prioritise(self, firework: int, priority: float) -> None:
        self.fireworks[firework]["priority"] = priority

    def settle(self, firework: int, state: JobState) -> None:
        self._crash("settle", "before")
        self.fireworks[firework]["state"] = "COMPLETED" if state == "done" else "DEFUSED"

    def requeue(self, firework: int) -> None:
        self._crash("requeue", "before")
        self.fireworks[firework]["state"] = "READY"

    def ended(self, fireworks: list[int]) -> dict[int, str]:
        states = {number: self.fireworks[number]["state"] for number in fireworks}
        return {
            number: state for number, state in states.items() if state not in ("READY", "RUNNING")
        }

    def stuck(self, fireworks: list[int]) -> list[int]:
        return [one for one in fireworks if self.fireworks[one]["state"] == "RUNNING"]

    def sweep(self) -> int:
        return 0


class HandClock(SystemClock):
    """Time that a test sets; `step_s` sets the wall clock alone, as an administrator does."""

    def __init__(self) -> None:
        self.now_s = 1_000_000.0
        self.step_s = 0.0

    def wall_ns(self) -> int:
        return int((self.now_s + self.step_s) * 1e9)

    def monotonic_s(self) -> float:
        return self.now_s


@pytest.fixture(scope="session")
def uri(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with hosted(tmp_path_factory.mktemp("ledger")) as address:
        yield address


@pytest.fixture
def client(uri: str) -> Iterator[MongoClient[dict[str, Any]]]:
    with MongoClient[dict[str, Any]](uri) as connected:
        yield connected
        connected.drop_database("fw")


@pytest.fixture
def workflows() -> MemoryWorkflows:
    return MemoryWorkflows()


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def ledger(
    client: MongoClient[dict[str, Any]], workflows: MemoryWorkflows, clock: HandClock
) -> Ledger:
    made = Ledger(client, "fw", workflows, clock)
    made.prepare()
    return made


@pytest.fixture
def spec() -> Callable[..., JobSpec]:
    def make(key: str = "job", **changes: Any) -> JobSpec:
        fields: dict[str, Any] = {
            "key": key, "roi": "roi", "recipe": "relax", "level": "gfn1",
            "structure": "2\n\nC 0 0 0\nC 0 0 1.4\n", "frame": "0" * 64, "model": "1" * 64,
            "created_at_ns": 1,
        }  # fmt: skip
        return JobSpec(**{**fields, **changes})

    return make


@pytest.fixture
def crash() -> type[Exception]:
    return CrashError
