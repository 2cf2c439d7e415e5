"""Two graphene grains that meet along a wavy line: a family held out from training."""

from __future__ import annotations

import numpy as np
from numpy.random import Generator
from scipy.spatial import cKDTree

from inference_service.training.lattice_net import LatticeNet, bond_by_distance, honeycomb

__all__ = ["two_grains"]

_CLOSEST_A = 1.15
_CUTOFF_A = 1.8


def two_grains(rng: Generator, low_A: float, high_A: float) -> LatticeNet:
    """Join two lattices of different rotation along a line through the middle of the field.

    Atoms closer than 1.15 Å across the line are merged; bonds are drawn by distance, at most
    three per atom, so five- and seven-rings form where the grains meet.

    Args:
        rng: source of chance.
        low_A: lower bound of x and y.
        high_A: upper bound of x and y.

    Returns:
        The bonded sheet.
    """
    turn = rng.uniform(0, np.pi / 3)
    tilt = rng.uniform(np.radians(8), np.radians(30))
    left = honeycomb(low_A, high_A, turn, rng.uniform(-1.5, 1.5, 2))
    right = honeycomb(low_A, high_A, turn + tilt, rng.uniform(-1.5, 1.5, 2))
    normal_angle = rng.uniform(0, 2 * np.pi)
    normal = np.array([np.cos(normal_angle), np.sin(normal_angle)])
    middle = 0.5 * (low_A + high_A) + rng.uniform(-4, 4, 2)
    xy = np.vstack([left[(left - middle) @ normal < 0], right[(right - middle) @ normal >= 0]])
    drop = {b for _, b in cKDTree(xy).query_pairs(_CLOSEST_A)}
    net = bond_by_distance(np.delete(xy, sorted(drop), axis=0), _CUTOFF_A)
    _limit_bonds(net)
    return net


def _limit_bonds(net: LatticeNet) -> None:
    """Cut the longest bonds of atoms that have more than three."""
    for atom, near in enumerate(net.neighbours):
        while len(near) > 3:
            longest = max(near, key=lambda k: float(np.hypot(*(net.xy[k] - net.xy[atom]))))
            net.unlink(atom, longest)
