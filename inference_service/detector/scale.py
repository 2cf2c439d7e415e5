"""Decide which pixel size to believe: the operator's flag, the header, or the image itself.

The image rules over the header only where both orders of graphene are recognised and the isotropic
difference exceeds max(3 %, 3 sigma). The anisotropic rest changes no size: it is told as distortion
or strain. The operator's explicit word is contradicted, never overruled.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from inference_service.detector.lattice_scale import LatticeScale
from shared.errors import UncalibratedError
from shared.messages import Calibration, PixelSizeSource

__all__ = ["ScaleVerdict", "decide_scale"]

RELATIVE_TOLERANCE: Final = 0.03
"""Differences below this are distortion, not a wrong header: 2-5 % is normal on real scans."""
TOLD_DISTORTION: Final = 0.015
"""Anisotropy from which the operator is told: it strains later geometry more than a fit errs."""
BOTH: Final = 2
"""Orders of reflections that must be recognised before the image rules over a header."""


@dataclass(frozen=True)
class ScaleVerdict:
    """The pixel size to use, and what is to be said about it."""

    pixel_size_A: float
    source: PixelSizeSource
    stated_A: float | None
    """What the calibration handed in said, Å."""
    lattice: LatticeScale | None
    warnings: tuple[str, ...] = ()

    @property
    def mismatch(self) -> float:
        """Relative difference of the stated size from the lattice's; 0 where either is absent."""
        if self.stated_A is None or self.lattice is None:
            return 0.0
        return self.stated_A / self.lattice.pixel_size_A - 1.0


def decide_scale(lattice: LatticeScale | None, calibration: Calibration) -> ScaleVerdict:
    """Choose the pixel size.

    Args:
        lattice: What the reflections say, None where no graphene is recognised.
        calibration: What the file or the operator says.

    Raises:
        UncalibratedError: Neither says anything.
    """
    stated = calibration.pixel_size_A if calibration.source != "none" else None
    if stated is None:
        if lattice is None:
            raise UncalibratedError(
                "The image has no pixel size and shows no graphene lattice to measure one from.",
                remedy="State it with --pixel-size, in Å.",
            )
        return ScaleVerdict(lattice.pixel_size_A, "fft", None, lattice, remarks(lattice))
    source: PixelSizeSource = "flag" if calibration.source == "flag" else "header"
    if lattice is None or not contradicts(stated, lattice):
        return ScaleVerdict(stated, source, stated, lattice, stretch(lattice))
    measured = f"{lattice.pixel_size_A:.4f} ± {lattice.sigma_A:.4f} Å"
    if source == "flag":
        warning = (
            f"--pixel-size {stated:.4f} Å contradicts the graphene lattice, which says {measured}; "
            "the flag was obeyed."
        )
        return ScaleVerdict(stated, "flag", stated, lattice, (warning, *stretch(lattice)))
    warning = f"The header's {stated:.4f} Å per pixel was overruled by the lattice: {measured}."
    said = (warning, *stretch(lattice))
    return ScaleVerdict(lattice.pixel_size_A, "fft", stated, lattice, said)


def remarks(lattice: LatticeScale) -> tuple[str, ...]:
    """What is to be said of a size that rests on the lattice alone."""
    if lattice.orders >= BOTH:
        return stretch(lattice)
    doubt = (
        f"The pixel size {lattice.pixel_size_A:.4f} Å rests on the lattice's first order alone; "
        "state --pixel-size to be sure."
    )
    return (doubt, *stretch(lattice))


def stretch(lattice: LatticeScale | None) -> tuple[str, ...]:
    """Tell of the anisotropic part of the lattice, where it is notable."""
    if lattice is None or lattice.distortion < TOLD_DISTORTION:
        return ()
    words = (
        f"The lattice is {100 * lattice.distortion:.1f} % longer than round along one axis and as "
        "much shorter across it: scan distortion or strain; positions are as scanned."
    )
    return (words,)


def contradicts(stated_A: float, lattice: LatticeScale) -> bool:
    """Whether both orders are seen and the difference exceeds max(3 %, 3 sigma)."""
    limit = max(RELATIVE_TOLERANCE * lattice.pixel_size_A, 3.0 * lattice.sigma_A)
    return lattice.orders >= BOTH and abs(stated_A - lattice.pixel_size_A) > limit
