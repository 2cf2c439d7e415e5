"""Bonds and defects of a frame's atoms, in the frame's pixels."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from inference_service.detector.lattice_defects import SYMBOLS, read_lattice
from shared.testing.structures import DEFECTS, PlanarStructure, graphene, hole

PIXEL_A = 0.1
NUMBERS = {symbol: number for number, symbol in SYMBOLS.items()}


def numbers(structure: PlanarStructure) -> NDArray[np.uint8]:
    return np.array([NUMBERS[e] for e in structure.elements], dtype=np.uint8)


def arguments(
    structure: PlanarStructure,
) -> tuple[NDArray[np.float64], NDArray[np.uint8], NDArray[np.float64], NDArray[np.float64]]:
    """Positions, atomic numbers, probabilities and contamination of a structure's atoms."""
    n = len(structure.elements)
    return structure.positions_A / PIXEL_A, numbers(structure), structure.p, np.zeros(n)


def frame(structure: PlanarStructure) -> tuple[tuple[int, int], float]:
    width, height = structure.bounds
    return (round(height / PIXEL_A), round(width / PIXEL_A)), PIXEL_A


@pytest.mark.parametrize(("name", "bonds"), [("Si_C3", 3), ("Si_C4", 4)])
def test_a_silicon_has_the_bonds_of_its_class(name: str, bonds: int) -> None:
    structure = {str(k): build for k, build in DEFECTS.items()}[name]()
    lattice = read_lattice(*arguments(structure), frame(structure))
    assert [one.type for one in lattice.defects] == [name]
    assert lattice.coordination[structure.elements.index("Si")] == bonds


def test_positions_and_paths_come_back_in_pixels() -> None:
    structure = hole(6.0)
    lattice = read_lattice(*arguments(structure), frame(structure))
    for one in lattice.defects:
        assert (one.x_px, one.y_px) == pytest.approx(
            np.array(structure.centre_A) / PIXEL_A, abs=0.5 / PIXEL_A
        )
        assert one.path_px is not None
        assert np.ptp(np.array(one.path_px), axis=0).min() > 12.0 / PIXEL_A


def test_the_sheet_is_threefold_and_what_is_not_there_has_no_bonds() -> None:
    structure = graphene()
    xy, z, p, dirt = arguments(structure)
    p = p.copy()
    p[7] = 0.2
    lattice = read_lattice(xy, z, p, dirt, frame(structure))
    inner = (np.minimum(xy, 300.0 - xy) > 40.0).all(axis=1)
    assert np.mean(lattice.coordination[inner] == 3) > 0.97
    assert lattice.coordination[7] == 0
    same = read_lattice(xy, z, (p >= 0.5).astype(float), dirt, frame(structure))
    assert (same.coordination == lattice.coordination).all()


def test_an_atom_beside_contamination_is_no_edge() -> None:
    structure = DEFECTS["edge"]()
    xy, z, p, _ = arguments(structure)
    veiled = (structure.positions_A[:, 0] > 10.0).astype(float)
    assert read_lattice(xy, z, p, veiled, frame(structure)).defects == ()


def test_a_frame_without_atoms_has_no_lattice() -> None:
    none = np.empty(0)
    lattice = read_lattice(
        none.reshape(0, 2), none.astype(np.uint8), none, none, ((64, 64), PIXEL_A)
    )
    assert len(lattice.coordination) == 0
    assert lattice.defects == ()
