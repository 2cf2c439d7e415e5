"""`inference-service analyze`: files in, one JSON file out, in the documented form."""

import json

import numpy as np
import pytest
import typer
from typer.testing import CliRunner

from inference_service.commands.analyze import analyze
from inference_service.commands.frame_ids import file_ids, image_id
from inference_service.detector.pipeline import Detector

FRAME_FIELDS = {
    "pixel_size_A",
    "pixel_size_source",
    "dose_e_A2",
    "contamination",
    "ood",
    "atoms",
    "defects",
}
ATOM_FIELDS = {
    "x_px",
    "y_px",
    "sigma_x_px",
    "sigma_y_px",
    "sigma_px",
    "x_fit_px",
    "y_fit_px",
    "sigma_fit_px",
    "element",
    "p",
    "uncertainty",
    "coordination",
}


@pytest.fixture(autouse=True)
def _closing(monkeypatch):
    """End the threads of every detector a command makes."""
    made = []
    original = Detector.__init__

    def remember(self, *args, **kwargs):
        original(self, *args, **kwargs)
        made.append(self)

    monkeypatch.setattr(Detector, "__init__", remember)
    yield
    for detector in made:
        detector.close()


@pytest.fixture
def run(tmp_path):
    app = typer.Typer()
    app.command()(analyze)

    def with_arguments(*arguments):
        out = tmp_path / "out.json"
        result = CliRunner().invoke(app, [*map(str, arguments), "--json", str(out)])
        return result, json.loads(out.read_text()) if out.exists() else None

    return with_arguments


def save(path, image, **more):
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez(path, image=image, **more)
    return path


def test_a_frame_is_written_with_every_documented_field(run, render, tmp_path):
    frame = render(shape=(160, 200), counts=300.0, dopants=(("Si", 0.5, 0.5),))
    path = save(tmp_path / "in" / "one.npz", frame.image, pixel_size_A=0.104)
    result, out = run(path)
    assert result.exit_code == 0, result.output
    assert set(out["model"]) >= {"digest", "members"}
    assert out["errors"] == {}
    entry = out["frames"]["one"]
    assert set(entry) >= FRAME_FIELDS
    assert set(entry["ood"]) == {"score", "flag", "reasons"}
    assert all(set(atom) == ATOM_FIELDS for atom in entry["atoms"])
    atom = entry["atoms"][0]
    expected = np.sqrt((atom["sigma_x_px"] ** 2 + atom["sigma_y_px"] ** 2) / 2)
    assert atom["sigma_px"] == pytest.approx(expected, abs=1e-4)
    assert "Si" in {atom["element"] for atom in entry["atoms"]}
    assert {"type", "x_px", "y_px", "p"} <= set(entry["defects"][0])


def test_a_bad_file_is_named_and_the_others_are_still_written(run, render, tmp_path):
    good = save(tmp_path / "good.npz", render(shape=(128, 128)).image, pixel_size_A=0.104)
    noise = np.random.default_rng(1).random((128, 128), dtype=np.float32)
    nameless = save(tmp_path / "nameless.npz", noise)
    broken = tmp_path / "broken.npz"
    broken.write_bytes(good.read_bytes()[:200])
    result, out = run(good, nameless, broken, tmp_path / "absent.npy")
    assert result.exit_code == 1
    assert list(out["frames"]) == ["good"]
    assert set(out["errors"]) == {"nameless", "broken", "absent"}
    assert out["errors"]["nameless"]["code"] == "uncalibrated"
    for entry in out["errors"].values():
        assert set(entry) == {"code", "message", "remedy"}
        assert entry["remedy"]


def test_the_images_of_a_stack_are_numbered(run, render, tmp_path):
    image = render(shape=(128, 128)).image
    np.save(tmp_path / "movie.npy", np.stack([image, image]))
    result, out = run(tmp_path / "movie.npy", "--pixel-size", "0.104")
    assert result.exit_code == 0, result.output
    assert set(out["frames"]) == {"movie#0", "movie#1"}
    assert out["frames"]["movie#0"]["pixel_size_source"] == "flag"


@pytest.mark.parametrize("size", ["0", "-1", "nan", "1000"])
def test_a_senseless_pixel_size_is_refused(run, tmp_path, size):
    result, out = run(tmp_path / "any.npy", "--pixel-size", size)
    assert result.exit_code == 2
    assert out is None
    assert "pixel size" in result.output


def test_a_place_that_cannot_be_written_is_named(render, tmp_path):
    app = typer.Typer()
    app.command()(analyze)
    path = save(tmp_path / "a.npz", render(shape=(128, 128)).image, pixel_size_A=0.104)
    result = CliRunner().invoke(app, [str(path), "--json", str(tmp_path / "no" / "out.json")])
    assert result.exit_code == 2
    assert "cannot be written" in result.output


def test_names_are_paths_below_the_common_parent_without_their_ending(tmp_path):
    paths = [tmp_path / "a" / "1.npy", tmp_path / "b" / "1.npy", tmp_path / "b" / "2.tif"]
    assert list(file_ids(paths).values()) == ["a/1", "b/1", "b/2"]


def test_an_ending_is_kept_only_where_names_would_collide(tmp_path):
    paths = [tmp_path / "1.npy", tmp_path / "1.tif", tmp_path / "2.tif"]
    assert list(file_ids(paths).values()) == ["1.npy", "1.tif", "2"]


def test_one_file_is_named_without_its_folder(tmp_path):
    assert list(file_ids([tmp_path / "x" / "only.dm3"]).values()) == ["only"]
    assert image_id("only", 0, stack=False) == "only"
    assert image_id("only", 3, stack=True) == "only#3"
