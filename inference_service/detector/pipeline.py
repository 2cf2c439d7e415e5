"""A frame's way through the detector: pixels in, `FrameAnalysis` out."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from inference_service.detector.analysis import FrameAnalysis
from inference_service.detector.bright import add_bright
from inference_service.detector.cover import Cover, cover_of
from inference_service.detector.decode import Candidates, decode
from inference_service.detector.dose import estimate_dose
from inference_service.detector.engine_choice.opening import EnginePolicy, open_engine
from inference_service.detector.engines.engine import Engine
from inference_service.detector.ensemble import Sum, look
from inference_service.detector.extent import Extent
from inference_service.detector.heads import INPUT_MULTIPLE_PX
from inference_service.detector.intake import Intake, take_in
from inference_service.detector.joint_fit import Threads
from inference_service.detector.lattice_defects import Lattice, read_lattice
from inference_service.detector.lattice_scale import measure_lattice
from inference_service.detector.model import load_model
from inference_service.detector.normalise import CANONICAL_PIXEL_A, normalise
from inference_service.detector.ood import judge
from inference_service.detector.position import place
from inference_service.detector.refine import Refined, refine
from inference_service.detector.report import (
    Found,
    atom_table,
    gather_evidence,
    listing,
    name_candidates,
)
from inference_service.detector.resample import Grid, pad_to_multiple, resample
from inference_service.detector.scale import ScaleVerdict, decide_scale
from inference_service.detector.segmentation.eye import SegmentationEye, open_eye
from shared.clock import Clock, SystemClock
from shared.errors import InputError
from shared.messages import Calibration, StageTimes

__all__ = ["Detector", "shipped_model"]

COARSEST_PIXEL_A: Final = 0.35
"""Beyond this, graphene's second order is not sampled."""
LARGEST_CANONICAL_PX: Final = 4096
FITTED_FROM: Final = 0.15
"""Fainter candidates are fitted only where they stand alone: elsewhere a ghost would take counts
from real atoms."""
SURE_FROM: Final = 0.5
"""Candidates that say how bright an atom typically is."""
REPRODUCIBLE: Final = EnginePolicy("onnx")
"""The same arithmetic on every host."""
ALONE_A: Final = 1.1
"""Distance from the next candidate at which one stands alone: below any bond length."""


def shipped_model() -> Path:
    """Return the folder of the ensemble that ships with the package."""
    return Path(__file__).resolve().parent.parent / "models" / "graphene"


@dataclass(frozen=True)
class Seen:
    """What the network saw, on the frame's own pixels."""

    candidates: Candidates
    fitted: NDArray[np.bool_]
    """(n,) candidates probable enough to be fitted."""
    cover: Cover
    """Amorphous matter over the sheet."""


class Detector:
    """An ensemble ready to look at frames, also at several from several threads.

    Args:
        folder: The model's folder: `manifest.json` and the members it names.
        threads: Threads of the engine and of the refinement.
        clock: Times the stages; the machine's own by default.
        policy: Which engine serves; ONNX Runtime in fp32 by default.

    Raises:
        ModelError: The model is missing, tampered with or not self-contained.
        ConfigurationError: The wanted engine is not installed, or not fit to serve here.
    """

    def __init__(
        self,
        folder: Path,
        threads: int = 2,
        clock: Clock | None = None,
        policy: EnginePolicy = REPRODUCIBLE,
    ) -> None:
        model = load_model(folder)
        self._digest = model.digest
        self._calibration = model.calibration
        painter = open_eye(folder, model, threads)
        self._engine: Engine | SegmentationEye
        if painter is None:
            self._engine_key, self._engine = open_engine(model, threads, policy)
        else:
            self._engine_key, self._engine = painter.key, painter
        self._threads = Threads(ThreadPoolExecutor(threads, "refine"), threads)
        self._clock = clock or SystemClock()

    @property
    def digest(self) -> str:
        """SHA-256 of the whole ensemble, lower-case hexadecimal."""
        return self._digest

    @property
    def engine(self) -> str:
        """Runtime and arithmetic that serve, such as ``onnx-fp32``."""
        return self._engine_key

    @property
    def members(self) -> int:
        """Number of independent members that look at each frame."""
        return self._engine.members

    def close(self) -> None:
        """End the threads of engine and refinement."""
        self._engine.close()
        self._threads.executor.shutdown()

    def analyze(self, image: NDArray[np.generic], calibration: Calibration) -> FrameAnalysis:
        """Find the atoms and defects of one frame.

        Args:
            image: (rows, columns), any real dtype; not changed.
            calibration: The pixel size the file or the operator states, if any.

        Returns:
            The analysis, positions in the image's own pixels.

        Raises:
            InputError: Not a two-dimensional image of numbers, too small, too large or too
                coarse, constant, or mostly not finite.
            UncalibratedError: No stated pixel size and no recognisable lattice.
        """
        start = self._clock.monotonic_s()
        taken = take_in(image)
        scale = decide_scale(measure_lattice(taken.image), calibration)
        seen = self._see(taken, scale)
        detected = self._clock.monotonic_s()
        refined = self._refine(taken, scale, seen)
        positions = place(
            seen.candidates, seen.fitted, refined, scale.pixel_size_A, self._calibration
        )
        fitted = self._clock.monotonic_s()
        found = name_candidates(
            seen.candidates,
            seen.fitted,
            refined,
            positions,
            self._calibration,
            extent_of(taken, scale),
        )
        analysis = conclude(taken, scale, seen, found, refined)
        done = self._clock.monotonic_s()
        times = StageTimes(
            detect_ms=1e3 * (detected - start),
            refine_ms=1e3 * (fitted - detected),
            classify_ms=1e3 * (done - fitted),
        )
        return replace(analysis, times=times)

    def _see(self, taken: Intake, scale: ScaleVerdict) -> Seen:
        """Run the ensemble at the canonical sampling; candidates on the frame's own pixels."""
        grid = canonical_grid(taken.image.shape, scale.pixel_size_A)
        if isinstance(self._engine, SegmentationEye):
            painted = self._engine.see(taken.image, scale.pixel_size_A)
            return gathered(painted, taken, scale, Cover(0.0))
        canonical = resample(taken.image, grid)
        maps = look(self._engine, pad_to_multiple(normalise(canonical), INPUT_MULTIPLE_PX))
        candidates = add_bright(decode(maps), canonical, FITTED_FROM).on_grid(grid)
        shape = (canonical.shape[0], canonical.shape[1])
        cover = cover_of(maps.mean(Sum.CONTAMINATION), shape, grid)
        return gathered(candidates, taken, scale, cover)

    def _refine(self, taken: Intake, scale: ScaleVerdict, seen: Seen) -> Refined | None:
        """Fit what is probable enough, if anything is."""
        if not seen.fitted.any():
            return None
        chosen = seen.candidates.take(np.nonzero(seen.fitted)[0])
        sure = chosen.p >= SURE_FROM
        pixel = scale.pixel_size_A
        return refine(taken.image, chosen.xy_px, pixel, self._threads, taken.valid, sure)


def canonical_grid(shape: tuple[int, ...], pixel_size_A: float) -> Grid:
    """Mapping to the canonical sampling.

    Raises:
        InputError: Too coarse to resolve atoms, or too large once resampled.
    """
    if pixel_size_A > COARSEST_PIXEL_A:
        raise InputError(
            f"A pixel of {pixel_size_A:.3f} Å is too coarse to resolve atoms.",
            remedy=f"Scan at {COARSEST_PIXEL_A} Å per pixel or finer, or correct --pixel-size.",
        )
    grid = Grid(CANONICAL_PIXEL_A / pixel_size_A)
    if max(grid.new_length(n) for n in shape) > LARGEST_CANONICAL_PX:
        raise InputError(
            f"The frame spans more than {LARGEST_CANONICAL_PX * CANONICAL_PIXEL_A / 10:.0f} nm.",
            remedy="Crop it.",
        )
    return grid


def gathered(candidates: Candidates, taken: Intake, scale: ScaleVerdict, cover: Cover) -> Seen:
    """Keep the candidates on measured pixels and say which are worth fitting."""
    kept = candidates.take(np.nonzero(within(candidates, taken))[0])
    return Seen(kept, worth_fitting(kept, scale.pixel_size_A), cover)


def worth_fitting(candidates: Candidates, pixel_size_A: float) -> NDArray[np.bool_]:
    """Which candidates take part in the fit: the probable ones and those that stand alone."""
    if len(candidates) < 2:
        return candidates.p >= FITTED_FROM
    distance, _ = cKDTree(candidates.xy_px).query(candidates.xy_px, k=2)
    alone = distance[:, 1] * pixel_size_A > ALONE_A
    return np.asarray((candidates.p >= FITTED_FROM) | alone)


def within(candidates: Candidates, taken: Intake) -> NDArray[np.bool_]:
    """Which candidates lie on a measured pixel of the frame."""
    rows, cols = taken.image.shape
    x, y = candidates.xy_px.T
    inside = (x > -0.5) & (x < cols - 0.5) & (y > -0.5) & (y < rows - 0.5)
    if taken.valid is not None:
        i = np.clip(np.rint(y), 0, rows - 1).astype(np.intp)
        j = np.clip(np.rint(x), 0, cols - 1).astype(np.intp)
        inside &= taken.valid[i, j]
    return np.asarray(inside)


def conclude(
    taken: Intake, scale: ScaleVerdict, seen: Seen, found: Found, refined: Refined | None
) -> FrameAnalysis:
    """Classify, judge and put the analysis together; times are added by the caller."""
    listed = listing(found)
    lattice = lattice_of(found, listed, extent_of(taken, scale))
    light = ((found.species.atomic_number == 6) & found.present)[seen.fitted]
    dose, note = estimate_dose(refined, light)
    return FrameAnalysis(
        table=atom_table(found, listed, lattice.coordination),
        defects=lattice.defects,
        pixel_size_A=scale.pixel_size_A,
        pixel_size_source=scale.source,
        header_pixel_size_A=scale.stated_A,
        dose_e_A2=dose,
        dose_note=note,
        cover=seen.cover,
        ood=judge(gather_evidence(taken, scale, found, refined, seen.cover.fraction)),
        times=StageTimes(),
        warnings=scale.warnings,
    )


def extent_of(taken: Intake, scale: ScaleVerdict) -> Extent:
    """Size of the frame."""
    return Extent((taken.image.shape[0], taken.image.shape[1]), scale.pixel_size_A)


def lattice_of(found: Found, listed: NDArray[np.intp], extent: Extent) -> Lattice:
    """Bonds and defects of the listed atoms, members numbered as in the table."""
    return read_lattice(
        found.positions.best[listed],
        found.species.atomic_number[listed],
        found.p[listed],
        found.candidates.contamination[listed],
        (extent.shape, extent.pixel_size_A),
    )
