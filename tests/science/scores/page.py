"""The page that goes with the pictures: the table, each picture and how to read it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from tests.science.scores.analyses import Analyst
from tests.science.scores.campaign import Campaign
from tests.science.scores.table import Row, markdown

COMMANDS = """```
python -m tests.science.multislice make --out build/multislice
python -m tests.science.scores build/multislice --out build/scores --real DATA --plots docs/eye
```"""
NOTES = (
    "The bound counts electrons only. An estimator that knows everything of a frame but the"
    " positions meets the same jitter, lag and slips of the scan as ours does; the row below the"
    " bound is the fit against it, on the same atoms. Aluminium and phosphorus in the sheet differ"
    " from silicon by an eighth in brightness: they are in rows of their own, and each one called"
    " `Si_C3` counts against the point defects. A slope near defects rests on few atoms:"
    " its standard error stands below it."
)
PICTURES = {
    "f1.svg": (
        "Atoms found and missed",
        (
            "1 - F1 by dose on a logarithmic axis: shorter is better, black marks are wanted."
            " The columns of AtomAI and of the classical method were measured on other frames of"
            " the same kind; they stand beside ours for scale, not as a race on equal ground."
        ),
    ),
    "displacement-slope.svg": (
        "Random displacements",
        (
            "What each estimate makes of a step that every atom was given at random. On the grey"
            " line it is followed in full. The best estimate leans on the lattice as far as the"
            " dose makes that worth while; the fit must not."
        ),
    ),
    "error-over-sigma.svg": (
        "Errors over their stated size",
        (
            "Histograms of error over sigma against the normal curve; the legend has the standard"
            " deviation, 1 is honest."
        ),
    ),
    "reliability.svg": (
        "Probabilities",
        (
            "Share of listed atoms that are there and are what they are called, against the"
            " probability stated; below, how many stand at each."
        ),
    ),
    "out-of-distribution.svg": (
        "What it was not made for",
        "The out-of-distribution score of every frame; the flag is raised from 1.",
    ),
    "what-it-gets-wrong.png": (
        "What it still gets wrong",
        (
            "Rings are true atoms (faint where nobody is asked for them), crosses are found ones:"
            " carbon blue, silicon yellow, anything else red. Squares are true point defects,"
            " green names and lines are claimed ones. Kinds of mistakes and frames take turns, so"
            " the rare kinds are over-represented here."
        ),
    ),
}


def write_page(campaign: Campaign, analyst: Analyst, table: Sequence[Row], folder: Path) -> None:
    """Write ``README.md`` beside the pictures."""
    frames = (*campaign.graphene, *campaign.materials)
    families = Counter(one.frame.family for one in frames)
    listing = ", ".join(f"{name} {count}" for name, count in sorted(families.items()))
    parts = [
        "# The eye, measured",
        (
            f"The ensemble {analyst.digest[:12]} ({analyst.members} members) on {len(frames)}"
            " frames made by multislice wave physics that no training has seen, and on the real"
            " frames where the evaluation data is at hand. Four figures stand for 1e5, 4e5, 1.6e6"
            " and 6.4e6 e/Å². Bold is not good enough."
        ),
        f"Frames by family: {listing}.",
        COMMANDS,
        markdown(table).rstrip(),
        NOTES,
    ]
    for name, (title, words) in PICTURES.items():
        parts += [f"## {title}", f"![{title}]({name})", words]
    (folder / "README.md").write_text("\n\n".join(parts) + "\n", encoding="utf-8")
