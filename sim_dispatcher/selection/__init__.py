"""Which defects are computed, in which order, and why the others are not: pure and explainable."""

from sim_dispatcher.selection.policy import Pick, Refuse, Rules, Verdict, Wait, judge
from sim_dispatcher.selection.sighting import Sighting, sightings
from sim_dispatcher.selection.tracker import Track, Tracker

__all__ = [
    "Pick",
    "Refuse",
    "Rules",
    "Sighting",
    "Track",
    "Tracker",
    "Verdict",
    "Wait",
    "judge",
    "sightings",
]
