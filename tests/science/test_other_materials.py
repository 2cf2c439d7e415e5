"""Frames of other materials are flagged, at any pixel size told; graphene of every family is not.

Both simulators share probe, scan and detector, so only the specimen differs. Run as a script for
the rates over all specimens and doses: `python -m tests.science.test_other_materials`.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator

import numpy as np
import pytest

from inference_service.detector.pipeline import Detector, shipped_model
from inference_service.training.simulated_frame import native_frame
from inference_service.training.specimen import FAMILIES
from shared.messages import Calibration
from tests.science.other_materials import SPECIMENS, other_frame

SIDE = 320
FEW = ("MoS2", "WS2", "SrTiO3", "CdTe", "Au110", "Si", "amorphous", "atoms_on_carbon", "noise")
BARE = tuple(name for name in FAMILIES if name != "mostly_vacuum")
"""Families whose frames hold graphene to be recognised by."""


@pytest.fixture(scope="module")
def detector() -> Iterator[Detector]:
    """The shipped ensemble."""
    made = Detector(shipped_model(), threads=1)
    made.analyze(np.random.default_rng(1).random((96, 96)), told(0.16))
    yield made
    made.close()


def told(pixel_A: float) -> Calibration:
    """A header."""
    return Calibration(pixel_size_A=pixel_A, source="header")


def others(name: str, counts: float, seed: int) -> Iterator[tuple[np.ndarray, float]]:
    """A frame, told its own pixel size and then one that mimics graphene."""
    rng = np.random.default_rng([seed, SPECIMENS.index(name), int(counts)])
    frame = other_frame(rng, name, SIDE, float(rng.uniform(0.09, 0.16)), counts)
    wrong = frame.graphene_like_A
    yield frame.image, frame.pixel_A
    yield frame.image, wrong if wrong != frame.pixel_A else 0.73 * frame.pixel_A


def graphene(name: str, counts: float, seed: int) -> tuple[np.ndarray, float]:
    """A frame of one family."""
    rng = np.random.default_rng([seed, list(FAMILIES).index(name), int(counts)])
    frame = native_frame(rng, FAMILIES[name], SIDE, float(rng.uniform(0.09, 0.16)), counts)
    return frame.image, frame.pixel_A


@pytest.mark.parametrize("name", FEW)
def test_another_material_is_flagged_whatever_pixel_size_is_told(
    detector: Detector, name: str
) -> None:
    for image, pixel_A in others(name, 200.0, 1):
        verdict = detector.analyze(image, told(pixel_A)).ood
        assert verdict.flag, (pixel_A, verdict)
        assert verdict.reasons


@pytest.mark.parametrize("counts", [50.0, 800.0])
def test_graphene_of_any_family_is_not_flagged(detector: Detector, counts: float) -> None:
    flagged = []
    for name in BARE[::2]:
        image, pixel_A = graphene(name, counts, 2)
        verdict = detector.analyze(image, told(pixel_A)).ood
        if verdict.flag:
            flagged.append((name, verdict))
    assert len(flagged) <= 1, flagged


def rates(detector: Detector, frames: int) -> Iterator[str]:
    """Flagged and analysed frames of each kind, one line each."""
    for counts in (25.0, 100.0, 400.0, 1600.0):
        seeds = range(10, 10 + frames)
        hits = [
            [detector.analyze(image, told(pixel)).ood.flag for image, pixel in others(n, counts, k)]
            for n in SPECIMENS
            for k in seeds
        ]
        false = [
            detector.analyze(image, told(pixel)).ood.flag
            for image, pixel in (graphene(n, counts, k) for n in BARE for k in seeds)
        ]
        own, mimic = np.mean(hits, axis=0)
        yield (
            f"{counts:5.0f} counts/C: other materials flagged {own:.3f} at their own pixel size, "
            f"{mimic:.3f} at one that mimics graphene; graphene {np.mean(false):.3f} "
            f"({len(hits)} and {len(false)} frames)"
        )


if __name__ == "__main__":
    eye = Detector(shipped_model(), threads=1)
    sys.stdout.writelines(f"{line}\n" for line in rates(eye, 1))
    eye.close()
