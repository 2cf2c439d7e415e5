"""Input sets against golden files, against ASE's readers, and against what cannot be asked for.

`python tests/unit/dispatcher/inputs/test_input_sets.py` writes the golden files anew; read the
difference before committing it.
"""

from __future__ import annotations

import io
from pathlib import Path

import ase.io
import numpy as np
import pytest

from shared.errors import ConfigurationError, SimulationError
from shared.messages.simulation import RecipeOptions
from sim_dispatcher.inputs import input_set
from sim_dispatcher.structure.cluster import Cluster

GOLDEN = Path(__file__).with_name("golden")
OPTIONS = RecipeOptions(temperature_K=900.0)
SETS = [
    *(("vasp", recipe, "paper") for recipe in ("relax", "relax_perimeter", "relax_z", "relax_h")),
    ("vasp", "md", "paper"),
    ("vasp", "single_point", "gamma"),
    *(("dftb", recipe, "paper") for recipe in ("relax", "relax_perimeter", "relax_z", "md")),
    *(("qe", recipe, "paper") for recipe in ("relax", "relax_z")),
    ("qe", "relax", "gamma"),
    ("gpaw", "relax_z", "paper"),
    ("gpaw", "single_point", "gamma"),
]


def silabenzene(**changes: object) -> Cluster:
    """C5SiH6: a ring with one silicon, its carbon the rim and its hydrogen the caps."""
    turns = np.arange(6) * np.pi / 3
    ring = np.stack([np.cos(turns), np.sin(turns), np.zeros(6)], axis=1)
    inner, outer = 1.4 * ring, 2.49 * ring
    inner[0, 0] += 0.3
    outer[0, 0] += 0.6
    fields = {
        "symbols": ("Si", *"CCCCC", *"HHHHHH"),
        "positions_A": np.round(np.concatenate([inner, outer]) + 6.0, 6),
        "roles": ("interior", *["rim"] * 5, *["cap"] * 6),
        "cell_A": (12.0, 12.0, 12.0),
    }
    return Cluster(**(fields | changes))


def folder(level: str, recipe: str, preset: str) -> Path:
    return GOLDEN / f"{level}-{recipe}-{preset}"


@pytest.mark.parametrize(("level", "recipe", "preset"), SETS)
def test_an_input_set_is_what_it_was(level: str, recipe: str, preset: str) -> None:
    files = input_set(silabenzene(), recipe, OPTIONS, level, preset)
    kept = {path.stem: path.read_text("utf-8") for path in folder(level, recipe, preset).iterdir()}
    assert files == kept


def test_vasp_is_asked_for_what_the_paper_says() -> None:
    relax = input_set(silabenzene(), "relax", OPTIONS)
    assert "ENCUT = 400\n" in relax["INCAR"]
    assert "EDIFFG = -1E-03\n" in relax["INCAR"]
    assert "\nMonkhorst-Pack\n2 2 2\n" in relax["KPOINTS"]
    assert "25.78600000 0.00000000 0.00000000" in relax["POSCAR"]
    trajectory = input_set(silabenzene(), "md", OPTIONS)["INCAR"]
    for tag in ("IBRION = 0", "MDALGO = 2", "SMASS = 0", "POTIM = 1", "NSW = 2000"):
        assert f"{tag}\n" in trajectory
    assert "TEBEG = 900\nTEEND = 900\n" in trajectory


@pytest.mark.parametrize("recipe", ["relax", "relax_perimeter", "relax_z", "relax_h"])
def test_ase_reads_the_same_atoms_and_constraints_from_poscar(recipe: str) -> None:
    cluster = silabenzene()
    text = input_set(cluster, recipe, OPTIONS)["POSCAR"]
    atoms = ase.io.read(io.StringIO(text), format="vasp")
    assert sorted(atoms.symbols) == sorted(cluster.symbols)
    moved = atoms.positions - atoms.positions.mean(axis=0)
    order = np.argsort(np.array(cluster.symbols), kind="stable")
    assert moved == pytest.approx((cluster.positions_A - cluster.positions_A.mean(0))[order])
    held = sum(len(each.index) for each in atoms.constraints)
    assert held == {"relax": 0, "relax_perimeter": 11, "relax_z": 12, "relax_h": 6}[recipe]


@pytest.mark.parametrize("recipe", ["relax", "relax_z"])
def test_ase_reads_the_same_atoms_from_the_input_of_pw(recipe: str) -> None:
    cluster = silabenzene()
    text = input_set(cluster, recipe, OPTIONS, "qe", "gamma")["pw.in"]
    atoms = ase.io.read(io.StringIO(text), format="espresso-in")
    assert tuple(atoms.symbols) == cluster.symbols
    assert atoms.get_all_distances() == pytest.approx(cluster.to_ase().get_all_distances())
    assert bool(atoms.constraints) == (recipe == "relax_z")


def test_ase_reads_the_same_atoms_from_the_geometry_of_dftb() -> None:
    cluster = silabenzene()
    text = input_set(cluster, "relax", OPTIONS, "dftb")["geometry.gen"]
    atoms = ase.io.read(io.StringIO(text), format="gen")
    assert tuple(atoms.symbols) == cluster.symbols
    assert atoms.get_all_distances() == pytest.approx(cluster.to_ase().get_all_distances())


def test_unpaired_electrons_reach_every_program() -> None:
    radical = silabenzene(unpaired=1)
    assert "ISPIN = 2\n" in input_set(radical, "relax", OPTIONS)["INCAR"]
    assert "NUPDOWN = 1\n" in input_set(radical, "relax", OPTIONS)["INCAR"]
    assert "tot_magnetization = 1\n" in input_set(radical, "relax", OPTIONS, "qe")["pw.in"]
    assert "fixmagmom=True" in input_set(radical, "relax", OPTIONS, "gpaw")["run.py"]
    assert "closed shell" in input_set(radical, "relax", OPTIONS, "dftb")["dftb_in.hsd"]


def test_a_crystal_keeps_its_cell_and_gets_k_points() -> None:
    lattice = np.array([[2.46, 0.0, 0.0], [-1.23, 2.13, 0.0], [0.0, 0.0, 15.0]])
    graphene = silabenzene(
        symbols=("C", "C"),
        positions_A=np.array([[0.0, 0.0, 7.5], [0.0, 1.42, 7.5]]),
        roles=("interior", "interior"),
        cell_A=(2.46, 2.46, 15.0),
        lattice_A=lattice,
    )
    assert "-1.23000000 2.13000000" in input_set(graphene, "relax", OPTIONS)["POSCAR"]
    hsd = input_set(graphene, "relax", OPTIONS, "dftb")["dftb_in.hsd"]
    assert "SupercellFolding {\n    2 0 0\n    0 2 0\n    0 0 2\n    0.5 0.5 0.5\n" in hsd


def test_a_flake_too_large_for_the_papers_cube_keeps_its_own_box() -> None:
    wide = silabenzene()
    stretched = wide.positions_A * np.array([6.0, 1.0, 1.0])
    moved = silabenzene(positions_A=stretched, cell_A=(45.0, 12.0, 12.0))
    assert "45.00000000 0.00000000" in input_set(moved, "relax", OPTIONS)["POSCAR"]


def test_no_potential_is_shipped_and_the_needed_ones_are_named() -> None:
    files = input_set(silabenzene(), "relax", OPTIONS)
    assert "POTCAR" not in files
    note = files["POTCAR.never-run.txt"]
    assert "never been run" in " ".join(note.split())
    for element in ("C", "H", "Si"):
        assert f"potpaw_PBE/{element}/POTCAR" in note


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        (("neb", OPTIONS), "more than one run"),
        (("relax", OPTIONS, "gfn1"), "no input set"),
        (("relax", OPTIONS, "vasp", "fast"), "no preset"),
        (("md", OPTIONS, "qe"), "no Nosé-Hoover"),
        (("md", OPTIONS, "gpaw"), "no Nosé-Hoover"),
    ],
)
def test_what_a_program_cannot_do_is_refused(arguments: tuple[object, ...], what: str) -> None:
    with pytest.raises(ConfigurationError, match=what):
        input_set(silabenzene(), *arguments)  # type: ignore[arg-type]


@pytest.mark.parametrize("level", ["vasp", "qe"])
def test_a_charge_in_a_periodic_box_is_refused(level: str) -> None:
    with pytest.raises(SimulationError, match="charged systems"):
        input_set(silabenzene(charge=1), "relax", OPTIONS, level)


def test_an_element_outside_the_slater_koster_set_is_named() -> None:
    with pytest.raises(SimulationError, match="no Slater-Koster files of Cr"):
        input_set(silabenzene(symbols=("Cr", *"CCCCC", *"HHHHHH")), "relax", OPTIONS, "dftb")


def _write_golden() -> None:
    for level, recipe, preset in SETS:
        place = folder(level, recipe, preset)
        place.mkdir(parents=True, exist_ok=True)
        for name, text in input_set(silabenzene(), recipe, OPTIONS, level, preset).items():
            (place / f"{name}.txt").write_text(text, "utf-8")


if __name__ == "__main__":
    _write_golden()
