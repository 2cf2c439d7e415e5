"""A large field of graphene with a mixture of defects, the same for the same seed."""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from edge_agent.sources.specimen.defects import MAKERS
from edge_agent.sources.specimen.draft import Draft, Placed, graphene
from edge_agent.sources.specimen.relaxation import relax
from edge_agent.sources.specimen.sample import Specimen, TrueDefect

__all__ = ["mixed_defect_field"]

_MIXTURE: Final = ("Si_C3", "SW_5577", "Si_C3", "Si_C4", "V2_585", "Si_C3", "Si_dimer", "Si_C4")
"""Repeated outwards from the middle of the field, so that every kind is near it."""
_RELAXED_WITHIN_A: Final = 9.0


def mixed_defect_field(
    seed: int = 20, size_A: float = 240.0, spacing_A: float = 26.0, orientation_deg: float = 17.0
) -> Specimen:
    """Make the sample.

    Args:
        seed: Fixes where defects are and how they are turned.
        size_A: Least edge of the periodic cell, Å.
        spacing_A: Least distance between two defects, Å.
        orientation_deg: How the lattice is turned on the stage.
    """
    draft = graphene(size_A)
    rng = np.random.default_rng(seed)
    sites = _sites(draft, rng, spacing_A)
    placed = [
        _place(draft, rng, site, _MIXTURE[rank % len(_MIXTURE)]) for rank, site in enumerate(sites)
    ]
    relax(draft, _near(draft, sites))
    return _freeze(draft, placed, orientation_deg)


def _sites(draft: Draft, rng: np.random.Generator, spacing_A: float) -> list[int]:
    """Return atoms that keep their distance, by nearness to the middle of the stage.

    The stage's zero is a corner of the periodic cell, hence also the middle of a field.
    """
    free = np.ones(len(draft.numbers), dtype=bool)
    chosen: list[int] = []
    for candidate in rng.permutation(len(free)):
        if free[candidate]:
            chosen.append(int(candidate))
            free &= _distances(draft, int(candidate)) >= spacing_A
    to_zero = np.abs(
        draft.positions_A - draft.period_A * np.rint(draft.positions_A / draft.period_A)
    )
    return sorted(chosen, key=lambda atom: math.hypot(*to_zero[atom]))


def _place(draft: Draft, rng: np.random.Generator, atom: int, kind: str) -> Placed:
    neighbour = sorted(draft.neighbours[atom])[int(rng.integers(3))]
    return MAKERS[kind](draft, atom, neighbour)


def _near(draft: Draft, sites: list[int]) -> NDArray[np.bool_]:
    near = np.zeros(len(draft.numbers), dtype=bool)
    for site in sites:
        near |= _distances(draft, site) < _RELAXED_WITHIN_A
    return near


def _distances(draft: Draft, atom: int) -> NDArray[np.float64]:
    """Return the distance of every atom from one, through the nearest periodic image, Å."""
    apart = draft.positions_A - draft.positions_A[atom]
    apart -= draft.period_A * np.rint(apart / draft.period_A)
    return np.asarray(np.hypot(apart[:, 0], apart[:, 1]))


def _freeze(draft: Draft, placed: list[Placed], orientation_deg: float) -> Specimen:
    there = draft.numbers > 0
    rows, columns = draft.period_A
    return Specimen(
        positions_A=draft.positions_A[there],
        numbers=draft.numbers[there],
        defects=tuple(_located(draft, defect) for defect in placed),
        period_A=(float(rows), float(columns)),
        orientation_rad=math.radians(orientation_deg),
    )


def _located(draft: Draft, defect: Placed) -> TrueDefect:
    anchor = defect.members[0]
    offsets = [draft.vector(anchor, member) for member in defect.members]
    row, column = draft.positions_A[anchor] + np.mean(offsets, axis=0)
    return TrueDefect(defect.type, float(row), float(column))
