"""Checkpoints are read as data: every network is served, what would run is refused by name."""

from __future__ import annotations

import subprocess

import pytest

from inference_service.atomai.environment import ROOT, clean_environment
from inference_service.atomai.model_folder import Naming, import_models
from inference_service.atomai.worker_process import AtomAI
from inference_service.detector.segmentation.description import read_segmentation
from shared.errors import ModelError

pytestmark = [pytest.mark.atomai, pytest.mark.timeout(900)]

HOSTILE = """
import os, sys, torch
class Trap:
    def __reduce__(self):
        return os.system, (f"touch {sys.argv[1]}/sprung",)
whole = {"model_type": "seg", "model": "Unet", "nb_classes": 3, "weights": {}}
torch.save(whole | {"extra": Trap()}, sys.argv[1] + "/trap.tar")
torch.save(whole | {"model": torch.nn.Conv2d(1, 1, 1)}, sys.argv[1] + "/object.tar")
torch.save(whole | {"model_type": "vae"}, sys.argv[1] + "/other.tar")
open(sys.argv[1] + "/text.tar", "w").write("no model")
"""


EVERY_NETWORK = """
import os, sys
sys.path.insert(0, sys.argv[1])
from worker.repairs import make_importable
make_importable()
from atomai.models import Segmentor
os.chdir(sys.argv[2])
for name in ("Unet", "dilnet", "SegResNet", "ResHedNet"):
    Segmentor(name, nb_classes=3).save_model(name)
Segmentor("Unet", nb_classes=1).save_model("single-class")
"""


def test_every_network_atomai_offers_becomes_a_member_that_answers_as_it_does(tmp_path):
    python = ROOT / ".venv-atomai" / "bin" / "python"
    ours = str(ROOT / "inference_service" / "atomai")
    environment = clean_environment() | {"MPLBACKEND": "Agg"}
    subprocess.run([python, "-c", EVERY_NETWORK, ours, str(tmp_path)], check=True, env=environment)
    said = []
    single = tmp_path / "single-class.tar"
    others = sorted(set(tmp_path.glob("*.tar")) - {single})
    assert import_models(others, tmp_path / "three", Naming((), 0.104), said.append) == 4
    assert import_models([single], tmp_path / "one", Naming((), 0.08), said.append) == 1
    assert read_segmentation(tmp_path / "three").channels == 3
    assert read_segmentation(tmp_path / "one").background is False
    assert sum("largest difference" in line for line in said) == 2


SAYS = {
    "trap.tar": r"would run posix\.system",
    "object.tar": r"would run torch\.nn",
    "other.tar": "vae",
    "text.tar": "not a checkpoint",
    "absent.tar": "cannot be read",
}


def test_what_is_not_a_segmentation_model_is_refused_unread(tmp_path):
    python = ROOT / ".venv-atomai" / "bin" / "python"
    subprocess.run([python, "-c", HOSTILE, str(tmp_path)], check=True)
    with AtomAI() as atomai:
        for name, reason in SAYS.items():
            with pytest.raises(ModelError, match=reason):
                atomai.ask("export", model=str(tmp_path / name), out=str(tmp_path), first=1)
    assert not (tmp_path / "sprung").exists()
    assert not list(tmp_path.glob("*.onnx"))
