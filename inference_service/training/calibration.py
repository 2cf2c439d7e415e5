"""Make an ensemble's raw numbers honest: probabilities, and the errors of both positions.

Measured on fresh frames of the families the ensemble was trained on; held-out families stay for
the scores. The result is written into the manifest, which serving reads.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from inference_service.detector.company import Company, CompanyCalibration, company_of
from inference_service.detector.error_calibration import PositionCalibration, Stratum
from inference_service.detector.model import Calibrations
from inference_service.detector.position import Voices, hear
from inference_service.detector.presence import PresenceCalibration, present
from inference_service.detector.threefold import SHELLS
from inference_service.training.calibration_evidence import Sight, look_at_frames
from inference_service.training.company_fit import fit_company

__all__ = [
    "calibrate",
    "fit_positions",
    "fit_presence",
    "write_calibration",
]

FloatArray = NDArray[np.float64]

STRATA: Final = 4
"""Noise levels told apart, each with as many frames."""
FEWEST_PER_STRATUM: Final = 6
RESOLVED_A: Final = 0.5
"""Typical sigma of the fit, Å, beyond which atoms are not told apart."""
FEWEST_ATOMS: Final = 30
"""Frames with fewer compared atoms say little of their errors."""
ROUNDS: Final = 3
"""Each factor depends on the others only through what sheet and network are believed."""
MIDDLE: Final = (0.25, 0.75)
"""Frames of a group are ranked by their mean square error over sigma, and those between these
quantiles are averaged: frames torn by hum or slips would set the sigma of all others."""
WILD_ATOM: Final = 5.0
"""Errors beyond this many standard errors count as this many."""
MOST_CORRELATION: Final = 0.95
FEWEST_FREE: Final = 10
"""Compared coordinates without a sheet from which a frame says something of the network alone."""
WILD_CENTROID_A: Final = 0.6
"""Further from the centroid of its neighbours no atom is displaced: something else is there."""
LEAST_SQUARE_A2: Final = 0.5
LEAST_FOLLOWING: Final = 0.05


def calibrate(folder: Path, frames: int, threads: int = 1) -> Calibrations:
    """Measure the calibration of an ensemble.

    Args:
        folder: Of the ensemble.
        frames: How many to simulate.
        threads: Of engine and fit.

    Returns:
        The calibration, ready for ``write_calibration``.
    """
    sights = [s for s in look_at_frames(folder, frames, threads) if resolved(s)]
    alone = Calibrations(
        presence=fit_presence(
            np.concatenate([s.p[s.judged] for s in sights]),
            np.concatenate([s.evidence[s.judged] for s in sights]),
            np.concatenate([s.precision[s.judged] for s in sights]),
            np.concatenate([s.right[s.judged] for s in sights]),
        )
    )
    return alone.model_copy(
        update={"company": company_calibration(sights, alone), "position": fit_positions(sights)}
    )


def resolved(sight: Sight) -> bool:
    """Whether the fit tells atoms apart; serving vouches for nothing where it does not."""
    return voices_of(sight, PositionCalibration()).factors.fit_sigma_A < RESOLVED_A


def company_calibration(sights: Sequence[Sight], alone: Calibrations) -> CompanyCalibration:
    """Fit what the neighbours add, given how each candidate is judged without them."""
    said = [present(s.p, s.evidence, s.precision, alone.presence) for s in sights]
    company = [company_of(s.xy_A, p, s.light, s.field_A) for s, p in zip(sights, said, strict=True)]
    judged = [
        Company(c.neighbours, c.rival, c.asked & s.judged)
        for c, s in zip(company, sights, strict=True)
    ]
    return fit_company(np.concatenate(said), judged, np.concatenate([s.right for s in sights]))


def fit_presence(
    p: FloatArray, evidence: FloatArray, precision: FloatArray, right: NDArray[np.bool_]
) -> PresenceCalibration:
    """Fit temperature, bias and the weights of the brightness by maximum likelihood.

    Args:
        p: (n,) the network's raw probabilities.
        evidence: (n,) of the fitted brightness.
        precision: (n,) relative standard error of that brightness.
        right: (n,) whether an atom is there.
    """

    def calibration(values: FloatArray) -> PresenceCalibration:
        temperature, bias, *weights = (float(v) for v in values)
        return PresenceCalibration(
            temperature=temperature, bias=bias, brightness=(weights[0], weights[1], weights[2])
        )

    def loss(values: FloatArray) -> float:
        said = present(p, evidence, precision, calibration(values))
        likely = np.clip(np.where(right, said, 1.0 - said), 1e-9, 1.0)
        return float(-np.mean(np.log(likely)))

    start = np.array([1.0, 0.0, 0.9, 0.6, 0.3])
    bounds = [(0.2, 5.0), (-5.0, 5.0), *[(0.0, 1.0)] * 3]
    return calibration(minimize(loss, start, method="L-BFGS-B", bounds=bounds).x)


def fit_positions(sights: Sequence[Sight]) -> PositionCalibration:
    """Fit the factors of both estimates' errors by moments, in rounds.

    Args:
        sights: Of frames at many noise levels.
    """
    usable = [s for s in sights if compared(s).sum() >= FEWEST_ATOMS]
    if len(usable) < FEWEST_PER_STRATUM:
        return PositionCalibration()
    figures = PositionCalibration(network_floor_A=0.0)
    levels = np.array([voices_of(s, figures).factors.fit_sigma_A for s in usable])
    groups = np.array_split(np.argsort(levels), strata_of(len(usable)))
    centres = [float(np.exp(np.mean(np.log(levels[group])))) for group in groups]
    figures = with_strata(figures, [Stratum(fit_sigma_A=level) for level in centres])
    for _ in range(ROUNDS):
        heard = [voices_of(s, figures) for s in usable]
        figures = figures.model_copy(update=off_sheet(usable, heard, figures))
        strata = [
            adjusted(one, [(usable[i], heard[i]) for i in group], figures.fit_correlation)
            for one, group in zip(figures.strata, groups, strict=True)
        ]
        figures = with_strata(figures, strata)
    return figures


def strata_of(frames: int) -> int:
    """How many noise levels this many frames can tell apart."""
    return int(np.clip(frames // FEWEST_PER_STRATUM, 1, STRATA))


def with_strata(figures: PositionCalibration, strata: Sequence[Stratum]) -> PositionCalibration:
    """The figures with other strata."""
    return figures.model_copy(update={"strata": tuple(strata)})


def adjusted(
    stratum: Stratum, frames: Sequence[tuple[Sight, Voices]], fit_correlation: float
) -> Stratum:
    """A stratum's factors, corrected by what is left over in its frames."""
    fit = [errors(s, v.fit) / v.fit_sigma[compared(s)] for s, v in frames]
    sheet = [both_z(s, v, v.sheet.held) for s, v in frames]
    best = [best_z(s, v, fit_correlation) for s, v in frames]
    return stratum.model_copy(
        update={
            "fit_scale": stratum.fit_scale * overstated(fit),
            "sheet_scale": stratum.sheet_scale * overstated([z[:, 0] for z in sheet]),
            "following": followed([followed_moments(s, v) for s, v in frames], stratum.following),
            "network_scale": stratum.network_scale * overstated([z[:, 1] for z in sheet]),
            "sheet_correlation": correlation(np.vstack(sheet), stratum.sheet_correlation),
            "best_scale": stratum.best_scale * overstated(best),
        }
    )


def off_sheet(
    sights: Sequence[Sight], heard: Sequence[Voices], figures: PositionCalibration
) -> dict[str, float]:
    """Scale of the network's own sigma and its correlation with the fit, without a sheet."""
    free = [both_z(s, v, ~v.sheet.held) for s, v in zip(sights, heard, strict=True)]
    enough = [z for z in free if len(z) >= FEWEST_FREE]
    if not enough:
        return {}
    return {
        "network_scale": figures.network_scale * overstated([z[:, 1] for z in enough]),
        "fit_correlation": correlation(np.vstack(enough), figures.fit_correlation),
    }


def both_z(sight: Sight, voices: Voices, chosen: NDArray[np.bool_]) -> FloatArray:
    """(m, 2) errors of fit and network over their sigma, sheet included, of the chosen atoms."""
    known = compared(sight)
    fit = errors(sight, voices.sheet.xy_px) / voices.sheet_sigma[known]
    network = errors(sight, voices.network) / voices.network_sigma[known]
    return np.column_stack([fit.ravel(), network.ravel()])[np.repeat(chosen[known], 2)]


def best_z(sight: Sight, voices: Voices, fit_correlation: float) -> FloatArray:
    """(m, 2) errors of the minimum-error estimate over their sigma."""
    at, sigma = voices.best(fit_correlation)
    return np.asarray(errors(sight, at) / sigma[compared(sight)])


def followed_moments(sight: Sight, voices: Voices) -> tuple[float, float]:
    """Moments of the network's and the true distances from the centroids of neighbours, Å²."""
    net = voices.threefold
    true, network = (
        (xy[net.centre] - xy[net.around].mean(axis=1)) * sight.pixel_A
        for xy in (sight.truth, sight.candidates.xy_px)
    )
    chosen = (net.shells == SHELLS) & (np.abs(true) < WILD_CENTROID_A).all(axis=1)
    return float((network * true)[chosen].sum()), float((true * true)[chosen].sum())


def followed(moments: Sequence[tuple[float, float]], otherwise: float) -> float:
    """Share of a displacement that the network follows: slope over all frames of a level."""
    product, square = np.sum(moments, axis=0)
    if square < LEAST_SQUARE_A2:
        return otherwise
    return float(np.clip(product / square, LEAST_FOLLOWING, 1.0))


def voices_of(sight: Sight, figures: PositionCalibration) -> Voices:
    """What serving would combine for a frame."""
    return hear(sight.candidates, sight.refined, sight.pixel_A, figures)


def compared(sight: Sight) -> NDArray[np.bool_]:
    """(n,) candidates whose atom is known."""
    return np.asarray(np.isfinite(sight.truth[:, 0]))


def errors(sight: Sight, found: FloatArray) -> FloatArray:
    """(m, 2) errors of the compared candidates, px, less what they have in common.

    Where the centre of a lopsided probe lies is a convention: the same shift of all atoms of a
    frame is nobody's error.
    """
    apart = (found - sight.truth)[compared(sight)]
    return np.asarray(apart - np.median(apart, axis=0))


def overstated(z: Sequence[FloatArray]) -> float:
    """Factor that a group of frames asks of its sigma: root mean square over the middle frames."""
    squares = np.sort([float(np.mean(np.minimum(one**2, WILD_ATOM**2))) for one in z])
    first, last = (round(q * (len(squares) - 1)) for q in MIDDLE)
    return float(np.sqrt(np.mean(squares[first : last + 1])))


def correlation(z: FloatArray, otherwise: float) -> float:
    """Of two columns of errors over their sigma, the wild ones left out."""
    calm = z[(np.abs(z) < WILD_ATOM).all(axis=1)]
    if len(calm) < FEWEST_ATOMS:
        return otherwise
    found = np.asarray(np.corrcoef(calm[:, 0], calm[:, 1]))
    return float(np.clip(found[0, 1], 0.0, MOST_CORRELATION))


def write_calibration(folder: Path, calibration: Calibrations) -> None:
    """Put a calibration into the manifest of an ensemble."""
    path = folder / "manifest.json"
    manifest = json.loads(path.read_text())
    manifest["calibration"] = json.loads(
        json.dumps(calibration.model_dump()), parse_float=lambda text: round(float(text), 4)
    )
    draft = path.with_suffix(".tmp")
    draft.write_text(json.dumps(manifest, indent=2) + "\n")
    draft.replace(path)
