"""A network that paints goes the whole way: fit, sigma, names and judgement as for our own."""

import json

import numpy as np
import pytest
from scipy.spatial import cKDTree
from typer.testing import CliRunner

from inference_service.cli import app
from inference_service.detector.pipeline import Detector
from shared.messages import Calibration

PIXEL_A = 0.104
SIDE = 208


@pytest.fixture
def graphene(rng):
    """Counts of a lattice of carbon, and its positions (n, 2)."""
    a, n = 2.46 / PIXEL_A, np.arange(-14, 15)
    steps = np.stack(np.meshgrid(n, n), -1).reshape(-1, 2)
    cell = steps @ np.array([[a, 0.0], [a / 2, a * np.sqrt(3) / 2]])
    xy = np.concatenate([cell, cell + np.array([0.0, 1.42 / PIXEL_A])]) + SIDE / 2
    xy = xy[np.all((xy > -9) & (xy < SIDE + 8), axis=1)]
    axis = np.arange(SIDE)
    cols, rows = (np.exp(-0.5 * ((axis - xy[:, k : k + 1]) / 4.0) ** 2) for k in (0, 1))
    return rng.poisson(400.0 * (rows.T @ cols) + 10).astype(np.uint16), xy


def test_atoms_come_with_error_bars_and_the_engine_says_its_name(write_painters, graphene):
    image, xy = graphene
    detector = Detector(write_painters((0.7, 0.66)), threads=1)
    assert (detector.members, detector.engine) == (2, "onnx-fp32")
    try:
        found = detector.analyze(image, Calibration(pixel_size_A=PIXEL_A, source="flag"))
    finally:
        detector.close()
    table = found.table[found.table["p"] >= 0.5]
    at = np.stack([table["x_fit_px"], table["y_fit_px"]], axis=1)
    inside, known = (np.all((at > 14) & (at < SIDE - 15), axis=1) for at in (at, xy))
    distance, _ = cKDTree(xy).query(at[inside])
    assert inside.sum() == known.sum()
    assert distance.max() < 0.6  # 6 pm
    assert np.all(table["atomic_number"] == 6)
    assert np.all((table["sigma_x_px"] > 0) & (table["sigma_y_px"] > 0))


def test_analyze_takes_the_folder_as_its_model(write_painters, graphene, tmp_path):
    np.save(tmp_path / "frame.npy", graphene[0])
    out = tmp_path / "atoms.json"
    done = CliRunner().invoke(
        app,
        [
            "analyze",
            str(tmp_path / "frame.npy"),
            "--model",
            str(write_painters((0.7,))),
            "--pixel-size",
            str(PIXEL_A),
            "--json",
            str(out),
        ],
    )
    assert done.exit_code == 0, done.output
    result = json.loads(out.read_text())
    assert result["model"]["members"] == 1
    assert len(next(iter(result["frames"].values()))["atoms"]) > 100
