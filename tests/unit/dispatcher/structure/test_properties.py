"""What holds for every cut, whatever was detected and however it lay in the frame."""

from __future__ import annotations

import dataclasses
from collections import Counter

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import pdist, squareform

from shared.errors import StructureError
from shared.testing.structures import DEFECTS, PlanarStructure
from sim_dispatcher.structure import Cluster, CutRules, DetectedAtoms, build_cluster
from sim_dispatcher.structure.bonds import bonded_pairs, neighbours
from sim_dispatcher.structure.census import heavy_atoms, rings_of
from sim_dispatcher.structure.checks import fragments

BUILT = {str(kind): build() for kind, build in DEFECTS.items() if kind not in {"GB", "adatom"}}
NAMES = st.sampled_from(sorted(BUILT))
RULES = CutRules(crowded="note")


def cut(structure: PlanarStructure, radius_A: float = 8.0) -> Cluster:
    atoms = DetectedAtoms(structure.elements, structure.positions_A, structure.p)
    return build_cluster(atoms, structure.centre_A, radius_A, RULES)


@settings(max_examples=12, deadline=None)
@given(
    name=NAMES,
    sigma=st.floats(0, 0.06),
    missing=st.floats(0, 0.02),
    seed=st.integers(0, 1000),
    radius=st.floats(5.0, 10.0),
)
def test_every_cut_is_sound(
    name: str, sigma: float, missing: float, seed: int, radius: float
) -> None:
    structure = BUILT[name].thinned(missing, seed).displaced(sigma, seed)
    try:
        cluster = cut(structure, radius)
    except StructureError:
        return
    pairs = bonded_pairs(cluster.symbols, cluster.positions_A)
    around = neighbours(len(cluster), pairs)
    caps = cluster.indices("cap").tolist()
    # No overlap, one component, parity, and every cap on a two-fold carbon of the rim.
    assert pdist(cluster.positions_A).min() > 0.7
    assert fragments(len(cluster), pairs).max() == 0
    assert (int(cluster.numbers.sum()) - cluster.charge - cluster.unpaired) % 2 == 0
    assert Counter(cluster.symbols)["H"] == len(caps)
    carriers = [nearest(cluster, cap, around[cap]) for cap in caps]
    assert len(set(carriers)) == len(caps)
    assert {cluster.roles[i] for i in carriers} <= {"rim"}
    assert {cluster.symbols[i] for i in carriers} <= {"C"}
    assert all(0.9 < gap(cluster, cap, i) < 1.3 for cap, i in zip(caps, carriers, strict=True))


@settings(max_examples=6, deadline=None)
@given(name=NAMES.filter(lambda name: name != "hole"), radius=st.floats(6.0, 10.0))
def test_every_heavy_atom_is_part_of_a_whole_ring(name: str, radius: float) -> None:
    cluster = cut(BUILT[name], radius)
    rings = rings_of(cluster.symbols, cluster.positions_A)
    ringed = set(np.concatenate(rings.rings).tolist())
    assert ringed == set(range(len(heavy_atoms(cluster.symbols))))
    assert len(rings.outlines) == 1


@settings(max_examples=5, deadline=None)
@given(
    name=NAMES,
    angle=st.floats(0, 360),
    mirror=st.booleans(),
    shift=st.tuples(st.floats(-50, 50), st.floats(-50, 50)),
    seed=st.integers(0, 1000),
)
def test_a_cut_is_the_same_after_any_motion_of_the_frame_and_in_any_order(
    name: str, angle: float, shift: tuple[float, float], seed: int, *, mirror: bool
) -> None:
    turned = BUILT[name].transformed(angle, mirror=mirror).permuted(seed)
    (x, y), (dx, dy) = turned.centre_A, shift
    moved = dataclasses.replace(
        turned, positions_A=turned.positions_A + np.array(shift), centre_A=(x + dx, y + dy)
    )
    one, other = cut(BUILT[name]), cut(moved)
    assert Counter(one.symbols) == Counter(other.symbols)
    assert Counter(one.roles) == Counter(other.roles)
    gaps = [np.sort(pdist(c.positions_A[:, :2])) for c in (one, other)]
    assert np.allclose(gaps[0], gaps[1], atol=1e-5)


def nearest(cluster: Cluster, one: int, others: list[int]) -> int:
    """Return the one of some atoms that is nearest to another in the plane."""
    return min(others, key=lambda other: gap(cluster, one, other))


def gap(cluster: Cluster, one: int, other: int) -> float:
    """Return the distance of two atoms in the plane, Å."""
    flat = squareform(pdist(cluster.positions_A[[one, other], :2]))
    return float(flat[0, 1])
