"""A table of the frames at hand: what each asks, how hard it is, what could be reached at best."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from .arrays import Arrays

HEADER = """| frame | detector | px Å | asked | counts at C | bound pm | best / bound |
|---|---|---|---|---|---|---|"""


def table(folder: Path, families: list[str]) -> str:
    """Markdown; bound: root mean square over the asked atoms, per axis.

    The last column is the error of the best unbiased estimator, which knows the probe, over the
    bound: above 1 where line jitter and hum tell.
    """
    rows = [HEADER]
    for path in sorted((folder / "truth").glob("*.npz")):
        with np.load(path) as file:
            truth: Arrays = {name: file[name] for name in file.files}
        if str(truth["family"]) in families:
            rows.append(_row(path.stem, truth))
    return "\n".join(rows)


def _row(name: str, truth: Arrays) -> str:
    asked = truth["asked"]
    pixel_A = float(truth["pixel_size_A"])
    start = f"| {name} | {truth['detector']} | {pixel_A:.3f} | {asked.sum()} |"
    if not asked.any():
        return f"{start} | | |"
    bound_pm = np.sqrt((truth["bound_pm"][asked] ** 2).mean())
    error_px = (truth["best_xy_px"] - truth["xy_px"])[asked]
    best_pm = 100 * pixel_A * np.sqrt((error_px**2).mean())
    counts = float(truth["counts_at_carbon"])
    return f"{start} {counts:.2f} | {bound_pm:.1f} | {best_pm / bound_pm:.2f} |"
