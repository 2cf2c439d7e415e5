"""Recipes: how a quantity is computed, each a row over one runner."""

from __future__ import annotations

from sim_dispatcher.recipes.catalogue import RECIPES
from sim_dispatcher.recipes.minimise import Progress, Watcher
from sim_dispatcher.recipes.relaxation import Options
from sim_dispatcher.recipes.runner import Computed, run_recipe
from sim_dispatcher.recipes.twins import TwinEnergies

__all__ = [
    "RECIPES",
    "Computed",
    "Options",
    "Progress",
    "TwinEnergies",
    "Watcher",
    "run_recipe",
]
