"""Elements are named by brightness and network together, or not at all."""

import numpy as np
import pytest

from inference_service.detector.species import name_atoms

CARBON, SILICON, BRIGHTER = (0.98, 0.01, 0.01), (0.05, 0.9, 0.05), (0.02, 0.08, 0.9)


def named(network, ratio, error=0.1, dirt=0.0):
    classes = np.array([CARBON] * 50 + [network])
    amplitude = np.array([1.0] * 50 + [ratio])
    sigma = np.full(51, error)
    species = name_atoms(classes, amplitude, sigma, np.full(51, dirt), np.ones(51, bool))
    return int(species.atomic_number[-1]), species.probability[-1], species.evidence[-1]


@pytest.mark.parametrize("ratio", [3.5, 4.0, 4.6, 5.5])
def test_silicon_is_named_over_the_range_of_detector_angles(ratio):
    element, p, _ = named(SILICON, ratio)
    assert element == 14
    assert p > 0.9


@pytest.mark.parametrize("ratio", [12.0, 40.0, 100.0])
def test_an_element_brighter_than_any_known_is_unknown_never_silicon(ratio):
    element, p, _ = named(SILICON, ratio)
    assert element == 0
    assert p > 0.5


def test_brightness_overrules_a_network_that_takes_carbon_for_silicon():
    assert named(SILICON, 1.0)[0] == 6


def test_nitrogen_is_not_claimed_at_a_real_dose():
    assert named(CARBON, 1.35, error=0.12)[0] == 6


def test_an_atom_as_bright_as_carbon_is_evidence_and_a_dark_place_is_evidence_against():
    assert named(CARBON, 1.0)[2] > 1.0
    assert named(CARBON, 0.05)[2] < -1.0


def test_under_dirt_brightness_proves_less():
    assert named(SILICON, 4.0, dirt=1.0)[2] < named(SILICON, 4.0, dirt=0.0)[2]


def test_probabilities_are_probabilities():
    rng = np.random.default_rng(2)
    network = rng.dirichlet([1, 1, 1], 500)
    sure = rng.random(500) > 0.3
    species = name_atoms(network, rng.lognormal(0, 1, 500), rng.random(500), rng.random(500), sure)
    assert ((species.probability > 0) & (species.probability <= 1)).all()
