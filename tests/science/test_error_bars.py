"""Error bars against what they claim: each part beside a calculation that knows better."""

from __future__ import annotations

import dataclasses
import json
import threading
from functools import cache
from math import hypot, sqrt
from pathlib import Path

import numpy as np
import pytest

from shared.testing.structures import DEFECTS, PlanarStructure
from sim_dispatcher.launch.engine import compute
from sim_dispatcher.launch.orders import EngineAnswer, EngineOrder
from sim_dispatcher.ledger import JobSpec
from sim_dispatcher.levels import System, choose_level
from sim_dispatcher.recipes import Computed, Options, Progress, UnfinishedError, run_recipe
from sim_dispatcher.recipes.hessian import model_hessian
from sim_dispatcher.recipes.minimise import Descent, minimise
from sim_dispatcher.recipes.selective import all_free
from sim_dispatcher.structure import (
    Cluster,
    CutRules,
    DetectedAtoms,
    build_cluster,
    parse_cluster,
    periodic_cell,
)
from sim_dispatcher.uncertainty import compute_error_bar, plan_variants
from sim_dispatcher.uncertainty.parts import numerics_eV, size_eV
from sim_dispatcher.uncertainty.starts import sample_starts

pytestmark = [pytest.mark.science, pytest.mark.timeout(600)]

RADIUS_A = 5.5
"""About 30 carbon atoms: the whole bar costs a tenth of one at the paper's radius."""

LARGE_CUTS_EV = (3.81, 3.85)
"""Formation energy of the three-fold silicon at GFN1 in cuts of 8.99 Å (a test of the relaxed
defects asserts it) and of 11 Å (`python -m tests.science.relaxed_classes --radius 11`)."""

SILICON = DEFECTS["Si_C3"]()


def detected(structure: PlanarStructure, sigma_A: float) -> DetectedAtoms:
    errors = np.full(len(structure.p), sigma_A)
    atoms = DetectedAtoms(structure.elements, structure.positions_A, structure.p)
    return dataclasses.replace(atoms, sigma_A=errors)


def either_silicon_or_carbon() -> DetectedAtoms:
    """Return a place that detection calls silicon or carbon with equal right."""
    atoms = detected(SILICON, 0.04)
    place = SILICON.elements.index("Si")
    return DetectedAtoms(
        (*atoms.symbols, "C"),
        np.vstack([atoms.positions_A, atoms.positions_A[place]]),
        np.append(np.where(np.arange(len(atoms)) == place, 0.5001, 1.0), 0.4999),
        sigma_A=np.full(len(atoms) + 1, 0.04),
    )


@cache
def bar() -> Computed:
    atoms = either_silicon_or_carbon()
    rules = CutRules()
    cluster = build_cluster(atoms, SILICON.centre_A, RADIUS_A, rules)
    variants = plan_variants(atoms, SILICON.centre_A, RADIUS_A, rules)
    return compute_error_bar(cluster, variants, choose_level("gfn1"), Options())


def cut(name: str, radius_A: float, sigma_A: float | None = 0.05) -> Cluster:
    structure = {str(kind): build for kind, build in DEFECTS.items()}[name]()
    atoms = detected(structure, sigma_A or 0.0)
    if sigma_A is None:
        atoms = dataclasses.replace(atoms, sigma_A=None)
    return build_cluster(atoms, structure.centre_A, radius_A)


def test_a_coin_toss_between_silicon_and_carbon_is_worth_the_silicons_formation_energy() -> None:
    """The carbon reading is perfect graphene, whose formation energy is zero."""
    parts, formation = bar().result.uncertainty, bar().result.formation_eV
    assert parts is not None
    assert formation is not None
    assert parts["alternatives_eV"] == pytest.approx(sqrt(0.5) * formation, rel=0.01)


def test_the_parts_are_named_and_the_total_is_their_root_of_squares() -> None:
    parts = bar().result.uncertainty
    assert parts is not None
    energies = {name for name in parts if name.endswith("_eV")} - {"total_eV"}
    named = {"alternatives_eV", "size_eV", "starts_eV", "numerics_eV"}
    assert energies - {"reservoir_eV"} == named
    assert parts["total_eV"] == pytest.approx(hypot(*(parts[name] for name in energies)))
    assert parts["topology_share"] == 0.0
    assert (bar().result.recipe, bar().result.converged) == ("error_bar", True)


def test_a_larger_cut_predicts_what_much_larger_ones_say() -> None:
    parts, mine = bar().result.uncertainty, bar().result.formation_eV
    assert parts is not None
    assert mine is not None
    for truth in LARGE_CUTS_EV:
        assert abs(truth - mine) < 3 * max(parts["size_eV"], 0.02)


@pytest.mark.parametrize("name", ["Si_C3", "V2_585"])
def test_the_residual_energy_is_that_of_a_tighter_relaxation(name: str) -> None:
    level, gfnff = choose_level("gfn1"), choose_level("gfnff")
    final = run_recipe(cut(name, RADIUS_A), "relax", level).cluster
    system = System(final.numbers, final.charge, final.unpaired)
    surface = level.potential(system)
    here = surface.evaluate(final.positions_A)
    hessian = model_hessian(gfnff.potential(system), final.positions_A, all_free(final))
    claimed = numerics_eV(here.forces_eV_A, hessian)
    tight = Descent(all_free(final), 0.002, 200, hessian)
    true = here.energy_eV - minimise(surface, final.positions_A, tight).energy_eV
    assert claimed == pytest.approx(true, rel=3.0, abs=2e-4)


def test_the_share_of_other_topologies_rises_with_the_errors_of_the_atoms() -> None:
    starts = [
        sample_starts(build_cluster(detected(SILICON, sigma), SILICON.centre_A, 4.8), seed=0)
        for sigma in (0.03, 0.2)
    ]
    assert starts[0].share == 0.0
    assert starts[1].share > 0.5
    assert all(0.0 < found.error < 0.2 for found in starts)


def test_the_same_seed_draws_the_same_starts() -> None:
    cluster = cut("Si_C3", 4.8)
    one, other = (sample_starts(cluster, seed=3) for _ in range(2))
    assert (one.n, one.changed, one.others) == (other.n, other.changed, other.others)


def test_a_level_without_formation_energies_says_which_parts_are_missing() -> None:
    rotated = DEFECTS["SW_5577"]()
    variants = plan_variants(detected(rotated, 0.05), rotated.centre_A, 4.8, CutRules())
    answer = compute_error_bar(
        cut("SW_5577", 4.8, None), variants, choose_level("gfnff"), Options()
    )
    assert answer.result.recipe == "error_bar"
    parts = answer.result.uncertainty or {}
    assert "numerics_eV" in parts
    assert not {"alternatives_eV", "size_eV", "topology_share"} & parts.keys()
    for name in ("reservoir_eV", "topology_share", "size_eV"):
        assert any(note.startswith(f"{name} is missing") for note in answer.cluster.notes)
    names = {file.name for file in answer.files}
    assert names == {"error_bar.json", "error_bar_notes.txt"}
    details = json.loads(next(f for f in answer.files if f.name == "error_bar.json").content)
    assert details["parts"] == parts


def test_a_stop_ends_a_bar_at_once() -> None:
    stop = threading.Event()

    def watch(progress: Progress) -> None:
        if progress.stage == "starts":
            stop.set()

    with pytest.raises(UnfinishedError):
        compute_error_bar(cut("SW_5577", 4.8), (), choose_level("gfn1"), Options(stop=stop), watch)


def test_a_job_brings_the_error_bar_of_a_cut_as_it_travels(tmp_path: Path) -> None:
    rotated = DEFECTS["SW_5577"]()
    atoms = detected(rotated, 0.05)
    start = build_cluster(atoms, rotated.centre_A, 4.8)
    spec = JobSpec(
        key="SW-bar",
        roi="SW",
        recipe="error_bar",
        level="gfn1",
        structure=start.extxyz(),
        unpaired=start.unpaired,
        variants=plan_variants(atoms, rotated.centre_A, 4.8, CutRules()),
        frame="0" * 64,
        model="0" * 64,
        created_at_ns=0,
    )
    order = EngineOrder(spec=spec, folder=str(tmp_path), twins=str(tmp_path / "twins"))
    message = compute(order, lambda _: None)
    assert isinstance(message, EngineAnswer), message
    again = EngineAnswer.model_validate_json(message.model_dump_json()).answer
    parts = again.result.uncertainty or {}
    assert {"size_eV", "starts_eV", "numerics_eV", "topology_share", "total_eV"} <= parts.keys()
    assert {file.name for file in again.files} >= {"error_bar.json"}
    assert again.result.formation_eV is not None
    sigma = parse_cluster(again.structure).sigma_A
    assert sigma is not None
    assert np.nanmax(sigma) == pytest.approx(0.05)


def test_the_size_part_tells_how_far_a_free_patch_is_from_a_periodic_sheet() -> None:
    """A rotated bond pushes a patch apart; a cell of 72 sites cannot give way."""
    rotated = DEFECTS["SW_5577"]()
    atoms = detected(rotated, 0.0)
    cell = periodic_cell(atoms, rotated.centre_A, 12.0, "hexagonal")
    level = choose_level("gfn1", periodic=True)
    periodic = run_recipe(cell, "formation", level).result
    assert periodic.rings["after"] == {"5": 2, "6": 32, "7": 2}
    assert periodic.formation_eV == pytest.approx(4.89, abs=0.05)
    small, large = (3.750, 92), (4.043, 130)
    assert size_eV(small, large) == pytest.approx(4.89 - small[0], rel=0.3)
