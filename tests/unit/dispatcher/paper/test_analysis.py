"""Analyses as they come from the detector, and as they should not."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from shared.errors import InputError, UnreadableFileError
from sim_dispatcher.paper import Seen, read_analysis

ATOM = {"x_px": 1.0, "y_px": 2.0, "element": "C", "p": 1.0, "sigma_x_px": 0.3, "sigma_y_px": 0.4}


def written(folder: Path, content: object) -> Path:
    path = folder / "analysis.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def frame(**changes: object) -> dict[str, object]:
    return {"pixel_size_A": 0.1, "atoms": [ATOM], "defects": []} | changes


def test_the_shipped_frame_has_carbon_and_silicon_with_their_errors(seen: Seen) -> None:
    assert {"C", "Si"} == set(seen.atoms.symbols)
    sigma = seen.atoms.sigma_A
    assert sigma is not None
    assert 0.005 < np.median(sigma) < 0.1
    assert any(kind == "Si_C3" for kind, _ in seen.defects)


def test_pixels_become_angstrom_and_the_errors_one_axis(tmp_path: Path) -> None:
    seen = read_analysis(written(tmp_path, {"frames": {"a": frame()}}))
    assert seen.atoms.positions_A.tolist() == [[0.1, 0.2]]
    assert seen.atoms.sigma_A == pytest.approx([0.1 * np.sqrt(0.125)])


def test_one_of_several_frames_is_taken_by_name(tmp_path: Path) -> None:
    path = written(tmp_path, {"frames": {"a": frame(), "b": frame(pixel_size_A=0.2)}})
    assert read_analysis(path, "b").atoms.positions_A.tolist() == [[0.2, 0.4]]
    with pytest.raises(InputError, match="2 frames") as refusal:
        read_analysis(path)
    assert "--frame" in refusal.value.remedy


@pytest.mark.parametrize(
    "content", ["", "[]", '{"frames": 3}', {"frames": {"a": frame(pixel_size_A=-1)}}]
)
def test_what_is_no_analysis_is_refused_with_the_command_that_makes_one(
    tmp_path: Path, content: object
) -> None:
    with pytest.raises(UnreadableFileError, match="not an analysis") as refusal:
        read_analysis(written(tmp_path, content))
    assert "inference-service analyze" in refusal.value.remedy


def test_a_missing_file_and_an_empty_frame_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFileError, match="cannot be read"):
        read_analysis(tmp_path / "nothing.json")
    with pytest.raises(InputError, match="no atoms"):
        read_analysis(written(tmp_path, {"frames": {"a": frame(atoms=[])}}))
