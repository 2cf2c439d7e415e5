"""Physical constants and the few conversions the services share.

Constants: CODATA 2018 (https://doi.org/10.1103/RevModPhys.93.025010). Lattice: Å; dose: e/Å².
"""

from __future__ import annotations

from typing import Final

__all__ = [
    "CARBON_BOND_A",
    "ELEMENTARY_CHARGE_C",
    "GRAPHENE_LATTICE_A",
    "GRAPHENE_RINGS_A",
    "areal_dose",
]

ELEMENTARY_CHARGE_C: Final = 1.602176634e-19
"""Charge of an electron, C (exact in the SI)."""

GRAPHENE_LATTICE_A: Final = 2.46
"""Lattice constant of graphene, Å (Castro Neto et al., doi:10.1103/RevModPhys.81.109)."""

CARBON_BOND_A: Final = 1.42
"""C-C bond length of graphene, Å (same source; 2.46 / sqrt(3))."""

GRAPHENE_RINGS_A: Final = (2.130, 1.230)
"""Spacings of graphene's first and second order reflections, Å (a*sqrt(3)/2 and a/2)."""


def areal_dose(beam_current_pA: float, dwell_time_us: float, pixel_size_A: float) -> float:
    """Return the dose of one frame in electrons per Å².

    Args:
        beam_current_pA: Probe current, pA.
        dwell_time_us: Dwell time per pixel, µs.
        pixel_size_A: Edge of a square pixel, Å.

    Returns:
        Dose in e/Å²: current times dwell time over charge and pixel area.
    """
    electrons = beam_current_pA * 1e-12 * dwell_time_us * 1e-6 / ELEMENTARY_CHARGE_C
    return electrons / pixel_size_A**2
