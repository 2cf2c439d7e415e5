"""What the paper reports, digit for digit.

Ghosh, Ziatdinov, Dyck, Sumpter, Kalinin, "Bridging microscopy with molecular dynamics and quantum
simulations: an atomAI based pipeline", npj Computational Materials 8, 74 (2022),
doi:10.1038/s41524-022-00733-7: VASP, PBE, 400 eV, 2x2x2 k-points.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

__all__ = [
    "ADATOM_ENERGIES_EV",
    "ADATOM_HOLLOW_A",
    "ADATOM_TOP_A",
    "CC_A",
    "CC_SELECTIVE_A",
    "CH_A",
    "CH_SELECTIVE_A",
    "COORDINATE_PERCENT",
    "FMAX_EV_A",
    "GROUP_ENERGIES_EV",
    "GROUP_RANGE_EV",
    "LENGTH_FS",
    "RING_BONDS_A",
]

CC_A: Final = 1.42
"""Mean C-C bond after the full relaxation, Å."""

CH_A: Final = 1.09
"""Mean C-H bond after the full relaxation, Å."""

CC_SELECTIVE_A: Final = (1.43, 1.50)
"""Range of the mean C-C bond over the three selective relaxations, Å."""

CH_SELECTIVE_A: Final = (0.94, 1.04)
"""The same for C-H, Å."""

FMAX_EV_A: Final = 1e-3
"""Force criterion of its relaxations, eV/Å."""

COORDINATE_PERCENT: Final = 5.0
"""Average percentage error of x and of y, predicted against relaxed: less than this."""

LENGTH_FS: Final = 2000.0
"""Length of its trajectories, fs: 2000 steps of 1 fs."""

RING_BONDS_A: Final[Mapping[int, Mapping[str, float]]] = MappingProxyType(
    {
        300: {"5": 1.713, "6": 1.443, "7": 1.447},
        2000: {"6": 1.422},
        4000: {"5": 1.606, "7": 1.430},
    }
)
"""Mean C-C bond by temperature (K) and ring size after 2 ps, Å."""

ADATOM_HOLLOW_A: Final = 2.165
"""Mean Cr-C distance at the hollow site, Å."""

ADATOM_TOP_A: Final = 2.237
"""Distance of Cr from the closest in-plane C at the top site, Å."""

ADATOM_ENERGIES_EV: Final[Mapping[str, float]] = MappingProxyType(
    {"hollow": -923.351, "top": -920.305, "bridge": -910.514}
)
"""Total energies with chromium, by the site it started from, eV."""

GROUP_ENERGIES_EV: Final = (-3.709, -7.220, -4.306)
"""Adsorption energies of CH3 in three starting configurations, eV, in the paper's printed sign."""

GROUP_RANGE_EV: Final = (-14.549, -7.018)
"""Range of the adsorption energies of CH and CH2, eV, in the paper's printed sign."""
