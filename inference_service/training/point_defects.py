"""Point defects cut into a lattice net: vacancies, rotated bonds, dopants and silicon clusters.

Every maker has the same signature: it takes the net, the atom to start from (whole, see
``LatticeNet.whole``) and a random generator. ``MAKERS`` names them all.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np
from numpy.random import Generator

from inference_service.training.lattice_net import LatticeNet

__all__ = ["MAKERS", "SILICON", "Maker"]

SILICON = 14
Maker = Callable[[LatticeNet, int, Generator], None]


def monovacancy(net: LatticeNet, atom: int, rng: Generator) -> None:
    """Remove one atom; half of the time two dangling neighbours reconstruct (5-9)."""
    near = sorted(net.remove(atom))
    if rng.random() < 0.5:
        a, b = rng.permutation(near)[:2]
        net.link(int(a), int(b), float(rng.uniform(1.6, 2.1)))


def divacancy_585(net: LatticeNet, atom: int, rng: Generator) -> None:
    """Remove two bonded atoms and close both pentagons (5-8-5)."""
    first, second = _remove_pair(net, atom, rng)
    for pair in (first, second):
        if len(pair) == 2:
            net.link(pair[0], pair[1], float(rng.uniform(1.45, 1.75)))


def stone_wales(net: LatticeNet, atom: int, rng: Generator) -> None:
    """Turn one bond by 90 degrees (two pentagons, two heptagons)."""
    other = int(rng.choice(sorted(net.neighbours[atom])))
    axis = net.xy[other] - net.xy[atom]
    side = np.array([-axis[1], axis[0]])
    ours = _by_side(net, atom, other, side)
    theirs = _by_side(net, other, atom, side)
    if len(ours) != 2 or len(theirs) != 2:
        return
    net.unlink(atom, ours[0])
    net.link(atom, theirs[1])
    net.unlink(other, theirs[1])
    net.link(other, ours[0])
    middle = 0.5 * (net.xy[atom] + net.xy[other])
    net.xy[atom] = middle + 0.5 * side
    net.xy[other] = middle - 0.5 * side


def silicon_c3(net: LatticeNet, atom: int, rng: Generator) -> None:
    """Put silicon on a lattice site; it buckles, so the projected bond is 1.55 to 1.85 Å."""
    net.substitute(atom, SILICON, float(rng.uniform(1.55, 1.85)))


def silicon_c4(net: LatticeNet, atom: int, rng: Generator) -> None:
    """Put one silicon into a divacancy, bonded to four carbons."""
    second = int(rng.choice(sorted(net.neighbours[atom])))
    middle = 0.5 * (net.xy[atom] + net.xy[second])
    rim = (net.remove(atom) | net.remove(second)) - {atom, second}
    silicon = net.add(middle, SILICON)
    length = float(rng.uniform(1.75, 2.0))
    for carbon in rim:
        net.link(silicon, carbon, length)


def silicon_dimer(net: LatticeNet, atom: int, rng: Generator) -> None:
    """Replace two bonded carbons by silicon, with a projected Si-Si bond of 1.5 to 2.5 Å."""
    _chain(net, atom, rng, members=2)


def silicon_chain(net: LatticeNet, atom: int, rng: Generator) -> None:
    """Replace three or four bonded carbons by silicon."""
    _chain(net, atom, rng, members=int(rng.integers(3, 5)))


def silicon_in_pore(net: LatticeNet, atom: int, rng: Generator) -> None:
    """Empty a patch of three to nine sites and place two to four silicon atoms inside."""
    patch = _grow(net, atom, rng, int(rng.integers(3, 10)))
    centre = net.xy[sorted(patch)].mean(axis=0)
    rim: set[int] = set()
    for member in patch:
        rim |= net.remove(member)
    rim -= patch
    count = int(rng.integers(2, 5))
    turn, spread = rng.uniform(0, 2 * np.pi), rng.uniform(1.5, 2.6)
    radius = spread / (2.0 * np.sin(np.pi / count))
    placed = []
    for k in range(count):
        angle = turn + 2 * np.pi * k / count
        place = centre + radius * np.array([np.cos(angle), np.sin(angle)])
        placed.append(net.add(place + rng.normal(0, 0.08, 2), SILICON))
    for a in placed:
        for b in placed:
            if a < b and (count < 4 or (b - a) % 2 == 1):
                net.link(a, b, spread)
    _bond_rim(net, placed, rim, float(rng.uniform(1.65, 1.95)))


def light_dopant(net: LatticeNet, atom: int, rng: Generator) -> None:
    """Replace a carbon by boron, nitrogen or oxygen."""
    number, length = ((5, 1.49), (7, 1.41), (8, 1.47))[int(rng.integers(3))]
    net.substitute(atom, number, float(length + rng.normal(0, 0.02)))


def heavy_dopant(net: LatticeNet, atom: int, rng: Generator) -> None:
    """Replace a carbon by an element brighter than silicon."""
    net.substitute(atom, int(rng.choice(HEAVY)), float(rng.uniform(1.6, 2.0)))


HEAVY = (22, 24, 25, 26, 27, 28, 30, 40, 42, 46, 50, 74, 78)
"""Atomic numbers of bright elements met in training; gold, copper and silver are held out."""

MAKERS: Mapping[str, Maker] = MappingProxyType(
    {
        "V1": monovacancy,
        "V2_585": divacancy_585,
        "SW_5577": stone_wales,
        "Si_C3": silicon_c3,
        "Si_C4": silicon_c4,
        "Si_dimer": silicon_dimer,
        "Si_chain": silicon_chain,
        "Si_pore": silicon_in_pore,
        "light": light_dopant,
        "heavy": heavy_dopant,
    }
)
"""Every point defect by name."""


def _remove_pair(net: LatticeNet, atom: int, rng: Generator) -> tuple[list[int], list[int]]:
    """Remove a bonded pair; return the orphaned neighbours of each."""
    second = int(rng.choice(sorted(net.neighbours[atom])))
    first_rim = sorted(net.remove(atom) - {second})
    second_rim = sorted(net.remove(second))
    return first_rim, second_rim


def _by_side(net: LatticeNet, atom: int, partner: int, side: np.ndarray) -> list[int]:
    """List the other two neighbours, the one against ``side`` first."""
    others = sorted(net.neighbours[atom] - {partner})
    return sorted(others, key=lambda k: float((net.xy[k] - net.xy[atom]) @ side))


def _chain(net: LatticeNet, atom: int, rng: Generator, members: int) -> None:
    """Turn a connected group of sites into silicon."""
    group = _grow(net, atom, rng, members)
    for member in group:
        net.substitute(member, SILICON, float(rng.uniform(1.6, 1.9)))
    between = float(rng.uniform(1.5, 2.5))
    for a in group:
        for b in net.neighbours[a] & group:
            net.link(a, b, between)


def _grow(net: LatticeNet, atom: int, rng: Generator, size: int) -> set[int]:
    """Collect a connected group of sites around an atom."""
    group = {atom}
    while len(group) < size:
        border = sorted({k for a in group for k in net.neighbours[a]} - group)
        if not border:
            break
        group.add(int(rng.choice(border)))
    return group


def _bond_rim(net: LatticeNet, placed: list[int], rim: set[int], length_A: float) -> None:
    """Bond each rim carbon to the nearest of the placed atoms where it is within reach."""
    spots = net.xy[placed]
    for carbon in rim:
        away = np.hypot(*(spots - net.xy[carbon]).T)
        nearest = int(np.argmin(away))
        if away[nearest] < 2.8:
            net.link(carbon, placed[nearest], length_A)
