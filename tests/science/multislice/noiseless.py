"""One specimen's noiseless images with all that exposures need, cached in a file."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .arrays import Arrays, Floats
from .specimen import Mark, Specimen

STEP_A = 0.32


@dataclass(frozen=True)
class Noiseless:
    """What a microscope without noise would record of one specimen.

    Attributes:
        specimen: The atoms.
        images: Detector → fraction of the beam, (rows, columns), one period of the box.
        carbon: Detector → the same for one carbon atom at the origin of a small box.
        optics: The microscope's setting, to be read by people.
    """

    specimen: Specimen
    images: dict[str, Floats]
    carbon: dict[str, Floats]
    optics: dict[str, object]

    def save(self, path: Path) -> None:
        """Write all of it to one .npz."""
        s = self.specimen
        path.parent.mkdir(parents=True, exist_ok=True)
        marks = [{"type": m.type, "path_A": m.path_A.tolist()} for m in s.marks]
        arrays: Arrays = {f"image_{k}": v for k, v in self.images.items()}
        arrays |= {f"carbon_{k}": v for k, v in self.carbon.items()}
        np.savez_compressed(
            path,
            box_A=s.box_A,
            positions_A=s.positions_A,
            numbers=s.numbers,
            roles=s.roles,
            displaced_A=s.displaced_A,
            hole=s.hole,
            marks_json=json.dumps(marks),
            optics_json=json.dumps(self.optics),
            **arrays,
        )

    @classmethod
    def load(cls, path: Path) -> Noiseless:
        """Read what `save` wrote."""
        with np.load(path) as file:
            marks = json.loads(str(file["marks_json"]))
            specimen = Specimen(
                float(file["box_A"]),
                file["positions_A"],
                file["numbers"],
                file["roles"],
                file["displaced_A"],
                tuple(Mark(m["type"], np.array(m["path_A"])) for m in marks),
                file["hole"],
            )
            images, carbon = (
                {k.removeprefix(part): file[k] for k in file.files if k.startswith(part)}
                for part in ("image_", "carbon_")
            )
            return cls(specimen, images, carbon, json.loads(str(file["optics_json"])))
