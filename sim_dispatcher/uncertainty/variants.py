"""The variants an error bar is made of: other readings of the place, and a larger cut of it."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Final

from shared.errors import StructureError
from sim_dispatcher.ledger import Variant
from sim_dispatcher.structure import Cluster, CutRules, DetectedAtoms, build_cluster
from sim_dispatcher.uncertainty.parts import any_of
from sim_dispatcher.uncertainty.readings import Reading, other_readings

__all__ = ["LEFT_OUT", "VariantPlan", "plan_variants", "study_variants"]

LEFT_OUT: Final = "all other readings"
"""Name of the variant that stands for what is not computed: its weight is the chance that one of
them, at least, is the right one."""

ALTERNATIVES: Final = 3
"""Readings computed at most; each costs a relaxation and often a pristine twin."""

LARGER_A: Final = (2.0, 2.75)
"""How much larger the larger cut is, Å: the first that takes in more atoms."""

MOST_LARGER: Final = 2.2
"""A larger cut has at most as many times the atoms."""


@dataclass(frozen=True, eq=False)
class VariantPlan:
    """What can be computed for an error bar, and what cannot.

    Attributes:
        variants: Other readings, the likeliest first; what is left out of them; a larger cut.
        notes: Why something is missing, in words.
    """

    variants: tuple[Variant, ...]
    notes: tuple[str, ...]


def plan_variants(
    atoms: DetectedAtoms,
    centre_A: tuple[float, float],
    radius_A: float,
    rules: CutRules,
) -> tuple[Variant, ...]:
    """Return the variants of a cut; what cannot be built is left out. See `study_variants`."""
    return study_variants(atoms, centre_A, radius_A, rules).variants


def study_variants(
    atoms: DetectedAtoms,
    centre_A: tuple[float, float],
    radius_A: float,
    rules: CutRules,
) -> VariantPlan:
    """Plan an error bar: which other readings and which larger cut are computed.

    Args:
        atoms: All listed atoms of the frame, faint ones included.
        centre_A: x, y of the defect in the frame, Å.
        radius_A: Radius of the cut whose error is asked for, Å.
        rules: Those of that cut.

    Returns:
        At most `ALTERNATIVES` readings, each of the weight detection gives it; the others
        together under the name `LEFT_OUT`; and the place in a larger cut. A variant that cannot
        be built is left out with a note. Nothing where the cut itself cannot be built.
    """
    noting = dataclasses.replace(rules, doubtful_radius_A=0.0, crowded="note")
    try:
        base = build_cluster(atoms, centre_A, radius_A, noting)
    except StructureError as error:
        return VariantPlan((), (f"no variants: {error.message}",))
    variants: list[Variant] = []
    notes: list[str] = []
    left_out: list[float] = []
    for reading in other_readings(atoms, centre_A, rules):
        built = _built(reading, centre_A, radius_A, noting)
        if isinstance(built, str):
            notes.append(built)
        elif built.digest == base.digest:
            continue
        elif len(variants) < ALTERNATIVES:
            variants.append(_variant(reading.name, "alternative", built, reading.weight))
            continue
        left_out.append(reading.weight)
    if left_out:
        variants.append(_variant(LEFT_OUT, "alternative", base, any_of(left_out)))
    larger = _larger(atoms, centre_A, radius_A, noting, base)
    if isinstance(larger, str):
        notes.append(larger)
    else:
        variants.append(larger)
    return VariantPlan(tuple(variants), tuple(notes))


def _built(
    reading: Reading, centre_A: tuple[float, float], radius_A: float, rules: CutRules
) -> Cluster | str:
    """Return a reading's cluster, or why there is none."""
    try:
        return build_cluster(reading.atoms, centre_A, radius_A, rules)
    except StructureError as error:
        return f"{reading.name} (weight {reading.weight:.2f}) cannot be built: {error.message}"


def _larger(
    atoms: DetectedAtoms,
    centre_A: tuple[float, float],
    radius_A: float,
    rules: CutRules,
    base: Cluster,
) -> Variant | str:
    """Return the same place in a larger cut, or why there is none."""
    reason = "it takes in no more atoms"
    for more_A in LARGER_A:
        try:
            wider = build_cluster(atoms, centre_A, radius_A + more_A, rules)
        except StructureError as error:
            reason = error.message
            continue
        if len(base) < len(wider) <= MOST_LARGER * len(base):
            return _variant(f"cut {more_A:g} Å larger", "larger", wider, None)
    return f"no larger cut: {reason}"


def _variant(name: str, kind: str, cluster: Cluster, weight: float | None) -> Variant:
    return Variant.model_validate(
        {"name": name[:120], "kind": kind, "weight": weight, "structure": cluster.extxyz()}
    )
