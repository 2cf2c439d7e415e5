"""Real silicon under a real beam keeps its name through movies (marker `real_data`)."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ase.data import atomic_numbers

from shared.codec import Envelope, encode_atoms
from shared.lattice import find_defects, survey
from shared.messages import ATOM, Atoms, Defect, OutOfDistribution
from shared.testing.structures import substituted
from sim_dispatcher.selection import Scene, Shape, Tracker, open_scene, sightings
from sim_dispatcher.selection.shapes import Colouring

pytestmark = [pytest.mark.real_data, pytest.mark.science]

FRAMES = 16
EDGE_PX = 256


def movie(folder: Path, kind: str, tmp_path: Path) -> list[Scene]:
    """The middle frames of a movie as the selection reads them; nobody has registered drift."""
    files = sorted((folder / "graphene_si_library" / kind).glob("*.hdf5"), key=number)
    middle = files[len(files) // 2 - FRAMES // 2 :][:FRAMES]
    out = tmp_path / "found.json"
    subprocess.run(
        [sys.executable, "-m", "inference_service", "analyze", *map(str, middle), "--json", out],
        check=True,
        capture_output=True,
    )
    found = json.loads(out.read_text())["frames"]
    return [scene(index, found[path.stem]) for index, path in enumerate(middle)]


def number(path: Path) -> int:
    return int(path.stem)


def scene(index: int, frame: dict[str, Any]) -> Scene:
    table = np.zeros(len(frame["atoms"]), ATOM)
    for row, atom in zip(table, frame["atoms"], strict=True):
        for name in ("x_px", "y_px", "sigma_x_px", "sigma_y_px", "p"):
            row[name] = atom[name]
        row["atomic_number"] = atomic_numbers[atom["element"]]
    xy = np.stack([table["x_px"], table["y_px"]], axis=1)
    defects = [
        Defect(
            type=each["type"], x_px=each["x_px"], y_px=each["y_px"], p=each["p"],
            atoms=dopants(xy, table, each),
        )
        for each in frame["defects"]
    ]  # fmt: skip
    header = Atoms(
        session="movie", frame=f"{index:064x}", frame_index=index, shape=(EDGE_PX, EDGE_PX),
        model="0" * 64, members=20, n_atoms=len(table), pixel_size_A=frame["pixel_size_A"],
        pixel_size_source="header", header_pixel_size_A=None, dose_e_A2=None, contamination=0.0,
        ood=OutOfDistribution(score=0.0, flag=False),
    )  # fmt: skip
    return open_scene(header, Envelope(header, encode_atoms(table, defects)))


def dopants(xy: np.ndarray, table: np.ndarray, defect: dict[str, Any]) -> tuple[int, ...]:
    """The silicon atoms of a defect: those within 3 Å or so of its centre."""
    away = np.hypot(*(xy - (defect["x_px"], defect["y_px"])).T)
    silicon = (table["atomic_number"] == 14) & (table["p"] >= 0.5) & (away < 35)
    return tuple(np.flatnonzero(silicon).tolist())


def test_a_real_silicon_has_one_shape_wherever_it_is_read_and_it_is_the_ideal_one(
    evaluation_data: Path, tmp_path: Path
) -> None:
    seen = [one for each in movie(evaluation_data, "Si1C3", tmp_path) for one in sightings(each)]
    shapes = [one.shape for one in seen if one.type == "Si_C3"]
    assert len(shapes) == FRAMES
    assert sum(shape is not None for shape in shapes) >= FRAMES // 2
    assert set(shapes) <= {None, ideal()}


def test_a_real_trimer_is_one_track_through_its_movie(
    evaluation_data: Path, tmp_path: Path
) -> None:
    tracker = Tracker()
    for each in movie(evaluation_data, "Si3C6", tmp_path):
        tracker.observe([one for one in sightings(each) if one.type.startswith("Si")])
    (track,) = tracker.tracks
    assert (track.type, track.seen) == ("Si_trimer", FRAMES)


def ideal() -> Shape | None:
    built = substituted("Si")
    view = survey(built.positions_A, built.elements, built.p, None)
    (silicon,) = (found for found in find_defects(view) if found.type == "Si_C3")
    return Colouring(view).shape(silicon.atoms)
