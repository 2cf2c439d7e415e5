"""A grain boundary in a real frame, from positions found by its authors' network."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from shared.lattice import find_defects, survey

PIXEL_A = 0.1172
WIDTH_A = 512 * PIXEL_A


@pytest.mark.real_data
def test_a_real_grain_boundary_is_one_chain_of_pentagons_and_heptagons(
    evaluation_data: Path,
) -> None:
    table = np.loadtxt(
        evaluation_data / "graphene_frames" / "G-GrainBoundary-6nm-coord.csv", delimiter=","
    )
    positions = table[:, :2] * PIXEL_A
    elements = ["C"] * len(positions)
    view = survey(positions, elements, np.ones(len(positions)), (WIDTH_A, WIDTH_A))
    census = view.rings.census()
    assert set(census) == {"5", "6", "7"}
    assert census["6"] > 500
    boundaries = [d for d in find_defects(view) if d.type == "GB"]
    assert len(boundaries) == 1
    path = np.array(boundaries[0].path_A)
    assert len(path) >= census["5"] + census["7"] - 1  # one pentagon lies alone at the border
    assert np.ptp(path, axis=0).max() > 30.0
