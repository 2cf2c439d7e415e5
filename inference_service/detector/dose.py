"""Dose from the image: detected electrons per carbon atom, and what that means in e/Å²."""

from __future__ import annotations

from typing import Final

import numpy as np

from inference_service.detector.refine import Refined

__all__ = ["estimate_dose"]

EFFECTIVE_CROSS_SECTION_A2: Final = 2.5e-4
"""Detected electrons per C atom over the incident ones per Å²: about 100 counts at 4e5 e/Å² on a
60 kV annular detector. The detector's angles change it by a factor of several, hence the note."""


def estimate_dose(refined: Refined | None, light: np.ndarray | None) -> tuple[float | None, str]:
    """Return the dose in e/Å², None where the gain is unknown, and how it came about.

    Args:
        refined: The fitted frame; None where nothing was found to fit.
        light: (n,) which of its atoms are carbon.
    """
    if refined is None or light is None or not light.any():
        return None, "No carbon atoms to count electrons on."
    if not refined.noise.known:
        return None, "The gain is unknown: the noise does not grow with the signal."
    counts = float(np.median(refined.counts[light]))
    note = (
        f"From {counts:.0f} electrons per C atom, taking {EFFECTIVE_CROSS_SECTION_A2:.1e} Å² as "
        "the detector's cross-section; its angles may change this by a factor of several."
    )
    return counts / EFFECTIVE_CROSS_SECTION_A2, note
