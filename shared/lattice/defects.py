"""Defect classes: which groups of atoms depart from the ideal sheet, and how sure that is.

`classify` serves two users: the inference service on atoms as seen, and the dispatcher on the
same atoms after relaxing. It names the classes of `shared.messages.DefectType`, works in Å, and
never makes a defect of surroundings that were not imaged.

A probability is that of the weakest member atom (of an extended defect: of the average one),
times how clean the signature is (1 for the textbook one, less for variants and for stretched
bonds), times the chance that the atoms a vacancy lacks are not there: faint, or outshone by a
heavy atom. Members are not multiplied up: their errors have common causes, and a product over a
12-ring would underrate every vacancy.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from shared.lattice.dopants import find_dopants
from shared.lattice.extended import find_boundaries, find_edges, find_holes
from shared.lattice.finding import LatticeDefect, report
from shared.lattice.odd_rings import find_clusters, name_cluster
from shared.lattice.view import LatticeView, survey

__all__ = ["HOST", "LEAST_HOST_SHARE", "LatticeDefect", "classify", "find_defects"]

HOST = "C"
"""Element of the sheet."""

LEAST_HOST_SHARE = 0.5
"""Below this share of carbon the classes mean nothing, and none is reported."""


def classify(
    positions_A: NDArray[np.float64],
    elements: Sequence[str],
    p: NDArray[np.float64],
    bounds: tuple[float, float] | None = None,
    *,
    obscured: NDArray[np.bool_] | None = None,
) -> tuple[LatticeDefect, ...]:
    """Return the defects of a graphene sheet seen in projection.

    Args:
        positions_A: (n, 2) [x, y], Å; with `bounds`, measured from the frame's first pixel.
        elements: n chemical symbols; ``X`` = unknown.
        p: (n,) probability that the atom is there; from 0.5 it counts as found, fainter ones
            only lower the probability of a vacancy at their place.
        bounds: (width, height) of the frame, Å. None for a free-standing cluster, whose rim is
            then not a defect.
        obscured: (n,) True for atoms beside contamination, where neighbours may be hidden.

    Returns:
        Defects ordered by y, then x; empty where the sheet is not mostly carbon.
    """
    return find_defects(survey(positions_A, elements, p, bounds, obscured))


def find_defects(view: LatticeView) -> tuple[LatticeDefect, ...]:
    """Return the defects of a sheet that has been surveyed already; see `classify`."""
    if len(view.p) == 0 or np.mean(view.elements == HOST) < LEAST_HOST_SHARE:
        return ()
    return tuple(sorted(_all(view), key=lambda d: (d.y_A, d.x_A, d.type)))


def _all(view: LatticeView) -> Iterator[LatticeDefect]:
    """Yield every defect of a surveyed sheet."""
    for atom in view.overlays:
        yield report(view, "adatom", (atom,))
    yield from find_dopants(view)
    clusters = find_clusters(view)
    boundaries, rest = find_boundaries(view, clusters)
    yield from boundaries
    for cluster in rest:
        yield from name_cluster(view, cluster)
    yield from find_holes(view)
    yield from find_edges(view)
