"""What an ensemble says of fresh simulated frames, beside the truth: material for a calibration."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from inference_service.detector.bright import add_bright
from inference_service.detector.decode import Candidates, decode
from inference_service.detector.engine_choice.opening import open_engine
from inference_service.detector.engines.engine import Engine
from inference_service.detector.ensemble import look
from inference_service.detector.heads import INPUT_MULTIPLE_PX
from inference_service.detector.intake import take_in
from inference_service.detector.joint_fit import Threads
from inference_service.detector.lattice_scale import measure_lattice
from inference_service.detector.model import load_model
from inference_service.detector.normalise import CANONICAL_PIXEL_A, normalise
from inference_service.detector.pipeline import (
    FITTED_FROM,
    REPRODUCIBLE,
    SURE_FROM,
    within,
    worth_fitting,
)
from inference_service.detector.refine import Refined, refine
from inference_service.detector.report import UNFITTED_SIGMA
from inference_service.detector.resample import Grid, pad_to_multiple, resample
from inference_service.detector.species import dirt_around, name_atoms
from inference_service.training.conditions import MIXED
from inference_service.training.scores import liable, pair_up
from inference_service.training.simulated_frame import USUAL_PIXEL_A, NativeFrame, native_frame
from inference_service.training.specimen import training_families

__all__ = ["Sight", "look_at_frames", "sight_of"]

FloatArray = NDArray[np.float64]

SEED: Final = 800_001
SIDE_A: Final = 40.0
"""Field of view of a frame, Å: 384 px at the usual sampling."""
FINEST_A: Final = 0.07
"""Every third frame has the usual sampling, the others any between the finest and the coarsest."""
COARSEST_A: Final = 0.17
RIGHT_A: Final = 0.5
"""An atom this near makes a candidate right: 0.5 Å would be met by chance three times in ten in a
lattice, 0.25 Å would count honest atoms of faint frames as false."""
SAME_A: Final = 0.5
"""An atom this near is the one that a found position is compared with."""


@dataclass(frozen=True)
class Sight:
    """One frame as the detector sees it before anything is calibrated, and the truth."""

    candidates: Candidates
    """The fitted ones, on the frame's own pixels."""
    refined: Refined
    """Of the same, its picture of the frame left out."""
    truth: FloatArray
    """(n, 2) where the atom of each candidate is; NaN where there is none to compare with."""
    pixel_A: float
    p: FloatArray
    """(m,) raw probability of every candidate, fitted or not."""
    evidence: FloatArray
    """(m,) of their brightness, log likelihood ratio."""
    precision: FloatArray
    """(m,) relative standard error of that brightness."""
    right: NDArray[np.bool_]
    """(m,) whether an atom is there."""
    judged: NDArray[np.bool_]
    """(m,) whether that may be held against anybody."""
    xy_A: FloatArray
    """(m, 2) column and row."""
    light: NDArray[np.bool_]
    """(m,) light elements in the eye of the network."""
    field_A: tuple[float, float]
    """(rows, columns) extent of the frame."""


def look_at_frames(folder: Path, frames: int, threads: int) -> Iterator[Sight]:
    """Simulate frames of the training families, each as often as training sees it.

    Args:
        folder: Of the ensemble.
        frames: How many.
        threads: Of engine and fit.

    Yields:
        What the ensemble sees; frames without a recognisable lattice are left out.
    """
    families = training_families()
    names = sorted(families)
    weight = np.array([families[name].weight for name in names])
    _, engine = open_engine(load_model(folder), threads, REPRODUCIBLE)
    with ThreadPoolExecutor(threads) as executor:
        for k in range(frames):
            rng = np.random.default_rng([SEED, k])
            name = str(rng.choice(names, p=weight / weight.sum()))
            pixel_A = USUAL_PIXEL_A if k % 3 == 0 else float(rng.uniform(FINEST_A, COARSEST_A))
            side = round(SIDE_A / pixel_A)
            frame = native_frame(rng, families[name], side, pixel_A, conditions=MIXED)
            sight = sight_of(engine, Threads(executor, threads), frame)
            if sight is not None:
                yield sight
    engine.close()


def sight_of(engine: Engine, threads: Threads, frame: NativeFrame) -> Sight | None:
    """Look at one frame as serving does and compare with its truth.

    None where no lattice is recognised, which serving flags and vouches for nothing.
    """
    taken = take_in(frame.image)
    if measure_lattice(taken.image) is None:
        return None
    grid = Grid(CANONICAL_PIXEL_A / frame.pixel_A)
    canonical = resample(taken.image, grid)
    maps = look(engine, pad_to_multiple(normalise(canonical), INPUT_MULTIPLE_PX))
    candidates = add_bright(decode(maps), canonical, FITTED_FROM).on_grid(grid)
    candidates = candidates.take(np.flatnonzero(within(candidates, taken)))
    fitted = worth_fitting(candidates, frame.pixel_A)
    if not fitted.any():
        return None
    chosen = candidates.take(np.flatnonzero(fitted))
    sure = chosen.p >= SURE_FROM
    refined = refine(taken.image, chosen.xy_px, frame.pixel_A, threads, taken.valid, sure)
    judged, right = judgement(frame, candidates)
    xy_A = placed(candidates, fitted, refined) * frame.pixel_A
    light = candidates.species[:, 0] > 0.5
    dirt = dirt_around(xy_A, candidates.contamination, light)[fitted]
    species = name_atoms(chosen.species, refined.amplitude, refined.amplitude_sigma, dirt, sure)
    evidence, precision = np.zeros(len(candidates)), np.full(len(candidates), UNFITTED_SIGMA)
    evidence[fitted] = species.evidence
    precision[fitted] = refined.amplitude_sigma / species.carbon
    return Sight(
        candidates=chosen,
        refined=replace(refined, expected=np.empty((0, 0), dtype=np.float32)),
        truth=true_places(frame, candidates)[fitted],
        pixel_A=frame.pixel_A,
        p=candidates.p,
        evidence=evidence,
        precision=precision,
        right=right,
        judged=judged,
        xy_A=xy_A,
        light=light,
        field_A=(taken.image.shape[0] * frame.pixel_A, taken.image.shape[1] * frame.pixel_A),
    )


def placed(candidates: Candidates, fitted: NDArray[np.bool_], refined: Refined) -> FloatArray:
    """(n, 2) fitted positions where there are any, px."""
    xy = candidates.xy_px.copy()
    xy[fitted] = refined.xy_px
    return xy


def judgement(
    frame: NativeFrame, candidates: Candidates
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Which candidates may be judged, and which of them are right."""
    listed = np.ones(len(candidates), dtype=np.bool_)
    known = frame.xy_px[frame.labelled]
    right = pair_up(known, candidates.xy_px, listed, RIGHT_A / frame.pixel_A) >= 0
    return liable(frame, candidates.xy_px) & (candidates.contamination < 0.5), right


def true_places(frame: NativeFrame, candidates: Candidates) -> FloatArray:
    """(n, 2) where the atom of each found candidate is, NaN without one."""
    known = frame.xy_px[frame.labelled]
    found = (candidates.p >= SURE_FROM) & liable(frame, candidates.xy_px)
    partner = pair_up(known, candidates.xy_px, found, SAME_A / frame.pixel_A)
    places = np.full((len(candidates), 2), np.nan)
    places[partner >= 0] = known[partner[partner >= 0]]
    return places
