"""Dose from the image: detected electrons per carbon atom, and what that means in e/Å².

The image tells how many electrons an atom sent to the detector, not how many hit the specimen:
between the two stands the detector's share, which its angles alone change eightfold. The dose is
therefore stated for one detector, and its note names the range that others would give.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from inference_service.detector.refine import Refined

__all__ = ["estimate_dose"]

CROSS_SECTION_A2: Final = 2.5e-4
"""Detected electrons per C atom over the incident ones per Å²: about 100 at 4e5 e/Å², as on 60 kV
frames of 1.1-1.4 counts per pixel of 0.104 Å at an atom. By Rutherford's law scaled to the next
figure, a detector of 115-200 mrad."""
LARGEST_CROSS_SECTION_A2: Final = 1.9e-3
"""The same of a detector of 54-200 mrad, from multislice with Lobato's potentials
(doi:10.1107/S205327331401643X); 6.7e-4 for 80-200 mrad."""
FEWEST: Final = 5
"""Carbon atoms that a typical brightness needs."""


def estimate_dose(refined: Refined | None, light: np.ndarray | None) -> tuple[float | None, str]:
    """Return the dose in e/Å², None where the gain is unknown, and how it came about.

    Args:
        refined: The fitted frame; None where nothing was found to fit.
        light: (n,) which of its atoms are carbon.
    """
    if refined is None or light is None or np.count_nonzero(light) < FEWEST:
        return None, "Too few carbon atoms to count electrons on."
    noise = refined.noise
    if not noise.known:
        return None, "The gain is unknown: the noise does not grow with the signal."
    counts = float(np.median(refined.counts[light]))
    if not np.isfinite(counts) or counts <= 0:
        return None, "The carbon atoms' brightness is not known."
    dose = counts / CROSS_SECTION_A2
    least = counts / LARGEST_CROSS_SECTION_A2
    low, high = noise.offset_limits
    note = (
        f"{counts:.0f} electrons per C atom (± {100 * noise.gain_error:.0f} %), for a detector "
        f"beyond about 115 mrad ({CROSS_SECTION_A2:.1e} Å² an atom); with one from 54 mrad they "
        f"would mean {least:.1e} e/Å². Gain {noise.gain:.3g} units an electron, offset "
        f"{low:.3g} to {high:.3g}, read noise up to {noise.read_noise_limit:.1f} electrons."
    )
    return dose, note
