"""What one atom looks like: the frame's own probe as a sum of Hermite functions and wide tails.

Annular dark field of a thin sheet is linear, so all atoms share one shape up to their brightness.
A round Gaussian is its lowest order; astigmatism, coma, threefold and what lies beyond are the
orders above it, source size is in the width, and tails are wider Gaussians. Heavy atoms have a
shape of their own, since their tails can be seen. Positions mean the bright core: the centroid of
what exceeds half of the maximum.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import NDArray

from inference_service.detector.atom_kernels import LAYERS, PHASES
from inference_service.detector.haze import HAZE, HAZE_U

__all__ = ["FWHM_PER_S", "TAIL_WIDTHS", "Probe", "Shape", "hermite", "round_probe"]

FloatArray = NDArray[np.float64]
FloatImage = NDArray[np.float32]

FWHM_PER_S: Final = 2.3548
TAIL_WIDTHS: Final = (1.8, 3.2)
"""Widths of the tails' Gaussians over the core's."""
FINE: Final = 0.04
"""Sampling at which the core is looked at, in widths."""
CORE_REACH: Final = 2.2
"""How far from its origin a core is looked for, in widths."""


@dataclass(frozen=True)
class Shape:
    """An image of one atom of unit brightness, lengths in units of the probe's scale."""

    core: FloatArray
    """(orders, orders) amounts of the Hermite functions along x and along y."""
    tails: FloatArray
    """(2,) amplitudes of the Gaussians of `TAIL_WIDTHS`."""
    centre: tuple[float, float] = (0.0, 0.0)
    """x and y of the bright core."""

    def terms(self) -> list[tuple[float, FloatArray]]:
        """Widths and amounts of everything that adds up to the shape."""
        unit = np.sqrt(np.pi)
        wide = [(w, np.array([[unit * a]])) for w, a in zip(TAIL_WIDTHS, self.tails, strict=True)]
        return [(1.0, self.core), *(term for term in wide if term[1][0, 0] != 0.0)]

    def values(self, x: FloatArray, y: FloatArray) -> FloatArray:
        """(len(y), len(x)) values on a grid of x and y, relative to the centre."""
        total = np.zeros((len(y), len(x)))
        for width, amounts in self.terms():
            order = len(amounts) - 1
            along_x = hermite((x + self.centre[0]) / width, order)
            along_y = hermite((y + self.centre[1]) / width, order)
            total += along_y.T @ amounts.T @ along_x
        return total

    def normalised(self) -> tuple[Shape, float]:
        """The same with its core in the middle and 1 there, and what it was."""
        axis = np.arange(-CORE_REACH, CORE_REACH + FINE / 2, FINE)
        free = replace(self, centre=(0.0, 0.0))
        image = free.values(axis, axis)
        bright = np.maximum(image - 0.5 * image.max(), 0.0)
        total = bright.sum()
        centre = (float(bright.sum(0) @ axis / total), float(bright.sum(1) @ axis / total))
        peak = float(replace(self, centre=centre).values(np.zeros(1), np.zeros(1))[0, 0])
        return Shape(self.core / peak, self.tails / peak, centre), peak

    @cached_property
    def width(self) -> float:
        """Standard deviation of the round Gaussian with the same area above half maximum."""
        axis = np.arange(-CORE_REACH, CORE_REACH + FINE / 2, FINE)
        image = self.values(axis, axis)
        area = np.count_nonzero(image > 0.5 * image.max()) * FINE**2
        return float(2.0 * np.sqrt(area / np.pi) / FWHM_PER_S)

    @cached_property
    def integral(self) -> float:
        """Volume under the shape."""
        total = 0.0
        for width, amounts in self.terms():
            one = integrals(len(amounts) - 1)
            total += width**2 * float(one @ amounts @ one)
        return total


@dataclass(frozen=True)
class Probe:
    """The shapes of light and of heavy atoms on a frame's pixels."""

    scale: float
    """Length unit of the shapes, px."""
    light: Shape
    difference: FloatArray
    """(3,) what a heavy atom has more: u² exp(-u²/2) of wider, and the two tails."""
    amounts: FloatArray
    """(k,) of the modes that the light shape is made of (`probe_modes`)."""

    @cached_property
    def heavy(self) -> Shape:
        """Shape of a heavy atom; its centre is the light atoms'."""
        size = max(3, len(self.light.core))
        core = np.zeros((size, size))
        core[: len(self.light.core), : len(self.light.core)] = self.light.core
        core += self.difference[0] * wider(size)
        shape = Shape(core, self.light.tails + self.difference[1:], self.light.centre)
        peak = max(float(shape.values(np.zeros(1), np.zeros(1))[0, 0]), 0.3)
        return replace(shape, core=core / peak, tails=shape.tails / peak)

    @property
    def middle(self) -> FloatArray:
        """(2,) x and y of the core's centre from the origin of the shape's functions, px."""
        return np.array(self.light.centre) * self.scale

    @property
    def s(self) -> float:
        """Width of a light atom's core, px: standard deviation of a Gaussian of equal FWHM."""
        return self.scale * self.light.width

    def volume(self) -> float:
        """Integral of a light atom of unit amplitude, its far tail included, px²."""
        tail = 2.0 * np.pi * HAZE * HAZE_U**2 if self.amounts.size else 0.0
        return (self.light.integral + tail) * self.scale**2

    def unbinned(self, factor: int) -> Probe:
        """The same on pixels `factor` times as fine, less the width of the coarse ones."""
        squared = (self.scale * factor) ** 2 - (factor**2 - 1) / 12.0
        return replace(self, scale=float(np.sqrt(max(squared, 0.05 * factor**2))))

    def stamps(self, reach: int, *, heavy: bool) -> FloatImage:
        """(PHASES², LAYERS, side, side) of light or heavy atoms, side = 2 reach + 1."""
        key = (reach, heavy)
        if key not in self._tables:
            shape = self.heavy if heavy else self.light
            self._tables[key] = stamps_of(shape, self.scale, reach)
        return self._tables[key]

    @cached_property
    def _tables(self) -> dict[tuple[int, bool], FloatImage]:
        """Stamps made so far."""
        return {}


def round_probe(scale: float) -> Probe:
    """A round Gaussian of this standard deviation, px."""
    shape = Shape(np.array([[np.sqrt(np.pi)]]), np.zeros(len(TAIL_WIDTHS)))
    return Probe(scale, shape, np.zeros(1 + len(TAIL_WIDTHS)), np.zeros(0))


def wider(size: int) -> FloatArray:
    """Amounts of u² exp(-u²/2), (size, size): its orders are 0 and 2."""
    amounts = np.zeros((size, size))
    amounts[0, 0] = np.sqrt(np.pi)
    amounts[2, 0] = amounts[0, 2] = np.sqrt(np.pi / 2.0)
    return amounts


def stamps_of(shape: Shape, scale: float, reach: int) -> FloatImage:
    """Tabulate one shape, (PHASES², LAYERS, side, side), as `atom_kernels` expects it."""
    side = 2 * reach + 1
    total = np.zeros((LAYERS, PHASES * side, PHASES * side))
    for width, amounts in shape.terms():
        unit = width * scale
        raised = np.zeros((len(amounts) + 2, len(amounts) + 2))
        raised[: len(amounts), : len(amounts)] = amounts
        slope = derivative(len(raised)) / unit
        by_x, by_y = slope @ raised, raised @ slope.T
        layers = (raised, -by_x, -by_y, slope @ by_x, slope @ by_y, by_y @ slope.T)
        tables = [
            hermite((offsets(reach) + scale * middle) / unit, len(raised) - 1)
            for middle in shape.centre
        ]
        total += np.stack([tables[1].T @ layer.T @ tables[0] for layer in layers])
    split = total.reshape(LAYERS, PHASES, side, PHASES, side).transpose(1, 3, 0, 2, 4)
    return np.ascontiguousarray(split.reshape(PHASES**2, LAYERS, side, side), dtype=np.float32)


def offsets(reach: int) -> FloatArray:
    """Pixels around an atom relative to it, for one of its places in a pixel after another."""
    places = (np.arange(PHASES) + 0.5) / PHASES - 0.5
    pixels = np.arange(-reach, reach + 1, dtype=np.float64)
    return np.asarray((pixels - places[:, None]).ravel())


def hermite(u: FloatArray, order: int) -> FloatArray:
    """Orthonormal Hermite functions of orders 0 to `order`, (order + 1, len(u)).

    The three-term recurrence of Abramowitz and Stegun 22.7.13, with the Gaussian inside.
    """
    out = np.empty((order + 1, len(u)))
    out[0] = np.pi**-0.25 * np.exp(-0.5 * u * u)
    if order > 0:
        out[1] = np.sqrt(2.0) * u * out[0]
    for n in range(2, order + 1):
        out[n] = np.sqrt(2.0 / n) * u * out[n - 1] - np.sqrt((n - 1) / n) * out[n - 2]
    return out


def derivative(count: int) -> FloatArray:
    """Matrix from amounts of Hermite functions to those of their derivative."""
    roots = np.sqrt(np.arange(1, count) / 2.0)
    return np.asarray(np.diag(roots, 1) - np.diag(roots, -1))


def integrals(order: int) -> FloatArray:
    """Integrals of the Hermite functions of orders 0 to `order`."""
    out = np.zeros(order + 1)
    out[0] = np.sqrt(2.0) * np.pi**0.25
    for n in range(2, order + 1, 2):
        out[n] = np.sqrt((n - 1) / n) * out[n - 2]
    return out
