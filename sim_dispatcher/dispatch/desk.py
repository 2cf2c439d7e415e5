"""The desk: what the operator orders is checked, carried out once and answered in words."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, Protocol

from shared.clock import Clock
from shared.errors import AtomLoopError
from shared.messages import Action, Level, Order, OrderOutcome, RecipeOptions, Wish
from sim_dispatcher.board import Board, Cut, Entry, Piece, Step, afresh
from sim_dispatcher.dispatch.containment import contained
from sim_dispatcher.dispatch.places import HERE_A, OrderError, place_track
from sim_dispatcher.ledger import FINAL, JobRecord
from sim_dispatcher.recipes.catalogue import RECIPES
from sim_dispatcher.selection import Scene

__all__ = ["Desk", "Hands", "Reach"]

OUTCOMES_KEPT: Final = 256
"""Outcomes remembered, by which an order that comes twice is known."""

FROM_RELAXED: Final = frozenset({"md", "adsorb", "neb", "image"})
"""Recipes that begin where a relaxation ended, where there is one."""


class Hands(Protocol):
    """What the desk has others do."""

    async def cut(self, key: str) -> Cut:
        """Cut a ROI out, or return the cut that it has.

        Raises:
            AtomLoopError: It cannot be cut.
        """
        ...

    async def adopt(self, entry: Entry, cut: Cut) -> None:
        """Have a ROI computed from a cut, unless it is computed already."""
        ...

    async def submit(self, entry: Entry, cut: Cut, step: Step) -> JobRecord:
        """Have a step of a ROI computed."""
        ...

    async def cancel(self, job: str, reason: str) -> JobRecord | None:
        """End a job; None where it is not known."""
        ...


@dataclass(frozen=True, slots=True)
class Reach:
    """Which levels can be ordered.

    Attributes:
        levels: Those that some launcher can run.
        fixed: Those whose bonds cannot change.
        top: The one taken where the order names none.
        most_atoms: Largest system of each, where one is known.
    """

    levels: frozenset[str]
    fixed: frozenset[str]
    top: Level
    most_atoms: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Done:
    message: str
    undo: Action | None = None
    job: str | None = None
    roi: str | None = None


class Desk:
    """Carries out orders, each id once.

    Args:
        board: The ROIs.
        hands: What touches the ledger.
        reach: Levels that can be ordered.
        clock: Dates the outcomes.
    """

    def __init__(self, board: Board, hands: Hands, reach: Reach, clock: Clock) -> None:
        self._board = board
        self._hands = hands
        self._reach = reach
        self._clock = clock
        self._outcomes: OrderedDict[str, OrderOutcome] = OrderedDict()

    @property
    def outcomes(self) -> tuple[OrderOutcome, ...]:
        """What became of the latest orders, oldest first."""
        return tuple(self._outcomes.values())

    def restore(self, outcomes: Iterable[OrderOutcome]) -> None:
        """Take in the outcomes of an earlier run."""
        for outcome in outcomes:
            self._outcomes[outcome.id] = outcome

    async def carry_out(self, order: Order) -> OrderOutcome:
        """Carry an order out, unless that was done before; every outcome is an answer.

        Args:
            order: What the operator asks for.
        """
        known = self._outcomes.get(order.id)
        if known is not None:
            return known
        outcome = await self._attempt(order)
        self._outcomes[order.id] = outcome
        while len(self._outcomes) > OUTCOMES_KEPT:
            self._outcomes.popitem(last=False)
        return outcome

    async def _attempt(self, order: Order) -> OrderOutcome:
        now_ns = self._clock.wall_ns()
        try:
            with contained(f"The order to {order.action}"):
                done = await self._actions[order.action](self, order)
        except AtomLoopError as error:
            words = str(error)[:500]
            return OrderOutcome(id=order.id, accepted=False, message=words, at_ns=now_ns)
        return OrderOutcome(
            id=order.id,
            accepted=True,
            message=done.message[:500],
            job=done.job,
            roi=done.roi,
            undo=done.undo,
            at_ns=now_ns,
        )

    # --- what is said of a ROI --------------------------------------------------------------

    async def _pick(self, order: Order) -> _Done:
        entry = self._roi(order)
        if entry.state in ("running", "done") and not entry.open_jobs:
            return _Done(f"{entry.key} is computed already; its answers stand.")
        if entry.picked and entry.state == "failed":
            raise OrderError(
                f"The jobs of {entry.key} failed: {entry.reason}",
                remedy="Order a recipe on it at another level, or with other options.",
            )
        self._wish(entry, "first")
        if entry.picked:
            return _Done(f"{entry.key} now comes before all others.", undo="release")
        return _Done(f"{entry.key} is first: {entry.reason or 'it is cut out now'}.", "release")

    async def _release(self, order: Order) -> _Done:
        entry = self._roi(order)
        before = entry.wish
        self._wish(entry, "usual")
        undo: Mapping[Wish, Action] = {"first": "pick", "never": "dismiss"}
        return _Done(f"{entry.key} is judged like all others again.", undo.get(before))

    async def _dismiss(self, order: Order) -> _Done:
        entry = self._roi(order)
        ended = len(entry.open_jobs)
        self._wish(entry, "never")
        jobs = f"; {ended} of its jobs are ended" if ended else ""
        return _Done(f"{entry.key} is not computed{jobs}.", "release")

    def _wish(self, entry: Entry, wish: Wish) -> None:
        self._board.wish(entry.key, wish)

    # --- what is computed -------------------------------------------------------------------

    async def _compute(self, order: Order) -> _Done:
        entry = self._roi(order)
        if order.recipe is None:
            raise OrderError("The order names no recipe.", remedy="Name one, such as `md`.")
        level = order.level or self._reach.top
        self._check(order.recipe, level)
        cut = await self._hands.cut(entry.key)
        too_large = cut.whole.n_atoms > self._reach.most_atoms.get(level, cut.whole.n_atoms)
        if too_large and order.recipe == "relax":
            return await self._climb(entry, cut, level)
        begin = self._small(cut, level) if too_large else cut.whole
        if order.recipe in FROM_RELAXED or too_large:
            begin = self._relaxed(entry, begin)
        step = Step(
            recipe=order.recipe,
            level=level,
            piece=begin,
            options=order.options or RecipeOptions(),
            variants=cut.variants if order.recipe == "error_bar" else (),
        )
        step = afresh(entry.key, entry.jobs, step, ordered=True)
        key = step.key(entry.key)
        known = entry.jobs.get(key)
        if known is not None:
            return _Done(f"{order.recipe} at {level} is {known.state} already.", job=key)
        record = await self._hands.submit(entry, cut, step)
        words = f"{order.recipe} at {level} is {record.state} for {entry.key}."
        return _Done(words, undo="cancel", job=record.key)

    def _check(self, recipe: str, level: str) -> None:
        """Refuse what no launcher could compute.

        Raises:
            OrderError: With what would make it possible.
        """
        if level not in self._reach.levels:
            raise OrderError(
                f"No launcher here runs {level}.",
                remedy=f"Order one of {', '.join(sorted(self._reach.levels))}, or install "
                f"{level} where launchers run and name it in ladder.elsewhere.",
            )
        row = RECIPES.get(recipe)
        if row is not None and row.reacts and level in self._reach.fixed:
            raise OrderError(
                f"{recipe} changes bonds, and {level} keeps those it starts with.",
                remedy=f"Order it at {self._reach.top}.",
            )

    async def _climb(self, entry: Entry, cut: Cut, level: Level) -> _Done:
        """Have the small cut relaxed at a level that the whole one is too large for."""
        small = self._small(cut, level)
        await self._hands.adopt(entry, cut)
        self._board.ask(entry.key, level)
        return _Done(
            f"relax at {level} follows on a small cut of {small.n_atoms} atoms of {entry.key},"
            f" from where {self._reach.top} ends."
        )

    def _small(self, cut: Cut, level: Level) -> Piece:
        """Return the small cut, where a level can afford it.

        Raises:
            OrderError: It cannot, or there is none.
        """
        most = self._reach.most_atoms[level]
        if cut.small is None or cut.small.n_atoms > most:
            raise OrderError(
                f"{level} computes {most} atoms at most; the cut has {cut.whole.n_atoms}"
                f" and no smaller one could be made.",
                remedy=f"Order it at {self._reach.top}.",
            )
        return cut.small

    def _relaxed(self, entry: Entry, piece: Piece) -> Piece:
        """Return where the latest finished relaxation of some atoms ended, else these."""
        ends = [
            record.structure
            for record in entry.jobs.values()
            if record.state == "done"
            and record.spec.recipe == "relax"
            and record.spec.structure == piece.structure
            and record.spec.level not in self._reach.fixed
            and record.structure is not None
        ]
        return piece.model_copy(update={"structure": ends[-1]}) if ends else piece

    async def _look_at(self, order: Order) -> _Done:
        if order.x_A is None or order.y_A is None:
            raise OrderError("The order names no place.", remedy="Give x_A and y_A.")
        place_A = (order.x_A, order.y_A)
        known = self._board.near(place_A, HERE_A)
        if known is not None:
            self._board.wish(known, "first")
            return _Done(f"{known} is there; it is first now.", "release", roi=known)
        track = place_track(self._scene(place_A), place_A, order.id)
        self._board.add(track, "first")
        words = f"{track.key} is a ROI now, before all others."
        return _Done(words, "dismiss", roi=track.key)

    def _scene(self, place_A: tuple[float, float]) -> Scene:
        """Return the newest frame, where it shows a place.

        Raises:
            OrderError: No frame has come yet, or the place lies outside of it.
        """
        scene = self._board.scenes.newest
        if scene is None:
            raise OrderError("No frame has come yet.", remedy="Wait for the first.")
        if not scene.shows(place_A):
            x_A, y_A = scene.in_frame(place_A)
            width_A, height_A = scene.size_A
            raise OrderError(
                f"({x_A:.1f}, {y_A:.1f}) Å lies outside frame {scene.header.frame_index} of"
                f" {width_A:.0f} x {height_A:.0f} Å, or at its very border.",
                remedy="Name a place that the newest frame shows, or move the stage.",
            )
        return scene

    # --- what runs --------------------------------------------------------------------------

    async def _cancel(self, order: Order) -> _Done:
        if order.job is None:
            raise OrderError("The order names no job.", remedy="Name one.")
        by = f" by {order.by}" if order.by else ""
        record = await self._hands.cancel(order.job, f"cancelled{by}.")
        if record is None:
            raise OrderError(
                f"There is no job {order.job}.", remedy="Look for its key in the list."
            )
        if record.state == "cancelled":
            undo: Action | None = "compute" if record.spec.roi in self._board else None
            return _Done(f"{record.key} is cancelled.", undo, job=record.key)
        state = "had ended" if record.state in FINAL else "is"
        raise OrderError(
            f"{record.key} {state}: {record.state}.", remedy="What has ended stays as it is."
        )

    async def _pause(self, _: Order) -> _Done:
        self._board.paused = True
        return _Done("Nothing new is started; what waits or runs goes on.", "resume")

    async def _resume(self, _: Order) -> _Done:
        self._board.paused = False
        return _Done("Selection goes on.", "pause")

    def _roi(self, order: Order) -> Entry:
        """Return the ROI that an order names.

        Raises:
            OrderError: It names none, or one that is not known.
        """
        if order.roi is None:
            raise OrderError("The order names no ROI.", remedy="Name one.")
        if order.roi not in self._board:
            raise OrderError(
                f"There is no ROI {order.roi} in session {self._board.session or 'none'}.",
                remedy="Name one of the present session.",
            )
        return self._board[order.roi]

    _actions: Final[Mapping[Action, Callable[[Desk, Order], Awaitable[_Done]]]] = {
        "pick": _pick,
        "release": _release,
        "dismiss": _dismiss,
        "compute": _compute,
        "look_at": _look_at,
        "cancel": _cancel,
        "pause": _pause,
        "resume": _resume,
    }
