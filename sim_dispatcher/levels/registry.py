"""The ladder of theory on this host: which library runs which level."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, get_args

from shared.errors import ConfigurationError, LevelUnavailableError
from sim_dispatcher.levels.level import Level, LevelName
from sim_dispatcher.levels.libtblite import tblite_levels
from sim_dispatcher.levels.libxtb import xtb_levels

__all__ = ["LevelReport", "choose_level", "known_levels", "level_reports"]

_PLANNED: Final[dict[str, str]] = {
    "pyscf": "density functional theory by PySCF",
    "gpaw": "density functional theory by GPAW",
    "qe": "density functional theory by Quantum ESPRESSO",
    "dftb": "density functional tight binding by DFTB+",
    "vasp": "density functional theory by VASP",
}
"""Rungs above tight binding, which this version names but does not run."""


@dataclass(frozen=True)
class LevelReport:
    """One line of the doctor's list.

    Attributes:
        name: The level.
        implementation: What would compute it.
        unavailable: Why it cannot run here, or None.
    """

    name: str
    implementation: str
    unavailable: str | None


def known_levels() -> tuple[Level, ...]:
    """Return every implementation, the preferred one of a level first."""
    return (*xtb_levels(), *tblite_levels())


def level_reports() -> tuple[LevelReport, ...]:
    """Return what this host can and cannot run, and why."""
    own = tuple(
        LevelReport(level.name, level.implementation, level.unavailable())
        for level in known_levels()
    )
    planned = tuple(
        LevelReport(name, what, "not part of this version") for name, what in _PLANNED.items()
    )
    return own + planned


def choose_level(name: str, levels: Iterable[Level] | None = None) -> Level:
    """Pick the implementation that runs a level on this host.

    Args:
        name: `gfnff`, `gfn1`, `gfn2`, …
        levels: Implementations to choose from, preferred first; None for all known.

    Returns:
        The first implementation that is available.

    Raises:
        ConfigurationError: No such level exists.
        LevelUnavailableError: The level exists, but not on this host.
    """
    if name not in get_args(LevelName):
        raise ConfigurationError(
            f"There is no level of theory called {name!r}.",
            remedy=f"Choose one of {', '.join(get_args(LevelName))}.",
        )
    reasons = []
    for level in known_levels() if levels is None else levels:
        if level.name != name:
            continue
        reason = level.unavailable()
        if reason is None:
            return level
        reasons.append(reason)
    if name in _PLANNED:
        reasons.append(f"{_PLANNED[name]} is not part of this version")
    raise LevelUnavailableError(
        f"Level {name} cannot run here: {'; '.join(reasons) or 'nothing implements it'}.",
        remedy="Use --level gfn1, or install what is missing: pip install 'atomloop[dispatch]'.",
    )
