"""What AtomAI 0.8.1 needs to run beside PyTorch 2.13 and NumPy 2; nothing in it is changed on disk.

1. **torchvision stands in.** `nets/blocks.py` imports three classifiers and `models/dgm/vae.py`
   imports `make_grid` when the package is imported; segmentation uses none of them. No torchvision
   fits a CPU build of this PyTorch: the resolver replaces PyTorch by a CUDA build of 0.5 GB, and
   without the resolver its import fails (`operator torchvision::nms does not exist`).
2. **mendeleev is newer than asked for.** AtomAI wants `mendeleev<=0.6.1`, which needs `six`
   without saying so; `constraints-atomai.txt` installs a current one, and `element`, all that is
   used of it, has not changed.
3. **OpenCV is headless.** The lock takes `opencv-python-headless`, which needs no display library.
4. **Plots go nowhere.** `MPLBACKEND=Agg` is set where the process is started: trainers and mixtures
   call `show()`.
5. **`EnsemblePredictor(verbose=0)` is quiet.** It forgets to set `everbose` and fails at `predict`;
   it is made with `verbose=1`, and what it prints is diverted.
6. **`ensemble_locate` is not called.** Its clustering raises on NumPy >= 1.24 whenever clusters
   differ in size, finds nothing with fewer than ten members, and otherwise loses the first atom:
   positions come from `Locator` on the mean map, as the paper's own figures show them.
7. **Seeds stay here.** Predictors and trainers seed the global generators of NumPy and PyTorch;
   they do so in this process only.
"""

from __future__ import annotations

import sys
import types

__all__ = ["make_importable"]


def make_importable() -> None:
    """Put torchvision's stand-in in place; to be called before AtomAI is imported."""
    vision = types.ModuleType("torchvision")
    models, utils = types.ModuleType("torchvision.models"), types.ModuleType("torchvision.utils")
    for name in ("mobilenet_v2", "resnet50", "vgg16"):
        setattr(models, name, _absent)
    vars(utils)["make_grid"] = _absent
    vars(vision).update(models=models, utils=utils)
    sys.modules.update(
        {"torchvision": vision, "torchvision.models": models, "torchvision.utils": utils}
    )


def _absent(*_: object, **__: object) -> None:
    """Refuse: segmentation needs nothing of torchvision.

    Raises:
        NotImplementedError: Always.
    """
    raise NotImplementedError("torchvision is not installed in AtomAI's environment")
