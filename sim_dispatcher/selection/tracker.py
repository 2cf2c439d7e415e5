"""The same physical defect from frame to frame: one track with a history.

A *site* is a place of the sample, drift taken out. What is there has an identity: class and shape.
Seen again with its identity it is the same track. Seen otherwise in several frames running, the
beam has changed it: a new track begins, linked to the old one; a single misread frame changes
nothing, and a shape that only the first few frames showed was misread in them. When a former
identity returns (a silicon atom that flips between three and four bonds), its own track goes on,
so that nothing is computed twice.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np
from blake3 import blake3

from shared.messages import RoiOrigin
from sim_dispatcher.selection.scene import Point
from sim_dispatcher.selection.sighting import Sighting

__all__ = [
    "CHANGED_FRAMES",
    "MATCH_A",
    "RESHAPED_FRAMES",
    "Track",
    "Tracker",
    "same_identity",
]

MATCH_A: Final = 2.0
"""Two sightings closer than this on the sample may be one defect, Å.

More than the drift's error, less than the 2.46 Å between equivalent sites of graphene."""

CHANGED_FRAMES: Final = 2
"""Frames running that show another class before the beam is held to have made it."""

AVERAGED: Final = 5
"""Sightings over which a probability is averaged, so that a borderline one does not flicker."""

RESHAPED_FRAMES: Final = 4
"""The same for another shape of the same class: one atom misread nearby is enough for that."""


@dataclass(frozen=True, slots=True)
class Track:
    """A physical defect, or a place that is looked at for another reason.

    Attributes:
        key: Its name for good.
        last: The newest sighting.
        seen: Frames in which it was seen.
        origin: Why it is looked at.
        previous: The track that the beam turned into this one.
        successor: The track that is in its place now; None while it is there itself.
        lag: What the averaged probability has beyond the newest sighting's.
    """

    key: str
    last: Sighting
    seen: int = 1
    origin: RoiOrigin = "defect"
    previous: str | None = None
    successor: str | None = None
    lag: float = 0.0

    @property
    def p(self) -> float:
        """Its probability, averaged over the latest `AVERAGED` sightings or so."""
        return self.last.defect.p + self.lag

    @property
    def type(self) -> str:
        """Class of the defect."""
        return self.last.type

    def again(self, sighting: Sighting, times: int = 1) -> Track:
        """Return the track, seen again.

        A shape that cannot be read this time is kept, and a frame that arrives late only counts.
        """
        seen = self.seen + times
        p = self.p + (sighting.defect.p - self.p) / min(seen, AVERAGED)
        if sighting.frame_index < self.last.frame_index:
            return replace(self, seen=seen, lag=p - self.last.defect.p)
        shape = sighting.shape or self.last.shape
        last = replace(sighting, shape=shape)
        lag = p - sighting.defect.p
        return replace(self, last=last, seen=seen, successor=None, lag=lag)


@dataclass(slots=True)
class _Site:
    current: str
    phases: list[str] = field(default_factory=list)
    rival: Sighting | None = None
    """First of the latest sightings running that show another identity."""
    rivals: int = 0


class Tracker:
    """Links the defects of successive frames of one session.

    Args:
        match_A: Largest distance between two sightings of one defect, Å.
        changed_frames: Frames running that make another class a new track.
        reshaped_frames: Frames running that make another shape of the same class a new track.

    Attributes:
        superseded: Tracks that the latest frame showed to have become others.
    """

    def __init__(
        self,
        match_A: float = MATCH_A,
        changed_frames: int = CHANGED_FRAMES,
        reshaped_frames: int = RESHAPED_FRAMES,
    ) -> None:
        self._match_A = match_A
        self._changed_frames = changed_frames
        self._reshaped_frames = reshaped_frames
        self._tracks: dict[str, Track] = {}
        self._sites: list[_Site] = []
        self.superseded: list[str] = []

    @property
    def tracks(self) -> tuple[Track, ...]:
        """All of the session, oldest first."""
        return tuple(self._tracks.values())

    def __contains__(self, key: object) -> bool:
        """Whether a track of this name is known."""
        return key in self._tracks

    def __getitem__(self, key: str) -> Track:
        """Return the track of this name as it is now."""
        return self._tracks[key]

    def observe(self, seen: Sequence[Sighting]) -> tuple[Track, ...]:
        """Take in the defects of a frame.

        A sighting belongs to the nearest site, each site at most once; sites whose identity agrees
        come first.

        Args:
            seen: The sightings of one frame.

        Returns:
            The tracks they belong to, in the same order.
        """
        self.superseded = []
        owner = self._owners(seen)
        return tuple(self._take(owner.get(i), sighting) for i, sighting in enumerate(seen))

    def near(self, sample_A: Point, within_A: float) -> Track | None:
        """Return the track that is at a place of the sample now, None where none is."""
        there = [
            (math.dist(track.last.sample_A, sample_A), track.key)
            for track in self._tracks.values()
            if track.successor is None and track.origin != "random"
        ]
        away_A, key = min(there, default=(math.inf, ""))
        return self._tracks[key] if away_A <= within_A else None

    def add(self, track: Track) -> None:
        """Take in a place that no sighting leads to: a random patch, an operator's place."""
        self._tracks[track.key] = track

    def restore(self, tracks: Iterable[Track]) -> None:
        """Take in the tracks of an earlier run; each goes on under its key."""
        found = {track.key: track for track in tracks}
        self._tracks |= found
        sites: dict[str, _Site] = {}
        for track in found.values():
            if track.origin == "defect":
                site = sites.setdefault(_root(track, found), _Site(track.key))
                site.phases.append(track.key)
                if track.successor is None:
                    site.current = track.key
        self._sites.extend(sites.values())

    def forget(self, keys: Iterable[str]) -> None:
        """Drop tracks that nothing depends on, with the sites that they alone occupy."""
        gone = set(keys)
        for key in gone:
            self._tracks.pop(key, None)
        kept = []
        for site in self._sites:
            site.phases = [key for key in site.phases if key not in gone]
            if site.current in self._tracks:
                kept.append(site)
        self._sites = kept

    def _owners(self, seen: Sequence[Sighting]) -> dict[int, _Site]:
        if not seen or not self._sites:
            return {}
        there = np.array([self._tracks[site.current].last.sample_A for site in self._sites])
        here = np.array([sighting.sample_A for sighting in seen])
        away = np.hypot(*(here[:, None] - there[None]).transpose(2, 0, 1))
        pairs = sorted(
            (self._strangeness(self._sites[j], seen[i]), float(away[i, j]), i, j)
            for i, j in np.argwhere(away <= self._match_A).tolist()
        )
        owner: dict[int, _Site] = {}
        taken: set[int] = set()
        for _, _, i, j in pairs:
            if i not in owner and j not in taken:
                owner[i] = self._sites[j]
                taken.add(j)
        return owner

    def _strangeness(self, site: _Site, sighting: Sighting) -> int:
        """Return 0 for the site's identity, 1 for one it has or may have had, 2 for another."""
        if same_identity(self._tracks[site.current].last, sighting):
            return 0
        known = [self._tracks[key].last for key in site.phases]
        known += [site.rival] if site.rival is not None else []
        return 1 if any(same_identity(one, sighting) for one in known) else 2

    def _take(self, site: _Site | None, sighting: Sighting) -> Track:
        if site is None:
            fresh = Track(_name(sighting), sighting)
            self._sites.append(_Site(fresh.key, [fresh.key]))
            return self._keep(fresh)
        current = self._tracks[site.current]
        if same_identity(current.last, sighting):
            site.rival, site.rivals = None, 0
            return self._keep(current.again(sighting))
        if sighting.frame_index < current.last.frame_index:
            return current  # an older frame, arriving late, shows what was there before
        if site.rival is None or not same_identity(site.rival, sighting):
            site.rival, site.rivals = sighting, 0
        site.rivals += 1
        same_class = sighting.type == current.type
        enough = self._reshaped_frames if same_class else self._changed_frames
        return current if site.rivals < enough else self._change(site, sighting)

    def _change(self, site: _Site, sighting: Sighting) -> Track:
        """Make another identity the site's own: a former one, or a new one."""
        current, first, times = self._tracks[site.current], site.rival or sighting, site.rivals
        site.rival, site.rivals = None, 0
        if sighting.type == current.type and current.seen < times:
            return self._keep(current.again(sighting, times))  # it was misread at first
        former = next(
            (
                self._tracks[key]
                for key in site.phases
                if key != current.key and same_identity(self._tracks[key].last, sighting)
            ),
            None,
        )
        if former is None:
            track = Track(_name(first), sighting, times, previous=current.key)
            site.phases.append(track.key)
        else:
            track = former.again(sighting, times)
        self._keep(replace(current, successor=track.key))
        self.superseded.append(current.key)
        site.current = track.key
        return self._keep(track)

    def _keep(self, track: Track) -> Track:
        self._tracks[track.key] = track
        return track


def same_identity(one: Sighting, other: Sighting) -> bool:
    """Tell whether two sightings show the same thing, as far as their shapes could be read."""
    if one.type != other.type:
        return False
    return one.shape is None or other.shape is None or one.shape.name == other.shape.name


def _root(track: Track, found: dict[str, Track]) -> str:
    """Return the first track of a site."""
    visited = {track.key}
    while track.previous in found and track.previous not in visited:
        track = found[track.previous]
        visited.add(track.key)
    return track.key


def _name(first: Sighting) -> str:
    """Return a name from what the defect was when first seen."""
    x_A, y_A = first.sample_A
    text = f"{first.session} {first.frame} {first.type} {x_A:.2f} {y_A:.2f}"
    return f"{first.type}-{blake3(text.encode()).hexdigest()[:12]}"
