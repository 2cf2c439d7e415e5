"""Two heavy atoms that nearly coincide are told from one, and one is left whole."""

import numpy as np
import pytest

from inference_service.detector.decode import Candidates
from inference_service.detector.normalise import CANONICAL_PIXEL_A as PIXEL_A
from inference_service.detector.split import split_pairs

WIDTH_PX = 0.44 / PIXEL_A
SIDE_A = 27.0
SIDE = round(SIDE_A / PIXEL_A)
CARBON, SILICON = (0.98, 0.01, 0.01), (0.02, 0.96, 0.02)


def field(heavy, counts=60.0, stretch=1.0, seed=1):
    """Render a sparse grid of carbon and heavy atoms (x, y in px, brightness)."""
    rng = np.random.default_rng(seed)
    steps = np.arange(2.0, SIDE_A - 1.0, 2.5) / PIXEL_A
    light = [(x, y, 1.0) for x in steps for y in steps]
    near = 1.65 / PIXEL_A
    light = [a for a in light if all(np.hypot(a[0] - h[0], a[1] - h[1]) > near for h in heavy)]
    rows, columns = np.mgrid[:SIDE, :SIDE]
    counts = counts * (PIXEL_A / 0.104) ** 2
    image = np.full((SIDE, SIDE), 0.1 * counts)
    for x, y, bright in [*light, *heavy]:
        away = ((columns - x) / stretch) ** 2 + (rows - y) ** 2
        image += bright * counts * np.exp(-0.5 * away / WIDTH_PX**2)
    return rng.poisson(image).astype(np.float32), np.array(light)[:, :2]


def seen(light, bright):
    xy = np.vstack([light, bright])
    n, m = len(light), len(bright)
    return Candidates(
        xy_px=xy,
        p=np.full(n + m, 0.95),
        p_spread=np.zeros(n + m),
        sigma_xy_px=np.ones((n + m, 2)),
        spread_px=np.ones(n + m),
        species=np.array([CARBON] * n + [SILICON] * m),
        contamination=np.zeros(n + m),
    )


@pytest.mark.parametrize("counts", [6.0, 60.0])
@pytest.mark.parametrize("angle", [0.0, 0.7, 2.2])
def test_a_pair_an_angstrom_apart_becomes_two(counts, angle):
    half = 0.52 / PIXEL_A * np.array([np.cos(angle), np.sin(angle)])
    middle = np.array([13.66, 13.4]) / PIXEL_A
    pair = np.stack([middle + half, middle - half])
    image, light = field([(x, y, 4.0) for x, y in pair], counts)
    found = split_pairs(seen(light, pair[:1]), image)
    assert len(found) == len(light) + 2
    bright = found.xy_px[found.species[:, 1] > 0.5]
    for place in pair:
        assert np.hypot(*(bright - place).T).min() * PIXEL_A < 0.25


@pytest.mark.parametrize("counts", [6.0, 60.0])
@pytest.mark.parametrize("stretch", [1.0, 1.25])
def test_one_atom_stays_one_even_under_astigmatism(counts, stretch):
    steps = np.array([6.3, 13.5, 20.8]) / PIXEL_A
    places = [(x, y, 4.0) for x in steps for y in steps]
    image, light = field(places, counts, stretch)
    candidates = seen(light, np.array(places)[:, :2])
    assert len(split_pairs(candidates, image)) == len(candidates)


def test_a_pair_that_the_network_told_apart_is_left_alone():
    pair = np.array([[13.0, 13.5], [14.2, 13.5]]) / PIXEL_A
    image, light = field([(x, y, 4.0) for x, y in pair])
    candidates = seen(light, pair)
    assert split_pairs(candidates, image) is candidates


def test_an_atom_at_the_border_is_left_alone():
    image, light = field([(2.0, 60.0, 4.0)])
    candidates = seen(light, np.array([[2.0, 60.0]]))
    assert split_pairs(candidates, image) is candidates
