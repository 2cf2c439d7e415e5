"""The JSON of `inference-service analyze`: a stable contract that others script against."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np

from inference_service.detector.analysis import FrameAnalysis
from inference_service.detector.lattice_defects import SYMBOLS
from shared.errors import AtomLoopError
from shared.messages import REAL_COLUMNS, Defect

__all__ = ["Json", "error_json", "frame_json"]

Json: TypeAlias = "dict[str, Json] | list[Json] | str | int | float | bool | None"


def frame_json(analysis: FrameAnalysis) -> dict[str, Json]:
    """One frame's entry, positions in the file's own pixels."""
    return {
        "pixel_size_A": analysis.pixel_size_A,
        "pixel_size_source": analysis.pixel_size_source,
        "header_pixel_size_A": analysis.header_pixel_size_A,
        "dose_e_A2": analysis.dose_e_A2,
        "dose_note": analysis.dose_note,
        "contamination": analysis.cover.fraction,
        "contamination_px": [[list(xy) for xy in rim] for rim in analysis.cover.outlines_px],
        "ood": {
            "score": analysis.ood.score,
            "flag": analysis.ood.flag,
            "reasons": list(analysis.ood.reasons),
        },
        "warnings": list(analysis.warnings),
        "atoms": atoms_json(analysis),
        "defects": [defect_json(defect) for defect in analysis.defects],
    }


def atoms_json(analysis: FrameAnalysis) -> list[Json]:
    """The atoms, one object each."""
    table = analysis.table
    numbers = [np.round(table[name].astype(np.float64), 5).tolist() for name in REAL_COLUMNS]
    both = np.stack([table["sigma_x_px"], table["sigma_y_px"]]).astype(np.float64)
    sigma = np.round(np.sqrt((both**2).mean(axis=0)), 5).tolist()
    elements = [SYMBOLS[int(z)] for z in table["atomic_number"]]
    bonds = table["coordination"].tolist()
    atoms: list[Json] = []
    for row, s, element, bond in zip(
        zip(*numbers, strict=True), sigma, elements, bonds, strict=True
    ):
        atom: dict[str, Json] = dict(zip(REAL_COLUMNS, row, strict=True))
        atoms.append(atom | {"sigma_px": s, "element": element, "coordination": bond})
    return atoms


def defect_json(defect: Defect) -> dict[str, Json]:
    """One defect; `path_px` only where it has one."""
    entry: dict[str, Json] = {
        "type": defect.type,
        "x_px": defect.x_px,
        "y_px": defect.y_px,
        "p": defect.p,
    }
    if defect.path_px is not None:
        entry["path_px"] = [[x, y] for x, y in defect.path_px]
    return entry


def error_json(error: AtomLoopError) -> dict[str, Json]:
    """What went wrong with one file or image."""
    return {"code": error.code, "message": error.message, "remedy": error.remedy}
