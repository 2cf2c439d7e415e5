"""How alike a defect is to what was computed before, and to the bare sheet."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from sim_dispatcher.selection import Shape, Track, likeness

__all__ = ["Comparison", "Kinship"]

COUNTS: Final = 0.5
"""Likeness from which one ROI lowers the novelty of another: more alike than different."""


@dataclass(frozen=True, slots=True)
class Kinship:
    """How a defect compares.

    Attributes:
        alike: Sum of its likenesses to computed ROIs, each from `COUNTS` on.
        likest: The computed ROI most like it.
        similarity: That likeness; None where nothing was computed.
        bareness: Its greatest likeness to a patch of bare sheet; None where that says nothing.
    """

    alike: float = 0.0
    likest: str | None = None
    similarity: float | None = None
    bareness: float | None = None


class Comparison:
    """What was computed in a session, and the random patches drawn in it."""

    def __init__(self) -> None:
        self._computed: dict[str, Track] = {}
        self._bare: dict[str, Shape] = {}
        self._known: dict[tuple[str, str | None, bool], Kinship] = {}

    @property
    def has_yardstick(self) -> bool:
        """Whether a random patch was drawn yet."""
        return bool(self._bare)

    def computed(self, track: Track) -> None:
        """Note that a ROI is computed."""
        self._computed[track.key] = track
        self._known.clear()

    def bare(self, shape: Shape | None) -> None:
        """Note the neighbourhood of a random patch."""
        if shape is not None and shape.name not in self._bare:
            self._bare[shape.name] = shape
            self._known.clear()

    def kinship(self, track: Track) -> Kinship:
        """Compare a ROI that was not computed yet with those that were."""
        shape, random = track.last.shape, track.origin == "random"
        what = (track.type, None if shape is None else shape.name, random)
        if what not in self._known:
            self._known[what] = self._compare(track, random=random)
        return self._known[what]

    def _compare(self, track: Track, *, random: bool) -> Kinship:
        found = [(_alike(track, other), other.key) for other in self._computed.values()]
        similarity, likest = max(found, default=(None, None))
        bareness = None
        if track.last.shape is not None and self._bare and not random:
            bareness = max(likeness(track.last.shape, bare) for bare in self._bare.values())
        return Kinship(
            alike=sum(value for value, _ in found if value >= COUNTS),
            likest=likest,
            similarity=similarity,
            bareness=bareness,
        )


def _alike(one: Track, other: Track) -> float:
    """Return a likeness; where a shape could not be read the classes alone are compared."""
    if one.last.shape is None or other.last.shape is None:
        return float(one.type == other.type)
    return likeness(one.last.shape, other.last.shape)
