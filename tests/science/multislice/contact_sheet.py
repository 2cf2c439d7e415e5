"""A page of frames with their truth drawn over them, to be looked at before it is trusted."""

from __future__ import annotations

import json
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from scipy.ndimage import gaussian_filter

from .arrays import Arrays, Floats

COLUMNS = 4
SMOOTHING_A = 0.25
SILICON = 14


def draw(folder: Path, families: list[str]) -> Path:
    """Write contact_sheet.png: asked atoms red, others cyan, silicon ringed, masks outlined."""
    mpl.use("Agg")
    paths = [p for f in families for p in sorted((folder / "frames").glob(f"{f}-*.npz"))]
    paths = [p for p in paths if p.stem.rsplit("-", 3)[0] in families]
    rows = -(-len(paths) // COLUMNS)
    figure, axes = plt.subplots(rows, COLUMNS, figsize=(5 * COLUMNS, 5.2 * rows), squeeze=False)
    for ax in axes.flat:
        ax.axis("off")
    for ax, path in zip(axes.flat, paths, strict=False):
        with np.load(path) as frame, np.load(folder / "truth" / path.name) as truth:
            _draw_frame(ax, frame["image"], dict(truth))
        ax.set_title(path.stem, fontsize=9)
    figure.tight_layout()
    written = folder / "contact_sheet.png"
    figure.savefig(written, dpi=60)
    return written


def _draw_frame(ax: Axes, image: Floats, truth: Arrays) -> None:
    smooth = gaussian_filter(image.astype(float), SMOOTHING_A / float(truth["pixel_size_A"]))
    low, high = np.quantile(smooth, [0.001, 0.995])
    ax.imshow(smooth, cmap="gray", vmin=low, vmax=high)
    xy, asked = truth["xy_px"], truth["asked"]
    ax.plot(*xy[asked].T, "r.", ms=1.5)
    ax.plot(*xy[~asked].T, "c.", ms=1.5)
    ax.plot(*xy[truth["number"] == SILICON].T, "go", mfc="none", ms=9)
    for mask, colour in (("cover", "orange"), ("vacuum", "dodgerblue")):
        if truth[mask].any():
            ax.contour(truth[mask], [0.5], colors=colour, linewidths=0.7)
    for defect in json.loads(str(truth["defects_json"])):
        if "path_px" in defect:
            ax.plot(*np.array(defect["path_px"]).T, "m-", lw=0.8)
        else:
            ax.text(defect["x_px"], defect["y_px"], defect["type"], color="yellow", fontsize=7)
