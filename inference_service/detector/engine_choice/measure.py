"""Measure every installed engine against ONNX Runtime in fp32: accuracy and speed on this host.

``python -m inference_service.detector.engine_choice.measure`` reads a task and prints a verdict,
both as JSON. It is a process of its own, because it holds all engines in memory at once, and
because a runtime that does not fit the processor may die instead of raising.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from inference_service.detector.engine_choice.trial import Score, score, trial_frames
from inference_service.detector.engine_choice.verdict import Circumstances, Measured, Task, Verdict
from inference_service.detector.engines.engine import Engine, Variant
from inference_service.detector.engines.names import FamilyName
from inference_service.detector.engines.registry import variants
from inference_service.detector.member_sums import Sum
from inference_service.detector.model import Model, load_model
from shared.clock import Clock, SystemClock

__all__ = ["measure"]

ROUNDS: Final = 4
"""Interleaved; the first warms up and does not count."""


def measure(model: Model, threads: int, clock: Clock) -> Verdict:
    """Measure everything that is installed.

    Args:
        model: A verified ensemble.
        threads: Threads that serving will use.
        clock: Times the rounds.
    """
    circumstances = Circumstances.here(model.digest, threads)
    bench = _Bench(model, threads)
    for family in circumstances.versions:
        bench.add(family)
    return Verdict(circumstances=circumstances, measured=bench.results(clock))


class _Bench:
    """The engines that run here, side by side."""

    def __init__(self, model: Model, threads: int) -> None:
        self._model, self._threads = model, threads
        self._measured: list[Measured] = []
        self._engines: dict[str, Engine] = {}
        self._reference: tuple[Score, list[NDArray[np.float32]]] | None = None

    def add(self, family: FamilyName) -> None:
        """Open and score all variants of a runtime; whatever fails is noted, not raised."""
        try:
            found = variants(family)
        except Exception as error:  # noqa: BLE001 - a broken optional runtime must not end the trial
            self._measured.append(Measured(key=family, family=family, problem=_words(error)))
            return
        if not found:
            nothing = "no device for it on this host"
            self._measured.append(Measured(key=family, family=family, problem=nothing))
        self._measured += [self._score(family, variant) for variant in found]

    def results(self, clock: Clock) -> tuple[Measured, ...]:
        """Time the engines in turns and return everything."""
        image = np.tile(trial_frames()[-1].image, (2, 2))
        spent: dict[str, list[tuple[float, float]]] = {key: [] for key in self._engines}
        for _ in range(ROUNDS):
            for key, engine in self._engines.items():
                start, used = clock.monotonic_s(), time.process_time()
                engine.sums(image)
                spent[key].append((clock.monotonic_s() - start, time.process_time() - used))
        for engine in self._engines.values():
            engine.close()
        return tuple(_timed(one, spent.get(one.key, [])) for one in self._measured)

    def _score(self, family: FamilyName, variant: Variant) -> Measured:
        images = [frame.image for frame in trial_frames()]
        try:
            preparation = variant.prepare(self._model, images)
            engine = variant.open(self._model, self._threads, preparation)
            found = score(engine)
            maps = [engine.sums(image)[Sum.P] / engine.members for image in images]
        except Exception as error:  # noqa: BLE001 - as above
            return Measured(key=variant.key, family=family, problem=_words(error))
        if self._reference is None:
            self._reference = found, maps
        before, before_maps = self._reference
        self._engines[variant.key] = engine
        return Measured(
            key=variant.key,
            family=family,
            f1_change=found.f1 - before.f1,
            rms_change_pm=found.rms_pm - before.rms_pm,
            p_change=max(
                float(np.abs(a - b).max()) for a, b in zip(maps, before_maps, strict=True)
            ),
            preparation=tuple(tuple(row) for row in preparation),
        )


def _timed(one: Measured, rounds: Sequence[tuple[float, float]]) -> Measured:
    """Add the least wall and processor times, the first round left out."""
    if not rounds:
        return one
    wall_s, processor_s = (min(column) for column in zip(*rounds[1:], strict=True))
    times = {"ms": round(1e3 * wall_s, 2), "cpu_ms": round(1e3 * processor_s, 2)}
    return one.model_copy(update=times)


def _words(error: Exception) -> str:
    """Return an error as one short line."""
    first = next(iter(str(error).strip().splitlines()), "")
    return f"{type(error).__name__}: {first}"[:200]


def main() -> None:
    """Do the task on standard input."""
    task = Task.model_validate_json(sys.stdin.buffer.read())
    verdict = measure(load_model(task.folder), task.threads, SystemClock())
    sys.stdout.write(verdict.model_dump_json())


if __name__ == "__main__":
    main()
