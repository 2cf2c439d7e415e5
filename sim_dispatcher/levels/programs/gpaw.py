"""PBE by GPAW as Debian packages it, under the system's Python.

Code: doi:10.1063/5.0182685; LCAO mode: doi:10.1103/PhysRevB.80.195112. Two settings: `quick`
(atomic orbitals on a grid) for an answer in minutes, `paper` (plane waves to 400 eV) for the
published cut-off.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final, Literal

from sim_dispatcher.levels.level import LevelName
from sim_dispatcher.levels.numerics import ENGINE_DEFAULTS, Numerics
from sim_dispatcher.levels.potential import KELVIN_EV, System
from sim_dispatcher.levels.programs.process import find_program, last_words, run_program
from sim_dispatcher.levels.programs.worker import WorkerPotential
from sim_dispatcher.levels.scratch import WorkingFolder

__all__ = ["GpawLevel", "gpaw_interpreter"]

_WORKER: Final = str(Path(__file__).with_name("gpaw_worker.py"))

BASIS: Final = "dzp"
GRID_A: Final = 0.2
CUTOFF_EV: Final = 400.0
WIDTH_EV: Final = 0.05
"""Fermi-Dirac width: settles flakes whose gap is small; the energy is the free energy."""
VACUUM_A: Final = 4.0
"""Between a molecule and the wall of its box."""


@cache
def gpaw_interpreter() -> str | None:
    """Return the Python that the `gpaw` command runs under, or None."""
    command = find_program("gpaw")
    if command is None:
        return None
    first = Path(command).read_bytes().split(b"\n", 1)[0].decode("utf-8", "replace")
    interpreter = first.removeprefix("#!").strip()
    return interpreter if interpreter.startswith("/") and Path(interpreter).exists() else None


@cache
def _version(interpreter: str) -> str:
    asked = "from importlib.metadata import version; print(version('gpaw'))"
    folder = WorkingFolder()
    return last_words(run_program([interpreter, "-I", "-c", asked], folder.path, "version"))


@dataclass(frozen=True)
class GpawLevel:
    """PBE in one of two settings.

    Attributes:
        preset: `quick` = LCAO; `paper` = plane waves at the paper's cut-off.
        kpoints: Monkhorst-Pack grid; (2, 2, 2) is the paper's, (1, 1, 1) Gamma, the same physics
            for a flake in vacuum.
        name: `gpaw`.
        max_atoms: Largest system accepted; 118 atoms take 90 CPU s a point.
        can_react: Always true.
        periodic: Always true.
    """

    preset: Literal["quick", "paper"] = "quick"
    kpoints: tuple[int, int, int] = (1, 1, 1)
    name: LevelName = "gpaw"
    max_atoms: int = 120
    can_react: bool = True
    periodic: bool = True

    @property
    def implementation(self) -> str:
        """Program and version, for the provenance of an answer."""
        interpreter = gpaw_interpreter()
        return "gpaw" if interpreter is None else f"gpaw {_version(interpreter)}".strip()

    @property
    def settings(self) -> str:
        """Functional, basis, grid, k-points and smearing as really used."""
        how = f"LCAO-{BASIS}, h = {GRID_A:g} Å"
        if self.preset == "paper":
            how = f"plane waves to {CUTOFF_EV:g} eV"
        mesh = "x".join(map(str, self.kpoints))
        return (
            f"PBE, PAW, {how}, k-points {mesh}, Fermi-Dirac {WIDTH_EV:g} eV,"
            f" {VACUUM_A:g} Å of vacuum, energy to 0.0005 eV per electron"
        )

    def unavailable(self) -> str | None:
        """Say why this host cannot run it, or None where it can."""
        if gpaw_interpreter() is None:
            return "program not found on PATH: gpaw (Debian: apt install gpaw gpaw-data)"
        return None

    def potential(self, system: System, numerics: Numerics = ENGINE_DEFAULTS) -> WorkerPotential:
        """Prepare the energy surface of a molecule or a periodic cell."""
        command = (gpaw_interpreter() or "gpaw", "-I", _WORKER)
        return WorkerPotential("gpaw", command, self._setup(system, numerics))

    def _setup(self, system: System, numerics: Numerics) -> dict[str, Any]:
        asked = asdict(numerics)
        kelvin = asked.pop("electronic_temperature_K")
        del asked["k_points_factor"]
        mesh = numerics.mesh(periodic=system.lattice_A is not None)
        return asked | {
            "numbers": system.numbers.tolist(),
            "charge": system.charge,
            "unpaired": system.unpaired,
            "lattice_A": None if system.lattice_A is None else system.lattice_A.tolist(),
            "mode": "lcao" if self.preset == "quick" else "pw",
            "basis": BASIS,
            "grid_A": GRID_A,
            "cutoff_eV": CUTOFF_EV,
            "kpoints": [own * more for own, more in zip(self.kpoints, mesh, strict=True)],
            "width_eV": WIDTH_EV if kelvin is None else kelvin * KELVIN_EV,
            "vacuum_A": VACUUM_A,
        }
