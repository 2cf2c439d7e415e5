"""A small renderer of its own for the detector's tests, independent of the trained simulator.

Atoms are placed one by one and splatted as a two-Gaussian probe; the detector is Poisson
counts, gain, offset and read noise. Rows, columns in pixels; x = column; Å.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import pytest
from numpy.typing import NDArray

BOND_A = 1.42
CONTRAST = {"C": 1.0, "Si": 4.01, "N": 1.288, "Au": 60.0, "Cr": 8.6}


@dataclass(frozen=True)
class Scene:
    """What to render; counts are detected electrons per C atom."""

    shape: tuple[int, int] = (320, 320)
    pixel_size_A: float = 0.104
    counts: float = 150.0
    fwhm_A: float = 1.05
    tail: float = 0.15
    rotation_rad: float = 0.3
    displacement_A: float = 0.0
    strain: tuple[float, float, float] = (0.0, 0.0, 0.0)  # xx, yy, xy
    background: float = 0.1  # of the C peak
    gain: float = 1.0
    offset: float = 0.0
    read_noise: float = 0.0
    dopants: tuple[tuple[str, float, float], ...] = ()  # element, wanted x and y as fractions
    hole_A: float = 0.0
    seed: int = 1


@dataclass(frozen=True)
class Rendered:
    """A frame and the truth behind it."""

    scene: Scene
    image: NDArray[np.float32]
    xy_px: NDArray[np.float64]
    ideal_px: NDArray[np.float64]
    elements: NDArray[np.str_]


def honeycomb(scene: Scene) -> NDArray[np.float64]:
    """(n, 2) x, y in Å of every lattice site within the frame and 3 Å around it."""
    extent = max(scene.shape) * scene.pixel_size_A
    a = BOND_A * np.sqrt(3)
    n = int(extent / a) + 4
    i, j = np.meshgrid(np.arange(-2 * n, 2 * n), np.arange(-2 * n, 2 * n), indexing="ij")
    base = i.ravel()[:, None] * np.array([a, 0.0]) + j.ravel()[:, None] * np.array(
        [a / 2, a * np.sqrt(3) / 2]
    )
    sites = np.concatenate([base, base + np.array([0.0, BOND_A])])
    c, s = np.cos(scene.rotation_rad), np.sin(scene.rotation_rad)
    exx, eyy, exy = scene.strain
    turn = np.array([[1 + exx, exy], [exy, 1 + eyy]]) @ np.array([[c, -s], [s, c]])
    sites = sites @ turn.T + np.array([0.37, 0.91]) + extent / 2
    rows, cols = scene.shape
    low, high = -3.0, 3.0
    keep = (
        (sites[:, 0] > low)
        & (sites[:, 0] < cols * scene.pixel_size_A + high)
        & (sites[:, 1] > low)
        & (sites[:, 1] < rows * scene.pixel_size_A + high)
    )
    return sites[keep]


def splat(
    image: NDArray[np.float64],
    xy: NDArray[np.float64],
    weights: NDArray[np.float64],
    sigma_px: float,
) -> None:
    """Add unit-volume Gaussians, integrated by sampling at pixel centres."""
    reach = int(np.ceil(5 * sigma_px))
    rows, cols = image.shape
    for (x, y), weight in zip(xy, weights, strict=True):
        x0, x1 = max(0, int(x) - reach), min(cols, int(x) + reach + 1)
        y0, y1 = max(0, int(y) - reach), min(rows, int(y) + reach + 1)
        if x0 >= x1 or y0 >= y1:
            continue
        gx = np.exp(-0.5 * ((np.arange(x0, x1) - x) / sigma_px) ** 2)
        gy = np.exp(-0.5 * ((np.arange(y0, y1) - y) / sigma_px) ** 2)
        image[y0:y1, x0:x1] += weight / (2 * np.pi * sigma_px**2) * gy[:, None] * gx[None, :]


def render_scene(scene: Scene) -> Rendered:
    """Render the scene: atoms, probe, counts, detector."""
    rng = np.random.default_rng(scene.seed)
    ideal = honeycomb(scene)
    rows, cols = scene.shape
    if scene.hole_A > 0:
        centre = np.array([cols, rows]) * scene.pixel_size_A / 2
        ideal = ideal[np.hypot(*(ideal - centre).T) > scene.hole_A]
    elements = np.full(len(ideal), "C", dtype="<U2")
    for element, fx, fy in scene.dopants:
        wanted = np.array([fx * cols, fy * rows]) * scene.pixel_size_A
        elements[np.argmin(np.hypot(*(ideal - wanted).T))] = element
    xy = (ideal + rng.normal(0, scene.displacement_A, ideal.shape)) / scene.pixel_size_A
    weights = scene.counts * np.array([CONTRAST[e] for e in elements])
    sigma = scene.fwhm_A / 2.3548 / scene.pixel_size_A
    expected = np.zeros(scene.shape)
    splat(expected, xy, weights * (1 - scene.tail), sigma)
    if scene.tail > 0:
        splat(expected, xy, weights * scene.tail, 2.2 * sigma)
    expected += scene.background * scene.counts / (2 * np.pi * sigma**2)
    image = rng.poisson(expected) * scene.gain + scene.offset
    image = image + rng.normal(0, scene.read_noise, scene.shape) * scene.gain
    inside = (xy[:, 0] > 0) & (xy[:, 0] < cols - 1) & (xy[:, 1] > 0) & (xy[:, 1] < rows - 1)
    return Rendered(
        scene=scene,
        image=image.astype(np.float32),
        xy_px=xy[inside],
        ideal_px=ideal[inside] / scene.pixel_size_A,
        elements=elements[inside],
    )


Renderer = Callable[..., Rendered]


@pytest.fixture(scope="session")
def render() -> Renderer:
    """Render a `Scene` with some of its fields changed."""

    def with_changes(**changes: object) -> Rendered:
        return render_scene(replace(Scene(), **changes))

    return with_changes
