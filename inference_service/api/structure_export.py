"""An answer's structure in the formats other codes read."""

from __future__ import annotations

from importlib import import_module
from io import BytesIO, StringIO
from typing import Final, Literal

__all__ = ["MEDIA_TYPES", "StructureFormat", "exported"]

StructureFormat = Literal["extxyz", "cif", "poscar"]

MEDIA_TYPES: Final[dict[StructureFormat, str]] = {
    "extxyz": "chemical/x-extxyz",
    "cif": "chemical/x-cif",
    "poscar": "text/plain",
}

VACUUM_A: Final = 6.0
"""CIF and POSCAR know no isolated cluster: it is put in a box, this far from each wall."""


def exported(extxyz: str, form: StructureFormat) -> str:
    """Return a structure in another format.

    Args:
        extxyz: The structure as it came: extended XYZ, returned as it is where that is wanted.
        form: `cif` and `poscar` put a cluster without a cell in a box with 6 Å of vacuum.
    """
    if form == "extxyz":
        return extxyz
    files = import_module("ase.io")  # a tenth of a start: imported when somebody asks
    structure = files.read(StringIO(extxyz), format="extxyz")
    if not structure.cell.rank:
        structure.center(vacuum=VACUUM_A)
    if form == "poscar":
        text = StringIO()
        files.write(text, structure, format="vasp", sort=True)
        return text.getvalue()
    octets = BytesIO()
    files.write(octets, structure, format="cif")
    return octets.getvalue().decode()
