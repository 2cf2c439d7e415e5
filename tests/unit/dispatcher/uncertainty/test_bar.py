"""What an error bar says where a part cannot be had."""

from __future__ import annotations

import dataclasses
import json
import threading

import numpy as np
import pytest

from shared.testing.structures import stone_wales
from sim_dispatcher.levels import choose_level
from sim_dispatcher.recipes import Options, Progress, UnfinishedError
from sim_dispatcher.structure import Cluster, CutRules, DetectedAtoms, build_cluster
from sim_dispatcher.uncertainty import compute_error_bar, plan_variants

ROTATED = stone_wales()
ATOMS = DetectedAtoms(ROTATED.elements, ROTATED.positions_A, ROTATED.p)
RADIUS_A = 4.8


def rotated(sigma_A: float | None) -> Cluster:
    errors = None if sigma_A is None else np.full(len(ATOMS), sigma_A)
    known = dataclasses.replace(ATOMS, sigma_A=errors)
    return build_cluster(known, ROTATED.centre_A, RADIUS_A)


def test_a_level_without_formation_energies_says_which_parts_are_missing() -> None:
    variants = plan_variants(ATOMS, ROTATED.centre_A, RADIUS_A, CutRules())
    bar = compute_error_bar(rotated(None), variants, choose_level("gfnff"), Options())
    assert bar.result.recipe == "error_bar"
    parts = bar.result.uncertainty or {}
    assert "numerics_eV" in parts
    assert not {"alternatives_eV", "size_eV", "topology_share"} & parts.keys()
    for name in ("reservoir_eV", "topology_share", "size_eV"):
        assert any(note.startswith(f"{name} is missing") for note in bar.cluster.notes)
    names = {file.name for file in bar.files}
    assert names == {"error_bar.json", "error_bar_notes.txt"}
    details = json.loads(next(f for f in bar.files if f.name == "error_bar.json").content)
    assert details["parts"] == parts


def test_a_stop_ends_a_bar_at_once() -> None:
    stop = threading.Event()

    def watch(progress: Progress) -> None:
        if progress.stage == "starts":
            stop.set()

    with pytest.raises(UnfinishedError):
        compute_error_bar(rotated(0.05), (), choose_level("gfn1"), Options(stop=stop), watch)
