"""A bonded graphene sheet that defects can be cut into, and its cheap relaxation.

The relaxation is a harmonic net (bond springs and weaker springs between second neighbours). It
makes bond lengths and ring shapes plausible; it is no force field and states no energy.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

__all__ = ["CC_BOND_A", "LatticeNet", "bond_by_distance", "honeycomb", "relaxed_positions"]

CC_BOND_A = 1.42
"""C-C bond of graphene [Å]; Castro Neto et al. 2009, DOI 10.1103/RevModPhys.81.109."""

_BOND_CUTOFF_A = 1.75
_ANGLE_STIFFNESS = 0.12
_STEP, _MOMENTUM, _ITERATIONS = 0.12, 0.85, 45

Positions = NDArray[np.float64]


@dataclass
class LatticeNet:
    """Atoms, elements and bonds while defects are being made.

    Attributes:
        xy: (n, 2) positions [Å], x then y.
        number: (n,) atomic numbers.
        neighbours: for each atom the indices it is bonded to.
        alive: (n,) False for removed atoms.
        lengths: rest lengths [Å] that differ from the carbon bond, by ordered pair.
    """

    xy: Positions
    number: NDArray[np.int64]
    neighbours: list[set[int]]
    alive: NDArray[np.bool_]
    lengths: dict[tuple[int, int], float] = field(default_factory=dict)

    def unlink(self, a: int, b: int) -> None:
        """Cut the bond between two atoms."""
        self.neighbours[a].discard(b)
        self.neighbours[b].discard(a)

    def link(self, a: int, b: int, length_A: float | None = None) -> None:
        """Bond two atoms, with a rest length where it is not carbon's."""
        self.neighbours[a].add(b)
        self.neighbours[b].add(a)
        if length_A is not None:
            self.lengths[min(a, b), max(a, b)] = length_A

    def remove(self, atom: int) -> set[int]:
        """Take an atom out and return what it was bonded to."""
        former = set(self.neighbours[atom])
        for other in former:
            self.unlink(atom, other)
        self.alive[atom] = False
        return former

    def substitute(self, atom: int, number: int, length_A: float) -> None:
        """Replace an atom by another element with its own bond length."""
        self.number[atom] = number
        for other in self.neighbours[atom]:
            self.lengths[min(atom, other), max(atom, other)] = length_A

    def add(self, xy: Positions, number: int) -> int:
        """Append an unbonded atom and return its index."""
        self.xy = np.vstack([self.xy, xy])
        self.number = np.append(self.number, number)
        self.alive = np.append(self.alive, np.True_)
        self.neighbours.append(set())
        return len(self.neighbours) - 1

    def whole(self, atom: int) -> bool:
        """Tell whether the atom is a carbon with three carbon neighbours of three each."""
        near = self.neighbours[atom]
        return bool(
            self.alive[atom]
            and self.number[atom] == 6
            and len(near) == 3
            and all(self.number[k] == 6 and len(self.neighbours[k]) == 3 for k in near)
        )


def honeycomb(
    low_A: float, high_A: float, angle_rad: float, origin_A: Positions, bond_A: float = CC_BOND_A
) -> Positions:
    """Return honeycomb sites inside the square ``low_A .. high_A``.

    Args:
        low_A: lower bound of x and y.
        high_A: upper bound of x and y.
        angle_rad: rotation of the lattice.
        origin_A: (2,) shift of the lattice.
        bond_A: bond length.

    Returns:
        (n, 2) positions [Å].
    """
    lattice = bond_A * np.sqrt(3.0)
    reach = int((high_A - low_A) / lattice) + 4
    i, j = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    x = lattice * (i + 0.5 * j).ravel()
    y = lattice * (np.sqrt(0.75) * j).ravel()
    sites = np.vstack([np.column_stack([x, y]), np.column_stack([x, y + bond_A])])
    c, s = np.cos(angle_rad), np.sin(angle_rad)
    centre = 0.5 * (low_A + high_A)
    turned = sites @ np.array([[c, s], [-s, c]]) + centre + origin_A
    return np.asarray(turned[np.all((turned > low_A) & (turned < high_A), axis=1)])


def bond_by_distance(xy: Positions, cutoff_A: float = _BOND_CUTOFF_A) -> LatticeNet:
    """Make a carbon net whose bonds are all pairs closer than a cutoff.

    Args:
        xy: (n, 2) positions [Å].
        cutoff_A: longest bond.

    Returns:
        The net.
    """
    neighbours: list[set[int]] = [set() for _ in range(len(xy))]
    for a, b in cKDTree(xy).query_pairs(cutoff_A):
        neighbours[a].add(b)
        neighbours[b].add(a)
    number = np.full(len(xy), 6, dtype=np.int64)
    return LatticeNet(xy.copy(), number, neighbours, np.ones(len(xy), dtype=np.bool_))


def relaxed_positions(net: LatticeNet) -> Positions:
    """Relax the harmonic net by damped descent; dead atoms stay where they are.

    Args:
        net: bonded atoms.

    Returns:
        (n, 2) relaxed positions [Å].
    """
    pairs, rest, stiffness = _springs(net)
    xy = net.xy.copy()
    if len(pairs) == 0:
        return xy
    velocity = np.zeros_like(xy)
    a, b = pairs.T
    for _ in range(_ITERATIONS):
        delta = xy[b] - xy[a]
        distance = np.hypot(delta[:, 0], delta[:, 1]) + 1e-9
        pull = (stiffness * (distance - rest) / distance)[:, None] * delta
        force = np.empty_like(xy)
        for axis in (0, 1):
            force[:, axis] = np.bincount(a, pull[:, axis], len(xy))
            force[:, axis] -= np.bincount(b, pull[:, axis], len(xy))
        velocity = _MOMENTUM * velocity + _STEP * force
        xy += velocity
    return xy


def _springs(
    net: LatticeNet,
) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]:
    """List pairs, rest lengths and stiffnesses of bonds and of second neighbours."""
    pairs: list[tuple[int, int]] = []
    rest: list[float] = []
    stiffness: list[float] = []
    lengths = net.lengths
    for centre, near in enumerate(net.neighbours):
        ordered = sorted(near)
        arms = [lengths.get((min(centre, b), max(centre, b)), CC_BOND_A) for b in ordered]
        for other, arm in zip(ordered, arms, strict=True):
            if centre < other:
                pairs.append((centre, other))
                rest.append(arm)
                stiffness.append(1.0)
        if len(ordered) != 3:
            continue
        for first, second in ((0, 1), (0, 2), (1, 2)):
            p, q = arms[first], arms[second]
            pairs.append((ordered[first], ordered[second]))
            rest.append(float(np.sqrt(p * p + q * q + p * q)))  # 120 degrees between them
            stiffness.append(_ANGLE_STIFFNESS)
    return (
        np.array(pairs, dtype=np.int64).reshape(-1, 2),
        np.array(rest, dtype=np.float64),
        np.array(stiffness, dtype=np.float64),
    )
