"""From heavy atoms and caps to a cluster in its box: heights, roles, electrons, checks."""

from __future__ import annotations

import numpy as np

from sim_dispatcher.structure.box import DECIMALS, boxed
from sim_dispatcher.structure.checks import check_structure
from sim_dispatcher.structure.cluster import Array, Cluster, Role
from sim_dispatcher.structure.detected import DetectedAtoms
from sim_dispatcher.structure.rules import CutRules
from sim_dispatcher.structure.seed import seed_heights
from sim_dispatcher.structure.spin import unpaired_electrons
from sim_dispatcher.structure.terminate import Caps

__all__ = ["assembled"]


def assembled(
    heavy: DetectedAtoms, caps: Caps, source: tuple[int, ...], rules: CutRules, charge: int
) -> Cluster:
    """Put heavy atoms and caps into their box, heights seeded, electrons counted.

    Args:
        heavy: The heavy atoms, in the frame.
        caps: The hydrogen on them.
        source: Index of each atom in the detected list, -1 for hydrogen.
        rules: Those of the cut; its box.
        charge: Total charge, e.

    Raises:
        StructureError: They overlap, have no name, fall apart, or do not fit into the box.
    """
    n_caps = len(caps.carriers)
    symbols = heavy.symbols + ("H",) * n_caps
    flat = np.concatenate([heavy.positions_A, caps.positions_A])
    heights = seed_heights(symbols, flat - flat.mean(axis=0))
    if heavy.z_A is not None:
        heights = np.concatenate([heavy.z_A, heavy.z_A[list(caps.carriers)]])
    positions = np.column_stack([flat, heights])
    check_structure(symbols, positions)
    moved, cell = boxed(positions, rules.edge_A)
    shift = flat[0] - moved[0, :2]
    return Cluster(
        symbols=symbols,
        positions_A=moved,
        roles=_roles(len(heavy), caps),
        cell_A=cell,
        origin_A=(round(float(shift[0]), DECIMALS), round(float(shift[1]), DECIMALS)),
        charge=charge,
        unpaired=unpaired_electrons(symbols, charge),
        source=source,
        sigma_A=None if heavy.sigma_A is None else _with_caps(heavy.sigma_A, n_caps),
        p=_with_caps(heavy.p, n_caps),
    )


def _with_caps(column: Array, n_caps: int) -> Array:
    """Return what is known of the heavy atoms, and of the caps added here: nothing."""
    return np.round(np.concatenate([column, np.full(n_caps, np.nan)]), DECIMALS)


def _roles(n_heavy: int, caps: Caps) -> tuple[Role, ...]:
    rim = set(caps.carriers)
    inside: tuple[Role, ...] = tuple("rim" if i in rim else "interior" for i in range(n_heavy))
    hydrogen: tuple[Role, ...] = tuple("cap" for _ in caps.carriers)
    return inside + hydrogen
