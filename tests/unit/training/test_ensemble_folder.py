"""The shipped ensemble: whole, small, self-contained, and able to see."""

import hashlib
import json
from pathlib import Path

import numpy as np
import onnxruntime
import pytest

from inference_service.detector.heads import INPUT_NAME, OUTPUT_NAME, Channel
from inference_service.detector.model import load_model
from inference_service.detector.normalise import normalise
from inference_service.detector.pipeline import shipped_model
from inference_service.training.checkpoint import load_arrays, save_arrays
from inference_service.training.ensemble_folder import add_member, ensemble_digest
from inference_service.training.recipe import Recipe
from inference_service.training.simulated_frame import training_frame
from inference_service.training.specimen import FAMILIES
from inference_service.training.targets import Plane, cell_targets
from shared.errors import ModelError

TEN_MEGABYTES = 10_000_000


def _manifest(folder: Path) -> dict[str, object]:
    return dict(json.loads((folder / "manifest.json").read_text()))


def test_the_shipped_members_are_the_ones_the_manifest_names() -> None:
    folder = shipped_model()
    manifest = _manifest(folder)
    digests = [
        hashlib.sha256((folder / m["file"]).read_bytes()).hexdigest() for m in manifest["members"]
    ]
    assert digests == [m["sha256"] for m in manifest["members"]]
    assert manifest["digest"] == ensemble_digest(digests)
    assert len(set(digests)) == len(digests)
    assert sorted(p.name for p in folder.glob("*.onnx")) == [m["file"] for m in manifest["members"]]


def test_the_shipped_ensemble_stays_below_ten_megabytes() -> None:
    assert sum(p.stat().st_size for p in shipped_model().glob("*.onnx")) < TEN_MEGABYTES


def test_a_shipped_member_sees_the_atoms_of_a_simulated_frame() -> None:
    frame = training_frame(np.random.default_rng(12), FAMILIES["pristine"], 96)
    session = onnxruntime.InferenceSession(
        load_model(shipped_model()).members[0], providers=["CPUExecutionProvider"]
    )
    image = normalise(frame.image)[None, None]
    (heads,) = session.run([OUTPUT_NAME], {INPUT_NAME: image})
    assert heads.shape == (1, len(Channel), 48, 48)
    label = cell_targets(frame)[Plane.CLASS]
    logit = heads[0, Channel.OBJECTNESS]
    inner = np.s_[3:-3, 3:-3]
    assert np.mean((logit > 0)[inner][label[inner] == 1]) > 0.85
    assert np.mean((logit > 0)[inner][label[inner] == 0]) < 0.1


def test_adding_a_member_again_replaces_it(tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    add_member(folder, 2, 12, b"two", Recipe())
    add_member(folder, 1, 11, b"one", Recipe())
    first = _manifest(folder)["digest"]
    add_member(folder, 1, 31, b"other", Recipe())
    manifest = _manifest(folder)
    assert [m["seed"] for m in manifest["members"]] == [31, 12]
    assert manifest["digest"] != first
    assert manifest["name"] == "mine"


def test_serving_refuses_a_member_that_was_altered(tmp_path: Path) -> None:
    add_member(tmp_path, 1, 11, b"one", Recipe())
    (tmp_path / "member-01.onnx").write_bytes(b"two")
    with pytest.raises(ModelError):
        load_model(tmp_path)


def test_a_checkpoint_holds_arrays_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "state.npz"
    save_arrays(path, {"a": np.arange(3.0), "step": np.array(4)})
    assert np.array_equal(load_arrays(path)["a"], np.arange(3.0))
    np.savez(path, a=np.array([{"not": "an array"}], dtype=object))
    with pytest.raises(ModelError, match="state"):
        load_arrays(path)
