"""Simulated specimens: defects have the rings and bonds they are named for."""

import numpy as np
import pytest
from scipy.spatial import cKDTree

from inference_service.training.lattice_net import (
    CC_BOND_A,
    LatticeNet,
    bond_by_distance,
    honeycomb,
    relaxed_positions,
)
from inference_service.training.point_defects import MAKERS, SILICON
from inference_service.training.specimen import (
    FAMILIES,
    HELD_OUT,
    build_specimen,
    training_families,
)


def _sheet() -> tuple[LatticeNet, int]:
    net = bond_by_distance(honeycomb(-11.0, 11.0, 0.2, np.zeros(2)))
    middle = int(np.argmin(np.hypot(*net.xy.T)))
    return net, middle


def _ring_sizes(net: LatticeNet, xy: np.ndarray, within_A: float) -> list[int]:
    """Walk the faces of the planar bond graph, always turning as sharply as possible."""
    order = {
        a: sorted(near, key=lambda b, a=a: np.arctan2(*(xy[b] - xy[a])[::-1]))
        for a, near in enumerate(net.neighbours)
    }
    seen: set[tuple[int, int]] = set()
    sizes = []
    for a, near in order.items():
        for b in near:
            ring, u, v = [], a, b
            while (u, v) not in seen:
                seen.add((u, v))
                ring.append(u)
                turn = order[v]
                u, v = v, turn[(turn.index(u) - 1) % len(turn)]
            if ring and len(ring) < 12 and np.hypot(*xy[ring].mean(axis=0)) < within_A:
                sizes.append(len(ring))
    return sorted(sizes)


def test_the_honeycomb_has_graphene_bonds_and_density() -> None:
    xy = honeycomb(0.0, 60.0, 0.3, np.zeros(2))
    nearest = cKDTree(xy).query(xy, 2)[0][:, 1]
    assert np.allclose(nearest[np.all((xy > 3) & (xy < 57), axis=1)], CC_BOND_A)
    assert len(xy) / 3600 == pytest.approx(0.3818, rel=0.02)


@pytest.mark.parametrize(
    ("name", "rings"),
    [("SW_5577", [5, 5, 7, 7]), ("V2_585", [5, 5, 8])],
)
def test_a_defect_has_the_rings_it_is_named_for(name: str, rings: list[int]) -> None:
    net, atom = _sheet()
    MAKERS[name](net, atom, np.random.default_rng(3))
    xy = relaxed_positions(net)
    odd = [size for size in _ring_sizes(net, xy, 8.0) if size != 6]
    assert odd == rings


@pytest.mark.parametrize(("name", "bonds"), [("Si_C3", 3), ("Si_C4", 4)])
def test_a_single_silicon_has_its_carbons_at_bond_length(name: str, bonds: int) -> None:
    net, atom = _sheet()
    MAKERS[name](net, atom, np.random.default_rng(4))
    xy = relaxed_positions(net)
    (silicon,) = np.flatnonzero(net.alive & (net.number == SILICON))
    near = sorted(net.neighbours[silicon])
    assert len(near) == bonds
    assert np.all(np.abs(np.hypot(*(xy[near] - xy[silicon]).T) - 1.77) < 0.3)


def test_dimers_come_with_a_wide_range_of_lengths() -> None:
    lengths = []
    for seed in range(12):
        net, atom = _sheet()
        MAKERS["Si_dimer"](net, atom, np.random.default_rng(seed))
        a, b = relaxed_positions(net)[net.alive & (net.number == SILICON)]
        lengths.append(float(np.hypot(*(a - b))))
    assert min(lengths) < 1.8
    assert max(lengths) > 2.1


def test_held_out_families_are_never_trained_on() -> None:
    assert set(HELD_OUT) < set(FAMILIES)
    assert not set(HELD_OUT) & set(training_families())
    assert all(FAMILIES[name].weight == 0 for name in HELD_OUT)


def test_no_training_family_mixes_silicon_with_turned_bonds() -> None:
    for family in training_families().values():
        silicon = any(name.startswith("Si") for name in family.defects)
        assert not (silicon and "SW_5577" in family.defects)


@pytest.mark.parametrize("name", sorted(FAMILIES))
def test_every_family_makes_separate_atoms_the_same_for_the_same_seed(name: str) -> None:
    first, second = (
        build_specimen(np.random.default_rng(5), FAMILIES[name], 30.0) for _ in range(2)
    )
    assert np.array_equal(first.xy, second.xy)
    assert len(first.xy) == len(first.number) == len(first.labelled)
    carbon = first.xy[first.labelled & (first.number == 6)]
    if len(carbon) > 1:
        assert np.percentile(cKDTree(carbon).query(carbon, 2)[0][:, 1], 2) > 0.8


def test_atoms_under_contamination_are_not_labelled() -> None:
    specimen = build_specimen(np.random.default_rng(8), FAMILIES["bilayer"], 40.0)
    assert specimen.cover
    for blob in specimen.cover:
        assert not (specimen.labelled & blob.inside(specimen.xy)).any()
