"""The scale of a patch, measured on the patch itself.

The six bonds of a hexagon point along the three directions of the honeycomb, two each, so their
tensor of second moments is isotropic in a perfect sheet: what it is not, the microscope's scan
or the calibration is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from shared.errors import StructureError
from shared.lattice import BondGraph, RingSet
from shared.units import CARBON_BOND_A

__all__ = ["SCALE_TOLERANCE", "Scale", "check_scale", "measure_scale", "refuse_far_scale"]

Array: TypeAlias = NDArray[np.float64]

SCALE_TOLERANCE: Final = 0.05
"""The median C-C bond may be this far off 1.42 Å; more means a wrong calibration."""

FAR: Final = 0.2
"""Noise of 0.15 Å brings nearest neighbours 13 % closer; a wrong scale is told from here on."""

LEAST_BONDS: Final = 10
"""Fewer C-C bonds than this say nothing about the scale."""

TOLD_SHARE: Final = 0.02
"""From this anisotropy a note says so: twice what 0.1 Å of noise makes of thirty hexagons."""


@dataclass(frozen=True)
class Scale:
    """What the bonds of a patch say about its calibration.

    Attributes:
        bond_A: Median C-C bond, Å.
        n_bonds: How many bonds that is.
        of_hexagons: Whether they are those of hexagons of carbon, or all there are.
        anisotropy: How much longer bonds are along one direction than across it, as a share.
        direction_deg: That direction, from the columns' axis, 0 to 180 degrees.
    """

    bond_A: float
    n_bonds: int
    of_hexagons: bool
    anisotropy: float = 0.0
    direction_deg: float = 0.0

    @property
    def ratio(self) -> float:
        """Measured over true length."""
        return self.bond_A / CARBON_BOND_A

    @property
    def notes(self) -> tuple[str, ...]:
        """What is worth saying of a scale that is good enough."""
        if self.anisotropy < TOLD_SHARE:
            return ()
        note = (
            f"bonds are {self.anisotropy:.1%} longer along {self.direction_deg:.0f} degrees from"
            " the rows than across: the scan may be distorted"
        )
        return (note,)


def measure_scale(
    positions_A: Array, symbols: Sequence[str], graph: BondGraph, rings: RingSet
) -> Scale | None:
    """Measure the C-C bond of a patch: on the hexagons of carbon where there are enough.

    Args:
        positions_A: (n, 2) x, y in Å.
        symbols: Element of each atom.
        graph: Their bonds.
        rings: Their rings.

    Returns:
        None where there are too few bonds to tell.
    """
    carbon = np.array([symbol == "C" for symbol in symbols])
    hexagons = [ring for ring in rings.rings if len(ring) == 6 and carbon[ring].all()]
    if 6 * len(hexagons) < LEAST_BONDS:
        lengths = graph.lengths_A[carbon[graph.pairs].all(axis=1)]
        few = len(lengths) < LEAST_BONDS
        return None if few else Scale(float(np.median(lengths)), len(lengths), of_hexagons=False)
    corners = positions_A[np.array(hexagons)]
    bonds = (np.roll(corners, -1, axis=1) - corners).reshape(-1, 2)
    moments, axes = np.linalg.eigh(bonds.T @ bonds / len(bonds))
    x, y = axes[:, 1]
    return Scale(
        bond_A=float(np.median(np.linalg.norm(bonds, axis=1))),
        n_bonds=len(bonds),
        of_hexagons=True,
        anisotropy=float(np.sqrt(moments[1] / moments[0]) - 1),
        direction_deg=float(np.degrees(np.arctan2(y, x)) % 180),
    )


def check_scale(scale: Scale | None) -> None:
    """Refuse coordinates whose C-C bonds are not graphene's.

    Raises:
        StructureError: The median bond is off by more than `SCALE_TOLERANCE`.
    """
    if scale is not None and abs(scale.ratio - 1) > SCALE_TOLERANCE:
        where = "in hexagons " if scale.of_hexagons else ""
        raise _off(f"The median C-C bond {where}is {scale.bond_A:.3f} Å", scale.ratio)


def refuse_far_scale(positions_A: Array, symbols: Sequence[str]) -> None:
    """Refuse coordinates so far off that no rings are found: nearest neighbours tell the scale.

    Raises:
        StructureError: Neighbouring carbon atoms are far from 1.42 Å apart.
    """
    carbon = positions_A[[symbol == "C" for symbol in symbols]]
    if len(carbon) <= LEAST_BONDS:
        return
    nearest = np.median(cKDTree(carbon).query(carbon, k=2)[0][:, 1])
    if abs(nearest / CARBON_BOND_A - 1) > FAR:
        raise _off(
            f"The median distance of neighbouring carbon atoms is {nearest:.3f} Å",
            float(nearest / CARBON_BOND_A),
        )


def _off(what: str, ratio: float) -> StructureError:
    return StructureError(
        f"{what}, {ratio - 1:+.0%} off graphene's {CARBON_BOND_A} Å.",
        remedy=f"Correct the pixel size of the frame: multiply it by {1 / ratio:.3f}.",
    )
