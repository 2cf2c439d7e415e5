"""Which defects are computed, in which order, and why the others are not: pure and explainable."""

from sim_dispatcher.selection.budget import Limits, Usage, exhausted, wants_patch
from sim_dispatcher.selection.closer import Sharpness, look_closer
from sim_dispatcher.selection.patches import random_patch
from sim_dispatcher.selection.policy import (
    FIRST,
    Pick,
    Prospect,
    Refuse,
    Rules,
    Stale,
    Verdict,
    Wait,
    absence,
    judge,
)
from sim_dispatcher.selection.scene import Point, Scene, open_scene
from sim_dispatcher.selection.shapes import Shape, likeness
from sim_dispatcher.selection.sighting import Sighting, View, sighting_at, sightings
from sim_dispatcher.selection.tracker import Track, Tracker

__all__ = [
    "FIRST",
    "Limits",
    "Pick",
    "Point",
    "Prospect",
    "Refuse",
    "Rules",
    "Scene",
    "Shape",
    "Sharpness",
    "Sighting",
    "Stale",
    "Track",
    "Tracker",
    "Usage",
    "Verdict",
    "View",
    "Wait",
    "absence",
    "exhausted",
    "judge",
    "likeness",
    "look_closer",
    "open_scene",
    "random_patch",
    "sighting_at",
    "sightings",
    "wants_patch",
]
