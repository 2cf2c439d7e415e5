"""What a lopsided probe does to fitted positions, told by the sheet's own symmetry.

The fit's probe is round. Coma or a threefold astigmatism throws part of each atom's image to one
side, onto a neighbour on one sublattice and into a ring on the other, so fitted atoms of the two
move apart, by up to 5 pm, all over the frame alike. No strain does that: under any affine
deformation an atom stays the centroid of its neighbours. Summed over three bonds 120° apart only
the third harmonic of the bonds' directions is left, so a frame has four numbers to find: how far
an atom moves along x and y with cosine and sine of three times its bonds' direction. They are
taken from thousands of atoms; nothing of a single atom's displacement is touched.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from inference_service.detector.threefold import SHELLS, Threefold

__all__ = ["lopsided_shift"]

FloatArray = NDArray[np.float64]

FEWEST_ATOMS: Final = 60
"""Below this many atoms in perfect surroundings the four numbers are noise."""
OUTLYING: Final = 3.0
"""Residuals beyond this many robust standard deviations are left out."""
ROUNDS: Final = 3
SURROUNDINGS: Final = 8
"""Rounds of averaging a bond direction with those of the neighbours."""
USUAL_A: Final = 0.03
"""Shifts of this order are expected: a weak prior, so that a faint frame is not shifted by noise;
2 to 5 pm on simulated frames with coma, below 1 pm without."""


def lopsided_shift(
    xy_px: FloatArray, variance_px2: FloatArray, threefold: Threefold, pixel_size_A: float
) -> FloatArray:
    """How far the probe's asymmetry has moved each fitted atom, to be subtracted.

    Args:
        xy_px: (n, 2) fitted positions, column and row.
        variance_px2: (n, 2) their variances.
        threefold: Which atoms sit amid three others.
        pixel_size_A: Edge of a pixel, Å.

    Returns:
        (n, 2) shift, px; 0 where it cannot be told.
    """
    perfect = threefold.shells == SHELLS
    if np.count_nonzero(perfect) < FEWEST_ATOMS:
        return np.zeros_like(xy_px)
    harmonic = third_harmonic(xy_px, threefold)
    centre, around = threefold.centre[perfect], threefold.around[perfect]
    response = harmonic[centre] - harmonic[around].mean(axis=1)
    residual = xy_px[centre] - xy_px[around].mean(axis=1)
    noise = 4.0 / 3.0 * float(np.median(variance_px2[centre]))
    ridge = noise * (pixel_size_A / USUAL_A) ** 2 * np.eye(2)
    keep = np.ones(len(centre), dtype=np.bool_)
    for _ in range(ROUNDS):
        chosen = response[keep]
        matrix = chosen.T @ chosen + ridge
        response_of_frame = np.linalg.solve(matrix, chosen.T @ residual[keep])
        left = np.hypot(*(residual - response @ response_of_frame).T)
        keep = left < OUTLYING * max(float(np.median(left)), 1e-9) / np.sqrt(2 * np.log(2.0))
    return np.asarray(harmonic @ response_of_frame)


def third_harmonic(xy_px: FloatArray, threefold: Threefold) -> FloatArray:
    """(n, 2) cosine and sine of three times the bonds' directions, mean over three bonds.

    An atom that is no centre itself is told by the bonds to those that are. Directions are those
    of the surroundings, some hundred atoms: an atom's own displacement must not enter, or the four
    numbers would follow the very displacements that they are to leave alone.
    """
    along = xy_px[threefold.around] - xy_px[threefold.centre][:, None]
    wave = np.exp(3j * np.arctan2(along[..., 1], along[..., 0]))
    own = np.zeros(len(xy_px), dtype=np.complex128)
    bonds = np.zeros(len(xy_px))
    for k in range(3):  # from its other end a bond looks back: three times 180° changes the sign
        np.add.at(own, threefold.around[:, k], -wave[:, k])
        np.add.at(bonds, threefold.around[:, k], 1.0)
    own[threefold.centre] = wave.sum(axis=1)
    bonds[threefold.centre] = 3.0
    sixth = np.where(bonds > 0, own / np.maximum(np.abs(own), 1e-12), 0.0) ** 2
    for _ in range(SURROUNDINGS):
        sixth[threefold.centre] += sixth[threefold.around].sum(axis=1)
    root = np.exp(0.5j * np.angle(sixth))
    aligned = root * np.sign((own * root.conj()).real) * bonds / 3.0
    return np.column_stack([aligned.real, aligned.imag])
