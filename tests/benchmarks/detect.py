"""Finding atoms, end to end: a frame in, atoms, species and error bars out.

AtomAI's side is its `EnsemblePredictor` with 20 default U-Nets in eager PyTorch and its `Locator`
on the mean map, `refine=False`, in its own environment and warm; the clock starts with the frame in
memory. Its members are trained for four mini-batches only, which changes no layer and hence no
time; the repairs it needs are named in inference_service/atomai/worker/repairs.py. Our side is the
shipped ensemble of 20 members, and includes the measured scale, the refinement by physics, sigma
and the out-of-distribution score, none of which AtomAI gives. Both sides compute with two threads.
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
from time import perf_counter

import numpy as np

from inference_service.atomai.worker_process import AtomAI
from inference_service.detector.pipeline import Detector, shipped_model
from inference_service.training.simulated_frame import NativeFrame, native_frame
from inference_service.training.specimen import FAMILIES
from shared.errors import AtomLoopError
from shared.messages import Calibration

THREADS = 2
MEMBERS = 20
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
        model = barely_trained(atomai, folder)
    except AtomLoopError as error:
        sys.stderr.write(f"detect_vs_atomai left out: {error}\n")
        return None
    frame = folder / "frame.npz"
    np.savez(frame, image=paper_frame().image)

    def theirs() -> float:
        done = atomai.ask("detect", model=model, frame=str(frame), threads=THREADS)
        load = os.getloadavg()[0]
        sys.stderr.write(
            f"AtomAI: {done['wall_s']:.1f} s, {done['cpu_s']:.1f} CPU-s, load {load:.1f}\n"
        )
        return 1000 * float(done["wall_s"])

    return lambda: median(look(eye(), paper_frame()) for _ in range(LOOKS)), theirs


def barely_trained(atomai: AtomAI, folder: Path) -> str:
    """Have AtomAI train 20 default U-Nets for four mini-batches; the checkpoint's path."""
    rng = np.random.default_rng(1)
    images = rng.random((32, 32, 32), dtype=np.float32)
    masks = np.full(images.shape, 2, dtype=np.uint8)
    masks[:, ::9, ::9], masks[:, 4::9, 4::9] = 0, 1
    crops = folder / "crops.npz"
    np.savez(crops, images=images, masks=masks)
    trained = atomai.ask(
        "train",
        crops=str(crops),
        out=str(folder / "ensemble"),
        classes=3,
        members=MEMBERS,
        cycles=4,
        batch=8,
        layers=(1, 2, 2, 3),
        threads=THREADS,
    )
    return str(trained["model"])
