"""Which other readings and which larger cut an error bar is made of."""

from __future__ import annotations

import dataclasses
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.testing.structures import graphene, substituted, vacancy
from sim_dispatcher.structure import CutRules, DetectedAtoms, build_cluster, parse_cluster
from sim_dispatcher.uncertainty import LEFT_OUT, plan_variants, study_variants

RULES = CutRules()
SILICON = substituted("Si")
CENTRE = SILICON.centre_A


def silicon(p: float, *others: tuple[str, float]) -> DetectedAtoms:
    """Return a sheet whose silicon is there with this p, and other entries at its place."""
    atoms = DetectedAtoms(SILICON.elements, SILICON.positions_A, SILICON.p)
    place = SILICON.elements.index("Si")
    return DetectedAtoms(
        (*atoms.symbols, *(symbol for symbol, _ in others)),
        np.vstack([atoms.positions_A, *(atoms.positions_A[[place]] + 0.1 for _ in others)]),
        np.append(np.where(np.arange(len(atoms)) == place, p, 1.0), [w for _, w in others]),
    )


def test_each_other_element_listed_at_a_place_is_a_variant_of_its_own_weight() -> None:
    variants = plan_variants(silicon(0.6, ("C", 0.3), ("N", 0.1)), CENTRE, 8.99, RULES)
    weights = {v.name.split()[0]: v.weight for v in variants if v.kind == "alternative"}
    assert weights == {"C": pytest.approx(0.3), "N": pytest.approx(0.1)}
    for variant in variants[:2]:
        counts = Counter(parse_cluster(variant.structure).symbols)
        assert counts["Si"] == 0
        assert counts["C"] + counts["N"] == 94


def test_what_detection_does_not_account_for_is_the_chance_that_nobody_is_there() -> None:
    (absent, larger) = plan_variants(silicon(0.7), CENTRE, 8.99, RULES)
    assert absent.name.startswith("no Si at")
    assert absent.weight == pytest.approx(0.3)
    assert "Si" not in parse_cluster(absent.structure).symbols
    assert larger.kind == "larger"


def test_a_faint_atom_near_the_defect_is_a_variant_although_the_cut_leaves_it_out() -> None:
    sheet = vacancy(reconstructed=False)
    atoms = DetectedAtoms(
        (*sheet.elements, "C"),
        np.vstack([sheet.positions_A, sheet.centre_A]),
        np.append(sheet.p, 0.4),
    )
    filled = plan_variants(atoms, sheet.centre_A, 8.99, RULES)[0]
    base = build_cluster(atoms, sheet.centre_A, 8.99, CutRules(doubtful_radius_A=0.0))
    assert filled.weight == pytest.approx(0.4)
    assert Counter(parse_cluster(filled.structure).symbols)["C"] == base.symbols.count("C") + 1


def test_a_certain_place_has_no_other_readings_but_a_larger_cut() -> None:
    (larger,) = plan_variants(silicon(1.0), CENTRE, 8.99, RULES)
    base = build_cluster(silicon(1.0), CENTRE, 8.99, RULES)
    wider = parse_cluster(larger.structure)
    assert (larger.kind, larger.weight) == ("larger", None)
    assert len(wider) > 1.2 * len(base)


def test_readings_beyond_the_likeliest_are_said_together() -> None:
    atoms = DetectedAtoms(SILICON.elements, SILICON.positions_A, np.full(len(SILICON.p), 0.9))
    variants = plan_variants(atoms, CENTRE, 8.99, RULES)
    named = [v for v in variants if v.kind == "alternative"]
    assert [v.name == LEFT_OUT for v in named] == [False] * 3 + [True]
    assert 0.9 < (named[-1].weight or 0.0) < 1.0
    assert len(variants) <= 8


def test_a_variant_that_cannot_be_built_is_left_out_with_a_note() -> None:
    plan = study_variants(silicon(0.6, ("Q", 0.4)), CENTRE, 8.99, RULES)
    assert any("Q for Si" in note and "unknown element" in note for note in plan.notes)
    assert plan.variants[0].name == LEFT_OUT
    assert plan.variants[0].weight == pytest.approx(0.4)


def test_a_place_without_atoms_has_no_variants_and_says_why() -> None:
    nothing = DetectedAtoms((), np.empty((0, 2)), np.empty(0))
    plan = study_variants(nothing, (5.0, 5.0), 8.99, RULES)
    assert plan.variants == ()
    assert "No atoms were detected" in plan.notes[0]


def test_no_larger_cut_exists_where_the_frame_ends() -> None:
    sheet = graphene((16.0, 16.0))
    atoms = DetectedAtoms(sheet.elements, sheet.positions_A, sheet.p)
    plan = study_variants(atoms, (8.0, 8.0), 12.0, RULES)
    assert not plan.variants
    assert any("no larger cut" in note for note in plan.notes)


@settings(max_examples=4, deadline=None)
@given(seed=st.integers(0, 1000), angle=st.floats(0, 360), mirror=st.booleans())
def test_weights_do_not_depend_on_orientation_or_order(
    seed: int, angle: float, *, mirror: bool
) -> None:
    weights = []
    for sheet in (SILICON, SILICON.transformed(angle, mirror=mirror).permuted(seed)):
        p = np.where(np.array(sheet.elements) == "Si", 0.65, 1.0)
        atoms = DetectedAtoms(sheet.elements, sheet.positions_A, p)
        variants = plan_variants(atoms, sheet.centre_A, 8.99, RULES)
        weights.append([(v.kind, v.weight, v.structure.split("\n")[0]) for v in variants])
    assert weights[0] == weights[1]


def test_planning_never_raises_whatever_the_atoms() -> None:
    generator = np.random.default_rng(0)
    for n in (1, 2, 40):
        heap = generator.uniform(0, 8, (n, 2))
        atoms = DetectedAtoms(("C",) * n, heap, generator.uniform(0, 1, n))
        assert isinstance(plan_variants(atoms, (4.0, 4.0), 8.99, RULES), tuple)


def test_errors_and_probabilities_travel_with_every_variant() -> None:
    atoms = dataclasses.replace(silicon(0.7), sigma_A=np.full(len(SILICON.p), 0.06))
    for variant in plan_variants(atoms, CENTRE, 8.99, RULES):
        cluster = parse_cluster(variant.structure)
        assert cluster.sigma_A is not None
        assert np.nanmax(cluster.sigma_A) == pytest.approx(0.06)
