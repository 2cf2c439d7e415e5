"""Adsorption, barriers and trajectories against what else is known of them."""

from __future__ import annotations

import dataclasses
import threading
from pathlib import Path

import ase
import numpy as np
import pytest

from shared.messages.reports import AdsorptionReport, BarrierReport
from sim_dispatcher.levels import choose_level
from sim_dispatcher.recipes import Computed, Options, Progress, UnfinishedError, run_recipe
from sim_dispatcher.recipes.barrier import STAGE
from sim_dispatcher.recipes.rotation import choose_turn, turned
from sim_dispatcher.structure import Cluster
from sim_dispatcher.structure.honeycomb import enclosed_sites, walk
from sim_dispatcher.structure.pristine import pristine_twin
from sim_dispatcher.structure.reading import cluster_from_ase

pytestmark = [pytest.mark.science, pytest.mark.timeout(600)]

GFN1 = choose_level("gfn1")


@pytest.fixture(scope="module")
def coronene() -> Cluster:
    """C24H12, seven hexagons."""

    rim = walk((2, 2, 3) * 6)
    assert rim is not None
    outward = rim - rim.mean(axis=0)
    caps = rim + 1.09 * outward / np.linalg.norm(outward, axis=1)[:, None]
    flat = np.concatenate([rim, enclosed_sites(rim), caps[np.tile([True, True, False], 6)]])
    atoms = ase.Atoms("C24H12", np.column_stack([flat, np.zeros(len(flat))]))
    twin = pristine_twin(cluster_from_ase(atoms))
    assert isinstance(twin, Cluster)
    return run_recipe(twin, "relax", GFN1).cluster


@pytest.fixture(scope="module")
def turn(coronene: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Computed:
    """The barrier, computed in two parts with a stop between them."""
    stop, stages = threading.Event(), list[tuple[str, int]]()
    path: Path = tmp_path_factory.mktemp("neb") / "checkpoint.npz"
    options = Options(images=5, checkpoint=path, stop=stop)

    def watch(progress: Progress) -> None:
        stages.append((progress.stage, progress.step))
        if stages[-1] == (STAGE, 6):
            stop.set()

    with pytest.raises(UnfinishedError) as caught:
        run_recipe(coronene, "neb", GFN1, options, watch)
    assert caught.value.step == 6
    stages.clear()
    again = dataclasses.replace(options, stop=threading.Event())
    computed = run_recipe(coronene, "neb", GFN1, again, watch)
    assert stages[0] == (STAGE, 6)  # both ends were in hand
    return computed


def test_a_bond_s_rotation_costs_about_nine_electronvolts(turn: Computed) -> None:
    """DFT: 9.2 eV in graphene (Li et al., doi:10.1103/PhysRevB.72.184109)."""
    report = turn.result.report
    assert isinstance(report, BarrierReport)
    assert turn.result.converged
    assert report.barrier_eV == pytest.approx(8.84, abs=0.2)
    assert turn.result.rings == {"before": {"6": 7}, "after": {"5": 2, "6": 3, "7": 2}}
    (band,) = [file for file in turn.files if file.name == "band.extxyz"]
    assert band.content.decode().count("relative_eV") == 5


def test_the_reaction_energy_is_the_defect_s_formation_energy(
    coronene: Cluster, turn: Computed
) -> None:
    defect = coronene.moved(turned(coronene, choose_turn(coronene).pair))
    alone = run_recipe(defect, "formation", GFN1).result
    report = turn.result.report
    assert isinstance(report, BarrierReport)
    assert alone.formation_eV is not None
    assert report.reaction_eV == pytest.approx(alone.formation_eV, abs=0.02)


def test_methyl_binds_over_an_atom_and_leaves_from_a_hollow(coronene: Cluster) -> None:
    reports = {}
    for site in ("top", "hollow"):
        options = Options(adsorbate="CH3", site=site)
        reports[site] = run_recipe(coronene, "adsorb", GFN1, options).result.report
    bound, free = reports["top"], reports["hollow"]
    assert isinstance(bound, AdsorptionReport)
    assert isinstance(free, AdsorptionReport)
    assert (bound.found_at, free.found_at) == ("top", "desorbed")
    assert bound.distance_A == pytest.approx(1.57, abs=0.05)
    assert bound.binding_eV > free.binding_eV + 0.5
    assert free.n_touching == 0
