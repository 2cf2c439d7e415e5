"""A lopsided probe parts the sublattices; what does that is found, and nothing else is."""

import numpy as np
import pytest

from inference_service.detector.asymmetry import FEWEST_ATOMS, lopsided_shift
from inference_service.detector.threefold import find_threefold
from inference_service.training.lattice_net import honeycomb

PIXEL_A = 0.104
SIDE_A = 50.0
SHEET_A = honeycomb(0.0, SIDE_A, 0.4, np.zeros(2))
INSIDE = ((SHEET_A > 3.0) & (SHEET_A < SIDE_A - 3.0)).all(axis=1)


def net_of(xy_A):
    every = np.ones(len(xy_A), dtype=bool)
    return find_threefold(xy_A, ~every, every)


def shift_of(seen_A, sigma_A, net=None):
    net = net_of(SHEET_A) if net is None else net
    variance = np.full(seen_A.shape, (sigma_A / PIXEL_A) ** 2)
    return lopsided_shift(seen_A / PIXEL_A, variance, net, PIXEL_A) * PIXEL_A


def sublattice():
    """+1 and -1 by the side on which the first of the three neighbours lies."""
    net = net_of(SHEET_A)
    bond = SHEET_A[net.around[:, 0]] - SHEET_A[net.centre]
    sign = np.zeros(len(SHEET_A))
    sign[net.centre] = np.sign(np.cos(3 * (np.arctan2(bond[:, 1], bond[:, 0]) - 0.4 - np.pi / 2)))
    return sign


@pytest.mark.parametrize("sigma_A", [0.02, 0.10])
def test_sublattices_moved_apart_are_moved_back(sigma_A):
    rng = np.random.default_rng(1)
    apart = sublattice()[:, None] * np.array([0.045, -0.03])
    shift = shift_of(SHEET_A + apart + rng.normal(0, sigma_A, SHEET_A.shape), sigma_A)
    assert np.abs((shift - apart)[INSIDE]).max() < 0.01
    assert np.abs(np.abs(shift[INSIDE]) - np.abs(shift[INSIDE]).mean(axis=0)).max() < 0.002


def test_two_grains_each_have_their_own_sublattices():
    turned = honeycomb(0.0, SIDE_A, 0.9, np.zeros(2))
    both = np.vstack([SHEET_A[SHEET_A[:, 0] < 24], turned[turned[:, 0] > 26]])
    net = net_of(both)
    bond = both[net.around[:, 0]] - both[net.centre]
    angle = 3 * np.arctan2(bond[:, 1], bond[:, 0])
    apart = np.zeros_like(both)
    apart[net.centre] = 0.04 * np.column_stack([np.cos(angle), -np.sin(angle)])
    shift = shift_of(both + apart, 0.03, net)
    assert np.abs((shift - apart)[net.centre[net.shells == 3]]).max() < 0.01


def test_strain_and_bending_shift_nothing():
    bent = SHEET_A @ np.array([[1.02, 0.01], [0.03, 0.98]])
    bent = bent + 0.2 * np.sin(2 * np.pi * bent[:, ::-1] / 45.0)
    assert np.abs(shift_of(bent, 0.02)).max() < 0.004


def test_displacements_of_single_atoms_shift_nothing():
    rng = np.random.default_rng(2)
    shift = shift_of(SHEET_A + rng.normal(0, 0.12, SHEET_A.shape), 0.03)
    assert np.abs(shift).max() < 0.015
    lone = SHEET_A.copy()
    lone[np.flatnonzero(INSIDE)[::40]] += 0.3
    assert np.abs(shift_of(lone, 0.03)).max() < 0.005


def test_a_patch_too_small_to_tell_is_left_alone():
    few = SHEET_A[:FEWEST_ATOMS]
    assert not shift_of(few + 0.05, 0.03, net_of(few)).any()
