"""Train one member: its own initial weights, its own crops, its own checkpoint."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.random import Generator
from numpy.typing import NDArray
from torch import Tensor

from inference_service.training.checkpoint import load_arrays, save_arrays
from inference_service.training.frame_pool import FramePool
from inference_service.training.network import forward, new_parameters, new_statistics
from inference_service.training.objective import Emphasis, loss_parts
from inference_service.training.recipe import Recipe
from shared.errors import ModelError

__all__ = ["MemberTraining", "Pools", "Progress", "train_member"]

Progress = Callable[[int, float], None]
"""Called with the number of steps done and the mean loss since the last call."""

_REPORT_EVERY = 500
_SAVE_EVERY = 1000
_MOMENTS = ("exp_avg", "exp_avg_sq", "step")


@dataclass(frozen=True)
class Pools:
    """Frames of the two phases."""

    first: FramePool
    second: FramePool

    def batch(
        self, rng: Generator, size: int, *, finishing: bool
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Draw random crops of a phase; see ``FramePool.batch``."""
        return (self.second if finishing else self.first).batch(rng, size, edges=finishing)


class MemberTraining:
    """A member while it is being trained.

    Args:
        recipe: the numbers of the run.
        seed: of this member; initial weights and crops depend on nothing else.
        device: ``cpu`` or ``cuda``.
    """

    def __init__(self, recipe: Recipe, seed: int, device: str = "cpu") -> None:
        self.recipe = recipe
        self.seed = seed
        self.device = device
        self.step = 0
        generator = torch.Generator().manual_seed(seed)
        drawn = new_parameters(recipe.width, generator)
        self.parameters = {
            name: tensor.detach().to(device).requires_grad_() for name, tensor in drawn.items()
        }
        self.statistics = {n: t.to(device) for n, t in new_statistics(recipe.width).items()}
        self._optimiser = torch.optim.AdamW(
            self.parameters.values(), lr=1e-6, weight_decay=recipe.weight_decay, fused=True
        )

    @property
    def finishing(self) -> bool:
        """Whether the second phase has begun."""
        return self.step >= self.recipe.steps

    def advance(self, images: Tensor, targets: Tensor) -> float:
        """Take one optimiser step and return the loss."""
        for group in self._optimiser.param_groups:
            group["lr"] = _rate(self.recipe, self.step)
        with torch.autocast(self.device, torch.bfloat16):
            heads = forward(self.parameters, self.statistics, images, training=True)
        emphasis = Emphasis(
            _variance_trust(self.recipe, self.step),
            self.recipe.finish_weight if self.finishing else 1.0,
        )
        loss = loss_parts(heads.float(), targets, emphasis).total()
        self._optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.parameters.values(), self.recipe.clip_norm)
        self._optimiser.step()
        self.step += 1
        return float(loss.detach())

    def weights(self) -> dict[str, NDArray[np.float32]]:
        """Return parameters and batch-norm statistics by name."""
        both = {**self.parameters, **self.statistics}
        return {name: t.detach().cpu().contiguous().numpy() for name, t in both.items()}

    def save(self, path: Path) -> None:
        """Write everything that ``resume`` needs."""
        arrays: dict[str, NDArray[np.generic]] = {
            "step": np.array(self.step),
            "recipe": np.array(self.recipe.fingerprint()),
            **self.weights(),
        }
        for name, tensor in self.parameters.items():
            for moment in _MOMENTS:
                value = self._optimiser.state[tensor][moment]
                arrays[f"{moment}:{name}"] = value.cpu().contiguous().numpy()
        save_arrays(path, arrays)

    def resume(self, path: Path) -> None:
        """Take up training where ``save`` left it.

        Raises:
            ModelError: the checkpoint cannot be read, or is of another recipe.
        """
        arrays = load_arrays(path)
        if str(arrays.get("recipe")) != self.recipe.fingerprint():
            raise ModelError(
                f"The checkpoint {path.name} was made by another recipe.",
                remedy="Delete it, train with --no-resume, or repeat its recipe.",
            )
        self.step = int(arrays["step"])
        for name, tensor in {**self.parameters, **self.statistics}.items():
            tensor.data.copy_(torch.from_numpy(arrays[name]))
        for name, tensor in self.parameters.items():
            stored = {m: torch.from_numpy(arrays[f"{m}:{name}"]) for m in _MOMENTS}
            # The fused optimiser walks memory, so the moments need their tensor's own strides.
            self._optimiser.state[tensor] = {
                moment: torch.empty_like(tensor).copy_(value) if value.ndim else value
                for moment, value in stored.items()
            }


def train_member(
    training: MemberTraining, pools: Pools, checkpoint: Path, progress: Progress
) -> dict[str, NDArray[np.float32]]:
    """Train a member to the end of its recipe.

    The crops of step ``k`` depend on the member's seed and ``k`` alone, so a resumed run sees what
    an unbroken one would have seen.

    Args:
        training: fresh or resumed.
        pools: frames to draw from.
        checkpoint: file to keep the state in.
        progress: told how it goes.

    Returns:
        Weights and statistics by name.
    """
    recipe, losses = training.recipe, []
    while training.step < recipe.all_steps:
        rng = np.random.default_rng([training.seed, training.step])
        images, targets = pools.batch(rng, recipe.batch, finishing=training.finishing)
        device = training.device
        losses.append(
            training.advance(
                torch.from_numpy(images).to(device), torch.from_numpy(targets).to(device)
            )
        )
        if training.step % _REPORT_EVERY == 0 or training.step == recipe.all_steps:
            progress(training.step, float(np.mean(losses)))
            losses = []
        if training.step % _SAVE_EVERY == 0:
            training.save(checkpoint)
    return training.weights()


def _rate(recipe: Recipe, step: int) -> float:
    """Return the learning rate of a step: linear rise, cosine fall, and a second, lower fall."""
    if step >= recipe.steps:
        return recipe.finish_rate * _fall((step - recipe.steps) / max(recipe.finish_steps, 1))
    part = step / recipe.steps
    if part < recipe.warm_up:
        return recipe.peak_rate * (0.02 + 0.98 * part / recipe.warm_up)
    return recipe.peak_rate * _fall((part - recipe.warm_up) / (1.0 - recipe.warm_up))


def _fall(part: float) -> float:
    """Fall from 1 to almost 0 along a cosine."""
    return 0.002 + 0.998 * 0.5 * (1.0 + math.cos(math.pi * part))


def _variance_trust(recipe: Recipe, step: int) -> float:
    """Return how far the predicted variance counts at a step."""
    part = step / recipe.steps
    ramp = (part - recipe.variance_start) / (recipe.variance_full - recipe.variance_start)
    return min(max(ramp, 0.0), 1.0)
