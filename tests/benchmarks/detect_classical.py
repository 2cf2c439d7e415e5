"""The tuned classical method: difference of Gaussians, local maxima, a mixture of intensities.

It is what a careful person writes without a network, tuned on simulated families (`silicon`,
`silicon_clusters`, `holes`, `contaminated`) for F1. It gives no error bar and no defect; it is told
the scale. Compared on families that no network of ours was trained on.
"""

from __future__ import annotations

from functools import cache
from time import perf_counter

import numpy as np
from detect import Sides, eye, look
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from inference_service.atomai.bright_points import bright_points, intensities
from inference_service.atomai.labelling import classes_told_apart
from inference_service.detector.pipeline import Detector
from inference_service.training.simulated_frame import NativeFrame, native_frame
from inference_service.training.specimen import FAMILIES
from shared.messages import Calibration

FAMILY_NAMES = ("mixed_defect_field", "noble_adatoms", "grain_boundary")
COUNTS = (120.0, 480.0)
SIDE_PX = 512
PIXEL_A = 0.104
WINDOW_PX = 5
MATCHED_A = 0.5
MARGIN_PX = 5
Atoms = NDArray[np.float64]


@cache
def frames() -> tuple[NativeFrame, ...]:
    """Frames with their truth."""
    return tuple(
        native_frame(np.random.default_rng([7, n]), FAMILIES[name], SIDE_PX, PIXEL_A, counts)
        for n, name in enumerate(FAMILY_NAMES)
        for counts in COUNTS
    )


def classical(frame: NativeFrame) -> Atoms:
    """Positions (n, 2); the species, which cost little, are found as well."""
    xy, _ = bright_points(frame.image, frame.pixel_A)
    brightness = intensities(frame.image, xy, WINDOW_PX)
    mixture, _ = classes_told_apart(brightness, 2)
    if mixture is not None:
        mixture.classify(brightness)
    return xy


def ours(detector: Detector, frame: NativeFrame) -> Atoms:
    """Positions (n, 2) of the atoms found."""
    calibration = Calibration(pixel_size_A=frame.pixel_A, source="header")
    table = detector.analyze(frame.image, calibration).table
    table = table[table["p"] >= 0.5]
    return np.stack([table["x_px"], table["y_px"]], axis=1).astype(np.float64)


def compare(found: Atoms, frame: NativeFrame) -> tuple[int, int, Atoms]:
    """Atoms matched one to one, atoms missed or invented, and the errors in pm."""
    truth, hidden = frame.xy_px[frame.labelled], frame.xy_px[~frame.labelled]
    truth, found = inner(truth), inner(found)
    reach = MATCHED_A / frame.pixel_A
    distance, nearest = cKDTree(truth).query(found, distance_upper_bound=reach)
    matched = {}
    for k in np.argsort(-distance):
        if np.isfinite(distance[k]):
            matched[int(nearest[k])] = float(distance[k])
    extra = len(found) - len(matched)
    if len(hidden) and extra:
        unmatched = found[~np.isfinite(distance)]
        extra -= int(np.sum(cKDTree(hidden).query(unmatched)[0] < reach))
    wrong = extra + len(truth) - len(matched)
    return len(matched), wrong, np.array(list(matched.values())) * frame.pixel_A * 100


def inner(xy: Atoms) -> Atoms:
    """Positions away from the edge, where both methods are cut off."""
    keep = np.all((xy > MARGIN_PX) & (xy < SIDE_PX - 1 - MARGIN_PX), axis=1)
    return np.asarray(xy[keep])


@cache
def outcomes() -> dict[str, tuple[float, float]]:
    """Wrong atoms per thousand and RMS in pm, of `ours` and `theirs`, over all frames."""
    result = {}
    for name, find in (("ours", lambda f: ours(eye(), f)), ("theirs", classical)):
        parts = [compare(find(frame), frame) for frame in frames()]
        matched, wrong = sum(part[0] for part in parts), sum(part[1] for part in parts)
        errors = np.concatenate([part[2] for part in parts])
        result[name] = 1000 * wrong / (matched + wrong), float(np.sqrt(np.mean(errors**2)))
    return result


def time_against_classical() -> Sides:
    """Milliseconds per frame of both."""

    def theirs() -> float:
        began = perf_counter()
        classical(frames()[0])
        return 1000 * (perf_counter() - began)

    return lambda: look(eye(), frames()[0]), theirs


def wrong_against_classical() -> Sides:
    """Atoms missed or invented, per thousand."""
    return lambda: outcomes()["ours"][0], lambda: outcomes()["theirs"][0]


def error_against_classical() -> Sides:
    """RMS distance of matched atoms from the truth, pm."""
    return lambda: outcomes()["ours"][1], lambda: outcomes()["theirs"][1]
