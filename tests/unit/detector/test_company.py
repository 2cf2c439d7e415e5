"""Ghosts are betrayed by the company they do not keep."""

import numpy as np
import pytest

from inference_service.detector.company import (
    Company,
    CompanyCalibration,
    company_of,
    in_company,
)
from inference_service.training.company_fit import fit_company

HEARD = CompanyCalibration(shifts=(-3.0, -3.0, -2.0, 0.5), rival=-2.0)


def star() -> np.ndarray:
    """An atom in the middle of a field, and its three neighbours."""
    angle = np.deg2rad([90, 210, 330])
    around = 1.42 * np.column_stack([np.cos(angle), np.sin(angle)])
    return np.vstack([[0.0, 0.0], around]) + 10.0


def test_neighbours_are_counted_by_their_probability() -> None:
    p = np.array([0.6, 1.0, 0.5, 0.25])
    company = company_of(star(), p, np.ones(4, bool), (20.0, 20.0))
    assert company.neighbours == pytest.approx([1.75, 0.6, 0.6, 0.6])
    assert company.asked.all()


def test_an_atom_with_three_neighbours_gains_and_a_lonely_one_loses() -> None:
    xy = np.vstack([star(), [[5.0, 5.0]]])
    p = np.full(5, 0.6)
    p[1:4] = 1.0
    said = in_company(p, company_of(xy, p, np.ones(5, bool), (20.0, 20.0)), HEARD)
    assert said[0] > 0.6
    assert said[4] < 0.2


def test_a_ghost_beside_a_surer_atom_loses_and_the_surer_one_does_not() -> None:
    xy = np.array([[10.0, 10.0], [10.7, 10.0]])
    p = np.array([0.9, 0.7])
    company = company_of(xy, p, np.ones(2, bool), (20.0, 20.0))
    assert company.rival.tolist() == [0.0, 0.9]


@pytest.mark.parametrize("where", [(0.5, 10.0), (10.0, 19.5)])
def test_at_the_border_nothing_is_held_against_an_atom(where: tuple[float, float]) -> None:
    p = np.array([0.7])
    company = company_of(np.array([where]), p, np.ones(1, bool), (20.0, 20.0))
    assert in_company(p, company, HEARD).tolist() == [0.7]


def test_a_bright_atom_may_stand_alone() -> None:
    p = np.array([0.7])
    company = company_of(np.array([[10.0, 10.0]]), p, np.zeros(1, bool), (20.0, 20.0))
    assert in_company(p, company, HEARD).tolist() == [0.7]


def test_no_candidates_have_no_company() -> None:
    empty = company_of(np.empty((0, 2)), np.empty(0), np.empty(0, bool), (20.0, 20.0))
    assert len(in_company(np.empty(0), empty, HEARD)) == 0


def test_the_weights_are_found_again_from_what_they_explain() -> None:
    rng = np.random.default_rng(4)
    n = 20_000
    company = Company(rng.integers(0, 4, n).astype(float), np.zeros(n), np.ones(n, bool))
    p = rng.uniform(0.02, 0.98, n)
    right = rng.random(n) < in_company(p, company, HEARD)
    found = fit_company(p, [company], right)
    assert found.slope == pytest.approx(1.0, abs=0.1)
    assert found.shifts == pytest.approx(HEARD.shifts, abs=0.35)


def test_the_defaults_change_nothing() -> None:
    p = np.array([0.3, 0.9, 0.6, 0.2])
    company = company_of(star(), p, np.ones(4, bool), (20.0, 20.0))
    assert in_company(p, company, CompanyCalibration()) == pytest.approx(p)
