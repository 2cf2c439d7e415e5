"""Places and brightness alone tell graphene's honeycomb from everything else."""

import numpy as np
import pytest
from scipy.spatial import cKDTree

from inference_service.detector.honeycomb import examine

SIZE_A = (40.0, 40.0)


def lattice(cell, columns, turn=0.4):
    """Positions and brightness of a crystal over the field, and 2 Å beyond it."""
    steps = np.arange(-60, 60)
    i, j = np.meshgrid(steps, steps, indexing="ij")
    corners = np.stack([i.ravel(), j.ravel()], axis=1)
    c, s = np.cos(turn), np.sin(turn)
    rotation = np.array([[c, -s], [s, c]])
    places = [(corners + np.array(xy)) @ np.array(cell) @ rotation + 20.0 for xy, _ in columns]
    bright = [np.full(len(corners), value) for _, value in columns]
    xy, brightness = np.vstack(places), np.concatenate(bright)
    kept = ((xy > 0) & (xy < 40.0)).all(axis=1)
    return xy[kept], brightness[kept]


def two_sublattices(first=1.0, second=1.0, a=2.46):
    cell = ((a, 0.0), (a / 2, a * np.sqrt(3) / 2))
    return lattice(cell, (((1 / 3, 1 / 3), first), ((2 / 3, 2 / 3), second)))


def seen(xy, brightness, noise_A=0.0, scatter=0.05, seed=1):
    rng = np.random.default_rng(seed)
    xy = xy + rng.normal(0, noise_A, xy.shape)
    brightness = brightness * (1 + rng.normal(0, scatter, len(xy)))
    return examine(xy, brightness, np.full(len(xy), scatter), SIZE_A)


def test_graphene_is_threefold_and_even():
    found = seen(*two_sublattices(), noise_A=0.08)
    assert found.threefold > 0.97
    assert found.bond_A == pytest.approx(1.42, abs=0.02)
    assert found.asymmetry < 0.02


@pytest.mark.parametrize(("first", "second", "least"), [(1.0, 1.74, 0.22), (2.4, 1.0, 0.35)])
def test_two_elements_differ_in_brightness(first, second, least):
    assert seen(*two_sublattices(first, second)).asymmetry > least


def test_a_few_dopants_do_not_make_two_elements():
    xy, brightness = two_sublattices()
    brightness[::25] = 4.0
    assert seen(xy, brightness).asymmetry < 0.05


def test_uncertain_brightness_makes_no_two_elements():
    worst = max(seen(*two_sublattices(), scatter=0.5, seed=k).asymmetry for k in range(8))
    assert worst < 0.08


@pytest.mark.parametrize(
    ("cell", "columns"),
    [
        (((3.9, 0), (0, 3.9)), (((0, 0), 1.0), ((0.5, 0.5), 1.0))),
        (
            ((6.48, 0), (0, 4.58)),
            tuple(((x, y), 1.0) for x, y in ((0, 0), (0.25, 0), (0.5, 0.5), (0.75, 0.5))),
        ),
        (((1.665, 0), (0.8325, 1.442)), (((0, 0), 1.0),)),
    ],
)
def test_squares_dumbbells_and_close_packed_columns_are_not_threefold(cell, columns):
    assert seen(*lattice(cell, columns)).threefold < 0.05


def test_a_lattice_at_the_wrong_pixel_size_shows_by_its_bonds():
    assert seen(*two_sublattices(a=2.7)).bond_A == pytest.approx(1.56, abs=0.02)


def test_dirt_is_not_threefold():
    rng = np.random.default_rng(5)
    xy = rng.uniform(0, 40, (900, 2))
    near = cKDTree(xy).query_pairs(1.0, output_type="ndarray")
    xy = np.delete(xy, np.unique(near[:, 1]), axis=0)
    assert seen(xy, np.ones(len(xy))).threefold < 0.15


def test_rims_do_not_count_against_graphene():
    xy, brightness = two_sublattices()
    bare = np.hypot(*(xy - 20.0).T) > 9.0
    assert seen(xy[bare], brightness[bare], noise_A=0.05).threefold > 0.92


def test_two_grains_are_still_graphene():
    left, bright = two_sublattices()
    cell = ((2.46, 0.0), (1.23, 2.46 * np.sqrt(3) / 2))
    right, _ = lattice(cell, (((1 / 3, 1 / 3), 1.0), ((2 / 3, 2 / 3), 1.0)), turn=0.75)
    xy = np.vstack([left[left[:, 0] < 19.4], right[right[:, 0] > 20.6]])
    found = seen(xy, np.ones(len(xy)))
    assert found.threefold > 0.9
    assert found.asymmetry < 0.05
    assert len(bright)


def test_a_handful_of_atoms_is_not_judged():
    xy, brightness = two_sublattices()
    assert examine(xy[:8], brightness[:8], brightness[:8], SIZE_A) is None
    assert examine(np.empty((0, 2)), np.empty(0), np.empty(0), SIZE_A) is None
