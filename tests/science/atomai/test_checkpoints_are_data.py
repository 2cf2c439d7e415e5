"""Checkpoints are read as data; what would run is refused by name."""

from __future__ import annotations

import subprocess

import pytest

from inference_service.atomai.environment import ROOT
from inference_service.atomai.worker_process import AtomAI
from shared.errors import ModelError

pytestmark = [pytest.mark.atomai, pytest.mark.timeout(300)]

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
