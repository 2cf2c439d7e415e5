"""A dose is stated with the detector it is stated for, or withheld with the reason."""

from dataclasses import dataclass

import numpy as np
import pytest

from inference_service.detector.dose import estimate_dose
from inference_service.detector.noise import NoiseModel


@dataclass(frozen=True)
class Fitted:
    """What the dose is read from."""

    noise: NoiseModel
    counts: np.ndarray


KNOWN = NoiseModel(2.0, -10.0, 0.1, known=True, darkest=6.0, gain_error=0.04)
CARBON = np.ones(40, dtype=bool)


def test_a_hundred_electrons_per_carbon_mean_4e5_on_a_high_angle_detector():
    dose, note = estimate_dose(Fitted(KNOWN, np.full(40, 100.0)), CARBON)
    assert dose == pytest.approx(4e5)
    assert "100 electrons per C atom (± 4 %)" in note
    assert "54 mrad" in note
    assert "offset 5 to 6" in note


@pytest.mark.parametrize(
    ("fitted", "light", "word"),
    [
        (None, None, "carbon"),
        (Fitted(KNOWN, np.full(40, 100.0)), np.zeros(40, dtype=bool), "carbon"),
        (Fitted(NoiseModel(0.0, 1.0, 0.1, known=False), np.full(40, 9.0)), CARBON, "gain"),
        (Fitted(KNOWN, np.full(40, np.nan)), CARBON, "brightness"),
    ],
)
def test_without_a_gain_or_atoms_the_dose_is_withheld_with_the_reason(fitted, light, word):
    dose, note = estimate_dose(fitted, light)
    assert dose is None
    assert word in note
