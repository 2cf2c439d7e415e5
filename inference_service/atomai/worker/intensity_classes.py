"""AtomAI's own classes by intensity: the reference for our first labelling."""

from __future__ import annotations

from typing import Any

import numpy as np
from atomai.stat import update_classes
from atomai.utils import get_intensities

__all__ = ["classify"]


def classify(request: dict[str, Any]) -> dict[str, Any]:
    """Classify atoms with `update_classes(method="gmm_local")` and read their intensities.

    Args:
        request: `frame`, an `.npz` with `image` and `xy_px` (n, 2), column and row; `window_px`,
            side of the square around an atom; `classes`, how many.

    Returns:
        `intensities`, one per atom; `xy_px` and `groups` of the atoms whose square lies within the
        image, in AtomAI's order, groups numbered as its mixture happened to.
    """
    window = int(request["window_px"])
    with np.load(request["frame"], allow_pickle=False) as archive:
        image, xy = archive["image"].astype(np.float64), archive["xy_px"]
    atoms = np.concatenate([xy[:, ::-1], np.zeros((len(xy), 1))], axis=1)
    stack = image[None, ..., None]
    grouped = update_classes(
        {0: atoms},
        stack,
        method="gmm_local",
        n_components=int(request["classes"]),
        window_size=window,
    )[0]
    return {
        "intensities": get_intensities({0: atoms}, stack, window)[0].tolist(),
        "xy_px": grouped[:, 1::-1].tolist(),
        "groups": grouped[:, 2].astype(int).tolist(),
    }
