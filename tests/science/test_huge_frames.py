"""A frame of over 4096 px a side is looked at in bounded memory, and the largest is refused."""

import json
import subprocess
import sys

import numpy as np
import pytest

from inference_service.detector.pipeline import Detector, shipped_model
from shared.errors import InputError
from shared.messages import Calibration

BYTES_PER_PIXEL = 64
"""Beyond the service's own: a few float32 and complex maps of the frame, never twenty members'."""

LOOK = """
import json, resource, sys
from pathlib import Path
import numpy as np
from inference_service.detector.pipeline import Detector
from inference_service.warm_up import warm_up
from shared.messages import Calibration

side = int(sys.argv[2])
detector = Detector(Path(sys.argv[1]), threads=2)
warm_up(detector)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
rng = np.random.default_rng(4)
image = rng.poisson(0.4, (side, side + 64)).astype(np.uint16)
n = np.arange(-20, 21)
cells = np.stack(np.meshgrid(n, n), -1).reshape(-1, 2) @ np.array([[2.46, 0.0], [1.23, 2.1304]])
atoms = np.concatenate([cells, cells + np.array([0.0, 1.42])]) + 32.0
atoms = atoms[((atoms > 1.0) & (atoms < 63.0)).all(axis=1)]
axis = np.arange(640) * 0.104
columns, rows = (np.exp(-0.5 * ((axis - atoms[:, [k]]) / 0.45) ** 2) for k in (0, 1))
image[-640:, -640:] = rng.poisson(4.0 * rows.T @ columns + 0.4)
found = detector.analyze(image, Calibration(pixel_size_A=0.104, source="flag"))
detector.close()
after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
inside = (found.table["x_px"] > side - 640) & (found.table["y_px"] > side - 640)
sure = found.table["p"] > 0.5
print(json.dumps({
    "true": len(atoms),
    "found": int((inside & sure).sum()),
    "false": int((~inside & sure).sum()),
    "grown_MB": (after - before) / 1024,
}))
"""


@pytest.mark.science
@pytest.mark.timeout(620)
def test_a_huge_frame_is_looked_at_in_bounded_memory():
    side = 4160
    done = subprocess.run(
        [sys.executable, "-c", LOOK, str(shipped_model()), str(side)],
        capture_output=True,
        check=True,
        timeout=600,
    )
    seen = json.loads(done.stdout)
    assert seen["found"] > seen["true"] / 2  # nearly all vacuum, which no frame of training is
    assert seen["false"] < 0.1 * seen["true"]
    assert seen["grown_MB"] < BYTES_PER_PIXEL * side * side / 2**20


@pytest.mark.science
def test_a_frame_beyond_all_bounds_is_refused_by_type():
    detector = Detector(shipped_model(), threads=1)
    image = np.broadcast_to(np.arange(64, dtype=np.uint8)[:, None], (64, 20_000))
    with pytest.raises(InputError, match="at most 8192"):
        detector.analyze(image, Calibration(pixel_size_A=0.104, source="flag"))
    detector.close()
