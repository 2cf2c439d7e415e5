"""The mixture tells carbon from silicon where intensities do, and says where they do not."""

import numpy as np
import pytest

from inference_service.atomai.mixture import evidence, fit_mixture, separation


@pytest.fixture
def frame(rng):
    return np.concatenate([rng.normal(1.0, 0.12, 2021), rng.normal(3.9, 0.3, 22)])


def test_a_class_of_one_in_a_hundred_is_found(frame):
    mixture = fit_mixture(frame, 2)
    assert mixture.means == pytest.approx([1.0, 3.9], abs=0.15)
    assert (mixture.classify(frame) == 1).sum() == 22
    assert separation(mixture) > 10


def test_three_classes_are_found(rng):
    values = np.concatenate(
        [rng.normal(1.0, 0.1, 900), rng.normal(2.2, 0.15, 60), rng.normal(4.0, 0.2, 25)]
    )
    mixture = fit_mixture(values, 3)
    assert mixture.means == pytest.approx([1.0, 2.2, 4.0], abs=0.15)
    assert mixture.weights.sum() == pytest.approx(1.0)


def test_the_same_values_give_the_same_mixture_in_any_order(frame, rng):
    one, other = fit_mixture(frame, 2), fit_mixture(rng.permutation(frame), 2)
    assert one.means == pytest.approx(other.means)


def test_an_atom_is_not_silicon_for_being_too_dark(frame):
    mixture = fit_mixture(frame, 2)
    assert mixture.classify(np.array([-5.0, 0.0, 0.4])).tolist() == [0, 0, 0]


def test_one_cloud_cut_in_two_is_not_told_apart(rng):
    values = rng.normal(1.0, 0.3, 2000)
    two, one = fit_mixture(values, 2), fit_mixture(values, 1)
    assert separation(two) < 2.0 or evidence(values, two, one) < 0


def test_silicon_is_worth_a_component(frame):
    assert evidence(frame, fit_mixture(frame, 2), fit_mixture(frame, 1)) > 100


def test_a_single_component_is_mean_and_spread(frame):
    mixture = fit_mixture(frame, 1)
    assert mixture.means == pytest.approx([frame.mean()])
    assert mixture.sigmas == pytest.approx([frame.std()], rel=1e-3)
    assert separation(mixture) == np.inf


def test_a_component_never_shrinks_onto_one_value():
    values = np.concatenate([np.full(50, 1.0), [4.0]])
    assert fit_mixture(values, 2).sigmas.min() > 0
