"""Bond lengths and angles made right by a bond and angle model in the plane.

Keating's model: the energy is a sum over bonds of alpha (r.r - d.d)^2 and over angles of
beta (r1.r2 - d1 d2 cos(theta))^2. Good for geometry in projection; energies mean nothing here.

Reference: Keating, Phys. Rev. 145, 637 (1966), doi:10.1103/PhysRev.145.637.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import combinations
from typing import Final

import numpy as np
from numpy.typing import NDArray

from edge_agent.sources.specimen.draft import SILICON, Draft
from shared.units import CARBON_BOND_A

__all__ = ["relax"]

Array = NDArray[np.float64]
Indices = NDArray[np.int64]

_ALPHA: Final = 1.0
_BETA: Final = 0.16
"""Angles are several times softer than bonds; only the ratio of the two matters."""
_REST_A: Final = np.array([CARBON_BOND_A, 1.72, 2.25])
"""Rest lengths of C-C, C-Si and Si-Si in projection, Å."""
_FOURFOLD_REST_A: Final = 1.88
"""Rest length of C-Si around a fourfold Si, Å."""
_STEPS: Final = 300
_LARGEST_STEP_A: Final = 0.05
_FORCE_TOLERANCE: Final = 1e-3


@dataclass(frozen=True, slots=True)
class _Springs:
    """Bonds and angles among the atoms, with their rest values."""

    bonds: Indices
    """(m, 2)."""
    lengths_A: Array
    """(m,) rest lengths, Å."""
    angles: Indices
    """(k, 3): middle atom, and the two bonded to it."""
    products_A2: Array
    """(k,) rest values of the product of the two bond vectors, Å²."""


def relax(draft: Draft, free: NDArray[np.bool_]) -> None:
    """Move the free atoms of a draft downhill until forces vanish or the steps are used up.

    Args:
        draft: Positions are changed in place.
        free: (n,) True for the atoms that may move.
    """
    springs, concerned = _springs(draft, free)
    positions = draft.positions_A[concerned]
    held = ~free[concerned]
    velocity = np.zeros_like(positions)
    step, patience = 0.05, 0
    for _ in range(_STEPS):
        force = -_gradient(positions, draft.period_A, springs)
        force[held] = 0
        if np.abs(force).max(initial=0.0) < _FORCE_TOLERANCE:
            break
        downhill = float((force * velocity).sum()) > 0
        step, patience = (min(step * 1.1, 0.3), patience + 1) if downhill else (step * 0.5, 0)
        velocity = _steered(velocity, force, patience) if downhill else np.zeros_like(velocity)
        velocity += step * force
        positions += np.clip(step * velocity, -_LARGEST_STEP_A, _LARGEST_STEP_A)
    draft.positions_A[concerned] = positions


def _steered(velocity: Array, force: Array, patience: int) -> Array:
    """Turn the velocity towards the force: FIRE, doi:10.1103/PhysRevLett.97.170201."""
    mixing = 0.1 * 0.99**patience
    scale = math.sqrt((velocity * velocity).sum() / max((force * force).sum(), 1e-24))
    return np.asarray((1 - mixing) * velocity + mixing * scale * force)


def _springs(draft: Draft, free: NDArray[np.bool_]) -> tuple[_Springs, Indices]:
    """Return the springs that act on free atoms, and the atoms that they count."""
    bonds = draft.bonds()
    bonds = bonds[free[bonds].any(axis=1)]
    angles = _angles(draft)
    angles = angles[free[angles].any(axis=1)]
    lengths = [_rest_lengths(draft, angles[:, 0], angles[:, end]) for end in (1, 2)]
    products = lengths[0] * lengths[1] * _cosines(draft, angles)
    concerned = np.unique(np.concatenate([bonds.ravel(), angles.ravel()]))
    number = np.zeros(len(draft.numbers), dtype=np.int64)
    number[concerned] = np.arange(len(concerned))
    rest = _rest_lengths(draft, bonds[:, 0], bonds[:, 1])
    return _Springs(number[bonds], rest, number[angles], products), concerned


def _angles(draft: Draft) -> Indices:
    """Return every angle as (middle, left, right), (k, 3)."""
    found = [
        (middle, left, right)
        for middle, near in enumerate(draft.neighbours)
        for left, right in combinations(sorted(near), 2)
    ]
    return np.array(found, dtype=np.int64).reshape(-1, 3)


def _cosines(draft: Draft, angles: Indices) -> Array:
    """Return rest cosines: 120 degrees, but square around a fourfold atom."""
    middle, left, right = angles.T
    first = _wrapped(draft.positions_A[left] - draft.positions_A[middle], draft.period_A)
    second = _wrapped(draft.positions_A[right] - draft.positions_A[middle], draft.period_A)
    lengths = np.sqrt((first * first).sum(axis=1) * (second * second).sum(axis=1))
    opposite = (first * second).sum(axis=1) < -0.8 * lengths
    return np.where(_fourfold(draft)[middle], np.where(opposite, -1.0, 0.0), -0.5)


def _rest_lengths(draft: Draft, first: Indices, second: Indices) -> Array:
    silicon = (draft.numbers[first] == SILICON).astype(int) + (draft.numbers[second] == SILICON)
    fourfold = _fourfold(draft)
    rest = np.where(fourfold[first] | fourfold[second], _FOURFOLD_REST_A, _REST_A[silicon])
    for index, pair in enumerate(zip(first.tolist(), second.tolist(), strict=True)):
        rest[index] = draft.stretched_A.get(frozenset(pair), rest[index])
    return np.asarray(rest)


def _fourfold(draft: Draft) -> NDArray[np.bool_]:
    return np.array([len(near) == 4 for near in draft.neighbours])


def _wrapped(vectors: Array, period_A: Array) -> Array:
    return np.asarray(vectors - period_A * np.rint(vectors / period_A))


def _gradient(positions: Array, period_A: Array, springs: _Springs) -> Array:
    """Return dE/dposition, (n, 2)."""
    start, end = springs.bonds.T
    bond = _wrapped(positions[end] - positions[start], period_A)
    excess = (bond * bond).sum(axis=1) - springs.lengths_A**2
    pull = 4 * _ALPHA * excess[:, None] * bond
    middle, left, right = springs.angles.T
    first = _wrapped(positions[left] - positions[middle], period_A)
    second = _wrapped(positions[right] - positions[middle], period_A)
    twist = 2 * _BETA * ((first * second).sum(axis=1) - springs.products_A2)[:, None]
    where = np.concatenate([end, start, left, right, middle])
    what = np.concatenate([pull, -pull, twist * second, twist * first, -twist * (first + second)])
    n = len(positions)
    return np.stack([np.bincount(where, what[:, axis], n) for axis in (0, 1)], axis=1)
