"""Atoms as the detector lists them, in the units chemistry uses."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from ase.data import chemical_symbols
from numpy.typing import NDArray

from shared.messages.atoms import AtomTable

__all__ = ["DetectedAtoms"]

Array: TypeAlias = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class DetectedAtoms:
    """What was seen in one frame, calibrated.

    Attributes:
        symbols: Element of each atom; `X` = unknown.
        positions_A: (n, 2) x = column, y = row, Å in the frame.
        p: (n,) probability that an atom of this element is there.
        z_A: (n,) height where one is known, Å; None = not measured.
        sigma_A: (n,) one-axis standard error of the position, Å; NaN where unknown, None = of
            no atom known.
        bounds_A: (width, height) of the frame, Å; None = not known.
    """

    symbols: tuple[str, ...]
    positions_A: Array
    p: Array
    z_A: Array | None = None
    sigma_A: Array | None = None
    bounds_A: tuple[float, float] | None = None

    def __len__(self) -> int:
        return len(self.symbols)

    def take(self, chosen: Sequence[int] | NDArray[np.intp]) -> DetectedAtoms:
        """Return these atoms, in this order."""
        index = np.asarray(chosen, dtype=np.intp)
        return dataclasses.replace(
            self,
            symbols=tuple(self.symbols[i] for i in index),
            positions_A=self.positions_A[index],
            p=self.p[index],
            z_A=None if self.z_A is None else self.z_A[index],
            sigma_A=None if self.sigma_A is None else self.sigma_A[index],
        )

    @classmethod
    def from_table(
        cls, table: AtomTable, pixel_size_A: float, shape: tuple[int, int] | None = None
    ) -> DetectedAtoms:
        """Read the wire's atom records.

        Args:
            table: (n,) records of `shared.messages.atoms.ATOM`, pixels.
            pixel_size_A: Calibrated edge of a square pixel, Å.
            shape: (rows, columns) of the frame; None = not known.

        Returns:
            All atoms of the table, minimum-error positions in Å; no selection by p is made.
        """
        xy = np.stack([table["x_px"], table["y_px"]], axis=-1).astype(np.float64)
        errors = np.hypot(table["sigma_x_px"], table["sigma_y_px"]).astype(np.float64)
        known = np.isfinite(errors) & (errors > 0)
        return cls(
            symbols=tuple(chemical_symbols[number] for number in table["atomic_number"]),
            positions_A=xy * pixel_size_A,
            p=table["p"].astype(np.float64),
            sigma_A=np.where(known, errors * pixel_size_A / np.sqrt(2), np.nan),
            bounds_A=None if shape is None else (shape[1] * pixel_size_A, shape[0] * pixel_size_A),
        )
