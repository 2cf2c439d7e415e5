"""The paper's programme as a table of calculations, one row each.

The short preset asks the same questions of trajectories that a desk computer finishes; it is not
the paper's 2 ps, and every heading says so. The paper's temperatures are given twice there: the
results name nine, the methods five of them.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal, TypeAlias, get_args

from shared.errors import ConfigurationError
from shared.messages.simulation import Recipe, RecipeOptions

__all__ = [
    "ADATOM",
    "DETECTED",
    "GROUPS",
    "PRESETS",
    "PRISTINE",
    "SITES",
    "Case",
    "Preset",
    "Topic",
    "cases",
    "chosen_topics",
    "find_preset",
]

Topic: TypeAlias = Literal["bonds", "errors", "rings", "cr", "chx"]
"""A table of the answer, and the cases that it needs."""

DETECTED: Final = "detected"
"""Start from the coordinates as detected, hydrogen added."""

PRISTINE: Final = "pristine"
"""Start from perfect graphene inside the patch's rim."""

Site: TypeAlias = Literal["hollow", "bridge", "top"]

SITES: Final[tuple[Site, ...]] = ("hollow", "bridge", "top")
"""Where an ad-atom starts; the paper tries one of each."""

ADATOM: Final = "Cr"
GROUPS: Final = ("CH", "CH2", "CH3")

SELECTIVE: Final[tuple[Recipe, ...]] = ("relax", "relax_perimeter", "relax_z", "relax_h")
"""The full relaxation and the paper's a (perimeter held), b (only z free), c (H held)."""


PAPER_TEMPERATURES_K: Final = (300, 500, 700, 900, 1200, 2000, 3000, 4000, 5000)
"""As the paper's results list them; its methods stop at 1200 K."""


@dataclass(frozen=True)
class Preset:
    """How much of the programme is done.

    Attributes:
        name: On the command line.
        temperatures_K: Of the annealing trajectories.
        anneal_fs: Their length.
        adatom_fs: Length of chromium's trajectories at 300 K.
        group_fs: The same of the hydrocarbon groups; 0 = relaxed only.
        fmax_eV_A: Force criterion of the relaxations.
    """

    name: str
    temperatures_K: tuple[int, ...]
    anneal_fs: float
    adatom_fs: float
    group_fs: float
    fmax_eV_A: float


PRESETS: Final[Mapping[str, Preset]] = MappingProxyType(
    {
        preset.name: preset
        for preset in (
            Preset("short", (300, 2000, 4000), 100.0, 50.0, 0.0, 0.05),
            Preset("paper", PAPER_TEMPERATURES_K, 2000.0, 2000.0, 2000.0, 0.001),
        )
    }
)
"""`paper`: the results' list of temperatures, 2 ps each, forces below 1e-3 eV/Å as in Methods."""


@dataclass(frozen=True)
class Case:
    """One calculation: a recipe with its settings, kept under its name.

    Attributes:
        name: File name without ending.
        topics: Tables that need it.
        recipe: What is computed.
        start: `DETECTED`, `PRISTINE`, or the case whose final structure it starts from.
        options: Settings.
    """

    name: str
    topics: tuple[Topic, ...]
    recipe: Recipe
    start: str
    options: RecipeOptions

    @property
    def steps(self) -> int:
        """About how many energies it takes: the measure of progress."""
        if self.recipe == "md":
            return max(1, round(self.options.duration_fs / self.options.timestep_fs))
        return {"adsorb": 120}.get(self.recipe, 40)


def cases(preset: Preset, topics: Collection[Topic]) -> tuple[Case, ...]:
    """Return the calculations that some tables need, in the order in which they are done.

    Args:
        preset: How much is done.
        topics: From `chosen_topics`.
    """
    rows = {
        row.name: row for row in (*_relaxations(preset), *_annealings(preset), *_adatoms(preset))
    }
    needed: set[str] = set()
    for row in reversed(rows.values()):
        if set(row.topics) & set(topics) or row.name in needed:
            needed |= {row.name, row.start}
    return tuple(row for name, row in rows.items() if name in needed)


def _relaxations(preset: Preset) -> list[Case]:
    topics: dict[Recipe, tuple[Topic, ...]] = dict.fromkeys(SELECTIVE[:2], ("bonds", "errors"))
    options = _to_minimum(preset)
    detected = [
        Case(recipe, topics.get(recipe, ("bonds",)), recipe, DETECTED, options)
        for recipe in SELECTIVE
    ]
    return [*detected, Case("relax-pristine", (), "relax", PRISTINE, options)]


def _annealings(preset: Preset) -> list[Case]:
    return [
        _trajectory(f"md-{kelvin:04d}K", "rings", "relax", kelvin, preset.anneal_fs)
        for kelvin in preset.temperatures_K
    ]


def _adatoms(preset: Preset) -> list[Case]:
    rows = []
    for adsorbate in (ADATOM, *GROUPS):
        topic: Topic = "chx"
        start, length_fs = "relax", preset.group_fs
        if adsorbate == ADATOM:
            topic, start, length_fs = "cr", "relax-pristine", preset.adatom_fs
        for site in SITES:
            put = _to_minimum(preset, adsorbate, site)
            name = f"{adsorbate}-{site}"
            rows.append(Case(f"adsorb-{name}", (topic,), "adsorb", start, put))
            if length_fs:
                rows.append(_trajectory(f"md-{name}", topic, f"adsorb-{name}", 300, length_fs))
    return rows


def _to_minimum(preset: Preset, adsorbate: str = ADATOM, site: Site = "hollow") -> RecipeOptions:
    return RecipeOptions(fmax_eV_A=preset.fmax_eV_A, max_steps=1000, adsorbate=adsorbate, site=site)


def _trajectory(name: str, topic: Topic, start: str, kelvin: float, length_fs: float) -> Case:
    options = RecipeOptions(temperature_K=kelvin, duration_fs=length_fs)
    return Case(name, (topic,), "md", start, options)


def find_preset(name: str) -> Preset:
    """Look a preset up.

    Raises:
        ConfigurationError: There is none of that name.
    """
    if name in PRESETS:
        return PRESETS[name]
    raise ConfigurationError(
        f"There is no preset called {name!r}.", remedy=f"Choose one of {', '.join(PRESETS)}."
    )


def chosen_topics(only: str | None) -> tuple[Topic, ...]:
    """Read a comma-separated list of tables.

    Args:
        only: For example `bonds,errors`; None = all.

    Raises:
        ConfigurationError: One is unknown, or the list is empty.
    """
    known = get_args(Topic)
    if only is None:
        return known
    asked = [word.strip() for word in only.split(",") if word.strip()]
    unknown = [word for word in asked if word not in known]
    if unknown or not asked:
        raise ConfigurationError(
            f"--only {only!r} names no table" + (f": {', '.join(unknown)}." if unknown else "."),
            remedy=f"Choose among {', '.join(known)}, separated by commas.",
        )
    return tuple(topic for topic in known if topic in asked)
