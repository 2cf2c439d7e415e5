"""The numbers that make a training run, in one frozen record."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass

from inference_service.training.conditions import USUAL, WIDE
from inference_service.training.frame_pool import PoolPlan
from inference_service.training.plan import LAYERS

__all__ = ["Recipe"]


@dataclass(frozen=True)
class Recipe:
    """How each member is trained.

    Attributes:
        width: channels of the body.
        steps: optimiser steps.
        batch: crops of 160 x 160 canonical px (33 Å) per step.
        peak_rate: largest learning rate; linear rise, cosine fall.
        finish_steps: further steps on what tempts to go on with the lattice: rims and dopants.
        finish_rate: learning rate these begin with; cosine fall.
        finish_weight: weight of the cells beside vacuum and dopants in these steps.
        warm_up: fraction of the steps that the rise takes.
        variance_start: fraction of the steps before the predicted variance begins to count.
        variance_full: fraction from which it counts in full.
        weight_decay: of AdamW.
        clip_norm: largest norm of the gradient.
        pool_seed: seed of the pool of the first phase, drawn in wide conditions.
        pool_shards: shards of 50 frames in it.
        finish_pool_seed: seed of the pool of the second phase, drawn in usual conditions.
        finish_pool_shards: shards of 50 frames in it.
    """

    width: int = 32
    steps: int = 8000
    batch: int = 4
    peak_rate: float = 5e-3
    finish_steps: int = 1200
    finish_rate: float = 1e-3
    finish_weight: float = 3.0
    warm_up: float = 0.05
    variance_start: float = 0.1
    variance_full: float = 0.3
    weight_decay: float = 1e-4
    clip_norm: float = 3.0
    pool_seed: int = 7
    pool_shards: int = 80
    finish_pool_seed: int = 8
    finish_pool_shards: int = 30

    def as_dict(self) -> dict[str, int | float]:
        """Return the record as plain numbers."""
        return asdict(self)

    @property
    def pools(self) -> tuple[PoolPlan, PoolPlan]:
        """Pools of the two phases."""
        return (
            PoolPlan(self.pool_seed, self.pool_shards, WIDE),
            PoolPlan(self.finish_pool_seed, self.finish_pool_shards, USUAL),
        )

    @property
    def all_steps(self) -> int:
        """Steps of both phases together."""
        return self.steps + self.finish_steps

    def fingerprint(self) -> str:
        """Return a digest of the record and of the network's layers."""
        layers = [asdict(layer) for layer in LAYERS]
        text = json.dumps([self.as_dict(), layers], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()
