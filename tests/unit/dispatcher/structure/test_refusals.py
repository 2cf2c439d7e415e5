"""Bad input ends before any engine sees it: with the reason, and with what would make it work."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import ase
import ase.build
import pytest

from shared.errors import StructureError
from shared.testing.structures import adatom, graphene, substituted
from sim_dispatcher.levels import choose_level
from sim_dispatcher.recipes import run_recipe
from sim_dispatcher.structure import DetectedAtoms, build_cluster, build_frame
from sim_dispatcher.structure.reading import cluster_from_ase

SHEET = graphene()
ATOMS = DetectedAtoms(SHEET.elements, SHEET.positions_A, SHEET.p)


def overlapping() -> None:
    """An atom over the middle of a bond: too far from either to be the same, too near to bond."""
    structure = adatom()
    atoms = DetectedAtoms(structure.elements, structure.positions_A, structure.p)
    build_cluster(atoms, structure.centre_A)


def overlapping_in_a_file() -> None:
    atoms = ase.build.molecule("C6H6")
    atoms.positions[1] = atoms.positions[0] + [0.2, 0.0, 0.0]
    run_recipe(cluster_from_ase(atoms), "relax", choose_level("gfn1"))


def overlapping_after_all() -> None:
    cluster = cluster_from_ase(ase.build.molecule("C6H6"))
    positions = cluster.positions_A.copy()
    positions[1] = positions[0] + [0.2, 0.0, 0.0]
    broken = dataclasses.replace(cluster, positions_A=positions)
    run_recipe(broken, "relax", choose_level("gfn1"))


def in_fragments() -> None:
    far = ase.build.molecule("C6H6")
    far.translate([9.0, 0.0, 0.0])
    run_recipe(cluster_from_ase(ase.build.molecule("C6H6") + far), "relax", choose_level("gfn1"))


def of_unknown_element() -> None:
    structure = substituted("X")
    atoms = DetectedAtoms(structure.elements, structure.positions_A, structure.p)
    build_cluster(atoms, structure.centre_A)


def empty() -> None:
    build_cluster(ATOMS, (60.0, 60.0))


def three_thousand_atoms_at_gfn1() -> None:
    wide = graphene((90.0, 90.0))
    cluster = build_frame(DetectedAtoms(wide.elements, wide.positions_A, wide.p))
    assert len(cluster) > 3000
    run_recipe(cluster, "relax", choose_level("gfn1"))


@pytest.mark.parametrize(
    ("attempt", "reason", "remedy"),
    [
        (overlapping, r"only [01]\.\d+ Å apart", "Correct the detection"),
        (overlapping_in_a_file, r"overlap: 0\.20 Å", "Remove one of them"),
        (overlapping_after_all, r"overlap: 0\.20 Å", "Remove one of them"),
        (in_fragments, "2 fragments", "Keep the fragment of interest"),
        (of_unknown_element, "unknown element 'X'", "Name the element"),
        (empty, r"No atoms were detected about \(60\.0, 60\.0\)", "Pick a place on the sheet"),
        (
            three_thousand_atoms_at_gfn1,
            r"3\d\d\d atoms are too many for level gfn1, which takes 400",
            "a radius of at most 16 Å, a cheaper level",
        ),
    ],
)
def test_bad_input_is_refused_with_the_reason_and_what_would_make_it_possible(
    attempt: Callable[[], None], reason: str, remedy: str
) -> None:
    with pytest.raises(StructureError, match=reason) as caught:
        attempt()
    assert remedy in str(caught.value.remedy)
