"""A scene: one frame as the selection sees it, with everything that is derived from it once."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Final, TypeAlias

import numpy as np
from blake3 import blake3

from shared.codec import Envelope, decode_atoms
from shared.lattice import LatticeView, survey
from shared.messages import Atoms, Defect
from sim_dispatcher.selection.shapes import Colouring
from sim_dispatcher.structure import DetectedAtoms

__all__ = ["Point", "Scene", "open_scene"]

Point: TypeAlias = tuple[float, float]
"""(x, y) in Å, x = column."""

BORDER_A: Final = 3.0
"""Nearer to the frame's border a defect lacks the surroundings that name it, Å."""

NEAR_A: Final = 4.0
"""Atoms this near a place say how well it was seen: about the first and second neighbours, Å."""


@dataclass(frozen=True, eq=False)
class Scene:
    """The analysis of one frame.

    Attributes:
        header: The message's header.
        defects: What the detector names.
        atoms: All listed atoms, calibrated.
        atoms_digest: BLAKE3 of the atom records as they came over the wire.
    """

    header: Atoms
    defects: tuple[Defect, ...]
    atoms: DetectedAtoms
    atoms_digest: str

    @property
    def size_A(self) -> Point:
        """(width, height) of the frame, Å."""
        rows, columns = self.header.shape
        return columns * self.header.pixel_size_A, rows * self.header.pixel_size_A

    @property
    def doubt(self) -> str | None:
        """Why the frame as a whole is not to be trusted; None where it is."""
        ood = self.header.ood
        return ("; ".join(ood.reasons) or "unlike the training data") if ood.flag else None

    @cached_property
    def view(self) -> LatticeView:
        """The sheet."""
        atoms = self.atoms
        return survey(atoms.positions_A, atoms.symbols, atoms.p, self.size_A)

    @cached_property
    def colouring(self) -> Colouring:
        """The colours of its atoms."""
        return Colouring(self.view)

    def on_sample(self, local_A: Point) -> Point:
        """Return a place of the frame in the session's sample frame, drift taken out."""
        row_A, column_A = self.header.drift_A
        return local_A[0] + column_A, local_A[1] + row_A

    def in_frame(self, sample_A: Point) -> Point:
        """Return a place of the sample in this frame; may lie outside of it."""
        row_A, column_A = self.header.drift_A
        return sample_A[0] - column_A, sample_A[1] - row_A

    def depth_A(self, local_A: Point) -> float:
        """Return how far inside the frame a place lies, Å; negative outside."""
        width, height = self.size_A
        x_A, y_A = local_A
        return min(x_A, y_A, width - x_A, height - y_A)

    def shows(self, sample_A: Point) -> bool:
        """Tell whether a place of the sample lies well inside this frame."""
        return self.depth_A(self.in_frame(sample_A)) >= BORDER_A

    def blur_A(self, local_A: Point) -> float | None:
        """Return the root mean square standard error of the atoms near a place, Å.

        Returns:
            None where no atom with a known error is near.
        """
        if self.atoms.sigma_A is None:
            return None
        away = np.hypot(*(self.atoms.positions_A - np.asarray(local_A)).T)
        near = self.atoms.sigma_A[(away <= NEAR_A) & (self.atoms.p >= 0.5)]
        near = near[np.isfinite(near)]
        return float(np.sqrt(np.mean(near**2))) if len(near) else None


def open_scene(header: Atoms, envelope: Envelope) -> Scene:
    """Read an atoms message.

    Args:
        header: Its header.
        envelope: It as it came.

    Raises:
        RemoteProtocolError: Sizes or fields do not agree with the header.
    """
    table, defects = decode_atoms(header, envelope.payload)
    return Scene(
        header=header,
        defects=defects,
        atoms=DetectedAtoms.from_table(table, header.pixel_size_A, header.shape),
        atoms_digest=blake3(envelope.payload[0]).hexdigest(),
    )
