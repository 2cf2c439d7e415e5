"""The layout of what a network member returns: the contract between training and serving.

A member is one ONNX file. Input ``image``: float32 (1, 1, H, W), normalised at the canonical
sampling, H and W multiples of ``INPUT_MULTIPLE_PX``. Output ``heads``: float32
(1, ``len(Channel)``, H/2, W/2), one vector per cell of 2 x 2 pixels (0.42 Å).

Cell (i, j) covers rows 2i, 2i+1 and columns 2j, 2j+1. Pixel centres lie at integers, so its centre
is at row 2i + 0.5 and column 2j + 0.5, and the atom it speaks of sits at

    x_px = 2 j + 0.5 + heads[DX]        (column)
    y_px = 2 i + 0.5 + heads[DY]        (row)

How cells were labelled, hence how to decode: a cell is positive where an atom lies within
``POSITIVE_RADIUS_PX`` of its centre (one to four cells per atom, never none), free between
``POSITIVE_RADIUS_PX`` and ``NEGATIVE_RADIUS_PX``, and negative beyond. Several neighbouring cells
therefore point at the same atom: take 3 x 3 local maxima of the objectness and merge what lies
closer than 0.6 Å. All members share one cell grid: average probabilities and offsets over the
members cell by cell before decoding.
"""

from enum import IntEnum

__all__ = [
    "CELL_CENTRE_PX",
    "INPUT_MULTIPLE_PX",
    "INPUT_NAME",
    "NEGATIVE_RADIUS_PX",
    "OUTPUT_NAME",
    "POSITIVE_RADIUS_PX",
    "SPECIES",
    "STRIDE_PX",
    "Channel",
]

INPUT_NAME = "image"
OUTPUT_NAME = "heads"
STRIDE_PX = 2
INPUT_MULTIPLE_PX = 4
CELL_CENTRE_PX = 0.5
POSITIVE_RADIUS_PX = 1.5
NEGATIVE_RADIUS_PX = 2.25


class Channel(IntEnum):
    """Index of each quantity along the channel axis of ``heads``."""

    OBJECTNESS = 0
    """Logit of: an atom lies here."""
    DX = 1
    """Offset of the atom from the cell centre along the columns [px]."""
    DY = 2
    """Offset of the atom from the cell centre along the rows [px]."""
    LOG_VARIANCE = 3
    """Natural logarithm of the variance of either offset [px²], in the range -8 .. 3."""
    SPECIES_C = 4
    """Logit (softmax over the three species) of carbon; B, N and O count as carbon here,
    because at real doses only their fitted intensity can tell them apart."""
    SPECIES_SI = 5
    """Logit of silicon."""
    SPECIES_X = 6
    """Logit of an element brighter than silicon: ``X``, never named."""
    CONTAMINATION = 7
    """Logit of: amorphous matter or a second layer covers the cell; its atoms are not labelled."""
    VACUUM = 8
    """Logit of: a hole, no matter within the cell's surroundings."""


SPECIES: tuple[str, ...] = ("C", "Si", "X")
"""Element symbols of the channels ``SPECIES_C`` onwards, in order."""
