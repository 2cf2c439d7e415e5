"""The shipped frame, and a coronene-sized patch of it."""

from __future__ import annotations

import pytest

from sim_dispatcher.paper import Patch, Preset, Seen, cut_patch, shipped_analysis


@pytest.fixture(scope="session")
def seen() -> Seen:
    return shipped_analysis()


@pytest.fixture(scope="session")
def patch(seen: Seen) -> Patch:
    """C24H12 with the frame's two pentagons and two heptagons."""
    return cut_patch(seen, carbon_atoms=24)


@pytest.fixture(scope="session")
def tiny() -> Preset:
    """One temperature and three steps; coronene-sized it takes seconds."""
    return Preset("tiny", (300,), 3.0, 3.0, 0.0, 0.3)
