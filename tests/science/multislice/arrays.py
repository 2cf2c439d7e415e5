"""Names for the arrays that pass between modules; shapes are in the docstrings."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]
Complexes = NDArray[np.complex64]
Pixels = NDArray[np.generic]
Arrays = dict[str, Any]
"""What goes into an .npz, by name."""
