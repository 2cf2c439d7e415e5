"""The paper's comparison: why pair and bond-order potentials do not suffice.

    python -m tests.science.classical

Relaxes pristine, Stone-Wales and silicon patches of about 91 carbon atoms with a pair potential
(ASE's Morse), a hydrocarbon bond-order potential (AIREBO, doi:10.1063/1.481208), a silicon-carbon
one (Tersoff form by Erhart and Albe, doi:10.1103/PhysRevB.71.035211) and GFN1-xTB, and prints
bonds, rings and formation energies side by side. The bond-order potentials need LAMMPS on PATH
(Debian: `apt install lammps lammps-data`); neither is a level of the ladder.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import ase
import numpy as np
import typer
from ase.build import bulk, graphene
from ase.calculators.morse import MorsePotential
from ase.data import atomic_masses, atomic_numbers
from ase.optimize import FIRE

from shared.testing.structures import DEFECTS
from sim_dispatcher.levels import choose_level
from sim_dispatcher.levels.programs.process import find_program, run_program
from sim_dispatcher.levels.scratch import WorkingFolder
from sim_dispatcher.recipes import run_recipe
from sim_dispatcher.structure import DetectedAtoms, build_cluster
from sim_dispatcher.structure.bonds import bond_statistics
from sim_dispatcher.structure.census import ring_census
from sim_dispatcher.structure.cluster import Cluster
from sim_dispatcher.structure.pristine import pristine_twin

POTENTIALS: Final = Path("/usr/share/lammps/potentials")

SCRIPT: Final = """units metal
atom_style atomic
boundary {boundary}
read_data atoms.data
{pair}
{relax}
min_style cg
minimize 0 1e-3 5000 50000
variable energy equal pe
print "energy ${{energy}}"
write_dump all custom atoms.dump id x y z modify sort id format float %.8f
"""


@dataclass(frozen=True)
class Settled:
    """A relaxed patch: energy in eV, the structure, or why there is none."""

    energy_eV: float | None
    cluster: Cluster | None
    note: str = ""


def patch(name: str) -> Cluster:
    structure = DEFECTS[name]()
    atoms = DetectedAtoms(structure.elements, structure.positions_A, structure.p)
    return build_cluster(atoms, structure.centre_A)


def bare(cluster: Cluster) -> Cluster:
    """Return a patch without its hydrogen, for a potential that knows none."""
    heavy = np.flatnonzero([symbol != "H" for symbol in cluster.symbols])
    return Cluster(
        symbols=tuple(cluster.symbols[i] for i in heavy),
        positions_A=cluster.positions_A[heavy],
        roles=tuple(cluster.roles[i] for i in heavy),
        cell_A=cluster.cell_A,
    )


def morse(cluster: Cluster) -> Settled:
    """Relax with a pair potential whose well is graphene's bond: 1.42 Å, 4.9 eV per bond."""
    cluster = bare(cluster)
    atoms = ase.Atoms(cluster.symbols, cluster.positions_A)
    atoms.calc = MorsePotential(epsilon=4.9, r0=1.42, rho0=1.42 * 2.0, rcut1=3.5, rcut2=4.5)
    FIRE(atoms, logfile=None).run(fmax=0.05, steps=1500)
    return Settled(float(atoms.get_potential_energy()), cluster.moved(atoms.positions))


def lammps(atoms: ase.Atoms, pair: str, elements: Sequence[str], relax: str = "") -> Settled:
    """Relax with LAMMPS; periodic atoms keep their cell unless `relax` says otherwise."""
    missing = set(atoms.symbols) - set(elements)
    if missing:
        return Settled(None, None, f"knows no {', '.join(sorted(missing))}")
    folder = WorkingFolder()
    (folder.path / "atoms.data").write_text(_data(atoms, elements))
    boundary = "p p p" if atoms.pbc.any() else "f f f"
    text = SCRIPT.format(boundary=boundary, pair=pair, relax=relax)
    (folder.path / "in.lammps").write_text(text)
    program = find_program("lmp") or "lmp"
    printed = run_program([program, "-in", "in.lammps"], folder.path, "out")
    energy = float(next(x for x in printed.splitlines() if x.startswith("energy ")).split()[1])
    dump = (folder.path / "atoms.dump").read_text().splitlines()[9:]
    places = np.array([line.split()[1:4] for line in dump], dtype=float)
    moved = Cluster(tuple(atoms.symbols), places, ("interior",) * len(atoms), (1.0, 1.0, 1.0))
    return Settled(energy, moved)


def _data(atoms: ase.Atoms, elements: Sequence[str]) -> str:
    edges = atoms.cell.lengths()
    head = ["", "", f"{len(atoms)} atoms", f"{len(elements)} atom types"]
    head += [f"0 {edges[k]:.8f} {x}lo {x}hi" for k, x in enumerate("xyz")]
    masses = [f"{k} {atomic_masses[atomic_numbers[e]]:.3f}" for k, e in enumerate(elements, 1)]
    rows = [
        f"{k} {elements.index(symbol) + 1} {x:.8f} {y:.8f} {z:.8f}"
        for k, (symbol, (x, y, z)) in enumerate(zip(atoms.symbols, atoms.positions, strict=True), 1)
    ]
    return "\n".join([*head, "", "Masses", "", *masses, "", "Atoms", "", *rows, ""])


def airebo(cluster: Cluster) -> Settled:
    pair = f"pair_style airebo 3.0\npair_coeff * * {POTENTIALS}/CH.airebo C H"
    return lammps(cluster.to_ase(), pair, ("C", "H"))


TERSOFF: Final = (
    f"pair_style tersoff\npair_coeff * * {POTENTIALS}/SiC_Erhart-Albe.tersoff C Si",
    ("C", "Si"),
)


def tersoff(cluster: Cluster) -> Settled:
    return lammps(bare(cluster).to_ase(), *TERSOFF)


def tersoff_mu() -> dict[str, float]:
    """Return the energy per atom of graphene and of silicon, eV."""
    sheet = graphene(size=(1, 1, 1), vacuum=10.0)
    sheet.pbc = True
    flat = ase.build.make_supercell(sheet, [[1, 0, 0], [1, 2, 0], [0, 0, 1]]) * (4, 4, 1)
    crystal = bulk("Si", cubic=True) * (2, 2, 2)
    found = {}
    for symbol, cell, free in (("C", flat, "x 0 y 0"), ("Si", crystal, "iso 0")):
        energy = lammps(cell, *TERSOFF, relax=f"fix free all box/relax {free}").energy_eV
        found[symbol] = (energy or np.nan) / len(cell)
    return found


def row(name: str, settled: Settled, formation_eV: float | None) -> str:
    if settled.cluster is None:
        return f"| {name} | {settled.note} | | |"
    cluster = settled.cluster
    bonds = bond_statistics(cluster.symbols, cluster.positions_A)
    rings = ring_census(cluster.symbols, cluster.positions_A)
    words = ", ".join(f"{k} {b.mean:.3f} ({b.min:.2f}-{b.max:.2f})" for k, b in bonds.items())
    census = " ".join(f"{size}:{count}" for size, count in sorted(rings.items()))
    cost = "-" if formation_eV is None else f"{formation_eV:.2f}"
    return f"| {name} | {words} | {census} | {cost} |"


def compare(name: str, relax: Callable[[Cluster], Settled], mu: dict[str, float] | None) -> Settled:
    """Return a patch relaxed, its note the formation energy where one can be had."""
    defect = relax(patch(name))
    twin = pristine_twin(patch(name))
    if defect.energy_eV is None or not isinstance(twin, Cluster):
        return defect
    pristine = relax(twin)
    if pristine.energy_eV is None:
        return defect
    change = defect.energy_eV - pristine.energy_eV
    if name == "Si_C3":
        if mu is None:
            return defect
        change += mu["C"] - mu["Si"]
    return replace(defect, note=f"{change:.2f}")


def main() -> None:
    """Print the table."""
    ways = {"Morse (pair)": (morse, None)}
    if find_program("lmp") is not None:
        ways["AIREBO"] = (airebo, None)
        ways["Tersoff, Erhart-Albe, no H"] = (tersoff, tersoff_mu())
    typer.echo("| patch, potential | bonds, Å: mean (range) | rings | formation, eV |")
    typer.echo("|---|---|---|---|")
    for name in ("SW_5577", "Si_C3"):
        for label, (relax, mu) in ways.items():
            settled = compare(name, relax, mu)
            cost = float(settled.note) if settled.cluster is not None and settled.note else None
            typer.echo(row(f"{name}, {label}", settled, cost))
        done = run_recipe(patch(name), "formation", choose_level("gfn1"))
        typer.echo(row(f"{name}, GFN1-xTB", Settled(0.0, done.cluster), done.result.formation_eV))


if __name__ == "__main__":
    typer.run(main)
