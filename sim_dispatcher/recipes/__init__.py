"""Recipes: how a quantity is computed, each a row over one runner."""

from __future__ import annotations

from sim_dispatcher.recipes.catalogue import RECIPES
from sim_dispatcher.recipes.minimise import Progress, Watcher
from sim_dispatcher.recipes.runner import Computed, Options, run_recipe

__all__ = ["RECIPES", "Computed", "Options", "Progress", "Watcher", "run_recipe"]
