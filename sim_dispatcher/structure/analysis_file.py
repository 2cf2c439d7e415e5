"""Detected atoms from the file that `inference-service analyze` writes."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from shared.errors import UnreadableFileError
from sim_dispatcher.structure.detected import DetectedAtoms

__all__ = ["AnalysedFrame", "read_analysis"]


@dataclass(frozen=True, eq=False)
class AnalysedFrame:
    """One image of an analysis.

    Attributes:
        name: As the file calls it.
        atoms: All listed atoms, Å.
        places_A: (x, y) of each defect, Å, in the file's order.
        defects: Class and probability of each, in words.
    """

    name: str
    atoms: DetectedAtoms
    places_A: tuple[tuple[float, float], ...]
    defects: tuple[str, ...]


def read_analysis(path: Path, image: str | None = None) -> AnalysedFrame:
    """Read one image's atoms and defects.

    Args:
        path: JSON by `inference-service analyze`.
        image: Name of the image; None = the only one.

    Raises:
        UnreadableFileError: No such file or image, or not such a file.
    """
    try:
        frames: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))["frames"]
        names = sorted(frames)
        chosen = names[0] if image is None and len(names) == 1 else str(image)
        if chosen not in frames:
            raise UnreadableFileError(
                f"{path.name} has {len(names)} images, and none is called {image!r}.",
                remedy=f"Choose one with --image: {', '.join(names[:8])}.",
            )
        return _frame(chosen, frames[chosen])
    except OSError as error:
        raise UnreadableFileError(
            f"{path} cannot be read: {error.strerror}.", remedy="Check the path."
        ) from error
    except (KeyError, TypeError, ValueError) as error:
        raise UnreadableFileError(
            f"{path.name} is no analysis ({type(error).__name__}: {error}).",
            remedy="Give the file that `inference-service analyze --json` writes.",
        ) from error


def _frame(name: str, entry: dict[str, Any]) -> AnalysedFrame:
    pixel_A = float(entry["pixel_size_A"])
    atoms, defects = entry["atoms"], entry["defects"]
    sigma = np.array([float(atom["sigma_px"]) for atom in atoms])
    return AnalysedFrame(
        name=name,
        atoms=DetectedAtoms(
            symbols=tuple(str(atom["element"]) for atom in atoms),
            positions_A=np.array(
                [[atom["x_px"], atom["y_px"]] for atom in atoms], dtype=float
            ).reshape(-1, 2)
            * pixel_A,
            p=np.array([float(atom["p"]) for atom in atoms]),
            sigma_A=np.where(np.isfinite(sigma) & (sigma > 0), sigma * pixel_A, np.nan),
        ),
        places_A=tuple((d["x_px"] * pixel_A, d["y_px"] * pixel_A) for d in defects),
        defects=tuple(f"{d['type']} (p = {d['p']:.2f})" for d in defects),
    )
