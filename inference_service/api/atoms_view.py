"""The atoms of a frame as JSON and as extended XYZ."""

from __future__ import annotations

from importlib import import_module
from io import StringIO
from typing import Final

import numpy as np
from ase import Atoms as Structure
from ase.data import chemical_symbols
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from inference_service.records import Analysis
from shared.messages import REAL_COLUMNS, AtomTable, Defect, OutOfDistribution, PixelSizeSource

__all__ = ["AtomView", "AtomsView", "atoms_as_extxyz", "atoms_view"]

CONVENTION: Final = "x=column y=row, Angstrom from the centre of the first pixel, y downwards"
"""Stated in every export: a structure viewer with y upwards shows the mirror image."""

DIGITS: Final = 4
"""1e-4 px is a hundredth of the smallest sigma."""


class AtomView(BaseModel):
    """One atom, in the frame's own pixels; pixel centres at integers."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    x_px: float = Field(description="Column, minimum-error estimate.")
    y_px: float = Field(description="Row, minimum-error estimate.")
    sigma_x_px: float = Field(description="One-axis standard error of x_px.")
    sigma_y_px: float
    sigma_px: float = Field(description="Root mean square of the two.")
    x_fit_px: float = Field(description="Column, fit without any prior.")
    y_fit_px: float
    sigma_fit_px: float = Field(description="One-axis standard error of the fit.")
    element: str = Field(description="`X` = unknown.")
    p: float = Field(description="Probability that an atom of this element is there.")
    uncertainty: float = Field(description="Any scale, larger is worse.")
    coordination: int = Field(description="Bonds in the bond graph.")


class AtomsView(BaseModel):
    """The atoms and defects of one frame."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    frame: str
    frame_index: int
    session: str
    shape: tuple[int, int] = Field(description="(rows, columns)")
    convention: str
    model: str = Field(description="Digest of the ensemble that looked.")
    members: int
    pixel_size_A: float
    pixel_size_source: PixelSizeSource
    header_pixel_size_A: float | None
    dose_e_A2: float | None
    dose_note: str | None
    contamination: float
    cover_px: tuple[tuple[tuple[int, int], ...], ...] = Field(
        description="Outlines of the contamination, (column, row); even-odd rule."
    )
    warnings: tuple[str, ...]
    ood: OutOfDistribution
    drift_A: tuple[float, float] = Field(
        description="(row, column) of the frame's origin in the session's sample frame."
    )
    n_atoms: int = Field(description="Atoms listed here.")
    atoms: tuple[AtomView, ...]
    defects: tuple[Defect, ...]


def atoms_view(analysis: Analysis, least_p: float) -> AtomsView:
    """Return the atoms of a frame for JSON.

    Args:
        analysis: What the detector said.
        least_p: Probability below which an atom is left out.
    """
    header = analysis.header
    table = _listed(analysis.table, least_p)
    columns = {name: _rounded(table[name]) for name in REAL_COLUMNS}
    columns["sigma_px"] = _rounded(_sigma_px(table))
    names = tuple(columns)
    rows = zip(*columns.values(), strict=True)
    labels = zip(table["atomic_number"].tolist(), table["coordination"].tolist(), strict=True)
    atoms = tuple(
        AtomView.model_construct(
            **dict(zip(names, row, strict=True)),
            element=chemical_symbols[number],
            coordination=coordination,
        )
        for row, (number, coordination) in zip(rows, labels, strict=True)
    )
    shared_fields = header.model_dump(exclude={"kind", "n_atoms", "times", "ood"})
    return AtomsView(
        **shared_fields,
        ood=header.ood,
        convention=CONVENTION,
        n_atoms=len(atoms),
        atoms=atoms,
        defects=analysis.defects,
    )


def atoms_as_extxyz(analysis: Analysis, least_p: float) -> str:
    """Return the atoms of a frame as extended XYZ: Å, not periodic, with p and sigma per atom.

    Args:
        analysis: What the detector said.
        least_p: Probability below which an atom is left out.
    """
    header = analysis.header
    table = _listed(analysis.table, least_p)
    size = header.pixel_size_A
    structure = Structure(
        numbers=table["atomic_number"],
        positions=np.column_stack(
            (table["x_px"] * size, table["y_px"] * size, np.zeros(len(table)))
        ),
        pbc=False,
    )
    structure.info = {
        "frame": header.frame,
        "frame_index": header.frame_index,
        "session": header.session,
        "model": header.model,
        "pixel_size_A": size,
        "pixel_size_source": header.pixel_size_source,
        "shape_px": np.asarray(header.shape),
        "drift_row_column_A": np.asarray(header.drift_A),
        "convention": CONVENTION,
        "least_p": least_p,
    }
    if header.dose_e_A2 is not None:
        structure.info["dose_e_A2"] = header.dose_e_A2
    arrays = {
        "p": table["p"],
        "sigma_A": _sigma_px(table) * size,
        "x_fit_A": table["x_fit_px"] * size,
        "y_fit_A": table["y_fit_px"] * size,
        "sigma_fit_A": table["sigma_fit_px"] * size,
    }
    for name, values in arrays.items():
        structure.set_array(name, values.astype(np.float64))
    structure.set_array("coordination", table["coordination"].astype(np.int64))
    text = StringIO()
    import_module("ase.io.extxyz").write_extxyz(text, structure)  # a tenth of a start: when asked
    return text.getvalue()


def _listed(table: AtomTable, least_p: float) -> AtomTable:
    return table[table["p"] >= least_p]


def _sigma_px(table: AtomTable) -> NDArray[np.float64]:
    x = table["sigma_x_px"].astype(np.float64)
    y = table["sigma_y_px"].astype(np.float64)
    return np.asarray(np.sqrt((x**2 + y**2) / 2), np.float64)


def _rounded(values: NDArray[np.floating]) -> list[float]:
    rounded: list[float] = np.round(values.astype(np.float64), DIGITS).tolist()
    return rounded
