"""A noisy frame on the wire: byte planes before zstd beside zstd alone, at the same level."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import zstandard

from shared.codec.frames import encode_pixels

SIDE_PX = 896
MEAN_COUNTS = 40.0
LEVEL = 1


def _frame() -> np.ndarray:
    """A lattice of bright spots under shot noise, uint16 counts."""
    rng = np.random.default_rng(20261122)
    rows, columns = np.mgrid[:SIDE_PX, :SIDE_PX]
    wave = np.cos(0.29 * rows) * np.cos(0.29 * columns)
    return rng.poisson(MEAN_COUNTS * (1 + 0.6 * wave)).astype(np.uint16)


def _plain(frame: np.ndarray) -> bytes:
    return zstandard.ZstdCompressor(level=LEVEL, write_content_size=True).compress(frame.tobytes())


def bytes_per_frame() -> tuple[Callable[[], float], Callable[[], float]]:
    """Return how large each way makes the frame."""
    frame = _frame()
    return (
        lambda: float(len(encode_pixels(frame, "zstd-planes"))),
        lambda: float(len(_plain(frame))),
    )


def coding_time() -> tuple[Callable[[], None], Callable[[], None]]:
    """Return both ways, to be timed."""
    frame = _frame()

    def ours() -> None:
        encode_pixels(frame, "zstd-planes")

    def theirs() -> None:
        _plain(frame)

    return ours, theirs
