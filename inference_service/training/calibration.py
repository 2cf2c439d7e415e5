"""Make an ensemble's raw numbers honest: temperature and bias of p, scale of sigma.

Measured on fresh frames of the families the ensemble was trained on; held-out families stay for
the scores. The result is written into the manifest, which serving reads.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.spatial import cKDTree

from inference_service.detector.decode import Candidates, decode
from inference_service.detector.engines.onnx_runtime import OnnxEngine
from inference_service.detector.ensemble import look
from inference_service.detector.joint_fit import Threads
from inference_service.detector.model import load_model
from inference_service.detector.normalise import CANONICAL_PIXEL_A, normalise
from inference_service.detector.refine import refine
from inference_service.training.scores import liable, pair_up
from inference_service.training.simulated_frame import LabelledFrame, training_frame
from inference_service.training.specimen import training_families

__all__ = ["Calibration", "Evidence", "calibrate", "fit_calibration", "write_calibration"]

_SEED = 800_001
_SIDE = 384
_RIGHT_A = 0.35
"""An atom this near makes a candidate right: 0.5 Å would be met by chance three times in ten in a
lattice, 0.25 Å would count honest atoms of faint frames as false."""
_LOGIT_LIMIT = 1e-6
_OUTLIER = 4.0


@dataclass(frozen=True)
class Calibration:
    """What serving applies; the names are those of the manifest."""

    temperature: float
    bias: float
    sigma_scale: float
    fit_correlation: float


@dataclass(frozen=True)
class Evidence:
    """Raw numbers and the truth about them, pooled over frames.

    Attributes:
        p: (n,) raw probabilities of everything listed.
        right: (n,) whether an atom is there.
        z: (m, 2) network's position errors over its own sigma.
        errors_px: (m, 4) network's x and y error, the fit's x and y error.
    """

    p: NDArray[np.float64]
    right: NDArray[np.bool_]
    z: NDArray[np.float64]
    errors_px: NDArray[np.float64]


def calibrate(folder: Path, frames: int, threads: int = 1) -> Calibration:
    """Measure the calibration of an ensemble.

    Args:
        folder: of the ensemble.
        frames: how many to simulate.
        threads: of engine and fit.

    Returns:
        The calibration, ready for ``write_calibration``.
    """
    engine = OnnxEngine(load_model(folder), threads)
    with ThreadPoolExecutor(threads) as executor:
        parts = [_evidence(engine, Threads(executor, threads), frame) for frame in _frames(frames)]
    return fit_calibration(
        Evidence(
            np.concatenate([e.p for e in parts]),
            np.concatenate([e.right for e in parts]),
            np.vstack([e.z for e in parts]),
            np.vstack([e.errors_px for e in parts]),
        )
    )


def fit_calibration(evidence: Evidence) -> Calibration:
    """Fit temperature and bias by maximum likelihood, the rest by moments.

    Args:
        evidence: pooled over frames.

    Returns:
        The calibration.
    """
    clipped = np.clip(evidence.p, _LOGIT_LIMIT, 1 - _LOGIT_LIMIT)
    logit = np.log(clipped / (1 - clipped))
    sign = np.where(evidence.right, 1.0, -1.0)

    def loss(values: NDArray[np.float64]) -> float:
        moved = logit * np.exp(-values[0]) + values[1]
        return float(np.mean(np.logaddexp(0, -sign * moved)))

    best = minimize(loss, np.zeros(2), method="Nelder-Mead").x
    usual = np.abs(evidence.z) < _OUTLIER * np.median(np.abs(evidence.z)) / 0.6745
    net, fit = evidence.errors_px[:, :2].ravel(), evidence.errors_px[:, 2:].ravel()
    near = np.abs(fit) < _OUTLIER * np.median(np.abs(fit)) / 0.6745
    return Calibration(
        temperature=float(np.exp(best[0])),
        bias=float(best[1]),
        sigma_scale=float(np.sqrt(np.mean(evidence.z[usual] ** 2))),
        fit_correlation=float(np.clip(np.corrcoef(net[near], fit[near])[0, 1], 0, 0.95)),
    )


def write_calibration(folder: Path, calibration: Calibration) -> None:
    """Put a calibration into the manifest of an ensemble."""
    path = folder / "manifest.json"
    manifest = json.loads(path.read_text())
    manifest["calibration"] = {k: round(v, 4) for k, v in asdict(calibration).items()}
    draft = path.with_suffix(".tmp")
    draft.write_text(json.dumps(manifest, indent=2) + "\n")
    draft.replace(path)


def _frames(count: int) -> Iterator[LabelledFrame]:
    """Simulate frames of the training families, each as often as training sees it."""
    families = training_families()
    names = sorted(families)
    weight = np.array([families[name].weight for name in names])
    for k in range(count):
        rng = np.random.default_rng([_SEED, k])
        name = str(rng.choice(names, p=weight / weight.sum()))
        yield training_frame(rng, families[name], _SIDE)


def _evidence(engine: OnnxEngine, threads: Threads, frame: LabelledFrame) -> Evidence:
    """Look at one frame and compare with its truth."""
    candidates = decode(look(engine, normalise(frame.image)))
    inside = np.all((candidates.xy_px > 0) & (candidates.xy_px < _SIDE - 1), axis=1)
    candidates = candidates.take(np.flatnonzero(inside))
    known = frame.xy_px[frame.labelled]
    listed = np.ones(len(candidates), dtype=np.bool_)
    partner = pair_up(known, candidates.xy_px, listed, _RIGHT_A / CANONICAL_PIXEL_A)
    judged = liable(frame, candidates.xy_px) & (candidates.contamination < 0.5)
    likely = candidates.p > 0.5
    sure = np.flatnonzero((partner >= 0) & judged & likely & ~_crowded(candidates))
    truth = known[partner[sure]]
    error = candidates.xy_px[sure] - truth
    fit = candidates.xy_px.copy()
    if likely.any():
        fit[likely] = refine(
            frame.image, candidates.xy_px[likely], CANONICAL_PIXEL_A, threads
        ).xy_px
    return Evidence(
        p=candidates.p[judged],
        right=partner[judged] >= 0,
        z=error / candidates.sigma_xy_px[sure],
        errors_px=np.hstack([error, fit[sure] - truth]),
    )


def _crowded(candidates: Candidates) -> NDArray[np.bool_]:
    """Tell which candidates have another one within 1.1 Å, where a fit may exchange them."""
    if len(candidates) < 2:
        return np.zeros(len(candidates), dtype=np.bool_)
    nearest = cKDTree(candidates.xy_px).query(candidates.xy_px, 2)[0][:, 1]
    return np.asarray(nearest * CANONICAL_PIXEL_A < 1.1)
