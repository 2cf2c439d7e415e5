"""Movies of a real silicon atom in graphene, through the whole live loop (marker `real_data`)."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

pytestmark = pytest.mark.real_data

NEAR_A = 0.7
SILICON_CARBON_BOND_A = (1.6, 2.0)


@pytest.fixture
def movies(evaluation_data: Path) -> list[Path]:
    """The frames of the two movies of a single three-fold silicon."""
    index = json.loads((evaluation_data / "index.json").read_text())
    names = [one["file"] for one in index if one.get("group") == "A_single_Si_movies"]
    return [evaluation_data / name for name in names]


def labels(path: Path) -> list[tuple[float, float]]:
    """Return the (x, y) of the labelled silicon, px."""
    with h5py.File(path) as file:
        rows = [row for key in file if "coord" in key for row in file[key][()]]
    return [(float(x), float(y)) for x, y, element in rows if element == b"Si"]


def test_the_silicon_is_found_live_and_its_relaxed_bonds_are_physical(
    start: Callable[..., Any], movies: list[Path]
) -> None:
    demo = start("--source", f"replay {' '.join(map(str, movies))}")

    def physical_answers() -> list[dict[str, Any]]:
        if demo.get("/api/v1/status")["frames_analysed"] < len(movies):
            return []
        items = demo.get("/api/v1/answers?limit=500")["items"]
        above = [one["result"] for one in items if one["result"]["level"] != "gfnff"]
        return [result for result in above if bonded_as_silicon_is(result)]

    demo.until(physical_answers, 300, "silicon relaxed to physical bonds")
    by_file = {path.name: labels(path) for path in movies}
    found = [labelled_found(demo, frame, by_file) for frame in frames(demo)]
    assert len(found) == len(movies)
    assert np.mean(found) >= 0.9


def bonded_as_silicon_is(result: dict[str, Any]) -> bool:
    """Whether a converged answer has silicon, and every Si-C bond of a physical length."""
    bonds = result["bonds_A"].get("C-Si")
    low, high = SILICON_CARBON_BOND_A
    return bool(result["converged"] and bonds and low < bonds["min"] and bonds["max"] < high)


def frames(demo: Any) -> list[dict[str, Any]]:
    """Return every frame of the session."""
    return list(demo.get("/api/v1/frames?limit=100")["items"])


def labelled_found(
    demo: Any, frame: dict[str, Any], by_file: dict[str, list[tuple[float, float]]]
) -> bool:
    """Whether every labelled silicon of a frame has a found one close by."""
    atoms = demo.get(f"/api/v1/frames/{frame['name']}/atoms")["atoms"]
    silicon = [(a["x_px"], a["y_px"]) for a in atoms if a["element"] == "Si" and a["p"] >= 0.5]
    reach = NEAR_A / frame["calibration"]["pixel_size_A"]
    label = by_file[Path(frame["acquisition"]["origin"]).name]
    return all(any(np.hypot(x - u, y - v) < reach for u, v in silicon) for x, y in label)
