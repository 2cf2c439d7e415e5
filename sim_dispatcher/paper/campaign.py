"""Work through the cases, each kept as soon as it is finished.

What stops it (Ctrl-C, a walltime, a failure) costs the case under way at most, and of a trajectory
no more than what its checkpoint lacks.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, TypeAlias

from shared.clock import Clock, SystemClock
from shared.errors import AtomLoopError, SimulationError, StructureError
from sim_dispatcher.levels import Level
from sim_dispatcher.paper.programme import DETECTED, PRISTINE, Case
from sim_dispatcher.paper.store import Store
from sim_dispatcher.recipes import Options, Progress, TwinEnergies, run_recipe
from sim_dispatcher.recipes.errors import UnfinishedError
from sim_dispatcher.structure import Cluster
from sim_dispatcher.structure.pristine import NoTwin, pristine_twin

__all__ = ["Campaign", "Setting", "Standing", "Teller"]

TELL_S: Final = 2.0
"""Least time between two words about the same case."""


@dataclass(frozen=True)
class Standing:
    """How far a campaign is.

    Attributes:
        case: The case in question.
        number: Its place in the list, from 1.
        of: Number of cases.
        what: `kept` (was there), `runs`, `done`, or `failed`.
        words: Where it stands, or why it failed.
        left_s: Expected time until the last case is done, s; None = not known yet.
    """

    case: Case
    number: int
    of: int
    what: str
    words: str = ""
    left_s: float | None = None


Teller: TypeAlias = Callable[[Standing], None]


@dataclass(frozen=True)
class Setting:
    """How a campaign computes.

    Attributes:
        level: Level of theory.
        threads: Of the engines.
        max_wall_s: Stop at a checkpoint before this much wall time has gone; None = no limit.
        stop: Set from a signal to stop at a checkpoint.
        clock: Measures progress.
    """

    level: Level
    threads: int = 1
    max_wall_s: float | None = None
    stop: threading.Event = field(default_factory=threading.Event)
    clock: Clock = field(default_factory=SystemClock)


class Campaign:
    """One run through some cases of a programme.

    Args:
        patch: The starting structure.
        store: Keeps what is finished.
        setting: How to compute.
        tell: Takes every word about progress.
    """

    def __init__(self, patch: Cluster, store: Store, setting: Setting, tell: Teller) -> None:
        self._patch = patch
        self._store = store
        self._setting = setting
        self._tell = tell
        self._twins = TwinEnergies(store.folder / "twins")
        self._began = setting.clock.monotonic_s()
        self._spoke = -TELL_S
        self._steps_done = 0.0
        self._wanted: Sequence[Case] = ()
        self._settled: dict[str, Cluster | None] = {}

    def run(self, rows: Sequence[Case], wanted: Sequence[Case] | None = None) -> int:
        """Compute what is missing; return how many of the wanted cases have no result.

        Args:
            rows: The whole programme; a case's start is looked up in it.
            wanted: Cases to compute, and those they start from; None = all.

        Raises:
            UnfinishedError: The time allowed was up, or a stop was asked for.
        """
        wanted = rows if wanted is None else wanted
        self._wanted = wanted
        missing = 0
        for case in wanted:
            missing += self._have(case, rows) is None
        return missing

    def _have(self, case: Case, rows: Sequence[Case]) -> Cluster | None:
        """Return a case's final structure, computed now unless it is kept; None = it failed."""
        if case.name not in self._settled:
            self._settled[case.name] = self._found(case, rows)
        return self._settled[case.name]

    def _found(self, case: Case, rows: Sequence[Case]) -> Cluster | None:
        kept = self._store.find(case)
        if kept is not None:
            self._say(case, rows, "kept")
            return kept.cluster
        start = self._start(case, rows)
        if isinstance(start, AtomLoopError):
            self._fail(case, rows, start)
            return None
        return self._computed(case, start, rows)

    def _start(self, case: Case, rows: Sequence[Case]) -> Cluster | AtomLoopError:
        """Return the structure that a case starts from, or why there is none."""
        if case.start == DETECTED:
            return self._patch
        if case.start == PRISTINE:
            twin = pristine_twin(self._patch)
            if isinstance(twin, NoTwin):
                return StructureError(
                    f"Perfect graphene with the patch's rim does not exist: {twin.reason}.",
                    remedy="Give another place with --near.",
                )
            return twin
        before = next(row for row in rows if row.name == case.start)
        found = self._have(before, rows)
        if found is None:
            return SimulationError(
                f"{case.start}, from which it starts, has no result.",
                remedy="See why that one failed.",
            )
        return found

    def _computed(self, case: Case, start: Cluster, rows: Sequence[Case]) -> Cluster | None:
        setting = self._setting

        def watch(progress: Progress) -> None:
            self._progress(case, rows, progress)

        options = replace(
            Options.of(
                case.options,
                threads=setting.threads,
                checkpoint=self._store.checkpoint(case),
            ),
            stop=setting.stop,
            clock=setting.clock,
            max_wall_s=self._wall_left_s(),
        )
        try:
            computed = run_recipe(start, case.recipe, setting.level, options, watch, self._twins)
        except UnfinishedError:
            raise
        except AtomLoopError as error:
            self._fail(case, rows, error)
            return None
        self._store.keep(case, computed)
        self._store.checkpoint(case).unlink(missing_ok=True)
        self._steps_done += case.steps
        self._say(case, rows, "done", f"{computed.result.steps} steps")
        return computed.cluster

    def _wall_left_s(self) -> float | None:
        limit, clock = self._setting.max_wall_s, self._setting.clock
        return None if limit is None else max(0.01, limit - (clock.monotonic_s() - self._began))

    def _fail(self, case: Case, rows: Sequence[Case], error: AtomLoopError) -> None:
        self._store.fail(case, error)
        self._steps_done += case.steps
        self._say(case, rows, "failed", error.message)

    def _progress(self, case: Case, rows: Sequence[Case], progress: Progress) -> None:
        now = self._setting.clock.monotonic_s()
        if now - self._spoke < TELL_S:
            return
        self._spoke = now
        share = min(1.0, progress.step / case.steps) if progress.stage != "force field" else 0.0
        words = f"{progress.stage}, step {progress.step}, {progress.energy_eV:.3f} eV"
        self._say(case, rows, "runs", words, share * case.steps)

    def _say(
        self, case: Case, rows: Sequence[Case], what: str, words: str = "", steps: float = 0.0
    ) -> None:
        done = self._steps_done + steps
        left = sum(row.steps for row in self._wanted if not self._store.has(row)) - steps
        spent = self._setting.clock.monotonic_s() - self._began
        left_s = max(left, 0.0) * spent / done if done else None
        number = next(n for n, row in enumerate(rows, 1) if row.name == case.name)
        self._tell(Standing(case, number, len(rows), what, words, left_s))
