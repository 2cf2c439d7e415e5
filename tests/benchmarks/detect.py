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
from itertools import count
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter, process_time

import numpy as np

from inference_service.atomai.crops import Cutting, cut
from inference_service.atomai.labelling import Labelling, label_frames, taken
from inference_service.atomai.worker_process import AtomAI
from inference_service.detector.engine_choice.opening import EnginePolicy
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
ENGINES: dict[str, EnginePolicy] = {"served": EnginePolicy(), "onnx": EnginePolicy("onnx")}
"""The engine that the gate chooses on this host, and ONNX Runtime."""
Sides = tuple[Callable[[], float | None], Callable[[], float | None]]


@cache
def eye(engine: str = "served") -> Detector:
    """The shipped ensemble, warm."""
    detector = Detector(shipped_model(), THREADS, policy=ENGINES[engine])
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


class Turns:
    """AtomAI and both of our engines in turns; every pair reads from the same turns."""

    def __init__(self, open_until: ExitStack) -> None:
        self._folder = Path(open_until.enter_context(TemporaryDirectory()))
        self._atomai = open_until.enter_context(AtomAI(THREADS))
        self._model = quickly_trained(self._atomai, self._folder)
        self._frame = str(self._folder / "frame.npz")
        np.savez(self._frame, image=paper_frame().image)
        self._taken: list[dict[str, float]] = []

    def sides(self, engine: str) -> Sides:
        """Ours with this engine, and AtomAI's, in milliseconds per frame."""
        return self._reader(engine), self._reader("AtomAI")

    def _reader(self, side: str) -> Callable[[], float]:
        turn = count()
        return lambda: self._turn(next(turn))[side]

    def _turn(self, number: int) -> dict[str, float]:
        while len(self._taken) <= number:
            self._taken.append(
                {**{name: _ours(name) for name in ENGINES}, "AtomAI": self._theirs()}
            )
        return self._taken[number]

    def _theirs(self) -> float:
        done = self._atomai.ask(
            "detect",
            model=self._model,
            frame=self._frame,
            threads=THREADS,
            members=eye().members,
        )
        _say("AtomAI", done["wall_s"], done["cpu_s"], done["atoms"])
        return 1000 * float(done["wall_s"])


def _ours(engine: str) -> float:
    detector, cpu = eye(engine), process_time()
    wall = median(look(detector, paper_frame()) for _ in range(LOOKS))
    _say(detector.engine, wall / 1000, (process_time() - cpu) / LOOKS, None)
    return wall


def _say(name: str, wall_s: float, cpu_s: float, atoms: int | None) -> None:
    """Write what a ratio alone does not tell, the machine's load among it."""
    found = "" if atoms is None else f"{atoms} atoms, "
    load = os.getloadavg()[0]
    sys.stderr.write(f"{name}: {wall_s:.2f} s, {cpu_s:.2f} CPU-s, {found}load {load:.1f}\n")


@cache
def turns(open_until: ExitStack) -> Turns | None:
    """AtomAI ready to take turns; None, with a word, where its environment cannot be made."""
    try:
        return Turns(open_until)
    except AtomLoopError as error:
        sys.stderr.write(f"AtomAI left out: {error}\n")
        return None


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
