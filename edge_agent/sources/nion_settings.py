"""What can be set on Nion's scan controller and on the sample under it."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from shared.settings import Section
from shared.units import areal_dose

__all__ = ["NionSettings"]

Positive = Annotated[float, Field(gt=0)]


class NionSettings(Section):
    """Scan, beam and simulated sample."""

    pixels: Annotated[int, Field(ge=32, le=4096)] = Field(
        default=896, description="Rows and columns of a frame."
    )
    field_of_view_A: Positive = Field(default=93.184, description="Edge of the scanned square, Å.")
    dwell_time_us: Positive = Field(default=4.0, description="Dwell time per pixel, µs.")
    beam_current_pA: Positive = Field(default=180.0, description="Probe current, pA.")
    high_tension_kV: Positive = Field(default=60.0, description="Acceleration voltage, kV.")
    defocus_nm: float = Field(default=0.0, description="Defocus, nm; recorded, not simulated.")
    centre_A: tuple[float, float] = Field(
        default=(0.0, 0.0), description="Scan centre on the stage, (row, column), Å."
    )
    rotation_deg: float = Field(default=0.0, description="Scan rotation, degrees.")
    specimen_seed: Annotated[int, Field(ge=0)] = Field(
        default=20, description="Fixes where the sample's defects are, and the shot noise."
    )
    specimen_orientation_deg: float = Field(
        default=17.0, description="How the lattice is turned on the stage, degrees."
    )
    drift_amplitude_A: Annotated[float, Field(ge=0, le=100)] = Field(
        default=12.0, description="Farthest the simulated stage creeps, Å; 0 = steady."
    )

    @property
    def pixel_size_A(self) -> float:
        """Edge of a pixel, Å."""
        return self.field_of_view_A / self.pixels

    @property
    def dose_e_A2(self) -> float:
        """Areal dose of a frame, e/Å²."""
        return areal_dose(self.beam_current_pA, self.dwell_time_us, self.pixel_size_A)
