"""The paper's programme, from detected coordinates to its tables beside ours.

Pure parts (programme, patch, coordinates, tables) and one folder that keeps what is finished.
"""

from __future__ import annotations

from sim_dispatcher.paper.analysis import Seen, read_analysis, shipped_analysis
from sim_dispatcher.paper.campaign import Campaign, Setting, Standing
from sim_dispatcher.paper.findings import Findings
from sim_dispatcher.paper.patch import CARBON_ATOMS, Patch, cut_patch
from sim_dispatcher.paper.programme import PRESETS, Case, Preset, cases, chosen_topics, find_preset
from sim_dispatcher.paper.store import Label, Store
from sim_dispatcher.paper.tables import as_json, as_markdown, as_text, make_tables

__all__ = [
    "CARBON_ATOMS",
    "PRESETS",
    "Campaign",
    "Case",
    "Findings",
    "Label",
    "Patch",
    "Preset",
    "Seen",
    "Setting",
    "Standing",
    "Store",
    "as_json",
    "as_markdown",
    "as_text",
    "cases",
    "chosen_topics",
    "cut_patch",
    "find_preset",
    "make_tables",
    "read_analysis",
    "shipped_analysis",
]
