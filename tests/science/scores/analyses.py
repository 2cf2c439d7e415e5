"""Run the detector over frames, each once: what it said is kept beside the build.

An analysis is filed under the ensemble's digest and a digest of the detector's source, so that an
old answer is never mistaken for a new one and scoring again costs nothing.
"""

from __future__ import annotations

import hashlib
import json
import time
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import inference_service.detector
import shared.lattice
from inference_service.detector.analysis import FrameAnalysis
from inference_service.detector.cover import Cover, Outline
from inference_service.detector.pipeline import Detector
from shared.errors import AtomLoopError
from shared.messages import ATOM, Calibration, Defect, OutOfDistribution, StageTimes

TYPED = ("table", "defects", "cover", "ood", "times")
"""Fields of an analysis that are written in their own way; the others are plain words."""

CODE = (inference_service.detector, shared.lattice)


@dataclass(frozen=True, eq=False)
class Answer:
    """What the detector said of one image, and what it took.

    Attributes:
        analysis: None where it refused.
        refusal: its words where it refused.
        cpu_s: process CPU time.
        wall_s: wall-clock time.
    """

    analysis: FrameAnalysis | None
    refusal: str
    cpu_s: float
    wall_s: float


class Analyst:
    """Asks a detector, or the file where it was asked before.

    Args:
        model: folder of the ensemble.
        threads: of the engine and the refinement.
        cache: folder for the answers.
        any_code: take an answer by whatever code gave it, the latest first.
    """

    def __init__(self, model: Path, threads: int, cache: Path, *, any_code: bool = False) -> None:
        self._model, self._threads, self._cache = model, threads, cache
        self._any_code = any_code
        self._detector: Detector | None = None
        manifest = json.loads((model / "manifest.json").read_text())
        self.digest: str = manifest["digest"]
        self.members = len(manifest["members"])
        calibration = hashlib.sha256(json.dumps(manifest, sort_keys=True).encode()).hexdigest()
        self._folder = f"{self.digest[:10]}-{calibration[:6]}-{code_digest()[:10]}"

    def answer(self, name: str, image: NDArray[np.generic], pixel_A: float | None) -> Answer:
        """Return the analysis of an image.

        Args:
            name: of the image, for the file.
            image: (rows, columns).
            pixel_A: what the header says; None asks with no scale at all.
        """
        content = hashlib.sha256(np.ascontiguousarray(image).tobytes()).hexdigest()[:10]
        stated = "no-scale" if pixel_A is None else f"{pixel_A:.5f}"
        file = f"{name}.{content}.{stated}.npz"
        known = self._known(file)
        if known is not None:
            return load_answer(known)
        answer = self._ask(image, pixel_A)
        save_answer(self._cache / self._folder / file, answer)
        return answer

    def _known(self, file: str) -> Path | None:
        """Where the answer is filed already."""
        exact = self._cache / self._folder / file
        if exact.exists():
            return exact
        if not self._any_code:
            return None
        others = sorted(
            self._cache.glob(f"{self.digest[:10]}-*/{file}"), key=lambda p: p.stat().st_mtime
        )
        return others[-1] if others else None

    def _ask(self, image: NDArray[np.generic], pixel_A: float | None) -> Answer:
        if self._detector is None:
            self._detector = Detector(self._model, self._threads)
            warm = np.random.default_rng(0).poisson(5.0, (128, 128)).astype(np.float32)
            self._analyze(warm, 0.104)
        return self._analyze(image, pixel_A)

    def _analyze(self, image: NDArray[np.generic], pixel_A: float | None) -> Answer:
        if self._detector is None:
            raise RuntimeError("No detector is loaded.")
        wall, cpu = time.perf_counter(), time.process_time()
        analysis, refusal = None, ""
        try:
            stated = Calibration(
                pixel_size_A=pixel_A, source="none" if pixel_A is None else "header"
            )
            analysis = self._detector.analyze(image, stated)
        except AtomLoopError as error:
            refusal = f"{type(error).__name__}: {error}"
        return Answer(analysis, refusal, time.process_time() - cpu, time.perf_counter() - wall)

    def close(self) -> None:
        """End the detector's threads."""
        if self._detector is not None:
            self._detector.close()


def code_digest() -> str:
    """Digest of the source that turns pixels into an analysis."""
    digest = hashlib.sha256()
    for package in CODE:
        for path in sorted(Path(str(package.__file__)).parent.rglob("*.py")):
            digest.update(path.read_bytes())
    return digest.hexdigest()


def save_answer(path: Path, answer: Answer) -> None:
    """Write an answer, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    one = answer.analysis
    words: dict[str, Any] = {
        "refusal": answer.refusal,
        "cpu_s": answer.cpu_s,
        "wall_s": answer.wall_s,
    }
    if one is not None:
        words["analysis"] = {
            field.name: getattr(one, field.name) for field in fields(one) if field.name not in TYPED
        }
        words["defects"] = [defect.model_dump() for defect in one.defects]
        words["ood"] = one.ood.model_dump()
        words["times"] = one.times.model_dump()
        words["cover"] = asdict(one.cover)
    draft = path.with_name(f".{path.stem}.part.npz")
    table = np.empty(0, ATOM) if one is None else one.table
    np.savez_compressed(draft, table=table, words=json.dumps(words))
    draft.replace(path)


def load_answer(path: Path) -> Answer:
    """Read an answer."""
    with np.load(path) as file:
        words, table = json.loads(str(file["words"])), file["table"]
    analysis = None
    if "analysis" in words:
        rest = dict(words["analysis"])
        rest["warnings"] = tuple(rest.get("warnings", ()))
        analysis = FrameAnalysis(
            table=table,
            defects=tuple(Defect.model_validate(d) for d in words["defects"]),
            ood=OutOfDistribution.model_validate(words["ood"]),
            times=StageTimes.model_validate(words["times"]),
            cover=Cover(words["cover"]["fraction"], _outlines(words["cover"]["outlines_px"])),
            **rest,
        )
    return Answer(analysis, words["refusal"], words["cpu_s"], words["wall_s"])


def _outlines(lists: list[list[list[float]]]) -> tuple[Outline, ...]:
    """Return outlines as they were before they became plain lists."""
    return tuple(tuple((x, y) for x, y in outline) for outline in lists)
