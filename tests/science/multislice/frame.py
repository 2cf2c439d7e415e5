"""Exposing a specimen: one frame as a file holds it, and the truth about it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.spatial import cKDTree

from .arrays import Arrays, Bools, Floats
from .bound import Fisher
from .distortion import Distortion, Unsteadiness
from .exposure import Exposure, NoiselessImage, to_file_numbers
from .noiseless import STEP_A, Noiseless
from .specimen import CONTAMINATION, sample

REFERENCE = 4e5 * 0.104**2
"""Electrons per pixel at which a carbon atom gives 1.1-1.4 counts."""
BORDER_A = 1.5
VACUUM_A = 2.0
PEAK_A = 0.35
CARBON = 6
BRIGHTNESS_EXPONENT = 1.65
"""Of the atomic number, only to weigh neighbours in the bound."""


@dataclass(frozen=True)
class Setting:
    """One exposure to be made.

    Attributes:
        dose_e_A2: Electrons that hit the specimen.
        pixel_A: Nominal pixel size.
        detector: "HAADF" or "MAADF".
        dtype: Of the file.
        field_A: Nominal side of the frame.
        header_factor: What the header multiplies the nominal pixel size by: 1 unless it lies.
    """

    dose_e_A2: float
    pixel_A: float
    detector: str = "HAADF"
    dtype: str = "float32"
    field_A: float = 37.6
    header_factor: float = 1.0

    def label(self) -> str:
        """Dose and pixel size for a file name."""
        return f"{self.dose_e_A2:.1e}-{round(1000 * self.pixel_A):03d}".replace("e+0", "e")


def expose(
    noiseless: Noiseless, setting: Setting, rng: np.random.Generator
) -> tuple[Arrays, Arrays]:
    """Record one frame.

    Returns:
        The arrays of the frame's file and of the truth's file.
    """
    source_A = rng.uniform(0.5, 0.8)
    image = NoiselessImage(noiseless.images[setting.detector], STEP_A, source_A)
    carbon = NoiselessImage(noiseless.carbon[setting.detector], STEP_A, source_A)
    side = 8 * round(setting.field_A / setting.pixel_A / 8)
    middle = noiseless.specimen.box_A / 2 + rng.uniform(-0.4, 0.4, 2)
    scan = Distortion.draw(rng, (side, side), setting.pixel_A, middle)
    collected = _collected(noiseless, image, rng)
    exposure = Exposure.draw(rng, setting.dose_e_A2, collected, setting.dtype)
    columns, rows = np.meshgrid(np.arange(side), np.arange(side))
    pixels = np.stack([columns, rows], axis=-1).astype(float)
    places = scan.specimen_A(pixels)
    shaken = places + Unsteadiness.draw(rng).shifts_A((side, side), rng)
    expected = exposure.expected(np.clip(image(shaken), 0.0, None), setting.pixel_A)
    signal = exposure.record(expected, rng)
    numbers = to_file_numbers(signal, setting.dtype, rng)
    apparent = peak_A(carbon)
    seen = _Seen(noiseless, scan, exposure, apparent)
    truth = seen.atoms() | seen.surroundings(places) | {
        "pixel_size_A": scan.true_pixel_A,
        "dose_e_A2": setting.dose_e_A2,
        "detector": setting.detector,
        "counts_per_carbon": _counts_per_carbon(noiseless, setting, exposure),
        "defects_json": json.dumps(seen.defects()),
        "setting_json": json.dumps(_told(scan, exposure, source_A, noiseless)),
    }  # fmt: skip
    at_carbon = truth["asked"] & (truth["number"] == CARBON)
    if at_carbon.any():
        truth["counts_at_carbon"] = float(_nearest(expected, truth["xy_px"][at_carbon]).mean())
    variance = expected * (1.0 + exposure.pulse_spread) + exposure.read_noise**2
    peak = setting.dose_e_A2 * setting.pixel_A**2 * collected
    reach = _Reach(signal, variance, peak, lambda offset: carbon(offset + apparent))
    truth |= reach.arrays(truth, scan.true_pixel_A)
    header = {"image": numbers, "pixel_size_A": setting.pixel_A * setting.header_factor}
    return header, truth


@dataclass(frozen=True)
class _Seen:
    """A specimen as it appears in one frame."""

    noiseless: Noiseless
    scan: Distortion
    exposure: Exposure
    apparent_A: Floats

    def px(self, xy_A: Floats) -> tuple[Floats, Bools]:
        """Apparent position of points of the specimen, and which are unambiguous."""
        xy, sure = self.scan.frame_px(xy_A + self.apparent_A)
        return xy + np.array([self.exposure.lag_shift_px, 0.0]), sure

    def in_frame(self, xy_px: Floats, border_px: float = -0.5) -> Bools:
        """Which points lie in the frame, at least so far from its border."""
        limit = np.array(self.scan.shape[::-1]) - 1 - border_px
        return np.asarray(((xy_px >= border_px) & (xy_px <= limit)).all(axis=-1))

    def atoms(self) -> Arrays:
        """Positions, elements, displacement and what is asked, of the atoms in the frame."""
        s = self.noiseless.specimen
        xy, sure = self.px(s.positions_A[:, :2])
        before, _ = self.px(s.positions_A[:, :2] - s.displaced_A)
        kept = self.in_frame(xy)
        asked = s.asked & sure & self.in_frame(xy, BORDER_A / self.scan.pixel_A)
        return {
            "xy_px": xy[kept],
            "number": s.numbers[kept],
            "role": s.roles[kept],
            "z_A": s.positions_A[kept, 2],
            "asked": asked[kept],
            "displaced_A": np.where(s.displaced_A == 0, 0.0, xy - before)[kept]
            * self.scan.true_pixel_A,
        }

    def surroundings(self, places_A: Floats) -> Arrays:
        """Masks of cover and vacuum over the frame."""
        s = self.noiseless.specimen
        distance = cKDTree(s.positions_A[:, :2]).query(places_A - self.apparent_A)[0]
        return {
            "cover": sample(s.covered, places_A - self.apparent_A),
            "vacuum": sample(s.hole, places_A - self.apparent_A) & (distance > VACUUM_A),
        }

    def defects(self) -> list[dict[str, object]]:
        """Named defects in the frame; paths are cut where they leave it or are covered."""
        found: list[dict[str, object]] = []
        for mark in self.noiseless.specimen.marks:
            xy, _ = self.px(mark.path_A)
            inside = self.in_frame(xy) & ~sample(self.noiseless.specimen.covered, mark.path_A)
            if len(xy) == 1 and inside[0]:
                found.append({"type": mark.type, "x_px": xy[0, 0], "y_px": xy[0, 1]})
            elif len(xy) > 1:
                breaks = np.flatnonzero(np.diff(inside.astype(int))) + 1
                runs = zip(np.split(xy, breaks), np.split(inside, breaks), strict=True)
                found += [
                    {"type": mark.type, "path_px": run.tolist()}
                    for run, within in runs
                    if within[0] and len(run) > 1
                ]
        return found


def peak_A(atom: NoiselessImage) -> Floats:
    """Where an atom at the origin appears: the middle of its brightest part, Å (2,).

    Coma moves it. The mean shift with a Gaussian window finds what a fit with a symmetric peak
    would, to first order.
    """
    axis = np.arange(-1.6, 1.6, 0.04)
    x, y = np.meshgrid(axis, axis)
    points = np.stack([x, y], axis=-1)
    signal = atom(points)
    signal = signal - signal.min()
    middle = points.reshape(-1, 2)[signal.argmax()]
    for _ in range(100):
        weight = signal * np.exp(-((points - middle) ** 2).sum(axis=-1) / (2 * PEAK_A**2))
        middle = (points * weight[..., None]).sum(axis=(0, 1)) / weight.sum()
    return np.asarray(middle)


def _collected(noiseless: Noiseless, image: NoiselessImage, rng: np.random.Generator) -> float:
    """Share of the signal counted, so that carbon gives 1.1-1.4 counts per REFERENCE electrons."""
    s = noiseless.specimen
    carbon = s.asked & (s.numbers == CARBON)
    if carbon.sum() < 20:
        return 1.0
    signal = np.median(image(s.positions_A[carbon, :2]))
    return float(rng.uniform(1.1, 1.4) / (REFERENCE * signal))


def _counts_per_carbon(noiseless: Noiseless, setting: Setting, exposure: Exposure) -> float:
    """All counts that one isolated carbon atom gives."""
    area = float(noiseless.carbon[setting.detector].sum()) * STEP_A**2
    return setting.dose_e_A2 * exposure.collected * area


@dataclass(frozen=True)
class _Reach:
    """How well positions can be known in one frame."""

    signal: Floats
    variance: Floats
    peak: float
    carbon: Callable[[Floats], Floats]

    def arrays(self, truth: Arrays, pixel_A: float) -> Arrays:
        """`bound_pm` (n,) and `best_xy_px` (n, 2); NaN for atoms that are not asked for."""
        found = {
            "bound_pm": np.full(len(truth["asked"]), np.nan),
            "best_xy_px": np.full(truth["xy_px"].shape, np.nan),
        }
        if truth["asked"].any():
            resolved = truth["role"] != CONTAMINATION
            peaks = self.peak * (truth["number"][resolved] / CARBON) ** BRIGHTNESS_EXPONENT
            fisher = Fisher(
                self.signal, self.variance, pixel_A, truth["xy_px"][resolved], peaks, self.carbon
            )
            found["bound_pm"][resolved], found["best_xy_px"][resolved] = fisher.solve()
            for values in found.values():
                values[~truth["asked"]] = np.nan
        return found


def _nearest(image: Floats, xy_px: Floats) -> Floats:
    column, row = np.round(xy_px).astype(int).T
    return np.asarray(image[row, column])


def _told(scan: Distortion, exposure: Exposure, source_A: float, noiseless: Noiseless) -> Arrays:
    """Everything that was drawn at random, for people."""
    return {
        "stretch": scan.stretch.tolist(),
        "drift_A": scan.drift_A.tolist(),
        "flyback_A": scan.flyback_A,
        "slips": scan.slips,
        "pulse_spread": exposure.pulse_spread,
        "read_noise": exposure.read_noise,
        "dark": exposure.dark,
        "lag": exposure.lag,
        "dtype": exposure.dtype,
        "source_fwhm_A": source_A,
        "optics": noiseless.optics,
    }


def write(folder: Path, name: str, header: Arrays, truth: Arrays) -> None:
    """Write frames/<name>.npz, then truth/<name>.npz, each whole or not at all."""
    for kind, arrays in (("frames", header), ("truth", truth)):
        (folder / kind).mkdir(parents=True, exist_ok=True)
        unfinished = folder / kind / f".{name}.tmp"
        with unfinished.open("wb") as file:
            np.savez_compressed(file, **arrays)
        unfinished.replace(folder / kind / f"{name}.npz")
