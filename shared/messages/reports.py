"""What single recipes have to say beyond an energy; long series travel as attachments."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from pydantic import Field

from shared.messages.base import Fraction, Part, Text

__all__ = [
    "AdsorptionReport",
    "BarrierReport",
    "BondStatistics",
    "DynamicsReport",
    "ImageReport",
    "Report",
    "RingCensus",
]

RingCensus = dict[str, int]
"""Ring size (as text) to number of rings."""

NonNegative = Annotated[float, Field(ge=0)]


class BondStatistics(Part):
    """Lengths of one kind of bond after the calculation, Å."""

    mean: float
    min: float
    max: float
    n: Annotated[int, Field(ge=1)]


class DynamicsReport(Part):
    """A trajectory at constant temperature."""

    kind: Literal["dynamics"] = "dynamics"
    thermostat: Text
    """Algorithm and damping, in words."""
    temperature_K: NonNegative
    mean_temperature_K: NonNegative
    """Kinetic temperature averaged over the second half."""
    planned_fs: NonNegative
    done_fs: NonNegative
    timestep_fs: NonNegative
    ring_bonds_A: dict[str, BondStatistics]
    """C-C lengths by the size of the ring they belong to, at the end."""
    rings_changed_at_fs: NonNegative | None
    """First time the ring census left that of the start for good; None = never."""
    drift_eV: float | None = None
    """Change of the conserved quantity over the trajectory; None = the thermostat has none."""


class AdsorptionReport(Part):
    """An atom or molecule on the sheet.

    E(sheet) + E(adsorbate) - E(both): positive where it is bound.
    """

    kind: Literal["adsorption"] = "adsorption"
    adsorbate: Text
    site: Literal["hollow", "bridge", "top"]
    """Where it started."""
    found_at: Literal["hollow", "bridge", "top", "elsewhere", "desorbed"]
    """Where it came to rest."""
    binding_eV: float
    sheet_eV: float
    adsorbate_eV: float
    distance_A: NonNegative
    """Mean distance of the adsorbate's binding atom to the carbon atoms it touches."""
    n_touching: Annotated[int, Field(ge=0)]
    height_A: float
    """Of the binding atom above the mean plane of those carbon atoms."""


class BarrierReport(Part):
    """A minimum-energy path between two structures."""

    kind: Literal["barrier"] = "barrier"
    barrier_eV: float
    """Highest image above the first."""
    reaction_eV: float
    """Last image above the first."""
    energies_eV: Annotated[tuple[float, ...], Field(max_length=31)]
    """Of every image, relative to the first."""
    what: Text
    """Which atoms move, in words."""


class ImageReport(Part):
    """The relaxed structure as the microscope would show it, beside what it did show."""

    kind: Literal["image"] = "image"
    correlation: Annotated[float, Field(ge=-1, le=1)] | None
    """Normalised cross-correlation with the measured patch; None where no pixels were given."""
    pixel_size_A: NonNegative
    probe_sigma_A: NonNegative
    residual_share: Fraction | None = None
    """Share of the measured patch's variance that the model leaves unexplained."""


Report: TypeAlias = Annotated[
    DynamicsReport | AdsorptionReport | BarrierReport | ImageReport, Field(discriminator="kind")
]
