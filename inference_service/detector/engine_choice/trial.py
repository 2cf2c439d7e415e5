"""Built-in frames with known atoms on which engines are compared, and the scores of a look.

One frame is as dilute as serving gets, under patches of amorphous matter; the other has a hole,
silicon, a silicon dimer and heavy adatoms at a good dose. Atoms stand off the lattice by up to a
tenth of an ångström, so that a network that only knows the lattice cannot hide it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from inference_service.detector.decode import Candidates, decode
from inference_service.detector.engines.engine import Engine
from inference_service.detector.ensemble import look
from inference_service.detector.heads import INPUT_MULTIPLE_PX
from inference_service.detector.normalise import CANONICAL_PIXEL_A, normalise
from shared.units import CARBON_BOND_A, GRAPHENE_LATTICE_A

__all__ = ["Score", "TrialFrame", "score", "trial_frames"]

FIELD_A: Final = 46.6
"""Side of a frame, Å: half of the field that speed is measured on."""
SIDE_PX: Final = round(FIELD_A / CANONICAL_PIXEL_A / INPUT_MULTIPLE_PX) * INPUT_MULTIPLE_PX
PROBE_A: Final = 0.45
"""Standard deviation of an atom's image, Å."""
DISPLACEMENT_A: Final = 0.05
"""Standard deviation of the displacement along each axis, Å."""
SILICON, HEAVY = 4.0, 12.0
"""Brightness of Si and of a heavy adatom over that of C, about Z^1.64."""
MATCH_PX: Final = 0.5 / CANONICAL_PIXEL_A
"""Found and true atoms within 0.5 Å are the same."""
MARGIN_PX: Final = 1.0 / CANONICAL_PIXEL_A
"""Atoms closer than this to the frame's edge are not scored."""


@dataclass(frozen=True)
class TrialFrame:
    """A normalised frame and the atoms in it."""

    image: NDArray[np.float32]
    """(rows, columns)."""
    xy_px: NDArray[np.float64]
    """(n, 2) column, row."""


@dataclass(frozen=True)
class Score:
    """How well a look agrees with the truth."""

    f1: float
    """Harmonic mean of precision and recall at 0.5 Å."""
    rms_pm: float
    """Root mean square distance of the matched atoms, pm."""


@cache
def trial_frames() -> tuple[TrialFrame, ...]:
    """Draw the built-in frames; the same at every call."""
    return _draw(seed=1, dose_A2=20.0, clouds=8), _draw(seed=2, dose_A2=600.0, clouds=0)


def score(engine: Engine) -> Score:
    """Look at the built-in frames and compare with their atoms."""
    looks = [_compare(decode(look(engine, frame.image)), frame) for frame in trial_frames()]
    found, true = (np.concatenate(parts) for parts in zip(*looks, strict=True))
    precision, recall = (
        float(np.isfinite(one).mean()) if len(one) else 0.0 for one in (found, true)
    )
    matched = found[np.isfinite(found)]
    rms_px = float(np.sqrt(np.mean(matched**2))) if len(matched) else 0.0
    return Score(
        f1=2 * precision * recall / max(1e-9, precision + recall),
        rms_pm=100 * CANONICAL_PIXEL_A * rms_px,
    )


def _compare(
    candidates: Candidates, frame: TrialFrame
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Distance to its partner of each found and of each true atom, px; infinite without one."""
    found, true = candidates.xy_px[candidates.p >= 0.5], frame.xy_px
    if not len(found):
        return np.zeros(0), np.full(int(_scored(true).sum()), np.inf)
    distance, partner = cKDTree(true).query(found, distance_upper_bound=MATCH_PX)
    back_distance, back = cKDTree(found).query(true, distance_upper_bound=MATCH_PX)
    partner, back = np.append(partner, -1), np.append(back, -1)
    mutual = back[partner[:-1]] == np.arange(len(found))
    returned = partner[back[:-1]] == np.arange(len(true))
    return (
        np.where(mutual, distance, np.inf)[_scored(found)],
        np.where(returned, back_distance, np.inf)[_scored(true)],
    )


def _scored(xy_px: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which atoms lie away from the frame's edge."""
    inside = (xy_px > MARGIN_PX) & (xy_px < SIDE_PX - 1 - MARGIN_PX)
    return np.asarray(inside.all(axis=1))


def _draw(seed: int, dose_A2: float, clouds: int) -> TrialFrame:
    """Draw graphene of `dose_A2` detected electrons per Å² at the centre of a C atom."""
    counts = dose_A2 * CANONICAL_PIXEL_A**2
    rng = np.random.default_rng(seed)
    sites = _lattice(angle=0.2 + seed)
    if not clouds:
        sites = sites[np.hypot(*(sites - [14.0, 28.0]).T) > 6.0]
    brightness = np.ones(len(sites))
    brightness[rng.choice(len(sites), 12, replace=False)] = SILICON
    brightness[cKDTree(sites).query([30.0, 12.0], k=2)[1]] = SILICON
    adatoms = rng.uniform(4.0, SIDE_PX * CANONICAL_PIXEL_A - 4.0, (0 if clouds else 4, 2))
    adatoms = adatoms[cKDTree(sites).query(adatoms)[0] > 0.5] if len(adatoms) else adatoms
    sites = np.concatenate([sites + rng.normal(0, DISPLACEMENT_A, sites.shape), adatoms])
    brightness = np.concatenate([brightness, np.full(len(adatoms), HEAVY)])
    image = counts * (_splat(sites, brightness, PROBE_A) + 0.1)
    cloud_sites = rng.uniform(0, SIDE_PX * CANONICAL_PIXEL_A, (clouds, 2))
    image += counts * _splat(cloud_sites, np.full(clouds, 0.8), 3.0)
    return TrialFrame(normalise(rng.poisson(image).astype(np.float32)), sites / CANONICAL_PIXEL_A)


def _lattice(angle: float) -> NDArray[np.float64]:
    """(n, 2) x, y in Å of graphene's sites within the frame and 2 Å around it."""
    a, extent = GRAPHENE_LATTICE_A, SIDE_PX * CANONICAL_PIXEL_A
    n = np.arange(-40, 41)
    steps = np.stack(np.meshgrid(n, n), -1).reshape(-1, 2)
    cell = steps @ np.array([[a, 0.0], [a / 2, a * np.sqrt(3) / 2]])
    sites = np.concatenate([cell, cell + np.array([0.0, CARBON_BOND_A])])
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    sites = sites @ turn.T + extent / 2
    return np.asarray(sites[((sites > -2.0) & (sites < extent + 2.0)).all(axis=1)])


def _splat(
    xy_A: NDArray[np.float64], brightness: NDArray[np.float64], width_A: float
) -> NDArray[np.float64]:
    """Sum Gaussians of peak `brightness`, (SIDE_PX, SIDE_PX)."""
    axis = np.arange(SIDE_PX) * CANONICAL_PIXEL_A
    columns = np.exp(-0.5 * ((axis - xy_A[:, :1]) / width_A) ** 2)
    rows = np.exp(-0.5 * ((axis - xy_A[:, 1:]) / width_A) ** 2)
    return np.asarray((rows * brightness[:, None]).T @ columns)
