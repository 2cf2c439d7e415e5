"""An atom or a molecule, ready to be put on a sheet: binding atom first and lowest."""

from __future__ import annotations

from typing import Any, Final

import ase
import numpy as np
from ase.build import molecule
from ase.data import atomic_numbers

from shared.errors import ConfigurationError
from sim_dispatcher.structure.box import boxed
from sim_dispatcher.structure.cluster import Array, Cluster, Role
from sim_dispatcher.structure.spin import unpaired_electrons

__all__ = ["adsorbate_of", "rotation_onto"]

UPRIGHT_A: Final = 0.2
"""A molecule whose atoms lie on average this far to one side of the binding atom stands on it;
one that does not lies flat."""


def adsorbate_of(name: str) -> Cluster:
    """Return an atom, or a molecule of ASE's G2 collection, as a cluster of its own.

    Atom 0 binds: carbon where there is any, else the heaviest. The others are above it, or the
    molecule lies flat. Spin: as few unpaired electrons as the parity allows.

    Args:
        name: `Cr`, `CH`, `CH2`, `CH3`, `CO`, …

    Raises:
        ConfigurationError: Neither an element nor a molecule known here.
    """
    atoms = _atoms(name)
    first = max(range(len(atoms)), key=lambda i: (atoms[i].symbol == "C", atoms[i].number))
    order = [first, *(i for i in range(len(atoms)) if i != first)]
    symbols = tuple(str(atoms[i].symbol) for i in order)
    positions, cell = boxed(_upright(np.asarray(atoms.positions)[order]))
    roles: tuple[Role, ...] = tuple("interior" for _ in symbols)
    return Cluster(
        symbols=symbols,
        positions_A=positions,
        roles=roles,
        cell_A=cell,
        unpaired=unpaired_electrons(symbols),
    )


def rotation_onto(source: Array, target: Array) -> Array:
    """Return the (3, 3) smallest rotation that turns one unit vector into another."""
    cosine = float(source @ target)
    if cosine < -1 + 1e-9:
        aside = np.linalg.svd(source[None])[2][1]
        return np.asarray(2 * np.outer(aside, aside) - np.eye(3))
    x, y, z = np.cross(source, target)
    skew = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    return np.asarray(np.eye(3) + skew + skew @ skew / (1 + cosine))


def _atoms(name: str) -> Any:
    if atomic_numbers.get(name, 0):
        return ase.Atoms(name)
    try:
        return molecule(_G2_NAMES.get(name, name))
    except KeyError:
        raise ConfigurationError(
            f"There is no atom or molecule called {name!r}.",
            remedy="Name an element (Cr, Si, …) or a molecule of ASE's G2 collection"
            " (CH, CH3, CO, H2O, NH3, …); CH2 is the singlet.",
        ) from None


_G2_NAMES: Final = {"CH2": "CH2_s1A1d"}
"""Where the collection has two states of one molecule, that without unpaired electrons."""


def _upright(positions_A: Array) -> Array:
    """Turn a molecule so that its first atom is the lowest, or so that it lies flat."""
    rest = positions_A - positions_A[0]
    if len(rest) == 1:
        return positions_A
    up = rest[1:].mean(axis=0)
    if np.linalg.norm(up) < UPRIGHT_A:
        up = np.linalg.svd(rest - rest.mean(axis=0))[2][2]
    turn = rotation_onto(up / np.linalg.norm(up), np.array([0.0, 0.0, 1.0]))
    return np.asarray(rest @ turn.T)
