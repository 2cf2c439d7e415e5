"""Levels of theory behind one interface: GFN-FF, GFN1-xTB, GFN2-xTB."""

from __future__ import annotations

from sim_dispatcher.levels.level import Level, LevelName
from sim_dispatcher.levels.numerics import ENGINE_DEFAULTS, Numerics
from sim_dispatcher.levels.potential import Evaluation, Potential, System
from sim_dispatcher.levels.registry import choose_level, known_levels, level_reports

__all__ = [
    "ENGINE_DEFAULTS",
    "Evaluation",
    "Level",
    "LevelName",
    "Numerics",
    "Potential",
    "System",
    "choose_level",
    "known_levels",
    "level_reports",
]
