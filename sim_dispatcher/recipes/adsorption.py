"""An atom or a molecule on the sheet: where it goes, and what binds it there.

    E(sheet) + E(adsorbate) - E(both), each relaxed at the same level: positive = bound

The paper states this equation and reports negative values; here the equation decides.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from shared.messages.reports import AdsorptionReport
from sim_dispatcher.recipes.adsorbates import adsorbate_of, rotation_onto
from sim_dispatcher.recipes.minimise import Minimum
from sim_dispatcher.recipes.relaxation import Settling, look, settle
from sim_dispatcher.recipes.sites import (
    Site,
    nearest_site,
    normal_at,
    sites_of,
    start_height,
)
from sim_dispatcher.recipes.task import Outcome, ResultFile, Task
from sim_dispatcher.structure.bonds import CONTACT_FACTOR, bonded_pairs
from sim_dispatcher.structure.census import heavy_atoms
from sim_dispatcher.structure.cluster import Array, Cluster
from sim_dispatcher.structure.spin import unpaired_electrons

__all__ = ["Resting", "adsorption", "joined", "resting_place"]

ON_SITE_A: Final = 0.5
"""Farther from every hollow, bridge and top in the plane of the sheet is `elsewhere`, Å."""

TOUCH_FACTOR: Final = 1.15
"""Atoms within this times their covalent radii touch: over a carbon atom chromium touches that one
and not its neighbours, which bonds as long as `BOND_FACTOR` allows would count in."""

CONVENTION: Final = (
    "binding energy: E(sheet) + E(adsorbate) - E(both), each relaxed; positive = bound (the"
    " paper's equation; the values it reports are negative)"
)
SPIN: Final = (
    "spin: as few unpaired electrons as the parity allows, for sheet, adsorbate and both (the"
    " paper treats Cr without spin, too)"
)


@dataclass(frozen=True)
class Resting:
    """Where an adsorbate's binding atom is.

    Attributes:
        found_at: What is below it.
        distance_A: Mean distance to the carbon atoms it touches; to the nearest where none, Å.
        n_touching: How many those are.
        height_A: Above the mean plane of the atoms about it, Å.
    """

    found_at: Literal["hollow", "bridge", "top", "elsewhere", "desorbed"]
    distance_A: float
    n_touching: int
    height_A: float


def adsorption(task: Task) -> Outcome:
    """Relax the sheet, the adsorbate, and one on the other.

    Raises:
        ConfigurationError: There is no such adsorbate.
        StructureError: The sheet has no such site.
        SimulationError: The engine gave no answer, or the geometry exploded.
    """
    options = task.options
    guest = adsorbate_of(options.adsorbate)
    nearest_site(task.cluster, options.site)
    bare = settle(task, task.cluster, Settling(stage="sheet", look_first=True))
    sheet = task.cluster.moved(bare.positions_A)
    alone = _alone(task, guest)
    start = joined(sheet, guest, nearest_site(sheet, options.site))
    both = settle(task, start, Settling(stage="both", prepared=False))
    final = start.moved(both.positions_A)
    resting = resting_place(final, len(sheet))
    outcome = Outcome.of(
        final.noted(*_notes(options.adsorbate, both, resting)),
        both,
        f"{options.adsorbate} put on {options.site}, relaxed by BFGS to {options.fmax_eV_A:g} eV/Å",
    )
    return dataclasses.replace(
        outcome,
        report=AdsorptionReport(
            adsorbate=options.adsorbate,
            site=options.site,
            binding_eV=bare.energy_eV + alone.energy_eV - both.energy_eV,
            sheet_eV=bare.energy_eV,
            adsorbate_eV=alone.energy_eV,
            **dataclasses.asdict(resting),
        ),
        files=(
            ResultFile.text("start.extxyz", start.extxyz(), "chemical/x-xyz", "input"),
            ResultFile.text("sheet.extxyz", sheet.extxyz(), "chemical/x-xyz"),
        ),
        converged=bare.converged and alone.converged and both.converged,
        whole=False,
        comparable=False,
        n_sheet=len(sheet),
    )


def joined(sheet: Cluster, guest: Cluster, site: Site) -> Cluster:
    """Return a guest on a site of a sheet, a covalent bond above it; the guest's atoms last."""
    up = normal_at(sheet, site.point_A)
    rest = (guest.positions_A - guest.positions_A[0]) @ rotation_onto(np.array([0, 0, 1.0]), up).T
    foot = site.point_A + start_height(sheet, site, guest.symbols[0]) * up
    symbols = sheet.symbols + guest.symbols
    unknown = np.full(len(guest), np.nan)
    return dataclasses.replace(
        sheet,
        symbols=symbols,
        positions_A=np.concatenate([sheet.positions_A, foot + rest]),
        roles=sheet.roles + guest.roles,
        source=sheet.source and sheet.source + (-1,) * len(guest),
        unpaired=unpaired_electrons(symbols, sheet.charge),
        sigma_A=None if sheet.sigma_A is None else np.append(sheet.sigma_A, unknown),
        p=None if sheet.p is None else np.append(sheet.p, unknown),
    )


def resting_place(both: Cluster, n_sheet: int) -> Resting:
    """Say where atom `n_sheet`, the binding atom, has come to rest.

    Args:
        both: Sheet and adsorbate.
        n_sheet: Atoms of the sheet, which come first.
    """
    sheet = _part(both, n_sheet)
    atom = both.positions_A[n_sheet]
    touching = _touching(both, n_sheet)
    carbon = np.array([symbol == "C" for symbol in sheet.symbols])
    away = np.linalg.norm(sheet.positions_A - atom, axis=1)
    up = normal_at(sheet, atom)
    heavy = sheet.positions_A[heavy_atoms(sheet.symbols)]
    about = heavy[np.argsort(np.linalg.norm(heavy - atom, axis=1))[:6]]
    return Resting(
        found_at=_found_at(both, sheet, up),
        distance_A=float(away[touching].mean() if len(touching) else away[carbon].min()),
        n_touching=len(touching),
        height_A=float(abs((atom - about.mean(axis=0)) @ up)),
    )


def _found_at(
    both: Cluster, sheet: Cluster, up: Array
) -> Literal["hollow", "bridge", "top", "elsewhere", "desorbed"]:
    touching = bonded_pairs(both.symbols, both.positions_A, CONTACT_FACTOR)
    guest = touching >= len(sheet)
    if not (guest.any(axis=1) & ~guest.all(axis=1)).any():
        return "desorbed"
    atom = both.positions_A[len(sheet)]

    def aside(site: Site) -> float:
        ray = atom - site.point_A
        return float(np.linalg.norm(ray - (ray @ up) * up))

    below = min(sites_of(sheet), key=aside)
    return below.kind if aside(below) <= ON_SITE_A else "elsewhere"


def _touching(both: Cluster, n_sheet: int) -> NDArray[np.intp]:
    """Return the carbon atoms of the sheet that the binding atom is bonded to."""
    pairs = bonded_pairs(both.symbols, both.positions_A, TOUCH_FACTOR)
    found = pairs[(pairs[:, 1] == n_sheet)][:, 0]
    return np.array([i for i in found if both.symbols[i] == "C"], dtype=np.intp)


def _part(both: Cluster, n_sheet: int) -> Cluster:
    """Return the sheet alone, in its place."""
    return dataclasses.replace(
        both,
        symbols=both.symbols[:n_sheet],
        positions_A=both.positions_A[:n_sheet],
        roles=both.roles[:n_sheet],
        source=both.source[:n_sheet],
        sigma_A=None,
        p=None,
    )


def _alone(task: Task, guest: Cluster) -> Minimum:
    """Return the adsorbate's own minimum; an atom has nothing to relax."""
    if len(guest) == 1:
        return look(task, guest, "adsorbate")
    return settle(task, guest, Settling(stage="adsorbate", prepared=False))


def _notes(name: str, both: Minimum, resting: Resting) -> tuple[str, ...]:
    notes = [CONVENTION, SPIN]
    if resting.found_at == "desorbed":
        notes.append(f"{name} left the sheet: {resting.distance_A:.2f} Å from the nearest carbon")
    if not both.converged:
        notes.append(f"not converged after {both.steps} steps")
    return tuple(notes)
