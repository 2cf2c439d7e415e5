"""Elements are named by brightness and network together, or not at all."""

import numpy as np
import pytest

from inference_service.detector.species import dirt_around, name_atoms

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


def frame(bright, error=0.1, dirt=0.0):
    """Elements and probabilities of bright atoms, (network, ratio) each, in a field of carbon."""
    classes = np.array([CARBON] * 80 + [network for network, _ in bright])
    amplitude = np.array([1.0] * 80 + [ratio for _, ratio in bright])
    n = len(classes)
    field = np.concatenate([np.zeros(80), np.full(len(bright), dirt)])
    species = name_atoms(classes, amplitude, np.full(n, error), field, np.ones(n, bool))
    return species.atomic_number[80:].tolist(), species.probability[80:]


@pytest.mark.parametrize("ratio", [2.9, 3.5, 4.2, 5.2, 6.0])
def test_the_frame_s_own_silicon_sets_what_silicon_looks_like(ratio):
    scatter = (0.93, 1.06, 1.0, 0.97, 1.05)
    elements, p = frame([(SILICON, ratio * k) for k in scatter])
    assert elements == [14] * 5
    assert (p > 0.8).all()


def test_an_atom_twice_as_bright_as_the_frame_s_silicon_is_unknown_whatever_the_network_says():
    elements, p = frame([(SILICON, 3.4), (SILICON, 3.6), (SILICON, 3.5), (SILICON, 7.5)])
    assert elements == [14, 14, 14, 0]
    assert p[3] > 0.7


def test_two_carbon_atoms_over_each_other_are_not_silicon():
    elements, _ = frame([(SILICON, 4.2), (SILICON, 4.0), (SILICON, 4.4), ((0.4, 0.58, 0.02), 2.1)])
    assert elements == [14, 14, 14, 6]


def test_a_fluctuation_of_a_faint_frame_is_not_silicon():
    elements, _ = frame([((0.5, 0.48, 0.02), 2.2)], error=0.5)
    assert elements == [6]


def test_what_looks_like_silicon_inside_dirt_is_carbon_at_best():
    assert frame([((0.3, 0.69, 0.01), 3.2)], dirt=1.0)[0] == [6]
    assert frame([((0.3, 0.69, 0.01), 3.2)], dirt=0.0)[0] == [14]


def test_close_silicon_atoms_keep_their_names():
    assert frame([(SILICON, 3.5), (SILICON, 4.5)])[0] == [14, 14]


def test_dirt_is_asked_of_the_neighbours_not_of_the_bright_atom():
    xy = np.array([[0.0, 0.0], [1.8, 0.0], [-1.0, 1.5], [0.0, -2.4], [2.9, 1.0]])
    light = np.array([False, True, True, True, True])
    clean = dirt_around(xy, np.array([0.7, 0.02, 0.01, 0.03, 0.02]), light)
    dirty = dirt_around(xy, np.array([0.7, 0.8, 0.6, 0.7, 0.9]), light)
    assert clean[0] == 0.0
    assert dirty[0] == 1.0
    assert dirt_around(np.zeros((1, 2)), np.array([0.9]), np.array([False]))[0] == 1.0
