"""Frames with a known truth, as the independent simulations write them.

A folder holds ``frames/<name>.npz`` (what a microscope would save) and ``truth/<name>.npz``.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inference_service.detector.heads import STRIDE_PX
from inference_service.training.simulated_frame import NativeFrame

DOSES_E_A2 = (1e5, 4e5, 1.6e6, 6.4e6)
"""Doses the table has a figure for; a frame counts for the one it is nearest to."""

ADATOM_ROLE = 1
LIGHT_OR_SILICON = (1, 5, 6, 7, 8, 14)
Truth = dict[str, NDArray[Any]]


@dataclass(frozen=True)
class KnownDefect:
    """A defect that was put there; ``path_px`` (k, 2) for boundaries, edges and holes."""

    type: str
    at_px: NDArray[np.float64]
    path_px: NDArray[np.float64] | None


@dataclass(frozen=True, eq=False)
class KnownFrame:
    """One frame and everything true of it; positions are column, row in its own pixels."""

    name: str
    family: str
    image: NDArray[np.generic]
    stated_pixel_A: float
    """What its header says."""
    pixel_A: float
    xy_px: NDArray[np.float64]
    number: NDArray[np.int64]
    asked: NDArray[np.bool_]
    """(n,) sheet atoms in plain view."""
    adatom: NDArray[np.bool_]
    """(n,) atoms that lie on the sheet."""
    displaced_A: NDArray[np.float64]
    """(n, 2) random displacement of each atom from where its lattice wants it."""
    cover: NDArray[np.bool_]
    vacuum: NDArray[np.bool_]
    dose_e_A2: float
    counts_per_carbon: float
    bound_pm: NDArray[np.float64] | None
    """(n,) two-dimensional in-lattice bound of each atom; None where nobody worked it out."""
    best_xy_px: NDArray[np.float64] | None
    """(n, 2) what an estimator makes of the frame that knows all but the positions, no prior."""
    defects: tuple[KnownDefect, ...]

    @property
    def graphene(self) -> bool:
        """Whether anything is asked of it; other materials are only to be refused."""
        return bool(self.asked.any())

    @property
    def dose_group(self) -> float:
        """The table's dose that is nearest."""
        gaps = np.abs(np.log(np.array(DOSES_E_A2) / max(self.dose_e_A2, 1.0)))
        return DOSES_E_A2[int(np.argmin(gaps))]

    @cached_property
    def random_displacements(self) -> bool:
        """Whether each atom was displaced by itself."""
        return bool(self.asked.any() and self.displaced_A[self.asked].std() > 0.005)

    @cached_property
    def native(self) -> NativeFrame:
        """The same truth as the matching of the training's scores wants it."""
        return NativeFrame(
            image=np.asarray(self.image, dtype=np.float32),
            pixel_A=self.pixel_A,
            xy_px=self.xy_px,
            number=self.number,
            labelled=self.asked,
            cover=_cells(self.cover),
            vacuum=_cells(self.vacuum),
            counts_per_carbon=self.counts_per_carbon,
        )

    def to_defect_A(self, xy_px: NDArray[np.float64]) -> NDArray[np.float64]:
        """Distance of points to the nearest defect, Å; infinite where there is none."""
        nearest = np.full(len(xy_px), np.inf)
        for one in self.defects:
            path = one.at_px[None] if one.path_px is None else one.path_px
            nearest = np.minimum(nearest, distance_to_path(xy_px, path) * self.pixel_A)
        return nearest


def distance_to_path(xy: NDArray[np.float64], path: NDArray[np.float64]) -> NDArray[np.float64]:
    """Distance of (n, 2) points to an open chain of segments, in their own unit."""
    if len(path) == 1:
        return np.asarray(np.hypot(*(xy - path[0]).T))
    start, along = path[:-1], np.diff(path, axis=0)
    length2 = np.maximum((along**2).sum(axis=1), 1e-12)
    share = np.einsum("nkd,kd->nk", xy[:, None] - start, along) / length2
    foot = start + np.clip(share, 0, 1)[..., None] * along
    return np.asarray(np.hypot(*np.moveaxis(xy[:, None] - foot, -1, 0)).min(axis=1))


def frame_names(folder: Path, only: str = "") -> list[str]:
    """Names of the frames that have both image and truth."""
    names = sorted(path.stem for path in (folder / "frames").glob("*.npz"))
    return [n for n in names if only in n and (folder / "truth" / f"{n}.npz").exists()]


def load_frame(folder: Path, name: str) -> KnownFrame:
    """Read one frame and its truth."""
    with np.load(folder / "frames" / f"{name}.npz") as file:
        image, stated = file["image"], float(file["pixel_size_A"])
    with np.load(folder / "truth" / f"{name}.npz") as file:
        truth: Truth = dict(file)
    n = len(truth["xy_px"])
    return KnownFrame(
        name=name,
        family=str(truth["family"]),
        image=image,
        stated_pixel_A=stated,
        pixel_A=float(truth["pixel_size_A"]),
        xy_px=truth["xy_px"].reshape(-1, 2).astype(np.float64),
        number=truth["number"].astype(np.int64),
        asked=truth["asked"].astype(bool),
        adatom=_adatoms(truth),
        displaced_A=truth.get("displaced_A", np.zeros((n, 2))).reshape(n, 2).astype(np.float64),
        cover=truth["cover"].astype(bool),
        vacuum=truth["vacuum"].astype(bool),
        dose_e_A2=float(truth["dose_e_A2"]),
        counts_per_carbon=float(truth["counts_per_carbon"]),
        bound_pm=_bound(truth),
        best_xy_px=truth.get("best_xy_px"),
        defects=tuple(_defect(one) for one in json.loads(str(truth.get("defects_json", "[]")))),
    )


def _adatoms(truth: Truth) -> NDArray[np.bool_]:
    """Which atoms lie on the sheet: by their role where it is told, else by being strange."""
    if "role" in truth:
        return np.asarray(truth["role"] == ADATOM_ROLE)
    strange = ~np.isin(truth["number"], LIGHT_OR_SILICON)
    return np.asarray(strange & ~truth["asked"].astype(bool))


def _bound(truth: Truth) -> NDArray[np.float64] | None:
    """The bound of each atom; one number stands for all."""
    if "bound_pm" not in truth:
        return None
    values = np.asarray(truth["bound_pm"], dtype=np.float64)
    return np.broadcast_to(values, (len(truth["xy_px"]),))


def _defect(one: dict[str, Any]) -> KnownDefect:
    """Read one entry of the list of defects."""
    path = np.array(one.get("path_px") or (), dtype=np.float64).reshape(-1, 2)
    at = np.array([one["x_px"], one["y_px"]]) if "x_px" in one else path.mean(axis=0)
    return KnownDefect(str(one["type"]), at.astype(np.float64), path if len(path) else None)


def _cells(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Reduce a mask on pixels to the detector's cells; a cell counts if any of it does."""
    rows, cols = (max(1, n // STRIDE_PX) for n in mask.shape)
    cut = np.zeros((rows * STRIDE_PX, cols * STRIDE_PX), dtype=bool)
    part = mask[: rows * STRIDE_PX, : cols * STRIDE_PX]
    cut[: part.shape[0], : part.shape[1]] = part
    return np.asarray(cut.reshape(rows, STRIDE_PX, cols, STRIDE_PX).any(axis=(1, 3)))
