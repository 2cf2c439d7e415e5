"""The table as pictures: reliability, errors over sigma, slopes, F1 beside others, strangeness."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tests.science.scores.campaign import Campaign
from tests.science.scores.frames import DOSES_E_A2
from tests.science.scores.gallery import draw_gallery
from tests.science.scores.judged import Judged
from tests.science.scores.positions import displacements, standard_errors
from tests.science.scores.table import Row, by_dose
from tests.science.scores.trust import claims, reliability

OTHERS = {
    "f1": {
        "AtomAI, 3 members": (0.992, 0.998, 1.000, 0.987),
        "classical": (0.62, 0.71, 0.93, 0.91),
    },
    "f1_strict": {
        "AtomAI, 3 members": (0.971, 0.993, 0.999, 0.987),
        "classical": (0.24, 0.35, 0.74, 0.84),
    },
}
"""Figures of others on other frames of the same kind; they stand beside, not against."""
COLOURS = {"here": "#0b5fa5", "AtomAI, 3 members": "#d97706", "classical": "#9ca3af"}
STYLE: Any = {
    "svg.hashsalt": "atomloop",
    "svg.fonttype": "none",
    "font.size": 8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.alpha": 0.25,
    "legend.frameon": False,
}


def draw_all(campaign: Campaign, table: Sequence[Row], folder: Path) -> None:
    """Write every picture into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    with mpl.rc_context(STYLE):
        _save(draw_reliability(campaign.graphene), folder / "reliability.svg")
        _save(draw_sigmas(campaign.graphene), folder / "error-over-sigma.svg")
        _save(draw_slopes(campaign.graphene), folder / "displacement-slope.svg")
        _save(draw_f1(table), folder / "f1.svg")
        _save(draw_strangeness(campaign), folder / "out-of-distribution.svg")
        draw_gallery(campaign.graphene, folder / "what-it-gets-wrong.png")


def _save(figure: Figure, path: Path) -> None:
    figure.savefig(path, metadata={"Date": None}, bbox_inches="tight")


def _legend(axis: Axes, where: Literal["upper left", "upper right"]) -> None:
    if axis.get_legend_handles_labels()[0]:
        axis.legend(loc=where, handlelength=1, fontsize=6)


def draw_reliability(frames: Sequence[Judged]) -> Figure:
    """Share of listed atoms that are right against the probability stated, and how many."""
    figure = Figure(figsize=(3.6, 3.6))
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
    trust = claims(frames)
    rows = reliability(trust)
    above.plot([0, 1], [0, 1], color="grey", lw=0.8)
    error = np.sqrt(rows[:, 1] * (1 - rows[:, 1]) / rows[:, 2])
    above.errorbar(rows[:, 0], rows[:, 1], error, fmt="o", ms=4, color=COLOURS["here"])
    above.set(ylabel="share that is right", ylim=(0, 1.02), xlim=(0, 1))
    below.hist(trust[:, 0], np.linspace(0, 1, 21), color=COLOURS["here"])
    below.set(xlabel="probability stated", ylabel="atoms", yscale="log")
    return figure


def draw_sigmas(frames: Sequence[Judged]) -> Figure:
    """Histogram of error over sigma for both estimates at each dose, and the normal curve."""
    figure = Figure(figsize=(7.2, 2.0))
    axes = figure.subplots(1, 4, sharey=True)
    z = np.linspace(-5, 5, 201)
    for axis, dose, group in zip(axes, DOSES_E_A2, by_dose(frames), strict=True):
        axis.plot(z, np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi), color="grey", lw=0.8)
        for fit, colour in ((False, COLOURS["here"]), (True, "#b91c1c")):
            parts = [standard_errors(one, fit=fit).ravel() for one in group]
            values = np.concatenate([np.empty(0), *parts])
            if len(values):
                name = "fit" if fit else "best"
                axis.hist(values, np.linspace(-5, 5, 61), density=True, histtype="step",
                          color=colour, label=f"{name} {values.std():.2f}")  # fmt: skip
        _legend(axis, "upper right")
        axis.set(title=f"{dose:.1e} e/Å²", xlabel="error over sigma", yscale="log", ylim=(1e-4, 1))
    return figure


def draw_slopes(frames: Sequence[Judged]) -> Figure:
    """What each estimate makes of a random displacement: mean and spread against the truth."""
    figure = Figure(figsize=(7.2, 2.0))
    axes = figure.subplots(1, 4, sharey=True)
    for axis, dose, group in zip(axes, DOSES_E_A2, by_dose(frames), strict=True):
        axis.plot([-20, 20], [-20, 20], color="grey", lw=0.8)
        for fit, colour in ((False, COLOURS["here"]), (True, "#b91c1c")):
            pairs = [displacements(one, fit=fit) for one in group]
            true = 100 * np.concatenate([np.empty(0), *(t.ravel() for t, _ in pairs)])
            said = 100 * np.concatenate([np.empty(0), *(s.ravel() for _, s in pairs)])
            _binned(axis, true, said, "fit" if fit else "best", colour)
        axis.set(title=f"{dose:.1e} e/Å²", xlabel="true displacement, pm", xlim=(-20, 20))
        axis.set_ylim(-25, 25)
    axes[0].set_ylabel("followed, pm")
    return figure


def _binned(axis: Axes, true: np.ndarray, said: np.ndarray, name: str, colour: str) -> None:
    """Draw mean and spread of one quantity in bins of another, and its slope."""
    edges = np.linspace(-18, 18, 13)
    which = np.digitize(true, edges)
    rows = [
        (true[which == k].mean(), said[which == k].mean(), said[which == k].std())
        for k in range(1, len(edges))
        if (which == k).sum() > 5
    ]
    if rows:
        x, y, spread = np.array(rows).T
        slope = (true * said).sum() / (true**2).sum()
        axis.errorbar(x, y, spread, fmt="o-", ms=2, lw=0.8, color=colour,
                      label=f"{name} {slope:.2f}")  # fmt: skip
        _legend(axis, "upper left")


def draw_f1(table: Sequence[Row]) -> Figure:
    """Miss rate 1 - F1 by dose, beside the figures of others."""
    figure = Figure(figsize=(7.2, 2.4))
    by_key = {row.key: row for row in table}
    for axis, key in zip(figure.subplots(1, 2, sharey=True), ("f1", "f1_strict"), strict=True):
        row = by_key[key]
        columns = {"here": row.figures, **OTHERS[key]}
        for k, (name, figures) in enumerate(columns.items()):
            height = [max(1 - (f if f is not None else 1), 1e-5) for f in figures]
            axis.bar(np.arange(4) + 0.27 * (k - 1), height, 0.25, color=COLOURS[name], label=name)
        for k, (low, _) in enumerate(row.wanted):
            axis.plot([k - 0.42, k + 0.42], [1 - low] * 2, color="black", lw=0.8)
        axis.set(title=row.name, yscale="log", ylabel="1 - F1", xlabel="dose, e/Å²")
        axis.set_ylim(5e-5, 30)
        axis.set_xticks(range(4), [f"{dose:.1e}" for dose in DOSES_E_A2])
    _legend(axis, "upper right")
    return figure


def draw_strangeness(campaign: Campaign) -> Figure:
    """Histogram of the out-of-distribution score; the flag is raised from 1."""
    figure = Figure(figsize=(3.6, 2.2))
    axis = figure.subplots()
    real = [one.analysis.ood.score for one in campaign.real if one.analysis]
    graphene = [one.frame.graphene for one in campaign.real if one.analysis]
    kinds = {
        "graphene": [one.analysis.ood.score for one in campaign.graphene],
        "other materials": [one.analysis.ood.score for one in campaign.materials],
        "real graphene": [s for s, g in zip(real, graphene, strict=True) if g],
        "real others": [s for s, g in zip(real, graphene, strict=True) if not g],
    }
    for name, scores in kinds.items():
        if scores:
            values = np.clip(scores, 0.02, 20)
            bins = np.geomspace(0.02, 20, 31).tolist()
            axis.hist(values, bins, histtype="step", label=f"{name} ({len(scores)})")
    axis.axvline(1.0, color="grey", lw=0.8)
    axis.set(xscale="log", xlabel="out-of-distribution score", ylabel="frames")
    _legend(axis, "upper left")
    return figure
