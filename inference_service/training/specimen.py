"""A simulated specimen: atoms with elements, and where they must not be asked for.

Families are named recipes. Some are held out from training as a whole (``HELD_OUT``), so that a
score on them says something about specimens nobody trained on.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from inference_service.training.conditions import WIDE, Conditions
from inference_service.training.grain_boundary import two_grains
from inference_service.training.lattice_net import (
    LatticeNet,
    bond_by_distance,
    honeycomb,
    relaxed_positions,
)
from inference_service.training.point_defects import HEAVY, MAKERS, SILICON
from inference_service.training.regions import Blob, amorphous, random_blob

__all__ = ["FAMILIES", "HELD_OUT", "Family", "Specimen", "build_specimen", "training_families"]

_MARGIN_A = 8.0
_SITE_SPACING_A = 8.0
_CROWDED_SPACING_A = 4.5
_LARGEST_DISPLACEMENT_A = 0.15
"""Largest standard deviation of the random displacement on each axis."""


@dataclass(frozen=True)
class Family:
    """One kind of specimen.

    Attributes:
        weight: how often training draws it, relative to the others.
        defects: mean number of each point defect per 1,000 Å².
        hole: probability of holes.
        hole_scale: size of the holes, relative to the usual.
        contamination: probability of amorphous patches.
        bilayer: probability of a second-layer patch.
        adatoms: mean number of adatoms per 1,000 Å².
        grains: whether two grains meet in the field.
        adatom_elements: atomic numbers adatoms are drawn from.
    """

    weight: float = 1.0
    defects: Mapping[str, float] = field(default_factory=dict)
    hole: float = 0.0
    contamination: float = 0.0
    bilayer: float = 0.0
    adatoms: float = 0.0
    grains: bool = False
    hole_scale: float = 1.0
    adatom_elements: tuple[int, ...] = (*HEAVY, SILICON, SILICON, SILICON)


_FAMILIES = {
    "pristine": Family(1.0),
    "silicon": Family(2.5, {"Si_C3": 3.5, "Si_C4": 2.5}, contamination=0.25),
    "silicon_clusters": Family(
        2.5, {"Si_dimer": 2.5, "Si_chain": 1.5, "Si_pore": 2.0, "Si_C3": 0.7}, contamination=0.2
    ),
    "vacancies": Family(1.5, {"V1": 2.0, "V2_585": 2.0, "light": 0.5}),
    "rotated_bonds": Family(1.5, {"SW_5577": 3.0, "light": 0.5}),
    "light_dopants": Family(0.7, {"light": 4.0, "V1": 0.3}),
    "holes": Family(2.0, {"V1": 0.7, "Si_C3": 1.0, "Si_C4": 0.5}, hole=1.0, contamination=0.2),
    "contaminated": Family(2.5, {"Si_C3": 1.5, "Si_dimer": 0.4}, 0.15, 1.0),
    "adatoms": Family(3.0, {"heavy": 2.0, "Si_C3": 1.0, "Si_dimer": 0.3}, 0.1, 0.3, adatoms=3.5),
    "bilayer": Family(1.0, {"Si_C3": 0.5, "V1": 0.3}, bilayer=1.0, contamination=0.2),
    "mostly_vacuum": Family(1.2, {"V1": 0.5}, hole=1.0, contamination=0.3, hole_scale=4.0),
    "crowded_vacancies": Family(0.7, {"V1": 4.0, "V2_585": 4.0}, hole=0.3),
    "grain_boundary": Family(0.0, {"Si_C3": 0.5}, contamination=0.2, grains=True),
    "mixed_defect_field": Family(
        0.0, {"Si_C3": 0.9, "Si_dimer": 0.6, "SW_5577": 0.9, "V2_585": 0.9}
    ),
    "noble_adatoms": Family(0.0, {"Si_C3": 0.8}, adatoms=2.0, adatom_elements=(29, 47, 79)),
}
FAMILIES: Mapping[str, Family] = MappingProxyType(_FAMILIES)
"""Every family by name."""

HELD_OUT: tuple[str, ...] = ("grain_boundary", "mixed_defect_field", "noble_adatoms")
"""Families that training never draws."""


@dataclass(frozen=True)
class Specimen:
    """Atoms of a field and the regions that cover them.

    Attributes:
        xy: (n, 2) positions [Å], x then y, from the field's corner.
        number: (n,) atomic numbers.
        labelled: (n,) True where the atom belongs to the sheet and is not buried. Loose carbon
            outside ``cover`` is not labelled either, and nobody is asked about its place.
        cover: regions under contamination or a second layer.
        holes: regions without matter.
    """

    xy: NDArray[np.float64]
    number: NDArray[np.int64]
    labelled: NDArray[np.bool_]
    cover: tuple[Blob, ...]
    holes: tuple[Blob, ...]


def training_families() -> dict[str, Family]:
    """Return the families that training may draw."""
    return {name: family for name, family in FAMILIES.items() if name not in HELD_OUT}


def build_specimen(
    rng: Generator, family: Family, size_A: float, conditions: Conditions = WIDE
) -> Specimen:
    """Make one specimen of a family.

    Args:
        rng: the only source of chance.
        family: what to make.
        size_A: edge of the square field; atoms reach some Å beyond it.
        conditions: limits of what is drawn.

    Returns:
        The specimen.
    """
    net = _sheet(rng, family, size_A)
    _sow(net, rng, family, size_A)
    holes = _holes(rng, family, size_A)
    _cut(net, holes, rng, conditions)
    xy = relaxed_positions(net)[net.alive]
    number = net.number[net.alive]
    xy = _displaced(rng, xy, size_A, conditions)
    extra_xy, extra_number = _adatoms(rng, family, size_A, holes)
    xy, number = np.vstack([xy, extra_xy]), np.append(number, extra_number)
    cover, dirt = _covers(rng, family, size_A)
    buried = _inside_any(cover, xy)
    return Specimen(
        np.vstack([xy, dirt]),
        np.append(number, np.full(len(dirt), 6)),
        np.append(~buried, np.zeros(len(dirt), dtype=np.bool_)),
        tuple(cover),
        tuple(holes),
    )


def _sheet(rng: Generator, family: Family, size_A: float) -> LatticeNet:
    """Lay the lattice: one grain, or two that meet."""
    low, high = -_MARGIN_A, size_A + _MARGIN_A
    if family.grains:
        return two_grains(rng, low, high)
    angle, origin = rng.uniform(0, np.pi / 3), rng.uniform(-1.5, 1.5, 2)
    return bond_by_distance(honeycomb(low, high, angle, origin))


def _sow(net: LatticeNet, rng: Generator, family: Family, size_A: float) -> None:
    """Place point defects on whole sites that are apart from each other."""
    spacing = _CROWDED_SPACING_A if rng.random() < 0.2 else _SITE_SPACING_A
    taken: list[NDArray[np.float64]] = []
    thousands = size_A**2 / 1000.0
    wanted = [n for n, mean in family.defects.items() for _ in range(rng.poisson(mean * thousands))]
    for name in rng.permutation(wanted):
        for atom in rng.integers(0, len(net.xy), 12):
            place = net.xy[atom]
            if not net.whole(int(atom)):
                continue
            if taken and np.min(np.hypot(*(np.array(taken) - place).T)) < spacing:
                continue
            MAKERS[str(name)](net, int(atom), rng)
            taken.append(place.copy())
            break


def _holes(rng: Generator, family: Family, size_A: float) -> list[Blob]:
    """Choose the holes of a specimen; now and then one that swallows most of the field."""
    if rng.random() >= family.hole:
        return []
    largest = 0.7 if rng.random() < 0.15 else 0.35
    return [
        random_blob(rng, size_A, rng.uniform(0.05, largest) * family.hole_scale * size_A)
        for _ in range(int(rng.integers(1, 4)))
    ]


def _cut(net: LatticeNet, holes: list[Blob], rng: Generator, conditions: Conditions) -> None:
    """Remove what lies in a hole, then dangling atoms; decorate some edges with silicon."""
    if not holes:
        return
    for atom in np.flatnonzero(_inside_any(holes, net.xy) & net.alive):
        net.remove(int(atom))
    for _ in range(conditions.trims):
        for atom in np.flatnonzero(net.alive):
            if len(net.neighbours[atom]) < 2 and rng.random() < 1.0 - conditions.frayed:
                net.remove(int(atom))
    decorated = rng.random() * 0.3 if rng.random() < 0.5 else 0.0
    for atom in np.flatnonzero(net.alive):
        if len(net.neighbours[atom]) == 2 and rng.random() < decorated:
            net.substitute(int(atom), SILICON, float(rng.uniform(1.65, 1.9)))


def _displaced(
    rng: Generator, xy: NDArray[np.float64], size_A: float, conditions: Conditions
) -> NDArray[np.float64]:
    """Strain the sheet and displace each atom by itself, so that no lattice can be learnt."""
    spread = _LARGEST_DISPLACEMENT_A * rng.random() ** 2
    if conditions.displaced < 1.0 and rng.random() >= conditions.displaced:
        spread = 0.0
    strain = np.eye(2) + rng.normal(0, 0.01, (2, 2))
    centred = (xy - size_A / 2) @ strain + size_A / 2
    return centred + rng.normal(0, 1, xy.shape) * spread


def _adatoms(
    rng: Generator, family: Family, size_A: float, holes: list[Blob]
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Scatter adatoms over the sheet, none over a hole."""
    count = rng.poisson(family.adatoms * size_A**2 / 1000.0)
    xy = rng.uniform(-2, size_A + 2, (count, 2))
    number = rng.choice(np.array(family.adatom_elements), count).astype(np.int64)
    keep = ~_inside_any(holes, xy)
    return xy[keep], number[keep]


def _covers(
    rng: Generator, family: Family, size_A: float
) -> tuple[list[Blob], NDArray[np.float64]]:
    """Choose covered regions and the atoms that lie in them."""
    blobs: list[Blob] = []
    dirt = [np.empty((0, 2))]
    if rng.random() < family.contamination:
        for _ in range(int(rng.integers(1, 4))):
            blob = random_blob(rng, size_A, rng.uniform(0.08, 0.4) * size_A)
            layers = int(rng.integers(1, 7))
            dirt.append(amorphous(rng, blob, layers))
            if layers > 1:  # a single loose layer leaves the lattice visible
                blobs.append(blob)
    if rng.random() < family.bilayer:
        blob = random_blob(rng, size_A, rng.uniform(0.2, 0.6) * size_A)
        low, high = -_MARGIN_A, size_A + _MARGIN_A
        layer = honeycomb(low, high, rng.uniform(0, np.pi / 3), rng.uniform(-1.5, 1.5, 2))
        blobs.append(blob)
        dirt.append(layer[blob.inside(layer)])
    return blobs, np.vstack(dirt)


def _inside_any(blobs: list[Blob], xy: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Tell which points lie in any of the regions."""
    inside = np.zeros(len(xy), dtype=np.bool_)
    for blob in blobs:
        inside |= blob.inside(xy)
    return inside
