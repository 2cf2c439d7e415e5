"""What training minimises: is there an atom, where, how sure, which, and what covers it."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from inference_service.detector.heads import Channel
from inference_service.training.plan import UNKNOWN_OVER_SILICON
from inference_service.training.targets import FREE, NOTHING, Plane

__all__ = ["Emphasis", "LossParts", "loss_parts", "tempting"]

_COVERED_WEIGHT = 0.25
_CARBON, _RARE_WEIGHT = 1, 4.0
_SPECIES_WEIGHTS = (0.1, 1.0, UNKNOWN_OVER_SILICON)
_NEAR_CELLS = 5
_LOG_VARIANCE_RANGE = (-8.0, 3.0)
_OFFSET_WEIGHT, _SPECIES_WEIGHT, _COVER_WEIGHT, _VACUUM_WEIGHT = 0.5, 0.7, 0.15, 0.1


@dataclass(frozen=True)
class Emphasis:
    """What counts how much at a stage of the training.

    Attributes:
        variance: 0 for plain squared error of the offsets .. 1 for the full likelihood.
        tempting: weight of the cells where a lattice tempts to go on: beside vacuum and dopants.
    """

    variance: float = 1.0
    tempting: float = 1.0


@dataclass(frozen=True)
class LossParts:
    """The terms of the loss, each a scalar tensor."""

    objectness: Tensor
    offset: Tensor
    species: Tensor
    cover: Tensor
    vacuum: Tensor

    def total(self) -> Tensor:
        """Return the weighted sum."""
        return (
            self.objectness
            + _OFFSET_WEIGHT * self.offset
            + _SPECIES_WEIGHT * self.species
            + _COVER_WEIGHT * self.cover
            + _VACUUM_WEIGHT * self.vacuum
        )


def loss_parts(heads: Tensor, targets: Tensor, emphasis: Emphasis) -> LossParts:
    """Score a batch.

    Offsets are scored by the Gaussian negative log-likelihood of a predicted variance. While
    ``emphasis.variance`` is below 1 the variance is damped towards 1 px², so that positions are
    learnt before their error is (Seitzer et al. 2022, arXiv:2203.09168, for why this is needed).

    Args:
        heads: (n, len(Channel), h, w).
        targets: (n, len(Plane), h, w).
        emphasis: what counts how much.

    Returns:
        The terms.
    """
    label = targets[:, Plane.CLASS]
    covered = targets[:, Plane.COVER]
    weight = torch.where(covered > 0, _COVERED_WEIGHT, 1.0) * (label != FREE)
    weight = torch.where(label > _CARBON, _RARE_WEIGHT, weight)
    weight = torch.where(tempting(targets), emphasis.tempting * weight, weight)
    objectness = functional.binary_cross_entropy_with_logits(
        heads[:, Channel.OBJECTNESS], (label > NOTHING).float(), weight
    )
    hit = label > NOTHING
    picked = heads.permute(0, 2, 3, 1)[hit]
    truth = targets.permute(0, 2, 3, 1)[hit]
    return LossParts(
        objectness=objectness,
        offset=_offset_loss(picked, truth, emphasis.variance),
        species=functional.cross_entropy(
            picked[:, Channel.SPECIES_C : Channel.SPECIES_X + 1],
            label[hit].long() - 1,
            torch.tensor(_SPECIES_WEIGHTS, device=heads.device),
        )
        if len(picked)
        else heads.sum() * 0.0,
        cover=functional.binary_cross_entropy_with_logits(heads[:, Channel.CONTAMINATION], covered),
        vacuum=functional.binary_cross_entropy_with_logits(
            heads[:, Channel.VACUUM], targets[:, Plane.VACUUM]
        ),
    )


def tempting(targets: Tensor) -> Tensor:
    """Tell which cells lie within 2 Å of where vacuum begins or of an element other than carbon.

    Args:
        targets: (n, len(Plane), h, w).

    Returns:
        (n, h, w) of bool.
    """
    vacuum = targets[:, Plane.VACUUM]
    rim = _dilated(vacuum) & _dilated(1.0 - vacuum)
    return rim | _dilated((targets[:, Plane.CLASS] > _CARBON).float())


def _dilated(mask: Tensor) -> Tensor:
    """Widen (n, h, w) masks of 0 and 1 by 2 Å."""
    side = 2 * _NEAR_CELLS + 1
    return functional.max_pool2d(mask[:, None], side, 1, _NEAR_CELLS)[:, 0] > 0


def _offset_loss(picked: Tensor, truth: Tensor, variance_trust: float) -> Tensor:
    """Return the mean negative log-likelihood of the offsets, 0 where there is no atom."""
    if len(picked) == 0:
        return picked.sum()
    error = (picked[:, Channel.DX] - truth[:, Plane.DX]) ** 2
    error = error + (picked[:, Channel.DY] - truth[:, Plane.DY]) ** 2
    log_variance = variance_trust * picked[:, Channel.LOG_VARIANCE].clamp(*_LOG_VARIANCE_RANGE)
    return (0.5 * error * torch.exp(-log_variance) + log_variance).mean()
