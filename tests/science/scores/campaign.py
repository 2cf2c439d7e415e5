"""Ask the detector about every frame, once with the scale told and once without."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from inference_service.detector.analysis import FrameAnalysis
from inference_service.detector.cover import Cover
from inference_service.detector.lattice_defects import read_lattice
from shared.messages import ATOM, OutOfDistribution, StageTimes
from tests.science.scores.analyses import Analyst, Answer
from tests.science.scores.frames import KnownFrame, load_frame
from tests.science.scores.judged import Judged
from tests.science.scores.real_frames import RealAnswer


@dataclass(frozen=True, eq=False)
class Campaign:
    """Everything that was asked and said.

    Attributes:
        graphene: frames with a truth, scale told.
        unscaled: the same frames, scale not told; as many as were asked.
        materials: frames of other materials.
        real: real frames; empty where there are none.
        refused: names of frames that were refused, with the words.
        seconds: wall and CPU time of each frame, and its pixels.
    """

    graphene: list[Judged]
    unscaled: list[Judged]
    materials: list[Judged]
    real: list[RealAnswer]
    refused: dict[str, str]
    seconds: list[tuple[float, float, int]]


def run(
    analyst: Analyst,
    folder: Path,
    names: Sequence[str],
    say: Callable[[str], None],
    *,
    unscaled: bool,
    rebond: bool = False,
) -> Campaign:
    """Analyse the frames of a folder; real frames are added by the caller.

    Args:
        analyst: asks the detector.
        folder: of the frames.
        names: which of them.
        say: told each name when it is done.
        unscaled: ask again with no scale.
        rebond: bond and classify the listed atoms anew, contamination taken from the truth.
    """
    campaign = Campaign([], [], [], [], {}, [])
    for name in names:
        frame = load_frame(folder, name)
        answer = analyst.answer(name, frame.image, frame.stated_pixel_A)
        if rebond and answer.analysis is not None:
            answer = replace(answer, analysis=bonded_anew(frame, answer.analysis))
        _file(campaign, campaign.graphene, frame, answer)
        campaign.seconds.append((answer.wall_s, answer.cpu_s, frame.image.size))
        say(name)
        if unscaled and frame.graphene:
            _file(campaign, campaign.unscaled, frame, analyst.answer(name, frame.image, None))
    return campaign


def _file(campaign: Campaign, where: list[Judged], frame: KnownFrame, answer: Answer) -> None:
    """Put an answer where it belongs; a refusal counts as an empty, flagged analysis."""
    if answer.analysis is None:
        campaign.refused[frame.name] = answer.refusal
    analysis = answer.analysis or nothing(frame.pixel_A, answer.refusal)
    (where if frame.graphene else campaign.materials).append(Judged(frame, analysis))


def bonded_anew(frame: KnownFrame, analysis: FrameAnalysis) -> FrameAnalysis:
    """Return an analysis with bonds and defects by the code of today."""
    table = analysis.table.copy()
    xy = np.column_stack([table["x_px"], table["y_px"]]).astype(np.float64)
    rows, columns = frame.image.shape
    at = np.clip(np.rint(xy).astype(int), 0, (columns - 1, rows - 1))
    lattice = read_lattice(
        xy,
        table["atomic_number"],
        table["p"].astype(np.float64),
        frame.cover[at[:, 1], at[:, 0]].astype(np.float64),
        ((rows, columns), analysis.pixel_size_A),
    )
    table["coordination"] = lattice.coordination
    return replace(analysis, table=table, defects=lattice.defects)


def nothing(pixel_A: float, reason: str) -> FrameAnalysis:
    """Return the analysis of a frame that was refused."""
    return FrameAnalysis(
        table=np.empty(0, ATOM),
        defects=(),
        pixel_size_A=pixel_A,
        pixel_size_source="header",
        header_pixel_size_A=pixel_A,
        dose_e_A2=None,
        dose_note="refused",
        cover=Cover(0.0),
        ood=OutOfDistribution(score=10.0, flag=True, reasons=(reason[:200] or "refused",)),
        times=StageTimes(),
    )
