"""What the network makes of a place, with the sheet taken into account.

A network draws displaced atoms back to its lattice: of a displacement d it follows a share h and
errs by noise of its own, x = m + h d + e. Where the frame's own displacements are known to be small
(`lattice_prior`), its noise is smoothed away like the fit's; where they are large, what it drew
back is given back.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from inference_service.detector.smooth_sheet import smooth
from inference_service.detector.threefold import Threefold

__all__ = ["given_back", "network_on_sheet"]

FloatArray = NDArray[np.float64]

WIDE_A: Final = 0.40
"""Displacements that may be given back to a single atom, one-axis standard deviation."""


HEARD_FROM: Final = 0.3
"""A network that follows less of a displacement says nothing of a single atom's."""


def network_on_sheet(
    network: tuple[FloatArray, FloatArray],
    threefold: Threefold,
    pixel_size_A: float,
    displacement_px2: FloatArray,
    following: float,
) -> tuple[FloatArray, FloatArray]:
    """Take the sheet into account; atoms that no rule holds for stay as they are.

    Args:
        network: (n, 2) its positions and (n, 2) the variances of its own noise, px.
        threefold: Which atoms sit amid three others.
        pixel_size_A: Edge of a pixel, Å.
        displacement_px2: (n, 1) variance of each atom's own displacement.
        following: Share of a displacement that the network follows, 0 < following <= 1.

    Returns:
        (n, 2) positions and (n, 2) variances.
    """
    xy, noise = network
    seen = following**2 * displacement_px2 + noise
    sheet, spread = smooth(xy, 1.0 / seen, threefold, pixel_size_A, xy)
    share = following * displacement_px2 / seen
    place = sheet + share * (xy - sheet)
    variance = displacement_px2 * (1.0 - share * following) + (1.0 - share) ** 2 * spread
    held = threefold.centre
    out, out_variance = xy.copy(), noise.copy()
    out[held], out_variance[held] = place[held], variance[held]
    return out, out_variance


def given_back(
    network: tuple[FloatArray, FloatArray],
    threefold: Threefold,
    pixel_size_A: float,
    following: float,
) -> tuple[FloatArray, FloatArray]:
    """Undo what the network drew back, atom by atom, to compare it with a fit without prior.

    An atom that the network itself puts off the centroid of its neighbours is displaced by more.
    Expectation given that offset, for displacements of `WIDE_A`.

    Args:
        network: (n, 2) its positions and (n, 2) the variances of its own noise, px.
        threefold: Which atoms sit amid three others.
        pixel_size_A: Edge of a pixel, Å.
        following: Share of a displacement that the network follows, 0 < following <= 1.

    Returns:
        (n, 2) positions and (n, 2) their variances.
    """
    xy, noise = network
    if following < HEARD_FROM:
        return xy, noise
    held = threefold.centre
    offset = xy[held] - xy[threefold.around].mean(axis=1)
    wide = (WIDE_A / pixel_size_A) ** 2
    seen = following**2 * wide + 4.0 / 3.0 * noise[held]
    gain = (1.0 - following) * following * wide / seen
    place, variance = xy.copy(), noise.copy()
    place[held] += gain * offset
    variance[held] *= (1.0 + gain) ** 2 + gain**2 / 3.0
    return place, variance
