"""Small frames of one known defect each, in the format of the independent simulations.

``python -m tests.science.scores.synthetic FOLDER`` writes them. The structures are those that the
classifier's own tests stand on; probe, scan and counting are the simulated microscope's, which no
training has seen.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from edge_agent.sources.specimen import Exposure, Probe, Specimen, View, expose
from shared.lattice import classify
from shared.testing.structures import DEFECTS, PlanarStructure, graphene
from tests.science.scores.frames import DOSES_E_A2

PIXEL_A = 0.104
NUMBERS = {"H": 1, "B": 5, "C": 6, "N": 7, "O": 8, "Si": 14}
CURRENT_PA = 60.0
ELECTRONS_PER_PA_US = 6.2415
CROSS_SECTION_A2 = 3e-4
INSET_A = 1.5
"""The view ends this far inside the box, whose rim is not a real edge."""
ASKED_DEPTH_A = 0.8


@dataclass(frozen=True)
class Draw:
    """How one structure is imaged.

    Attributes:
        dose_e_A2: of the exposure.
        displaced_A: standard deviation of the random displacement on each axis.
        probe: its shape.
        seed: of everything random.
    """

    dose_e_A2: float
    displaced_A: float
    probe: Probe
    seed: int


def frames(repeats: int) -> Iterator[tuple[str, PlanarStructure, Draw]]:
    """Yield every class at every dose, half of them randomly displaced."""
    kinds: dict[str, Callable[[], PlanarStructure]] = {"pristine": graphene}
    kinds.update({str(kind): build for kind, build in DEFECTS.items()})
    for k, (kind, build) in enumerate(kinds.items()):
        structure = build()
        for repeat in range(repeats):
            for d, dose in enumerate(DOSES_E_A2):
                seed = 1000 * k + 10 * repeat + d
                rng = np.random.default_rng(seed)
                draw = Draw(
                    dose_e_A2=dose,
                    displaced_A=0.06 * (repeat % 2),
                    probe=Probe(float(rng.uniform(0.38, 0.5)), float(rng.uniform(0.05, 0.25))),
                    seed=seed,
                )
                yield f"{kind}-{repeat}-{dose:.0e}", structure, draw


def write(folder: Path, name: str, structure: PlanarStructure, draw: Draw) -> None:
    """Expose one structure and write its frame and its truth."""
    rng = np.random.default_rng(draw.seed)
    moved = rng.normal(0.0, 1.0, structure.positions_A.shape) * draw.displaced_A
    xy = structure.positions_A + moved
    numbers = np.array([NUMBERS[e] for e in structure.elements])
    side = int((min(structure.bounds) - 2 * INSET_A) / PIXEL_A)
    view = View((side, side), PIXEL_A)
    middle = np.asarray(structure.bounds) / 2
    centred = (xy - middle)[:, ::-1]
    specimen = Specimen(centred, numbers.astype(np.uint8), (), (1e4, 1e4))
    dwell_us = draw.dose_e_A2 * PIXEL_A**2 / (CURRENT_PA * ELECTRONS_PER_PA_US)
    image = expose(specimen, view, Exposure(CURRENT_PA, dwell_us, probe=draw.probe), rng)
    pixels = view.to_pixels(centred)[:, ::-1]
    empty = np.zeros(view.shape, dtype=bool)
    depth = np.minimum(pixels, side - 1 - pixels).min(axis=1) * PIXEL_A
    for part in ("frames", "truth"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    np.savez_compressed(folder / "frames" / f"{name}.npz", image=image, pixel_size_A=PIXEL_A)
    np.savez_compressed(
        folder / "truth" / f"{name}.npz",
        xy_px=pixels,
        number=numbers,
        asked=depth > ASKED_DEPTH_A,
        displaced_A=moved,
        cover=empty,
        vacuum=vacuum(pixels, view.shape),
        pixel_size_A=PIXEL_A,
        dose_e_A2=draw.dose_e_A2,
        family=name.split("-", maxsplit=1)[0],
        counts_per_carbon=draw.dose_e_A2 * CROSS_SECTION_A2,
        defects_json=json.dumps(list(known_defects(structure, view))),
    )


def known_defects(structure: PlanarStructure, view: View) -> Iterator[dict[str, object]]:
    """Yield the defects of the undisturbed structure as they fall into a view."""
    middle = np.asarray(structure.bounds) / 2

    def pixels(points: NDArray[np.float64]) -> NDArray[np.float64]:
        return view.to_pixels((points - middle)[:, ::-1])[:, ::-1]

    bounds = structure.bounds
    for one in classify(structure.positions_A, structure.elements, structure.p, bounds):
        x, y = pixels(np.array([[one.x_A, one.y_A]]))[0]
        entry: dict[str, object] = {"type": one.type, "x_px": float(x), "y_px": float(y)}
        if one.path_A is not None:
            entry["path_px"] = pixels(np.array(one.path_A)).tolist()
        yield entry


def vacuum(xy_px: NDArray[np.float64], shape: tuple[int, int]) -> NDArray[np.bool_]:
    """Return the (rows, columns) mask of pixels more than 2.5 Å from every atom."""
    row, column = np.indices(shape)
    points = np.column_stack([column.ravel(), row.ravel()])
    away = cKDTree(xy_px).query(points, distance_upper_bound=2.5 / PIXEL_A)[0]
    return np.asarray(np.isinf(away).reshape(shape))


def main(folder: Path, repeats: Annotated[int, typer.Option(help="Of each class.")] = 2) -> None:
    """Write the frames."""
    for name, structure, draw in frames(repeats):
        write(folder, name, structure, draw)


if __name__ == "__main__":
    typer.run(main)
