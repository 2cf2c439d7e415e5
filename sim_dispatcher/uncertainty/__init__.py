"""Error bars made of named parts: plans of variants, and the calculation that uses them."""

from __future__ import annotations

from sim_dispatcher.uncertainty.bar import compute_error_bar
from sim_dispatcher.uncertainty.disagreement import disagreement
from sim_dispatcher.uncertainty.parts import merge
from sim_dispatcher.uncertainty.variants import (
    LEFT_OUT,
    VariantPlan,
    plan_variants,
    study_variants,
)

__all__ = [
    "LEFT_OUT",
    "VariantPlan",
    "compute_error_bar",
    "disagreement",
    "merge",
    "plan_variants",
    "study_variants",
]
