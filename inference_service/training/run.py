"""Train an ensemble member by member, each exported as it ends."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import torch

from inference_service.training.checkpoint import steps_taken
from inference_service.training.ensemble_folder import add_member
from inference_service.training.fit import MemberTraining, Pools, train_member
from inference_service.training.frame_pool import FramePool, fill_pool
from inference_service.training.onnx_export import member_bytes
from inference_service.training.progress import Pace
from inference_service.training.recipe import Recipe
from shared.clock import Clock, SystemClock

__all__ = ["TrainingRun", "parse_members", "run_training"]

_SEED_STRIDE = 1000


@dataclass(frozen=True)
class TrainingRun:
    """What to train and where to put it.

    Attributes:
        members: numbers of the members, from 1.
        folder: the ensemble's folder.
        work: pool and checkpoints.
        seed: of the run; member ``m`` is trained with ``1000 * seed + m``.
        recipe: the numbers.
        resume: take up existing checkpoints.
        workers: processes that simulate frames.
    """

    members: tuple[int, ...]
    folder: Path
    work: Path
    seed: int
    recipe: Recipe
    resume: bool = True
    workers: int = 1

    def seed_of(self, member: int) -> int:
        """Return the seed of a member."""
        return _SEED_STRIDE * self.seed + member

    def checkpoint(self, member: int) -> Path:
        """Return the file that keeps a member's state."""
        return self.work / f"{self.folder.name}-{self.seed_of(member)}.npz"

    def steps_left(self, member: int) -> int:
        """Return how many steps a member still needs."""
        taken = steps_taken(self.checkpoint(member)) if self.resume else 0
        return max(self.recipe.all_steps - taken, 0)


def run_training(run: TrainingRun, say: Callable[[str], None], clock: Clock | None = None) -> None:
    """Fill the pool, then train and export each member.

    Args:
        run: what to do.
        say: told one line at a time how it goes and how long the rest will take.
        clock: what the pace is measured by; the machine's own by default.
    """
    recipe = run.recipe
    pool_folder = run.work / "pool"
    for plan in recipe.pools:
        for shard in fill_pool(pool_folder, plan, run.workers):
            say(f"frames: shard {shard + 1} of {plan.shards}, pool {plan.seed}")
    first, second = (FramePool.open(pool_folder, plan) for plan in recipe.pools)
    pools = Pools(first, second)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    pace = Pace(sum(map(run.steps_left, run.members)), clock or SystemClock())
    for member in run.members:
        training = MemberTraining(recipe, run.seed_of(member), device)
        _train_one(run, Task(member, training, pace), pools, say)


def parse_members(text: str) -> tuple[int, ...]:
    """Read ``3``, ``1-20`` or ``1-4,9`` as member numbers.

    Raises:
        ValueError: the text is none of these.
    """
    return tuple(member for part in text.split(",") for member in _span(part))


def _span(part: str) -> Iterable[int]:
    """Read one number or one range."""
    first, _, last = part.partition("-")
    return range(int(first), int(last or first) + 1)


@dataclass(frozen=True)
class Task:
    """One member of the run."""

    member: int
    training: MemberTraining
    pace: Pace


def _train_one(run: TrainingRun, task: Task, pools: Pools, say: Callable[[str], None]) -> None:
    """Train and export one member."""
    training, pace, name = task.training, task.pace, f"member {task.member}"
    checkpoint = run.checkpoint(task.member)
    if run.resume and checkpoint.exists():
        training.resume(checkpoint)
        say(f"{name}: resumed at step {training.step}")
    reported = training.step

    def progress(step: int, loss: float) -> None:
        nonlocal reported
        pace.advance(step - reported)
        reported = step
        say(f"{name}: step {step} of {run.recipe.all_steps}, loss {loss:.4f}; {pace.remaining()}")

    weights = train_member(training, pools, checkpoint, progress)
    training.save(checkpoint)
    add_member(run.folder, task.member, training.seed, member_bytes(weights), run.recipe)
    say(f"{name}: exported")
