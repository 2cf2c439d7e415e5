"""Which atoms the centroid rule holds for, and how well, is read off the bonds."""

import numpy as np
import pytest

from inference_service.detector.threefold import find_threefold
from inference_service.training.lattice_net import honeycomb

SHEET = honeycomb(0.0, 30.0, 0.2, np.zeros(2))
MIDDLE = int(np.argmin(np.hypot(*(SHEET - 15.0).T)))


def found(xy, bright=None, sure=None):
    none, every = np.zeros(len(xy), dtype=bool), np.ones(len(xy), dtype=bool)
    return find_threefold(xy, none if bright is None else bright, every if sure is None else sure)


def shells_of(net, atom):
    return net.shells[net.centre == atom].tolist()


def inner(xy, margin=5.0):
    return np.flatnonzero(((xy > margin) & (xy < 30.0 - margin)).all(axis=1))


def test_every_atom_inside_a_sheet_has_three_perfect_shells():
    net = found(SHEET)
    assert all(shells_of(net, atom) == [3] for atom in inner(SHEET))


@pytest.mark.parametrize("stretch", [0.93, 1.0, 1.08])
def test_strain_and_shear_change_nothing(stretch):
    net = found(SHEET @ np.array([[stretch, 0.03], [0.0, 1.0]]))
    assert all(shells_of(net, atom) == [3] for atom in inner(SHEET))


def test_the_centroid_of_the_three_is_the_atom():
    net = found(SHEET @ np.array([[1.03, 0.02], [-0.01, 0.98]]))
    xy = SHEET @ np.array([[1.03, 0.02], [-0.01, 0.98]])
    kept = np.isin(net.centre, inner(SHEET))
    apart = xy[net.centre] - xy[net.around].mean(axis=1)
    assert np.abs(apart[kept]).max() < 1e-9


def test_atoms_around_a_vacancy_are_not_asked():
    hole = np.delete(SHEET, MIDDLE, axis=0)
    rim = np.argsort(np.hypot(*(hole - SHEET[MIDDLE]).T))[:3]
    assert not np.isin(rim, found(hole).centre).any()


def test_beside_a_vacancy_the_rule_is_looser():
    hole = np.delete(SHEET, MIDDLE, axis=0)
    second = np.argsort(np.hypot(*(hole - SHEET[MIDDLE]).T))[3:9]
    net = found(hole)
    assert all(shells_of(net, atom) == [1] for atom in second)


def test_a_candidate_that_is_no_atom_does_not_count():
    sure = np.ones(len(SHEET), dtype=bool)
    sure[MIDDLE] = False
    assert MIDDLE not in found(SHEET, sure=sure).centre


def test_neither_a_bright_atom_nor_its_neighbours_are_asked():
    bright = np.zeros(len(SHEET), dtype=bool)
    bright[MIDDLE] = True
    four = np.argsort(np.hypot(*(SHEET - SHEET[MIDDLE]).T))[:4]
    assert not np.isin(four, found(SHEET, bright).centre).any()


def test_a_ring_of_five_ends_the_perfect_shells():
    # A Stone-Wales turn of one bond by 90 degrees makes two rings of five and two of seven.
    near = np.argsort(np.hypot(*(SHEET - SHEET[MIDDLE]).T))
    pair = [MIDDLE, int(near[1])]
    centre = SHEET[pair].mean(axis=0)
    turned = SHEET.copy()
    turned[pair] = centre + (SHEET[pair] - centre) @ np.array([[0.0, 1.0], [-1.0, 0.0]])
    assert all(max(shells_of(found(turned), atom), default=0) < 3 for atom in near[:8])


def test_a_handful_of_atoms_has_no_sheet():
    assert len(found(SHEET[:4]).centre) == 0
    assert len(found(np.empty((0, 2))).centre) == 0
