"""The specimens: what each one is made of, by name."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from . import topology
from .arrays import Floats, Ints
from .boundary import bicrystal
from .relaxation import relax
from .specimen import Mark, Specimen, sample
from .surroundings import add_second_layer, contaminate, put_adatoms, star, strained
from .topology import Sheet, honeycomb

BOX_A = 46.08
WIDE_BOX_A = 92.16
MARGIN_A = 7.0
APART_A = 9.0
ALUMINIUM, PHOSPHORUS = 13, 15
BORON, NITROGEN, OXYGEN = 5, 7, 8
COPPER, TUNGSTEN, GOLD = 29, 74, 79
Family = Callable[[np.random.Generator], Specimen]


def pristine(rng: np.random.Generator) -> Specimen:
    """Perfect graphene, smoothly strained and rippled."""
    return Specimen.of(strained(honeycomb(BOX_A, rng), 0.006, 0.3, rng))


def point_defects(
    rng: np.random.Generator, kinds: list[str], sheet: Sheet | None = None
) -> Specimen:
    """A sheet with each of the defects named, relaxed."""
    sheet = sheet or honeycomb(BOX_A, rng)
    edited = {name: edit for name, edit in EDITS.items() if name in kinds}
    placed: list[tuple[str, Floats]] = []
    for kind, spot in zip(kinds, _spots(sheet, len(kinds), rng), strict=True):
        i = sheet.nearest(spot)
        j = int(rng.choice(sheet.neighbours(i)))
        around = np.array([i, j]) if kind in PAIRS else np.array([i])
        placed.append((_type(kind), sheet.positions_A[around, :2].mean(axis=0)))
        edited[kind](sheet, i, j)
    relaxed = strained(relax(sheet.compact(), rng), 0.004, 0.2, rng)
    return Specimen.of(relaxed, tuple(Mark(kind, spot[None]) for kind, spot in placed))


def _spots(sheet: Sheet, count: int, rng: np.random.Generator) -> list[Floats]:
    found: list[Floats] = []
    degree = np.bincount(np.array(list(sheet.bonds)).ravel(), minlength=len(sheet.numbers))
    edge = sheet.positions_A[degree < 3, :2]
    for _ in range(20_000):
        spot = rng.uniform(MARGIN_A, sheet.box_A - MARGIN_A, 2)
        clear = all(np.linalg.norm(spot - other) > APART_A for other in found)
        if (
            clear
            and np.linalg.norm(edge - spot, axis=1).min() > 6.0
            and not sample(sheet.hole, spot)
        ):
            found.append(spot)
        if len(found) == count:
            return found
    raise ValueError(f"no room for {count} defects in {sheet.box_A} Å")


def _type(kind: str) -> str:
    return {"Al": "sub_Al", "P": "sub_P"}.get(kind, kind)


def _pair(first: int, second: int) -> Callable[[Sheet, int, int], None]:
    def edit(sheet: Sheet, i: int, j: int) -> None:
        topology.substitute(sheet, i, first)
        topology.substitute(sheet, j, second)

    return edit


def _single(number: int) -> Callable[[Sheet, int, int], None]:
    return lambda sheet, i, _: topology.substitute(sheet, i, number)


def _tetramer(sheet: Sheet, i: int, _: int) -> None:
    for k in (i, *sheet.neighbours(i)):
        topology.substitute(sheet, k, topology.SILICON)


EDITS: dict[str, Callable[[Sheet, int, int], object]] = {
    "V1": lambda sheet, i, _: topology.vacancy(sheet, i),
    "V2_585": topology.divacancy,
    "V_555777": topology.triple_divacancy,
    "SW_5577": topology.rotate_bond,
    "Si_C3": _single(topology.SILICON),
    "Si_C4": topology.silicon_in_divacancy,
    "Si_dimer": _pair(topology.SILICON, topology.SILICON),
    "Si_trimer": lambda sheet, i, _: topology.silicon_trimer(sheet, i),
    "Si_tetramer": _tetramer,
    "sub_B": _single(BORON),
    "sub_N": _single(NITROGEN),
    "sub_O": _single(OXYGEN),
    "Al": _single(ALUMINIUM),
    "P": _single(PHOSPHORUS),
}
PAIRS = {"V2_585", "V_555777", "SW_5577", "Si_C4", "Si_dimer"}


def with_hole(
    rng: np.random.Generator, middle_A: Floats, radius_A: float, box_A: float = BOX_A
) -> tuple[Sheet, tuple[Mark, ...]]:
    """A sheet with a hole around a point, and the path of its edge.

    A point outside the box makes a sheet that ends along a line; it is no hole then.
    """
    sheet = honeycomb(box_A, rng)
    sheet.hole = star(box_A, middle_A, radius_A, rng)
    before = {tuple(xy) for xy in sheet.positions_A[_degree(sheet) < 3, :2].tolist()}
    within = np.clip(sheet.positions_A[:, :2], 0.0, np.nextafter(box_A, 0.0))
    sheet = topology.remove_inside(sheet, sample(sheet.hole, within))
    rim = sheet.positions_A[_degree(sheet) < 3, :2]
    rim = np.array([xy for xy in rim.tolist() if tuple(xy) not in before])
    around = rim - middle_A
    turn = np.arctan2(*(box_A / 2 - middle_A)[::-1])
    azimuth = (np.arctan2(around[:, 1], around[:, 0]) - turn + np.pi) % (2 * np.pi)
    path = rim[np.argsort(azimuth)]
    if ((middle_A < 0) | (middle_A > box_A)).any():
        return sheet, (Mark("edge", path),)
    path = np.vstack([path, path[:1]])
    return sheet, (Mark("edge", path), Mark("hole", path))


def _degree(sheet: Sheet) -> Ints:
    return np.bincount(np.array(list(sheet.bonds)).ravel(), minlength=len(sheet.numbers))


def _inside(rng: np.random.Generator, box_A: float = BOX_A) -> Floats:
    return rng.uniform(0.35, 0.65, 2) * box_A


def hole(rng: np.random.Generator) -> Specimen:
    """A hole of about 18 Å with bare edges, and two silicon atoms beside it."""
    sheet, marks = with_hole(rng, _inside(rng), 9.0)
    return point_defects(rng, ["Si_C3", "Si_C4"], sheet).with_marks(*marks)


def edge(rng: np.random.Generator) -> Specimen:
    """A sheet that ends within the frame, with silicon on its edge."""
    toward = rng.uniform(0, 2 * np.pi)
    middle = BOX_A / 2 + 32.0 * np.array([np.cos(toward), np.sin(toward)])
    sheet, (mark,) = with_hole(rng, middle, 24.0)
    sites = mark.path_A[[len(mark.path_A) // 3, 2 * len(mark.path_A) // 3]]
    for site in sites:
        i = int(np.linalg.norm(sheet.positions_A[:, :2] - site, axis=1).argmin())
        topology.substitute(sheet, i, topology.SILICON)
    ends = [Mark("Si_edge", site[None]) for site in sites]
    return point_defects(rng, ["Si_C3", "V2_585"], sheet).with_marks(mark, *ends)


def grain_boundary(rng: np.random.Generator) -> Specimen:
    """Two grains."""
    sheet, mark = bicrystal(BOX_A, np.deg2rad(rng.uniform(12.0, 30.0)), rng)
    return Specimen.of(strained(relax(sheet, rng), 0.003, 0.2, rng), (mark,))


def combined(rng: np.random.Generator) -> Specimen:
    """A hole, contamination, silicon, vacancies and displacements in one field."""
    sheet, marks = with_hole(rng, _inside(rng), 6.0)
    kinds = ["Si_C3", "Si_C4", "V2_585", "Si_dimer", "SW_5577"]
    whole = point_defects(rng, kinds, sheet).with_marks(*marks)
    return contaminate(whole.displaced(0.06, rng), 0.15, 6.0, rng)


def wide(rng: np.random.Generator) -> Specimen:
    """A field as wide as real ones: everything that a session may meet in one frame."""
    sheet, marks = with_hole(rng, _inside(rng, WIDE_BOX_A), 9.0, WIDE_BOX_A)
    kinds = ["Si_C3", "Si_C4"] * 6 + ["V1", "V2_585", "SW_5577", "Si_dimer", "Si_trimer"] * 2
    whole = point_defects(rng, kinds, sheet).with_marks(*marks)
    return contaminate(whole.displaced(0.05, rng), 0.12, 6.0, rng)


def unknown_adatoms(rng: np.random.Generator) -> Specimen:
    """Gold, copper and tungsten on the sheet, aluminium and phosphorus in it beside silicon."""
    base = point_defects(rng, ["Si_C3", "Si_C4", "Al", "P", "Si_C3"])
    return put_adatoms(base, [GOLD, COPPER, TUNGSTEN, GOLD, COPPER, TUNGSTEN], rng)


FAMILIES: dict[str, Family] = {
    "pristine": pristine,
    "displaced03": lambda rng: pristine(rng).displaced(0.03, rng),
    "displaced06": lambda rng: point_defects(rng, ["Si_C3"] * 3).displaced(0.06, rng),
    "displaced12": lambda rng: pristine(rng).displaced(0.12, rng),
    "silicon": lambda rng: point_defects(rng, ["Si_C3", "Si_C4"] * 5),
    "clusters": lambda rng: point_defects(
        rng, ["Si_dimer", "Si_trimer", "Si_dimer", "Si_tetramer", "Si_dimer", "Si_trimer"]
    ),
    "light": lambda rng: point_defects(rng, ["sub_N", "sub_B"] * 4 + ["sub_O"]),
    "vacancies": lambda rng: point_defects(
        rng, ["V1", "V2_585", "SW_5577"] * 3 + ["V_555777"]
    ).displaced(0.04, rng),
    "hole": hole,
    "boundary": grain_boundary,
    "contaminated": lambda rng: contaminate(
        point_defects(rng, ["Si_C3", "Si_C4"] * 2).displaced(0.06, rng), 0.3, 8.0, rng
    ),
    "adatoms": unknown_adatoms,
    "tilted": lambda rng: point_defects(rng, ["Si_C3", "SW_5577", "V2_585"]).tilted(
        rng.uniform(3.0, 5.0), rng.uniform(0, 2 * np.pi)
    ),
    "bilayer": lambda rng: add_second_layer(point_defects(rng, ["Si_C3"] * 2), 0.35, rng),
    "combined": combined,
    "edge": edge,
    "comatic": lambda rng: point_defects(rng, ["Si_C3", "Si_dimer"] * 2).displaced(0.06, rng),
    "wide": wide,
}
