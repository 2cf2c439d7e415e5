"""Input sets for the programs of a site: exact text from a structure, a recipe and its options."""

from __future__ import annotations

from sim_dispatcher.inputs.sets import INPUT_LEVELS, input_set

__all__ = ["INPUT_LEVELS", "input_set"]
