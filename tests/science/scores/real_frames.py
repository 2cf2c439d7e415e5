"""Real frames with curated labels, where the evaluation data is at hand; never trained on."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np
from numpy.typing import NDArray

from inference_service.detector.analysis import FrameAnalysis
from shared.files import ImageReader
from tests.science.scores.analyses import Analyst, Answer
from tests.science.scores.judged import FOUND_FROM

NEAR_A = 0.7
"""Labels come from a network and are good to a pixel or two, not to pm."""
GRAPHENE = (
    "graphene_frames/G-GrainBoundary-6nm.hdf5",
    "graphene_frames/G-dimSi.hdf5",
    "graphene_frames/test-1.hdf5",
)
OTHERS = (
    "mos2/MoS2_stem_Exp-000-2.npy",
    "other/HAADF149.dm3",
    "perovskite/16_STOimage_1.ser",
    "re_on_carbon/bpy_crop19.tif",
    "re_on_carbon/bpy_crop20.tif",
)
STATED_A = {"mos2/MoS2_stem_Exp-000-2.npy": 0.176}
"""Pixel sizes that stand beside the file rather than in it."""


@dataclass(frozen=True, eq=False)
class RealFrame:
    """A real image and its labels; positions are column, row."""

    name: str
    image: NDArray[np.generic]
    pixel_A: float | None
    graphene: bool
    silicon_px: NDArray[np.float64]
    carbon_px: NDArray[np.float64]
    """Carbon bonded to the labelled silicon."""


def read_real_frames(data: Path) -> Iterator[RealFrame]:
    """Read every labelled frame of the library, and the single ones beside it."""
    index = json.loads((data / "index.json").read_text())
    library = sorted({one["file"] for one in index if one.get("group")})
    with ImageReader() as reader:
        for file in (*library, *GRAPHENE, *OTHERS):
            records = reader.read(data / file, pixel_size_A=STATED_A.get(file))
            record = next(iter(records))
            yield RealFrame(
                name=file.replace("/", "-"),
                image=record.image,
                pixel_A=record.pixel_size_A,
                graphene=file not in OTHERS,
                silicon_px=labels(data / file, b"Si"),
                carbon_px=labels(data / file, b"C"),
            )


def labels(path: Path, element: bytes) -> NDArray[np.float64]:
    """Return the (n, 2) labelled positions of an element, px; none where there are no labels."""
    if path.suffix != ".hdf5":
        return np.empty((0, 2))
    with h5py.File(path) as file:
        rows = [row for key in file if "coord" in key for row in file[key][()]]
    return np.array([(float(x), float(y)) for x, y, e in rows if e == element]).reshape(-1, 2)


@dataclass(frozen=True, eq=False)
class RealAnswer:
    """A real frame and what was said of it."""

    frame: RealFrame
    analysis: FrameAnalysis | None

    def found_px(self, number: int | None = None) -> NDArray[np.float64]:
        """Positions of the atoms found, of one element if given."""
        if self.analysis is None:
            return np.empty((0, 2))
        table = self.analysis.table[self.analysis.table["p"] >= FOUND_FROM]
        if number is not None:
            table = table[table["atomic_number"] == number]
        return np.column_stack([table["x_px"], table["y_px"]]).astype(np.float64)


def ask_real(analyst: Analyst, data: Path) -> list[RealAnswer]:
    """Ask the detector about every real frame."""
    answers = []
    for frame in read_real_frames(data):
        answer: Answer = analyst.answer(frame.name, frame.image, frame.pixel_A)
        answers.append(RealAnswer(frame, answer.analysis))
    return answers


def labelled_found(answers: Sequence[RealAnswer], *, silicon: bool) -> float | None:
    """Return the share of labelled silicon named so, or of labelled carbon found at all."""
    hits = []
    for one in answers:
        scale = one.analysis.pixel_size_A if one.analysis else 0.1
        found = one.found_px(14 if silicon else None)
        for at in one.frame.silicon_px if silicon else one.frame.carbon_px:
            away = np.hypot(*(found - at).T) * scale
            hits.append(bool(len(away) and away.min() < NEAR_A))
    return float(np.mean(hits)) if hits else None
