"""A structure file into a cluster: what ASE can read, checked before any engine sees it."""

from __future__ import annotations

import io
import warnings
from pathlib import Path
from typing import cast, get_args

import ase
import ase.io
import numpy as np
from ase.geometry import complete_cell

from shared.errors import StructureError, UnreadableFileError
from sim_dispatcher.structure.bonds import bond_statistics, bonded_pairs, neighbours
from sim_dispatcher.structure.box import DECIMALS, VACUUM_A, boxed
from sim_dispatcher.structure.checks import check_atoms, check_structure
from sim_dispatcher.structure.cluster import Array, Cluster, Role
from sim_dispatcher.structure.noting import split_notes
from sim_dispatcher.structure.spin import unpaired_electrons

__all__ = ["cluster_from_ase", "parse_cluster", "read_cluster"]


def read_cluster(path: Path) -> Cluster:
    """Read one structure: XYZ, extended XYZ, CIF, POSCAR and whatever else ASE knows.

    Args:
        path: The file; of several images the last is taken.

    Raises:
        UnreadableFileError: No such file, or nothing ASE can read.
        StructureError: Readable, but not something to compute.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            atoms = ase.io.read(path, index=-1)
    except FileNotFoundError as error:
        raise UnreadableFileError(
            f"Structure file {path} does not exist.", remedy="Check the path."
        ) from error
    except Exception as error:
        # ASE's readers raise whatever their parsing stumbles on; any of it means "not readable".
        raise UnreadableFileError(
            f"{path} is not a structure that can be read ({type(error).__name__}: {error}).",
            remedy="Give an XYZ, extended XYZ, CIF or POSCAR file.",
        ) from error
    return cluster_from_ase(atoms)


def parse_cluster(text: str) -> Cluster:
    """Read a cluster back from its extended XYZ text, as a job carries it.

    Raises:
        UnreadableFileError: Not extended XYZ.
        StructureError: Readable, but not something to compute.
    """
    try:
        atoms = ase.io.read(io.StringIO(text), index=-1, format="extxyz")
    except Exception as error:
        # ASE's reader raises whatever its parsing stumbles on.
        raise UnreadableFileError(
            f"The structure is not extended XYZ ({type(error).__name__}: {error}).",
            remedy="Submit the text that `Cluster.extxyz` gives.",
        ) from error
    return cluster_from_ase(atoms)


def cluster_from_ase(atoms: ase.Atoms) -> Cluster:
    """Take ASE atoms as a cluster, with the roles they carry or that their bonds suggest.

    Raises:
        StructureError: Empty, overlapping, of unknown element, or in fragments.
    """
    symbols = tuple(atoms.get_chemical_symbols())
    positions = np.asarray(atoms.positions, dtype=np.float64)
    check_atoms(symbols, positions)
    lattice = _lattice(symbols, atoms, positions)
    check_structure(symbols, positions, lattice)
    charge = int(atoms.info.get("charge", 0))
    unpaired = int(atoms.info.get("unpaired", unpaired_electrons(symbols, charge)))
    if (unpaired - unpaired_electrons(symbols, charge)) % 2:
        raise StructureError(
            f"{unpaired} unpaired electrons contradict the electron count at charge {charge}.",
            remedy="Correct `charge` or `unpaired` in the comment line, or leave them out.",
        )
    moved, cell = _housed(atoms, positions, lattice)
    origin = np.asarray(atoms.info.get("origin_A", np.zeros(2))) + (positions - moved)[0, :2]
    origin = np.round(origin, DECIMALS)
    return Cluster(
        symbols=symbols,
        positions_A=moved,
        roles=_roles(atoms, symbols, positions, lattice),
        cell_A=cell,
        origin_A=(float(origin[0]), float(origin[1])),
        charge=charge,
        unpaired=unpaired,
        source=tuple(range(len(symbols))),
        notes=split_notes(atoms.info.get("notes")),
        sigma_A=_column(atoms, "sigma_A"),
        p=_column(atoms, "p"),
        lattice_A=lattice,
    )


def _column(atoms: ase.Atoms, name: str) -> Array | None:
    """Return one real number per atom where the file has them under this name."""
    if not atoms.has(name):
        return None
    column = np.asarray(atoms.get_array(name))
    fits = column.shape == (len(atoms),) and column.dtype.kind == "f"
    return column.astype(np.float64) if fits else None


def _housed(
    atoms: ase.Atoms, positions: Array, lattice: Array | None
) -> tuple[Array, tuple[float, float, float]]:
    """Return positions and box as they are where the box fits, else in a new box."""
    if lattice is not None:
        lengths = np.linalg.norm(lattice, axis=1)
        return np.round(positions, DECIMALS), (*lengths[:2].tolist(), float(lengths[2]))
    edges = np.diag(atoms.cell.array)
    upright = np.array_equal(atoms.cell.array, np.diag(edges))
    if upright and (positions > 0).all() and (positions < edges).all():
        return positions, (float(edges[0]), float(edges[1]), float(edges[2]))
    return boxed(positions)


def _lattice(symbols: tuple[str, ...], atoms: ase.Atoms, positions: Array) -> Array | None:
    """Return the vectors of a crystal; None for a molecule, in whatever box.

    A cell is a crystal's when atoms bond across its faces. Along axes that are not periodic it
    gets vacuum.
    """
    vectors = np.where(atoms.pbc[:, None], atoms.cell.array, 0.0)
    if not atoms.pbc.any() or np.linalg.matrix_rank(vectors) < atoms.pbc.sum():
        return None
    lattice: Array = np.array(complete_cell(vectors), dtype=np.float64)
    for axis in np.flatnonzero(~atoms.pbc):
        lattice[axis] *= np.ptp(positions @ lattice[axis]) + 2 * VACUUM_A
    bonds = bond_statistics(symbols, positions, lattice)
    inner = bond_statistics(symbols, positions)
    if sum(kind.n for kind in bonds.values()) == sum(kind.n for kind in inner.values()):
        return None
    return np.round(lattice, DECIMALS)


def _roles(
    atoms: ase.Atoms, symbols: tuple[str, ...], positions: Array, lattice: Array | None
) -> tuple[Role, ...]:
    """Return the file's roles, or: hydrogen caps, what carries it is rim, the rest interior."""
    if atoms.has("role") and set(atoms.get_array("role")) <= set(get_args(Role)):
        return cast("tuple[Role, ...]", tuple(str(role) for role in atoms.get_array("role")))
    pairs = bonded_pairs(symbols, positions, lattice_A=lattice)
    around = neighbours(len(symbols), pairs)
    carries = {j for i, symbol in enumerate(symbols) if symbol == "H" for j in around[i]}
    return tuple(
        "cap" if symbol == "H" else "rim" if i in carries else "interior"
        for i, symbol in enumerate(symbols)
    )
