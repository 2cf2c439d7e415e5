"""Every evaluation file opens, with the calibration its index states."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from shared.files import READABLE_SUFFIXES, ImageReader

UNCALIBRATED = ("G-dimSi.hdf5", "MoS2_stem_Exp-000-2.npy", "bpy_crop")
"""Files that do not state a scale: the index has it from the image or from a companion file."""

STATED_A = {"other/HAADF149.dm3": 0.1639}
"""Where the index is silent: what the folder's description says of the file's own calibration."""


@pytest.mark.real_data
def test_every_evaluation_file_opens_with_its_calibration(
    reader: ImageReader, evaluation_data: Path
) -> None:
    index = json.loads((evaluation_data / "index.json").read_text())
    sizes = {entry["file"]: entry.get("pixel_size_A") for entry in index} | STATED_A
    files = [p for p in sorted(evaluation_data.rglob("*")) if p.suffix in READABLE_SUFFIXES]
    assert len(files) > 100
    for path in files:
        (record,) = reader.read(path)
        assert min(record.image.shape) >= 128
        if path.name.startswith(UNCALIBRATED):
            assert record.pixel_size_A is None
            continue
        expected = sizes[path.relative_to(evaluation_data).as_posix()]
        assert record.pixel_size_A == pytest.approx(expected, rel=2e-3)


@pytest.mark.real_data
@pytest.mark.parametrize(
    ("name", "dwell_us", "kV", "detector"),
    [
        ("graphene_frames/G-Si-2nm.hdf5", 8.0, 60.0, "MADF"),
        ("graphene_frames/test-3.hdf5", 16.0, 60.0, "HAADF"),
        ("graphene_si_library/Si1C3/50.hdf5", 0.0, 60.0, "HAADF"),
        ("other/HAADF149.dm3", 31.1241, 200.0, "HAADF"),
    ],
)
def test_the_microscopes_state_is_found_in_real_files(
    reader: ImageReader,
    evaluation_data: Path,
    name: str,
    dwell_us: float,
    kV: float,
    detector: str,
) -> None:
    (record,) = reader.read(evaluation_data / name)
    assert (record.metadata.dwell_time_us or 0.0) == pytest.approx(dwell_us, rel=1e-4)
    assert record.metadata.high_tension_kV == kV
    assert record.metadata.detector == detector
