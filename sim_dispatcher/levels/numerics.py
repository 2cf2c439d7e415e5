"""How hard an engine tries to make its charges agree with themselves.

The defaults are the engine's own. A calculation that failed is tried again with milder ones:
smeared electrons, slower mixing, more cycles. What an engine cannot set, it leaves as it is.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import Final

from shared.errors import ConfigurationError

__all__ = ["CHECK_STRUCTURE", "ENGINE_DEFAULTS", "TRY_MILDER", "Numerics"]


TRY_MILDER: Final = "Smear the electrons, mix more slowly or allow more cycles; check the spin."
"""What to do when a self-consistent field did not converge."""

CHECK_STRUCTURE: Final = "Check the structure for overlapping atoms; else try another level."
"""What to do when an engine refused a structure."""


@dataclass(frozen=True)
class Numerics:
    """Settings of the self-consistent field; None = the engine's default.

    Attributes:
        electronic_temperature_K: Fermi smearing of the electrons, K.
        max_iterations: Cycles before the engine gives up.
        mixing: Share of the new charges or density in each cycle, above 0 and at most 1.
        accuracy: Factor on the engine's own thresholds: 0.1 = ten times tighter.
        k_points_factor: As many times the k-points along a cell's first two vectors; a molecule
            has no use for it.
    """

    electronic_temperature_K: float | None = None
    max_iterations: int | None = None
    mixing: float | None = None
    accuracy: float | None = None
    k_points_factor: int | None = None

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if value is not None and not (math.isfinite(value) and value > 0):
                raise ConfigurationError(
                    f"The numerical setting {field.name} is {value!r}.",
                    remedy="Give a number above zero, or leave it to the engine.",
                )
        if self.mixing is not None and self.mixing > 1:
            raise ConfigurationError(
                f"The numerical setting mixing is {self.mixing!r}.",
                remedy="Give a share above 0 and at most 1.",
            )

    def applied(self, settings: str) -> str:
        """Return a level's `settings` line with what was asked for here added to it."""
        words = {
            "electronic_temperature_K": "electronic temperature {:g} K",
            "max_iterations": "at most {:d} cycles",
            "mixing": "mixing {:g}",
            "accuracy": "thresholds x {:g}",
            "k_points_factor": "{:d} times the k-points in a cell",
        }
        asked = [
            text.format(getattr(self, name))
            for name, text in words.items()
            if getattr(self, name) is not None
        ]
        return "; ".join((settings, *asked))

    def mesh(self, *, periodic: bool) -> tuple[int, int, int]:
        """Return the k-points of a molecule in a box, or of a sheet's cell."""
        factor = (self.k_points_factor or 1) if periodic else 1
        return factor, factor, 1


ENGINE_DEFAULTS: Final = Numerics()
"""Everything as the engine has it."""
