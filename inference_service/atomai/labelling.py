"""The first labelling: raw frames to classes, by intensity alone.

The way the ensemble's own first labels were made: bright points are atoms, and a Gaussian mixture
over their intensities says which of them are heavy. Frames are pooled, each in units of its own
typical atom, because silicon is rare and doses differ. Nothing here knows carbon from silicon where
noise hides the difference: the mixture says so, and then there is one class fewer.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from inference_service.atomai.bright_points import bright_points, intensities
from inference_service.atomai.labelled_frame import LabelledFrame, painted
from inference_service.atomai.mixture import Mixture, evidence, fit_mixture, separation
from inference_service.detector.intake import take_in
from inference_service.detector.lattice_scale import measure_lattice
from inference_service.detector.resample import Grid, resample
from inference_service.detector.scale import decide_scale
from shared.errors import InputError
from shared.messages import Calibration

__all__ = ["Labelling", "RawFrame", "label_frames", "taken"]

FloatMap = NDArray[np.float32]
FloatArray = NDArray[np.float64]

TOLD_APART: Final = 2.0
"""Least separation of two classes, Ashman's D."""
FEWEST: Final = 20
"""Atoms below which no mixture is fitted."""
BACKGROUND_PERCENTILE: Final = 5.0


@dataclass(frozen=True)
class Labelling:
    """How labels are made."""

    classes: tuple[str, ...] = ("C", "Si")
    """Elements from faint to bright."""
    window_px: int = 5
    """Side of the square over which an atom's intensity is averaged; odd."""
    radius_A: float = 0.42
    """Of the painted discs, Å."""
    pixel_size_A: float = 0.104
    """Sampling of the labelled frames, Å per pixel: the paper's."""


@dataclass(frozen=True)
class RawFrame:
    """A frame brought to the sampling of the labels, its bright points found."""

    image: FloatMap
    """(rows, columns) at the labels' sampling."""
    xy_px: FloatArray
    """(n, 2) column, row."""
    intensity: FloatArray
    """(n,) above the background, over the frame's typical atom."""


@dataclass(frozen=True)
class Labelled:
    """What became of the frames."""

    frames: tuple[LabelledFrame, ...]
    mixture: Mixture | None
    """None where a single class was found or asked for."""
    warnings: tuple[str, ...] = field(default=())


def taken(image: NDArray[np.generic], calibration: Calibration, how: Labelling) -> RawFrame:
    """Bring a frame to the labels' sampling and find its bright points.

    Args:
        image: (rows, columns), any real dtype.
        calibration: The pixel size its file states; the image's own lattice is asked as well.
        how: Of the labels.

    Raises:
        InputError: Not an image, or nothing in it looks like an atom.
        UncalibratedError: Neither a stated pixel size nor a recognisable lattice.
    """
    pixels = take_in(image).image
    scale = decide_scale(measure_lattice(pixels), calibration)
    sampled = resample(pixels, Grid(how.pixel_size_A / scale.pixel_size_A))
    xy, _ = bright_points(sampled, how.pixel_size_A)
    if len(xy) == 0:
        raise InputError(
            "Nothing in the frame looks like an atom.", remedy="Label frames that hold atoms."
        )
    above = intensities(sampled, xy, how.window_px)
    above -= np.percentile(sampled, BACKGROUND_PERCENTILE)
    return RawFrame(sampled, xy, above / max(float(np.median(above)), 1e-30))


def label_frames(frames: list[RawFrame], how: Labelling) -> Labelled:
    """Classify the bright points of all frames together and paint the masks.

    Args:
        frames: At the labels' sampling.
        how: Of the labels.
    """
    values = np.concatenate([frame.intensity for frame in frames])
    mixture, warnings = classes_told_apart(values, len(how.classes))
    labelled = []
    for frame in frames:
        group = (
            np.zeros(len(frame.xy_px), dtype=np.int64)
            if mixture is None
            else mixture.classify(frame.intensity).astype(np.int64)
        )
        radius = how.radius_A / how.pixel_size_A
        mask = painted(frame.image.shape, frame.xy_px, group, radius, len(how.classes))
        labelled.append(
            LabelledFrame(
                frame.image,
                mask,
                frame.xy_px,
                group,
                frame.intensity,
                how.pixel_size_A,
                how.classes,
            )
        )
    return Labelled(tuple(labelled), mixture, warnings)


def classes_told_apart(values: FloatArray, classes: int) -> tuple[Mixture | None, tuple[str, ...]]:
    """Fit as many components as classes, fewer where they cannot be told apart."""
    for count in range(min(classes, len(values) // FEWEST), 1, -1):
        mixture, fewer = fit_mixture(values, count), fit_mixture(values, count - 1)
        if separation(mixture) >= TOLD_APART and evidence(values, mixture, fewer) > 0:
            said = () if count == classes else (f"only {count} of {classes} classes are there",)
            return mixture, said
    if classes == 1:
        return None, ()
    return None, ("the intensities form one class; all atoms are of the first",)
