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
from scipy.spatial import cKDTree
from inference_service.detector.pipeline import Detector
from inference_service.warm_up import warm_up
from shared.messages import Calibration

side = int(sys.argv[2])
detector = Detector(Path(sys.argv[1]), threads=2)
warm_up(detector)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
rng = np.random.default_rng(4)
rows, cols = side, side + 64
cell_px = np.array([24.0, 42.0])  # 2.46 x 4.26 A at 0.1025 A, stretched by a hundredth to fit
inside = np.array([[0.25, 1 / 12], [0.75, 3 / 12], [0.75, 7 / 12], [0.25, 9 / 12]])
near = np.stack(np.meshgrid([-1, 0, 1], [-1, 0, 1]), -1).reshape(-1, 1, 2)
spots = ((inside + near) * cell_px).reshape(-1, 2)
x, y = np.meshgrid(np.arange(24), np.arange(42))
cell = sum(np.exp(-0.5 * ((x - u) ** 2 + (y - v) ** 2) / 4.3**2) for u, v in spots)
sheet = np.tile(cell, (rows // 42 + 1, cols // 24 + 1))[:rows, :cols]
image = rng.poisson(1.5 * sheet + 0.1).astype(np.uint16)
steps = np.stack(np.meshgrid(np.arange(cols // 24 + 1), np.arange(rows // 42 + 1)), -1)
atoms = ((steps.reshape(-1, 1, 2) + inside) * cell_px).reshape(-1, 2)
asked = atoms[((atoms > 15) & (atoms < np.array([cols, rows]) - 16)).all(axis=1)]
found = detector.analyze(image, Calibration(pixel_size_A=0.1025, source="flag"))
detector.close()
after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
table = found.table[found.table["p"] > 0.5]
at = np.column_stack([table["x_px"], table["y_px"]])
print(json.dumps({
    "missed": float(np.mean(cKDTree(at).query(asked)[0] > 5.0)),
    "false": float(np.mean(cKDTree(atoms).query(at)[0] > 5.0)),
    "atoms": len(asked),
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
    assert seen["atoms"] > 60_000
    assert seen["missed"] < 0.002
    assert seen["false"] < 0.002
    assert seen["grown_MB"] < BYTES_PER_PIXEL * side * side / 2**20


@pytest.mark.science
def test_a_frame_beyond_all_bounds_is_refused_by_type():
    detector = Detector(shipped_model(), threads=1)
    image = np.broadcast_to(np.arange(64, dtype=np.uint8)[:, None], (64, 20_000))
    with pytest.raises(InputError, match="at most 8192"):
        detector.analyze(image, Calibration(pixel_size_A=0.104, source="flag"))
    detector.close()
