"""What was cut out for a ROI: kept with it, so that every later job is about the same atoms."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from shared.messages.base import Digest, Part
from sim_dispatcher.ledger import Variant

__all__ = ["Cut", "Piece"]


class Piece(Part):
    """Atoms ready to be computed."""

    structure: Annotated[str, Field(min_length=1)]
    """As extended XYZ."""
    charge: int = 0
    unpaired: Annotated[int, Field(ge=0)] = 0
    n_heavy: Annotated[int, Field(ge=1)]
    """Atoms that are not hydrogen."""

    @property
    def n_atoms(self) -> int:
        """All atoms: the number on the text's first line."""
        return int(self.structure.split("\n", 1)[0])


class Cut(Part):
    """A ROI's surroundings as one frame showed them."""

    whole: Piece
    small: Piece | None = None
    """The same place with few enough atoms for density functionals."""
    variants: Annotated[tuple[Variant, ...], Field(max_length=8)] = ()
    """Other readings of the place, for the error bar."""
    frame: Digest
    frame_index: Annotated[int, Field(ge=0)]
    model: Digest
    atoms: Digest | None = None
    """BLAKE3 of the frame's atom records as they came over the wire."""
