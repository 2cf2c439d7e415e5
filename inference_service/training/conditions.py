"""How far simulated frames stray from what a microscope usually shows."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

__all__ = ["MIXED", "USUAL", "WIDE", "Conditions"]


@dataclass(frozen=True)
class Conditions:
    """Limits of what is drawn.

    Attributes:
        frayed: share of atoms at a rim that keep hanging on by one bond.
        trims: how often rims are looked over for such atoms.
        widest_A: widest probe, full width at half maximum.
        displaced: share of the frames whose atoms are displaced, each by itself.
    """

    frayed: float
    trims: int
    widest_A: float
    displaced: float = 1.0


WIDE: Final = Conditions(frayed=0.1, trims=2, widest_A=1.5)
"""More than is ever met: what a network learns first."""
USUAL: Final = Conditions(frayed=0.02, trims=4, widest_A=1.25)
"""What is met: an atom with one bond does not last in the beam, and a wider probe is refocused.
Training ends with these frames, and probabilities are calibrated on them."""
MIXED: Final = replace(USUAL, displaced=0.5)
"""The same with smooth sheets among the displaced ones: errors are calibrated on them, because how
far an atom is displaced a faint frame does not tell."""
