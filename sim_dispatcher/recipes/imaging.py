"""The relaxed structure as the microscope would show it, beside what it did show."""

from __future__ import annotations

import dataclasses
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from shared.errors import StructureError
from shared.messages.reports import ImageReport
from sim_dispatcher.recipes.micrograph import PROBE_SIGMA_A, Array, Grid, forward_image, grid_about
from sim_dispatcher.recipes.placement import laid_over
from sim_dispatcher.recipes.png import grey_png
from sim_dispatcher.recipes.registration import Measured, Registered, register
from sim_dispatcher.recipes.relaxation import Settling, settle
from sim_dispatcher.recipes.task import Outcome, ResultFile, Task
from sim_dispatcher.structure.cluster import Cluster

__all__ = ["compare_image", "compared_pixels", "imaging", "seen_atoms"]

PIXEL_SIZE_A: Final = 0.1
"""Of a picture without a measurement beside it, Å."""

MARGIN_A: Final = 1.5
"""About the atoms of such a picture, Å."""

COMPARED_A: Final = 1.5
"""Pixels this close to an atom that is not on the rim are compared, Å: a bond, beyond which the
sheet goes on that the cluster does not have."""

LEAST_PIXELS: Final = 100
"""Fewer compared pixels than this say nothing."""


def imaging(task: Task) -> Outcome:
    """Relax the structure and compute its image; compare it where pixels are given.

    Raises:
        StructureError: The measured patch does not show the place of the structure.
        SimulationError: The engine gave no answer, or the geometry exploded.
    """
    cluster, patch = task.cluster, task.options.patch
    if patch is not None and compared_pixels(cluster, patch.grid).sum() < LEAST_PIXELS:
        raise StructureError(
            "The measured patch shows nothing of the inside of the structure.",
            remedy="Give a patch about the ROI, with its origin and pixel size in the frame's Å.",
        )
    minimum = settle(task, cluster, Settling(look_first=True))
    final = cluster.moved(laid_over(minimum.positions_A, cluster))
    outcome = Outcome.of(
        final, minimum, f"relaxed to {task.options.fmax_eV_A:g} eV/Å; incoherent dark-field image"
    )
    if patch is None:
        report, files = _model_alone(final, task.options.probe_sigma_A)
        return dataclasses.replace(outcome, report=report, files=files)
    found = compare_image(final, patch, task.options.probe_sigma_A)
    before = compare_image(cluster, patch, found.sigma_A)
    note = (
        f"measured patch: correlation {found.correlation:.4f} with the relaxed structure,"
        f" {before.correlation:.4f} with the structure as detected; model moved by"
        f" ({found.shift_A[0]:+.3f}, {found.shift_A[1]:+.3f}) Å"
    )
    return dataclasses.replace(
        outcome,
        cluster=final.noted(note),
        report=ImageReport(
            correlation=found.correlation,
            pixel_size_A=patch.grid.pixel_size_A,
            probe_sigma_A=found.sigma_A,
            residual_share=found.residual_share,
        ),
        files=_pictures(found, patch),
    )


def seen_atoms(cluster: Cluster) -> tuple[NDArray[np.int64], Array]:
    """Return numbers and frame positions of all atoms but those that only cap the cut.

    Returns:
        (n,) atomic numbers, and (n, 2) x, y in the frame, Å.
    """
    real = cluster.indices("interior", "rim")
    return cluster.numbers[real], cluster.positions_A[real, :2] + np.array(cluster.origin_A)


def compared_pixels(cluster: Cluster, grid: Grid) -> NDArray[np.bool_]:
    """Return (rows, columns) which pixels show the inside of a cluster."""
    inside = cluster.positions_A[cluster.indices("interior"), :2] + np.array(cluster.origin_A)
    if not len(inside):
        return np.zeros(grid.shape, dtype=bool)
    x, y = np.meshgrid(grid.x_A, grid.y_A)
    away, _ = cKDTree(inside).query(np.stack([x.ravel(), y.ravel()], axis=1))
    return np.asarray((away <= COMPARED_A).reshape(grid.shape))


def compare_image(
    cluster: Cluster, patch: Measured, probe_sigma_A: float | None = None
) -> Registered:
    """Lay the image of a structure over a measured patch.

    Args:
        cluster: Its `origin_A` leads to the frame's coordinates.
        patch: Pixels, in the frame's coordinates.
        probe_sigma_A: Width of the probe, Å; None = from the patch.
    """
    numbers, places_A = seen_atoms(cluster)

    def render(dx_A: float, dy_A: float, sigma_A: float) -> Array:
        return forward_image(numbers, places_A + np.array([dx_A, dy_A]), patch.grid, sigma_A)

    return register(render, patch, compared_pixels(cluster, patch.grid), probe_sigma_A)


def _model_alone(
    final: Cluster, probe_sigma_A: float | None
) -> tuple[ImageReport, tuple[ResultFile, ...]]:
    """Return report and picture where there is no measurement to compare with."""
    sigma_A = PROBE_SIGMA_A if probe_sigma_A is None else probe_sigma_A
    numbers, places_A = seen_atoms(final)
    model = forward_image(numbers, places_A, grid_about(places_A, PIXEL_SIZE_A, MARGIN_A), sigma_A)
    picture = ResultFile("model.png", "image/png", "picture", grey_png(model, 0.0, model.max()))
    report = ImageReport(correlation=None, pixel_size_A=PIXEL_SIZE_A, probe_sigma_A=sigma_A)
    return report, (picture,)


def _pictures(found: Registered, patch: Measured) -> tuple[ResultFile, ...]:
    """Return model, measurement and difference on one scale of grey; no difference is grey."""
    low, high = (float(value) for value in np.percentile(patch.image, [0.5, 99.5]))
    half = (high - low) / 2
    shown = {
        "model.png": (found.model, low, high),
        "measured.png": (patch.image, low, high),
        "difference.png": (patch.image - found.model, -half, half),
    }
    return tuple(
        ResultFile(name, "image/png", "picture", grey_png(*content))
        for name, content in shown.items()
    )
