"""Energies of pristine twins, remembered: congruent rims share one twin."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

from blake3 import blake3

from sim_dispatcher.levels import Level
from sim_dispatcher.structure.cluster import Cluster

__all__ = ["TwinEnergies", "process_twins"]


class TwinEnergies:
    """A table in memory and, where a folder is given, one small file per entry.

    Args:
        folder: Where entries outlive the process; made when first needed. A file that cannot be
            read counts as absent: the energy is then computed again.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder
        self._known: dict[str, float] = {}

    @staticmethod
    def key(twin: Cluster, level: Level, fmax_eV_A: float) -> str:
        """Return the name of one computation: structure, level, code and convergence."""
        parts = (twin.digest, level.name, level.implementation, f"{fmax_eV_A:g}")
        return blake3("\n".join(parts).encode()).hexdigest()

    def find(self, key: str) -> float | None:
        """Return an energy in eV, or None where it was never computed."""
        if key not in self._known and self._folder is not None:
            try:
                entry = json.loads((self._folder / f"{key}.json").read_text("utf-8"))
                self._known[key] = float(entry["energy_eV"])
            except (OSError, ValueError, KeyError, TypeError):
                return None
        return self._known.get(key)

    def keep(self, key: str, energy_eV: float) -> None:
        """Remember an energy, eV."""
        self._known[key] = energy_eV
        if self._folder is None:
            return
        self._folder.mkdir(parents=True, exist_ok=True)
        unfinished = self._folder / f"{key}.tmp"
        unfinished.write_text(json.dumps({"energy_eV": energy_eV}), "utf-8")
        unfinished.replace(self._folder / f"{key}.json")


@cache
def process_twins() -> TwinEnergies:
    """Return the table that all calculations of this process share: a warm launcher's memory."""
    return TwinEnergies()
