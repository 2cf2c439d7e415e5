"""A model that was tampered with is refused, by name."""

import hashlib
import json

import pytest

from inference_service.detector.model import load_model
from inference_service.detector.pipeline import shipped_model
from shared.errors import ModelError


def write_model(folder, contents, **changes):
    entries = []
    for index, data in enumerate(contents):
        name = f"member-{index:02d}.onnx"
        (folder / name).write_bytes(data)
        entries.append({"file": name, "sha256": hashlib.sha256(data).hexdigest()})
    digest = hashlib.sha256("\n".join(e["sha256"] for e in entries).encode()).hexdigest()
    manifest = {"members": entries, "digest": digest} | changes
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return folder


def test_an_untouched_model_loads_with_its_own_digest(tmp_path):
    model = load_model(write_model(tmp_path, [b"one", b"two"]))
    assert model.members == (b"one", b"two")
    assert len(model.digest) == 64


def test_the_shipped_model_verifies():
    assert len(load_model(shipped_model()).members) >= 1


def test_one_changed_byte_is_noticed(tmp_path):
    write_model(tmp_path, [b"one", b"two"])
    (tmp_path / "member-01.onnx").write_bytes(b"twp")
    with pytest.raises(ModelError, match=r"member-01\.onnx.*digest differs"):
        load_model(tmp_path)


def test_a_member_taken_out_of_the_list_is_noticed(tmp_path):
    write_model(tmp_path, [b"one", b"two"])
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    manifest["members"].pop()
    (tmp_path / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(ModelError, match="digest"):
        load_model(tmp_path)


def test_weights_in_another_file_are_refused(tmp_path):
    entry = b"\x0a\x08location\x12\x0bweights.bin"
    with pytest.raises(ModelError, match="another file"):
        load_model(write_model(tmp_path, [b"graph" + entry]))


@pytest.mark.parametrize("name", ["../evil.onnx", "/etc/evil.onnx", "a/b.onnx", ".hidden.onnx"])
def test_a_member_outside_the_folder_is_refused(tmp_path, name):
    members = [{"file": name, "sha256": "0" * 64}]
    write_model(tmp_path, [b"one"], members=members)
    with pytest.raises(ModelError, match="not a model manifest"):
        load_model(tmp_path)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"members": []}'])
def test_a_broken_manifest_is_refused(tmp_path, text):
    (tmp_path / "manifest.json").write_text(text)
    with pytest.raises(ModelError, match="not a model manifest"):
        load_model(tmp_path)


def test_a_missing_model_is_named(tmp_path):
    with pytest.raises(ModelError, match="cannot be read"):
        load_model(tmp_path / "nowhere")


def test_members_made_for_another_sampling_are_refused(tmp_path):
    with pytest.raises(ModelError, match=r"0\.104 Å"):
        load_model(write_model(tmp_path, [b"one"], canonical_pixel_A=0.104))
