"""The same physical defect from frame to frame: one track with a history."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from blake3 import blake3

from sim_dispatcher.selection.sighting import Sighting

__all__ = ["Track", "Tracker"]

MATCH_A: Final = 2.0
"""Two sightings of one type closer than this on the sample are one defect, Å.

More than the drift's error, less than the 2.46 Å between equivalent sites of graphene."""


@dataclass(frozen=True, slots=True)
class Track:
    """A physical defect.

    Attributes:
        key: Its name for good.
        last: The newest sighting.
        seen: Frames in which it was seen.
    """

    key: str
    last: Sighting
    seen: int = 1

    @property
    def type(self) -> str:
        """Class of the defect."""
        return self.last.defect.type


class Tracker:
    """Links the defects of successive frames of one session.

    Args:
        match_A: Largest distance between two sightings of one defect, Å.
    """

    def __init__(self, match_A: float = MATCH_A) -> None:
        self._match_A = match_A
        self._session: str | None = None
        self._tracks: dict[str, Track] = {}

    @property
    def tracks(self) -> tuple[Track, ...]:
        """All defects of the session, oldest first."""
        return tuple(self._tracks.values())

    def observe(self, seen: Sequence[Sighting]) -> tuple[Track, ...]:
        """Take in the defects of a frame.

        A sighting continues the nearest track of its type, each track at most once; nearest pairs
        are settled first. A new session starts from nothing.

        Args:
            seen: The sightings of one frame.

        Returns:
            The tracks they belong to, in the same order.
        """
        if seen and seen[0].session != self._session:
            self._session = seen[0].session
            self._tracks.clear()
        pairs = sorted(
            (math.dist(sighting.sample_A, track.last.sample_A), index, track.key)
            for index, sighting in enumerate(seen)
            for track in self._tracks.values()
            if track.type == sighting.defect.type
        )
        owner: dict[int, str] = {}
        for distance_A, index, key in pairs:
            if distance_A <= self._match_A and index not in owner and key not in owner.values():
                owner[index] = key
        return tuple(self._continue(owner.get(i), sighting) for i, sighting in enumerate(seen))

    def _continue(self, key: str | None, sighting: Sighting) -> Track:
        if key is None:
            track = Track(_name(sighting), sighting)
        else:
            track = replace(self._tracks[key], last=sighting, seen=self._tracks[key].seen + 1)
        self._tracks[track.key] = track
        return track


def _name(first: Sighting) -> str:
    """Return a name from what the defect was when first seen."""
    x_A, y_A = first.sample_A
    text = f"{first.session} {first.frame} {first.defect.type} {x_A:.2f} {y_A:.2f}"
    return f"{first.defect.type}-{blake3(text.encode()).hexdigest()[:12]}"
