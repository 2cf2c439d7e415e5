"""A sample under the beam: a sheet whose atoms a test exchanges, and frames of parts of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from ase.data import atomic_numbers

from shared.codec import Envelope, encode_atoms
from shared.lattice import classify
from shared.messages import ATOM, Atoms, Defect, OutOfDistribution
from shared.testing.structures import graphene
from sim_dispatcher.ledger import JobRecord, JobSpec
from sim_dispatcher.selection import Scene, open_scene

PIXEL_A = 0.1
WINDOW_A = 36.0


@dataclass
class Sample:
    """A sheet of 70 x 70 Å. `sites` maps a place (x, y) in Å to what stands there: an element, or
    nothing for a vacancy. Frames show `WINDOW_A` x `WINDOW_A` from an origin that drifts.
    """

    sites: dict[tuple[float, float], str] = field(default_factory=dict)
    session: str = "sitting"

    def __post_init__(self) -> None:
        sheet = graphene((70.0, 70.0))
        self._positions = sheet.positions_A
        self._elements = list(sheet.elements)

    def nearest(self, place_A: tuple[float, float]) -> int:
        return int(np.argmin(np.hypot(*(self._positions - place_A).T)))

    def place(self, place_A: tuple[float, float]) -> tuple[float, float]:
        """The position of the atom nearest to a place."""
        x_A, y_A = self._positions[self.nearest(place_A)]
        return float(x_A), float(y_A)

    def envelope(
        self,
        index: int = 0,
        origin_A: tuple[float, float] = (0.0, 0.0),
        p: Mapping[str, float] | None = None,
        **header: Any,
    ) -> Envelope:
        """A frame as the service sends it; `p` gives probabilities by element."""
        elements = list(self._elements)
        for place, what in self.sites.items():
            elements[self.nearest(place)] = what
        local = self._positions - origin_A
        inside = np.flatnonzero(((local > 0) & (local < WINDOW_A)).all(axis=1))
        kept = [i for i in inside.tolist() if elements[i]]
        symbols = [elements[i] for i in kept]
        noise = np.random.default_rng(index).normal(0, 0.03, (len(kept), 2))
        chances = np.array([(p or {}).get(symbol, 0.98) for symbol in symbols])
        table = np.zeros(len(kept), ATOM)
        xy = local[kept] + noise
        table["x_px"], table["y_px"] = table["x_fit_px"], table["y_fit_px"] = xy.T / PIXEL_A
        for name in ("sigma_x_px", "sigma_y_px", "sigma_fit_px"):
            table[name] = 0.03 / PIXEL_A
        table["p"] = chances
        table["atomic_number"] = [atomic_numbers[symbol] for symbol in symbols]
        found = classify(xy, symbols, chances, (WINDOW_A, WINDOW_A))
        defects = [
            Defect(type=d.type, x_px=d.x_A / PIXEL_A, y_px=d.y_A / PIXEL_A, p=d.p, atoms=d.atoms)
            for d in found
            if d.type != "edge"
        ]
        return self._enveloped(table, defects, index, origin_A, header)

    def _enveloped(
        self,
        table: np.ndarray,
        defects: list[Defect],
        index: int,
        origin_A: tuple[float, float],
        header: dict[str, Any],
    ) -> Envelope:
        pixels = round(WINDOW_A / PIXEL_A)
        fields: dict[str, Any] = {
            "session": self.session, "frame": f"{index + 1:064x}", "frame_index": index,
            "shape": (pixels, pixels), "model": "f" * 64, "members": 20, "n_atoms": len(table),
            "pixel_size_A": PIXEL_A, "pixel_size_source": "fft", "header_pixel_size_A": PIXEL_A,
            "dose_e_A2": 4e5, "contamination": 0.0,
            "ood": OutOfDistribution(score=0.1, flag=False), "drift_A": origin_A[::-1],
        }  # fmt: skip
        atoms = Atoms(**{**fields, **header})
        return Envelope(atoms, encode_atoms(table, defects), 0)

    def scene(
        self, index: int = 0, origin_A: tuple[float, float] = (0.0, 0.0), **more: Any
    ) -> Scene:
        """The frame as the selection reads it."""
        envelope = self.envelope(index, origin_A, **more)
        assert isinstance(envelope.message, Atoms)
        return open_scene(envelope.message, envelope)


@pytest.fixture
def sample() -> Callable[..., Sample]:
    return Sample


@pytest.fixture
def finished() -> Callable[..., JobRecord]:
    """Makes a job's record in any state."""

    def make(spec: JobSpec, state: str = "done", **more: Any) -> JobRecord:
        fields: dict[str, Any] = {
            "key": spec.key, "spec": spec, "state": state, "revision": 1, "updated_at_ns": 1,
        }  # fmt: skip
        return JobRecord.model_validate({**fields, **more})

    return make
