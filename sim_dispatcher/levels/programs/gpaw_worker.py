"""GPAW as a process: one line in, one line out, the wave function kept between points.

Run by path, under the Python that GPAW is installed for; it must not import this project. The
first line of standard input is the set-up, each further one positions; each gets one line back.

Set-up: numbers, charge, unpaired, lattice_A (null = a molecule), mode (`lcao` or `pw`), basis,
grid_A, cutoff_eV, kpoints, width_eV, vacuum_A, and null or a number for max_iterations, mixing
and accuracy.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any

import numpy as np
from ase import Atoms
from gpaw import GPAW, PW, FermiDirac, KohnShamConvergenceError, Mixer, MixerSum

NEAR_WALL_A = 2.0
"""An atom that comes closer to the wall of its box gets a new box."""

THRESHOLDS = {"energy": 5e-4, "density": 1e-4, "eigenstates": 4e-8}
"""GPAW's own: eV per electron, electrons per electron, eV² per electron."""


class Surface:
    """The energy surface of one system.

    Args:
        setup: As the module describes it.
    """

    def __init__(self, setup: dict[str, Any]) -> None:
        self._setup = setup
        self._atoms: Any = None
        self._shift = np.zeros(3)

    def point(self, positions_A: Any) -> dict[str, Any]:
        """Return the energy (eV) and forces (eV/Å) of one geometry, or why there are none."""
        place = np.asarray(positions_A, dtype=float)
        try:
            if self._atoms is None or self._leaves_box(place + self._shift):
                self._box(place)
            self._atoms.positions[:] = place + self._shift
            energy = self._atoms.get_potential_energy(force_consistent=True)
            return {"energy_eV": float(energy), "forces_eV_A": self._atoms.get_forces().tolist()}
        except KohnShamConvergenceError as error:
            self._atoms = None
            return {"error": str(error).strip() or "not converged", "unsettled": True}
        except (ValueError, RuntimeError, ArithmeticError, LookupError, OSError) as error:
            self._atoms = None
            return {"error": f"{type(error).__name__}: {error}", "unsettled": False}

    def _box(self, place: Any) -> None:
        setup = self._setup
        unpaired = setup["unpaired"]
        moments = [unpaired / len(place)] * len(place) if unpaired else None
        atoms = Atoms(setup["numbers"], place, magmoms=moments)
        if setup["lattice_A"] is None:
            atoms.center(vacuum=setup["vacuum_A"])
            atoms.pbc = setup["mode"] == "pw"
        else:
            atoms.set_cell(setup["lattice_A"])
            atoms.pbc = True
        self._shift = (atoms.positions - place).mean(axis=0)
        atoms.calc = GPAW(**self._keywords())
        self._atoms = atoms

    def _leaves_box(self, placed: Any) -> bool:
        if self._setup["lattice_A"] is not None:
            return False
        edges = np.diag(self._atoms.cell.array)
        return bool((placed < NEAR_WALL_A).any() or (placed > edges - NEAR_WALL_A).any())

    def _keywords(self) -> dict[str, Any]:
        setup = self._setup
        factor = setup["accuracy"] or 1.0
        keywords: dict[str, Any] = {
            "xc": "PBE",
            "txt": None,
            "charge": setup["charge"],
            "symmetry": "off",
            "occupations": FermiDirac(setup["width_eV"], fixmagmom=bool(setup["unpaired"])),
            "convergence": {name: value * factor for name, value in THRESHOLDS.items()},
        }
        if setup["mode"] == "lcao":
            keywords.update(mode="lcao", basis=setup["basis"], h=setup["grid_A"])
        else:
            keywords.update(mode=PW(setup["cutoff_eV"]))
        if tuple(setup["kpoints"]) != (1, 1, 1):
            keywords.update(kpts={"size": setup["kpoints"], "gamma": False}, symmetry={})
        if setup["max_iterations"] is not None:
            keywords.update(maxiter=setup["max_iterations"])
        if setup["mixing"] is not None:
            mixer = MixerSum if setup["unpaired"] else Mixer
            keywords.update(mixer=mixer(setup["mixing"], 5, 50.0))
        return keywords


def main() -> None:
    """Answer lines until there are no more."""
    with os.fdopen(os.dup(1), "w", encoding="utf-8") as replies:
        os.dup2(2, 1)
        surface = Surface(json.loads(sys.stdin.readline()))
        for line in sys.stdin:
            replies.write(json.dumps(surface.point(json.loads(line))) + "\n")
            replies.flush()


if __name__ == "__main__":
    main()
