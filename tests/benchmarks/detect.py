"""Finding atoms, end to end: a frame in, atoms, species and error bars out.

AtomAI's side is its `EnsemblePredictor` with as many default U-Nets as our ensemble has members, in
eager PyTorch, and its `Locator` on the mean map, `refine=False`, in its own environment and warm;
the clock starts with the frame in memory. One network, trained by its own trainer for 60
mini-batches on first labels so that it finds atoms, stands in for all members: other weights take
the same time. The repairs it needs are named in inference_service/atomai/worker/repairs.py.

Our side is the shipped ensemble, and includes the measured scale, the refinement by physics, sigma
and the out-of-distribution score, none of which AtomAI gives. Both compute with two threads.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from contextlib import ExitStack
from functools import cache
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter, process_time

import numpy as np

from inference_service.atomai.crops import Cutting, cut
from inference_service.atomai.labelling import Labelling, label_frames, taken
from inference_service.atomai.worker_process import AtomAI
from inference_service.detector.pipeline import Detector, shipped_model
from inference_service.training.simulated_frame import NativeFrame, native_frame
from inference_service.training.specimen import FAMILIES
from shared.errors import AtomLoopError
from shared.messages import Calibration

THREADS = 2
SIDE_PX = 896
PIXEL_A = 0.104
COUNTS = 400.0
LOOKS = 5
"""Looks of ours beside one of AtomAI's; their median counts."""
Sides = tuple[Callable[[], float | None], Callable[[], float | None]]


@cache
def eye() -> Detector:
    """The shipped ensemble, warm."""
    detector = Detector(shipped_model(), THREADS)
    look(detector, paper_frame())
    return detector


@cache
def paper_frame() -> NativeFrame:
    """A frame of the paper's size and sampling: graphene with silicon."""
    rng = np.random.default_rng(20261122)
    return native_frame(rng, FAMILIES["silicon"], SIDE_PX, PIXEL_A, COUNTS)


def look(detector: Detector, frame: NativeFrame) -> float:
    """Milliseconds of one analysis."""
    began = perf_counter()
    detector.analyze(frame.image, Calibration(pixel_size_A=frame.pixel_A, source="header"))
    return 1000 * (perf_counter() - began)


def against_atomai(open_until: ExitStack) -> Sides | None:
    """Ours and AtomAI's, or None, with a word, where its environment cannot be made."""
    folder = Path(open_until.enter_context(TemporaryDirectory()))
    try:
        atomai = open_until.enter_context(AtomAI(THREADS))
        model = quickly_trained(atomai, folder)
    except AtomLoopError as error:
        sys.stderr.write(f"detect_vs_atomai left out: {error}\n")
        return None
    frame = folder / "frame.npz"
    np.savez(frame, image=paper_frame().image)

    def theirs() -> float:
        done = atomai.ask(
            "detect", model=model, frame=str(frame), threads=THREADS, members=eye().members
        )
        load = os.getloadavg()[0]
        sys.stderr.write(
            f"AtomAI: {done['wall_s']:.1f} s, {done['cpu_s']:.1f} CPU-s, {done['atoms']} atoms, "
            f"load {load:.1f}\n"
        )
        return 1000 * float(done["wall_s"])

    def ours() -> float:
        cpu = process_time()
        wall = median(look(eye(), paper_frame()) for _ in range(LOOKS))
        cpu = (process_time() - cpu) / LOOKS
        sys.stderr.write(
            f"ours: {wall / 1000:.2f} s, {cpu:.2f} CPU-s, load {os.getloadavg()[0]:.1f}\n"
        )
        return wall

    return ours, theirs


def quickly_trained(atomai: AtomAI, folder: Path) -> str:
    """Have AtomAI train one default U-Net on the frame's first labels; the checkpoint's path."""
    calibration = Calibration(pixel_size_A=PIXEL_A, source="header")
    labelling = Labelling()
    frame = label_frames([taken(paper_frame().image, calibration, labelling)], labelling)
    images, masks = cut(frame.frames, Cutting(side_px=48, count=160))
    crops = folder / "crops.npz"
    np.savez(crops, images=images, masks=masks)
    trained = atomai.ask(
        "train",
        crops=str(crops),
        out=str(folder / "ensemble"),
        classes=3,
        members=1,
        cycles=60,
        batch=8,
        layers=(1, 2, 2, 3),
        threads=THREADS,
    )
    return str(trained["model"])
