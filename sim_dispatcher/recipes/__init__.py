"""Recipes: how a quantity is computed, each a row over one runner."""

from __future__ import annotations

from sim_dispatcher.recipes.catalogue import RECIPES
from sim_dispatcher.recipes.errors import UnfinishedError
from sim_dispatcher.recipes.minimise import Progress, Watcher
from sim_dispatcher.recipes.options import Options
from sim_dispatcher.recipes.runner import run_recipe
from sim_dispatcher.recipes.task import Computed, ResultFile
from sim_dispatcher.recipes.twins import TwinEnergies

__all__ = [
    "RECIPES",
    "Computed",
    "Options",
    "Progress",
    "ResultFile",
    "TwinEnergies",
    "UnfinishedError",
    "Watcher",
    "run_recipe",
]
