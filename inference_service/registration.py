"""Where each frame lies on the sample: drift, registered once, from the atoms themselves.

The sample frame of a session is that of its first frame. Each further frame is aligned with a
reference frame, not with its predecessor, so that errors do not add up; the reference is renewed
when the two no longer overlap well, or when it has grown old. A commanded move of the scan is
the expectation to start from.

Positions come as (x, y) as everywhere in the lattice modules; offsets leave as (row, column), as
messages carry them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from inference_service.alignment import LEAST_ATOMS, Alignment, AtomMap, align

__all__ = ["Drift", "Registration"]

CREEP_A: Final = 1.0
"""How far a sample usually moves between frames."""

MOVE_ERROR: Final = 0.05
"""Error of a commanded move, as a share of it: scan calibrations are good to a few percent."""

SURE: Final = 0.5
"""Alignments below this confidence are not followed."""

GOOD_OVERLAP: Final = 0.7
"""A reference that shares less with the newest frame is replaced by it."""

LONGEST_SERVICE: Final = 20
"""Frames after which a reference is renewed: the sample changes under the beam."""

MOST_MISSES: Final = 3
"""Frames in a row that cannot be aligned before the newest becomes the reference."""


@dataclass(frozen=True, slots=True)
class Drift:
    """Where a frame lies."""

    offset_A: tuple[float, float]
    """(row, column) of the frame's origin in the session's sample frame, Å."""
    sigma_A: float
    """One-axis standard error within the lattice vector chosen, Å; infinite if not aligned."""
    confidence: float
    """Probability that the offset is right to within a lattice vector; 0 if not aligned."""
    overlap: float
    """Share of the frame's atoms that lie within the reference."""
    landmarks: int
    """Foreign atoms recognised."""


@dataclass(frozen=True, slots=True)
class _Reference:
    """The frame that others are aligned with."""

    atoms: AtomMap
    origin_A: NDArray[np.float64]
    """(2,) [x, y] of its origin in the sample frame, Å."""
    sigma_A: float
    age: int = 0


class Registration:
    """Places the frames of one session, in their order; deterministic."""

    def __init__(self) -> None:
        self._reference: _Reference | None = None
        self._origin = np.zeros(2)
        self._centre: NDArray[np.float64] | None = None
        self._misses = 0

    def update(
        self,
        positions_A: NDArray[np.float64],
        atomic_numbers: NDArray[np.uint8],
        centre_A: tuple[float, float],
    ) -> Drift:
        """Return where the next frame lies.

        Args:
            positions_A: (n, 2) [x, y] of the atoms found, from the frame's first pixel, Å.
            atomic_numbers: (n,) 0 = unknown.
            centre_A: (row, column) of the scan's centre as commanded, Å.
        """
        atoms = AtomMap(np.asarray(positions_A, dtype=float), np.asarray(atomic_numbers))
        centre = np.array([centre_A[1], centre_A[0]], dtype=float)
        move = np.zeros(2) if self._centre is None else centre - self._centre
        self._centre = centre
        expected = self._origin + move
        if len(atoms.positions_A) < LEAST_ATOMS:
            return self._unaligned(expected)
        if self._reference is None:
            self._reference = _Reference(atoms, expected, 0.0)
            return self._placed(expected, Alignment((0.0, 0.0), 0.0, 1.0, 0, 1.0), 0.0)
        return self._align(atoms, self._reference, expected, float(np.hypot(*move)))

    def _align(
        self, atoms: AtomMap, reference: _Reference, expected: NDArray[np.float64], moved_A: float
    ) -> Drift:
        """Align a frame with the reference and renew that where it is due."""
        reach = CREEP_A + MOVE_ERROR * moved_A
        found = align(atoms, reference.atoms, expected - reference.origin_A, reach)
        if found is None or found.confidence < SURE:
            self._misses += 1
            if self._misses >= MOST_MISSES or found is None:
                self._reference, self._misses = _Reference(atoms, expected, np.inf), 0
            return self._unaligned(expected)
        self._misses = 0
        origin = reference.origin_A + found.shift_A
        sigma = float(np.hypot(found.sigma_A, reference.sigma_A))
        if found.overlap < GOOD_OVERLAP or reference.age >= LONGEST_SERVICE:
            self._reference = _Reference(atoms, origin, sigma)
        else:
            self._reference = _Reference(
                reference.atoms, reference.origin_A, reference.sigma_A, reference.age + 1
            )
        return self._placed(origin, found, sigma)

    def _placed(self, origin: NDArray[np.float64], found: Alignment, sigma_A: float) -> Drift:
        """Return and remember an aligned frame's place."""
        self._origin = origin
        x, y = origin.tolist()
        return Drift((y, x), sigma_A, found.confidence, found.overlap, found.landmarks)

    def _unaligned(self, expected: NDArray[np.float64]) -> Drift:
        """Return and remember the expected place of a frame that could not be aligned."""
        self._origin = expected
        x, y = expected.tolist()
        return Drift((y, x), float("inf"), 0.0, 0.0, 0)
