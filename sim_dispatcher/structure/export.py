"""A structure as a file other programs read: extended XYZ, CIF, POSCAR.

Coordinates that may not move travel along where the format can say so: `move_mask` columns in
extended XYZ (ASE reads them back as constraints), selective dynamics in POSCAR. CIF knows nothing
of the kind; nor of charge, spin and errors, which extended XYZ alone carries.
"""

from __future__ import annotations

import io
from typing import Final, Literal, TypeAlias, cast, get_args

import ase
import ase.io
import numpy as np
from numpy.typing import NDArray

from shared.errors import ConfigurationError
from sim_dispatcher.structure.box import VACUUM_A
from sim_dispatcher.structure.cluster import Cluster

__all__ = ["FORMATS", "Format", "exported"]

Format = Literal["extxyz", "cif", "poscar"]

FORMATS: Final[tuple[str, ...]] = get_args(Format)

Mask: TypeAlias = NDArray[np.bool_]


def exported(cluster: Cluster, form: str, free: Mask | None = None) -> str:
    """Return a structure as the text of a file.

    Args:
        cluster: A molecule in its box, or a crystal in its cell.
        form: `extxyz`, `cif` or `poscar`.
        free: (n, 3) True where a coordinate may move; None = everywhere. In POSCAR the three
            columns are those of the cell's vectors: x, y, z in every box made here.

    Returns:
        The text. POSCAR lists the elements in blocks, alphabetically; all other atoms keep
        their order.

    Raises:
        ConfigurationError: The format is unknown, or the mask does not fit the atoms.
    """
    if form not in FORMATS:
        raise ConfigurationError(
            f"A structure cannot be written as {form!r}.",
            remedy=f"Choose one of {', '.join(FORMATS)}.",
        )
    if free is not None and free.shape != (len(cluster), 3):
        raise ConfigurationError(
            f"A mask of shape {free.shape} does not fit {len(cluster)} atoms.",
            remedy="Give one row of three flags for each atom.",
        )
    atoms = cluster.to_ase()
    match cast("Format", form):
        case "extxyz":
            return _extxyz(atoms, free)
        case "cif":
            return _cif(atoms)
        case "poscar":
            return _poscar(cluster, free)


def _extxyz(atoms: ase.Atoms, free: Mask | None) -> str:
    if free is not None:
        atoms.set_array("move_mask", free)
    text = io.StringIO()
    ase.io.write(text, atoms, format="extxyz")
    return text.getvalue()


def _cif(atoms: ase.Atoms) -> str:
    """Write P1; a molecule's box becomes its cell, which CIF cannot do without."""
    atoms.pbc = True
    content = io.BytesIO()
    ase.io.write(content, atoms, format="cif")
    return content.getvalue().decode()


def _poscar(cluster: Cluster, free: Mask | None) -> str:
    """Write VASP's format, version 5, Cartesian coordinates."""
    lattice = np.diag(cluster.cell_A) if cluster.lattice_A is None else cluster.lattice_A
    order = np.argsort(np.array(cluster.symbols), kind="stable")
    elements, counts = np.unique(np.array(cluster.symbols), return_counts=True)
    lines = [f"{len(cluster)} atoms, box with {VACUUM_A:g} A of vacuum or the cell of a crystal"]
    lines += ["1.0", *(" ".join(f"{edge:16.8f}" for edge in vector) for vector in lattice)]
    lines += [" ".join(elements.tolist()), " ".join(str(n) for n in counts.tolist())]
    lines += [*([] if free is None else ["Selective dynamics"]), "Cartesian"]
    for i in order.tolist():
        row = " ".join(f"{x:16.8f}" for x in cluster.positions_A[i])
        flags = "" if free is None else "".join("  T" if ok else "  F" for ok in free[i])
        lines.append(row + flags)
    return "\n".join(lines) + "\n"
