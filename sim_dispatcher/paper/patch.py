"""The paper's patch: 91 carbon atoms about a defect that holds no dopant.

Which atom count a radius gives depends on where its centre lies in the lattice, so the centre is
moved by up to 1.5 Å, and the radius by a little, until the count is met.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from shared.errors import AtomLoopError, StructureError
from sim_dispatcher.paper.analysis import Point, Seen
from sim_dispatcher.structure import PAPER, RADIUS_A, Cluster, CutRules, build_cluster
from sim_dispatcher.structure.census import ring_census

__all__ = ["CARBON_ATOMS", "Patch", "cut_patch"]

CARBON_ATOMS: Final = 91
"""Carbon atoms of the paper's patch."""

_SHIFTS_A: Final = np.arange(-1.5, 1.51, 0.25)
_RADII_A: Final = RADIUS_A + np.array([0.0, -0.2, 0.2, -0.4, 0.4, -0.6, 0.6])


@dataclass(frozen=True, eq=False)
class Patch:
    """The structure that the whole programme starts from.

    Attributes:
        cluster: As cut: the detector's x and y, heights seeded, caps added.
        centre_A: x, y in the frame, Å.
        radius_A: Of the cut, Å.
        note: What it is, in words.
    """

    cluster: Cluster
    centre_A: Point
    radius_A: float
    note: str


def cut_patch(
    seen: Seen,
    near_A: Point | None = None,
    carbon_atoms: int = CARBON_ATOMS,
    rules: CutRules = PAPER,
) -> Patch:
    """Cut the patch whose number of carbon atoms comes closest to the one wanted.

    Args:
        seen: A frame's atoms.
        near_A: About where, x, y in Å; None = the likeliest defect without a dopant, else the
            middle of the frame.
        carbon_atoms: How many there should be.
        rules: Of the cut; the paper's by default.

    Raises:
        StructureError: No patch can be cut there.
    """
    wanted = _undoped_defect(seen) if near_A is None else near_A
    best: tuple[tuple[int, float, float], Patch] | None = None
    refusal: AtomLoopError | None = None
    for centre, radius in _trials(wanted, carbon_atoms):
        try:
            cluster = build_cluster(seen.atoms, centre, radius, rules)
        except StructureError as error:
            refusal = refusal or error
            continue
        off = abs(cluster.symbols.count("C") - carbon_atoms)
        rank = (off, abs(radius - RADIUS_A), float(np.hypot(*np.subtract(centre, wanted))))
        if best is None or rank < best[0]:
            best = rank, Patch(cluster, centre, radius, _note(cluster, seen))
        if not off:
            break
    if best is None:
        raise StructureError(
            f"No patch can be cut about ({wanted[0]:.1f}, {wanted[1]:.1f}) Å: {refusal}",
            remedy="Give another place with --near, or another frame.",
        )
    return best[1]


def _undoped_defect(seen: Seen) -> Point:
    """Return the place of the first point defect without silicon or another dopant."""
    for kind, place in seen.defects:
        if not kind.startswith(("Si_", "sub_", "edge", "hole", "GB", "adatom")):
            return place
    return (seen.size_A[0] / 2, seen.size_A[1] / 2)


def _trials(wanted: Point, carbon_atoms: int) -> Iterator[tuple[Point, float]]:
    """Yield centres and radii, nearest to what was asked for first."""
    scale = np.sqrt(carbon_atoms / CARBON_ATOMS)
    shifts = [(float(x), float(y)) for x in _SHIFTS_A for y in _SHIFTS_A]
    for radius in _RADII_A.tolist():
        for x, y in sorted(shifts, key=lambda shift: float(np.hypot(*shift))):
            yield (wanted[0] + x, wanted[1] + y), float(radius * scale)


def _note(cluster: Cluster, seen: Seen) -> str:
    counts = {element: cluster.symbols.count(element) for element in dict.fromkeys(cluster.symbols)}
    formula = "".join(f"{element}{n}" for element, n in counts.items())
    rings = ring_census(cluster.symbols, cluster.positions_A)
    sizes = ", ".join(f"{n} of {size}" for size, n in sorted(rings.items(), key=_by_size))
    return f"Patch: {formula}, cut from {seen.name!r}; rings as detected: {sizes}."


def _by_size(item: tuple[str, int]) -> int:
    return int(item[0])
