"""The table: every figure asked for, what it is here, and whether that is enough."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from tests.science.scores import defects, positions, species, trust
from tests.science.scores.campaign import Campaign
from tests.science.scores.frames import DOSES_E_A2
from tests.science.scores.judged import Judged, nearest_neighbours_A
from tests.science.scores.real_frames import labelled_found

HIGH_DOSES = DOSES_E_A2[1:]
Figure = float | None
Range = tuple[float, float]
AT_LEAST = {
    "f1": (0.995, 0.999, 0.9995, 0.998),
    "f1_strict": (0.980, 0.995, 0.9995, 0.998),
}
RMS_AT_MOST_PM = (10.5, 8.0, 5.0, 4.5)
SLOPE_TOLERANCE = (np.inf, 0.10, 0.03, 0.02)
ANY: Range = (-np.inf, np.inf)


@dataclass(frozen=True)
class Row:
    """One line of the table.

    Attributes:
        key: short name.
        name: in words.
        wanted: lowest and highest figure that is good enough, one for each figure.
        figures: None where the frames say nothing of it.
        digits: after the point.
    """

    key: str
    name: str
    wanted: tuple[Range, ...]
    figures: tuple[Figure, ...]
    digits: int = 3

    @property
    def met(self) -> bool | None:
        """Whether every figure there is good enough; None where there is none."""
        pairs = [(f, w) for f, w in zip(self.figures, self.wanted, strict=True) if f is not None]
        if not pairs or all(w == ANY for _, w in pairs):
            return None
        return all(low <= figure <= high for figure, (low, high) in pairs)


def rows(campaign: Campaign) -> list[Row]:
    """Work out the whole table."""
    return [
        *_position_rows(campaign.graphene),
        *_species_rows(campaign.graphene),
        *_defect_rows(campaign.graphene),
        *_trust_rows(campaign),
        *_scale_rows(campaign),
        *_real_rows(campaign),
        *_time_rows(campaign),
    ]


def by_dose(frames: Sequence[Judged]) -> list[list[Judged]]:
    """Sort frames by the table's doses."""
    return [[one for one in frames if one.frame.dose_group == dose] for dose in DOSES_E_A2]


def _position_rows(frames: Sequence[Judged]) -> Iterator[Row]:
    groups = by_dose(frames)
    for key, strict in (("f1", False), ("f1_strict", True)):
        figures = tuple(positions.f1(g, strict=strict) for g in groups)
        radius = "0.25 Å" if strict else "0.5 Å"
        yield Row(key, f"F1 at {radius}", tuple((w, 1.0) for w in AT_LEAST[key]), figures, 4)
    rms = tuple(positions.rms_pm(g, fit=False) for g in groups)
    yield Row("rms", "RMS of x_px, y_px, pm", tuple((0.0, w) for w in RMS_AT_MOST_PM), rms, 1)
    rms = tuple(positions.rms_pm(g, fit=True) for g in groups)
    yield Row("rms_fit", "RMS of x_fit_px, y_fit_px, pm", (ANY,) * 4, rms, 1)
    yield from _slope_rows(groups)
    bound = tuple(positions.over_bound(g) for g in groups)
    wanted = (ANY, *((0.0, 1.2),) * 3)
    yield Row("bound", "RMS of the fit over the in-lattice bound", wanted, bound, 2)
    best = tuple(positions.over_best(g) for g in groups)
    name = "the same over an estimator that knows all but the positions"
    yield Row("best", name, (ANY,) * 4, best, 2)
    for key, fit in (("z", False), ("z_fit", True)):
        figures = tuple(positions.spread(g, fit=fit) for g in groups)
        name = "std(error/sigma) of x_fit_px, y_fit_px" if fit else "std(error/sigma) of x_px, y_px"
        yield Row(key, name, ((0.9, 1.1),) * 4, figures, 2)


def _slope_rows(groups: Sequence[Sequence[Judged]]) -> Iterator[Row]:
    free = (ANY,) * 4
    honest = tuple((1 - t, 1 + t) for t in SLOPE_TOLERANCE)
    figures = tuple(positions.slope(g, fit=False) for g in groups)
    yield Row("slope", "displacement slope of x_px, y_px", free, figures, 3)
    figures = tuple(positions.slope(g, fit=True) for g in groups)
    yield Row("slope_fit", "displacement slope of x_fit_px, y_fit_px", honest, figures, 3)
    figures = tuple(positions.slope(g, fit=True, near=True) for g in groups)
    yield Row("slope_fit_near", "the same within 3 Å of a defect", honest, figures, 3)
    for key, near, where in (("error", False, ""), ("error_near", True, " near a defect")):
        figures = tuple(positions.slope_error(g, fit=True, near=near) for g in groups)
        yield Row(f"slope_fit_{key}", f"its standard error{where}", free, figures, 3)


def _species_rows(frames: Sequence[Judged]) -> Iterator[Row]:
    for key, clustered, least in (("si", False, 0.99), ("si_cluster", True, 0.98)):
        figures = species.silicon(frames, clustered=clustered)
        name = "Si precision, recall" + (" in dimers and trimers" if clustered else "")
        yield Row(key, name, ((least, 1.0),) * 2, figures)
    for dose, group in zip(DOSES_E_A2, by_dose(frames), strict=True):
        figures = species.silicon(group, clustered=False)
        yield Row(f"si_{dose:.0e}", f"Si precision, recall at {dose:.1e}", (ANY, ANY), figures)
    yield from _stranger_rows(frames)
    lone = float(sum(species.in_vacuum(one).sum() for one in frames))
    yield Row("vacuum", "false atoms in vacuum", ((0.0, 0.0),), (lone,), 0)


def _stranger_rows(frames: Sequence[Judged]) -> Iterator[Row]:
    free: tuple[Range, ...] = (ANY, ANY, ANY)
    kinds: tuple[tuple[str, bool, str, tuple[Range, ...]], ...] = (
        ("strangers", True, "adatoms of unseen elements", ((0.99, 1.0), (0.0, 0.01), ANY)),
        ("lookalikes", False, "Al and P in the sheet", free),
    )
    for key, on_sheet, words, wanted in kinds:
        answers = list(species.strangers(frames, on_sheet=on_sheet))
        named = [name for name, _ in answers]
        share = tuple(named.count(w) / len(named) if named else None for w in ("X", "Si", "missed"))
        yield Row(key, f"{words} ({len(named)}): X, Si, missed", wanted, share)
        worst = species.confident_silicon(answers) if named else None
        limit: Range = (0.0, 0.8) if on_sheet else ANY
        yield Row(f"{key}_p", "highest p of one called Si", (limit,), (worst,))


def _defect_rows(frames: Sequence[Judged]) -> Iterator[Row]:
    high = [one for one in frames if one.frame.dose_group in HIGH_DOSES]
    right, total = defects.coordination_right(frames)
    share = right / total if total else None
    yield Row("coordination", f"Si coordination right ({total})", ((0.95, 1.0),), (share,))
    for kind, tally in defects.tallies(high).items():
        wanted = ((0.9, 1.0),) * 2 if kind == "all" else (ANY, ANY)
        name = f"point defects: {kind} ({tally.there} there, {tally.said} said), precision, recall"
        yield Row(f"defect_{kind}", name, wanted, (tally.precision, tally.recall))
    for name, kinds in (("GB", ("GB",)), ("edge", ("edge",)), ("edge or hole", ("edge", "hole"))):
        tally = defects.length_covered(high, kinds)
        wanted = (ANY, (0.9, 1.0))
        words = f"{name}: claimed length true, true length covered ({tally.there / 2:.0f} Å)"
        yield Row(f"length_{name}", words, wanted, (tally.precision, tally.recall))


def _trust_rows(campaign: Campaign) -> Iterator[Row]:
    frames = campaign.graphene
    ece = trust.calibration_error(trust.claims(frames))
    yield Row("ece", "ECE of p", ((0.0, 0.01),), (ece,), 4)
    figures = tuple(trust.calibration_error(trust.claims(g)) for g in by_dose(frames))
    yield Row("ece_dose", "ECE of p by dose", (ANY,) * 4, figures, 4)
    pair = tuple(trust.false_atom_auroc(frames, listed=every) for every in (False, True))
    name = "AUROC of uncertainty for false atoms: of those found, of all listed"
    yield Row("auroc", name, ((0.97, 1.0), (0.97, 1.0)), pair)
    flagged = _share([one.analysis.ood.flag for one in frames])
    yield Row("ood_graphene", "graphene frames flagged", ((0.0, 0.05),), (flagged,))
    flagged = _share([one.analysis.ood.flag for one in campaign.materials])
    name = f"frames of other materials flagged ({len(campaign.materials)})"
    yield Row("ood_materials", name, ((0.95, 1.0),), (flagged,))
    name = "nearest neighbours in 1.15-1.75 Å"
    yield Row("bonded", name, (ANY,), (trust.bonded_share(frames),))


def _scale_rows(campaign: Campaign) -> Iterator[Row]:
    if not campaign.unscaled:
        return
    given = [positions.f1(g, strict=False) for g in by_dose(campaign.graphene)]
    not_given = [positions.f1(g, strict=False) for g in by_dose(campaign.unscaled)]
    loss = tuple(
        None if a is None or b is None else a - b for a, b in zip(given, not_given, strict=True)
    )
    name = "F1 lost with no scale given"
    yield Row("no_scale", name, ((-np.inf, 0.002),) * 4, loss, 4)


def _real_rows(campaign: Campaign) -> Iterator[Row]:
    graphene = [one for one in campaign.real if one.frame.graphene]
    if not graphene:
        return
    nearest = [nearest_neighbours_A(one.analysis) for one in graphene if one.analysis]
    bonded = trust.within_bonds(np.concatenate([np.empty(0), *nearest]))
    silicon = labelled_found(graphene, silicon=True)
    carbon = labelled_found(graphene, silicon=False)
    name = f"real graphene ({len(graphene)}): neighbours in range, Si named, bonded C found"
    wanted = ((0.98, 1.0), (0.98, 1.0), (0.95, 1.0))
    yield Row("real", name, wanted, (bonded, silicon, carbon))
    flags = _share([one.analysis is None or one.analysis.ood.flag for one in graphene])
    yield Row("real_flagged", "real graphene flagged", ((0.0, 0.05),), (flags,))
    others = [one for one in campaign.real if not one.frame.graphene]
    flags = _share([one.analysis is None or one.analysis.ood.flag for one in others])
    name = f"real frames of other materials flagged ({len(others)})"
    yield Row("real_others", name, ((0.95, 1.0),), (flags,))


def _time_rows(campaign: Campaign) -> Iterator[Row]:
    if not campaign.seconds:
        return
    wall, cpu, pixels = np.array(campaign.seconds).T
    scale = 896**2 / pixels.sum()
    figures = (float(wall.sum() * scale), float(cpu.sum() * scale))
    yield Row("seconds", "seconds per 896² pixels: wall, CPU", (ANY, ANY), figures, 2)


def _share(flags: Sequence[bool]) -> Figure:
    return float(np.mean(flags)) if len(flags) else None


def markdown(table: Sequence[Row]) -> str:
    """Write the table; figures that are not good enough in bold."""
    lines = ["| figure | here | wanted | met |", "|---|---|---|---|"]
    for row in table:
        here = " / ".join(
            _figure(f, w, row.digits) for f, w in zip(row.figures, row.wanted, strict=True)
        )
        wanted = " / ".join(dict.fromkeys(_wanted(w, row.digits) for w in row.wanted))
        met = {True: "yes", False: "**no**", None: ""}[row.met]
        lines.append(f"| {row.name} | {here} | {wanted} | {met} |")
    return "\n".join(lines) + "\n"


def as_json(table: Sequence[Row]) -> list[dict[str, Any]]:
    """Return the rows as plain values, infinities left out."""
    out = []
    for row in table:
        one = asdict(row) | {"met": row.met}
        one["wanted"] = [[v if np.isfinite(v) else None for v in pair] for pair in row.wanted]
        out.append(one)
    return out


def _figure(figure: Figure, wanted: Range, digits: int) -> str:
    if figure is None:
        return "-"
    text = f"{figure:.{digits}f}"
    return text if wanted[0] <= figure <= wanted[1] else f"**{text}**"


def _wanted(wanted: Range, digits: int) -> str:
    low, high = wanted
    if wanted == ANY:
        return "-"
    if low == high:
        return f"{low:.{digits}f}"
    if high == 1.0 and low > 0:
        return f"≥ {low:g}"
    if low <= 0.0:
        return f"≤ {high:g}"
    return f"{low:g} to {high:g}"
