"""Places on a sheet where something may sit: over a ring, over a bond, over an atom."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

import numpy as np
from ase.data import atomic_numbers, covalent_radii
from numpy.typing import NDArray

from shared.errors import StructureError
from sim_dispatcher.structure.bonds import bonded_pairs
from sim_dispatcher.structure.census import heavy_atoms, rings_of
from sim_dispatcher.structure.cluster import Array, Cluster

__all__ = ["Kind", "Site", "nearest_site", "normal_at", "sites_of", "start_height"]

Kind: TypeAlias = Literal["hollow", "bridge", "top"]

LOCAL_A: Final = 3.0
"""Atoms this close to a place make up the plane it is in, Å."""

LEAST_HEIGHT_A: Final = 1.2
"""Nothing starts lower above the sheet, Å."""


@dataclass(frozen=True, eq=False)
class Site:
    """A place on a sheet.

    Attributes:
        kind: What is below.
        hosts: Atoms of the sheet that make it up.
        point_A: (3,) their mean position, Å.
    """

    kind: Kind
    hosts: NDArray[np.intp]
    point_A: Array


def sites_of(sheet: Cluster) -> Iterator[Site]:
    """Yield every place on a sheet: hollows over hexagons, bridges and tops over carbon."""
    positions = sheet.positions_A
    heavy = heavy_atoms(sheet.symbols)
    for ring in rings_of(sheet.symbols, positions).rings:
        if len(ring) == 6:
            yield _site("hollow", heavy[ring], positions)
    carbon = np.array([symbol == "C" for symbol in sheet.symbols])
    for pair in bonded_pairs(sheet.symbols, positions):
        if carbon[pair].all():
            yield _site("bridge", pair, positions)
    for atom in np.flatnonzero(carbon):
        yield _site("top", np.array([atom]), positions)


def nearest_site(sheet: Cluster, kind: Kind) -> Site:
    """Return the site of a kind that is nearest to the middle of the sheet.

    Raises:
        StructureError: The sheet has none.
    """
    middle = sheet.positions_A[heavy_atoms(sheet.symbols)].mean(axis=0)
    found = [site for site in sites_of(sheet) if site.kind == kind]
    if not found:
        raise StructureError(
            f"The structure has no {kind} site.",
            remedy="Put the adsorbate on a piece of a sheet: whole rings of carbon.",
        )
    return min(found, key=lambda site: round(float(np.linalg.norm(site.point_A - middle)), 3))


def normal_at(sheet: Cluster, point_A: Array) -> Array:
    """Return (3,) the upward unit normal of the sheet's plane about a point."""
    heavy = sheet.positions_A[heavy_atoms(sheet.symbols)]
    away = np.linalg.norm(heavy - point_A, axis=1)
    fourth = float(np.sort(away)[:4][-1])
    near = heavy[away <= max(LOCAL_A, fourth)]
    normal: Array = np.linalg.svd(near - near.mean(axis=0))[2][2]
    return normal if normal[2] >= 0 else -normal


def start_height(sheet: Cluster, site: Site, element: str) -> float:
    """Return the height, Å, at which an atom is a covalent bond away from a site's atoms."""
    radii = [covalent_radii[atomic_numbers[sheet.symbols[i]]] for i in site.hosts]
    bond = float(np.mean(radii)) + float(covalent_radii[atomic_numbers[element]])
    aside = np.linalg.norm(sheet.positions_A[site.hosts] - site.point_A, axis=1).mean()
    return float(np.sqrt(max(bond**2 - aside**2, LEAST_HEIGHT_A**2)))


def _site(kind: Kind, hosts: NDArray[np.intp], positions_A: Array) -> Site:
    return Site(kind, hosts, positions_A[hosts].mean(axis=0))
