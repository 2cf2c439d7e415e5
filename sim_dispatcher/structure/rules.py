"""What may be decided about a cut, in one place: the defaults and the paper's preset."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from sim_dispatcher.structure.box import PAPER_EDGE_A

__all__ = ["PAPER", "RADIUS_A", "CutRules"]

RADIUS_A: Final = 8.99
"""Radius of the AICrystallographer paper's patch, Å; 91 carbon atoms about a suitable centre."""


@dataclass(frozen=True)
class CutRules:
    """How a cluster is cut from detected atoms.

    Attributes:
        present_p: A listed atom counts as there from this probability.
        doubtful_p: From this probability up to `present_p` an atom is a doubt.
        doubtful_radius_A: A doubt within this distance of the centre stops the cut, Å; 0 = never.
        merged_A: Atoms closer than this are one, Å.
        crowded_A: Atoms closer than this, but not merged, cannot both be right, Å.
        doubts: Whether a doubt stops the cut or is only noted, the doubtful atom left out;
            `structure.certainty` says by how much its priority is to be lowered.
        crowded: Whether such a pair stops the cut or is only noted.
        caps: `rim` = hydrogen on the cut alone, vacancies stay bare; `all` = on every two-fold
            carbon.
        edge_A: Edge of a cubic box, Å; None = cluster and vacuum.
    """

    present_p: float = 0.5
    doubtful_p: float = 0.2
    doubtful_radius_A: float = 5.0
    doubts: Literal["refuse", "note"] = "refuse"
    merged_A: float = 0.7
    crowded_A: float = 1.1
    crowded: Literal["refuse", "note"] = "refuse"
    caps: Literal["rim", "all"] = "rim"
    edge_A: float | None = None


PAPER: Final = CutRules(caps="all", edge_A=PAPER_EDGE_A)
"""As the AICrystallographer paper cuts: every two-fold carbon capped, a 25.786 Å cube."""
