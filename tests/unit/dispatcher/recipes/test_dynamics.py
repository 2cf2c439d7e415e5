"""Trajectories: temperature, what is recorded, and going on where one was stopped."""

from __future__ import annotations

import dataclasses
import json
import threading
from pathlib import Path

import numpy as np
import pytest

from shared.errors import StructureError
from shared.messages.reports import DynamicsReport
from sim_dispatcher.levels import Evaluation, choose_level
from sim_dispatcher.recipes import (
    Computed,
    Options,
    Progress,
    UnfinishedError,
    Watcher,
    run_recipe,
)
from sim_dispatcher.recipes.errors import ExplodedGeometryError, ForcesNotFiniteError
from sim_dispatcher.recipes.thermostat import Bath, Point, advanced, thermalised
from sim_dispatcher.recipes.trajectory import Record, changed_for_good, ring_bonds
from sim_dispatcher.structure import Cluster

GFN1 = choose_level("gfn1")
SHORT = Options(temperature_K=500.0, duration_fs=60.0, seed=7)


class Springs:
    """Every atom of a gas on a spring of its own, about where it started."""

    def __init__(self, home_A: np.ndarray, stiffness: float) -> None:
        self.home_A, self.stiffness = home_A, stiffness

    def evaluate(self, positions_A: np.ndarray) -> Evaluation:
        away = positions_A - self.home_A
        return Evaluation(float((away**2).sum() * self.stiffness / 2), -self.stiffness * away)


def stop_at(step: int, stop: threading.Event) -> Watcher:
    def watch(progress: Progress) -> None:
        if progress.stage == "dynamics" and progress.step == step:
            stop.set()

    return watch


@pytest.fixture(scope="module")
def whole(benzene: Cluster) -> Computed:
    return run_recipe(benzene, "md", GFN1, SHORT)


def test_a_stopped_trajectory_goes_on_as_if_it_had_not_been(
    benzene: Cluster, whole: Computed, tmp_path: Path
) -> None:
    stop = threading.Event()
    first = dataclasses.replace(SHORT, checkpoint=tmp_path / "md.npz", stop=stop)
    with pytest.raises(UnfinishedError) as caught:
        run_recipe(benzene, "md", GFN1, first, stop_at(33, stop))
    assert (caught.value.step, caught.value.code) == (25, "unfinished")
    again = dataclasses.replace(SHORT, checkpoint=tmp_path / "md.npz")
    steps: list[int] = []
    resumed = run_recipe(
        benzene,
        "md",
        GFN1,
        again,
        lambda p: steps.append(p.step) if p.stage == "dynamics" else None,
    )
    assert steps == list(range(26, 61))
    assert resumed.result.energy_eV == whole.result.energy_eV
    assert resumed.cluster.digest == whole.cluster.digest
    assert resumed.files == whole.files
    assert resumed.result.report == whole.result.report
    assert not (tmp_path / "md.npz").exists()


def test_a_limit_on_the_wall_time_stops_it_like_a_signal(benzene: Cluster, tmp_path: Path) -> None:
    limited = dataclasses.replace(SHORT, checkpoint=tmp_path / "md.npz", max_wall_s=1e-6)
    with pytest.raises(UnfinishedError):
        run_recipe(benzene, "md", GFN1, limited)
    assert (tmp_path / "md.npz").exists()


def test_the_checkpoint_of_another_trajectory_counts_as_absent(
    benzene: Cluster, tmp_path: Path
) -> None:
    stop = threading.Event()
    first = dataclasses.replace(
        SHORT, checkpoint=tmp_path / "md.npz", stop=stop, duration_fs=30.0, seed=1
    )
    with pytest.raises(UnfinishedError):
        run_recipe(benzene, "md", GFN1, first, stop_at(27, stop))
    other = dataclasses.replace(first, seed=2, stop=threading.Event())
    steps: list[int] = []
    run_recipe(
        benzene,
        "md",
        GFN1,
        other,
        lambda p: steps.append(p.step) if p.stage == "dynamics" else None,
    )
    assert steps[0] == 0


def test_a_damaged_checkpoint_counts_as_absent(benzene: Cluster, tmp_path: Path) -> None:
    (tmp_path / "md.npz").write_bytes(b"PK\x03\x04 torn")
    options = dataclasses.replace(SHORT, duration_fs=2.0, checkpoint=tmp_path / "md.npz")
    assert run_recipe(benzene, "md", GFN1, options).result.steps == 2


def test_the_report_says_what_was_asked_and_what_was_done(whole: Computed) -> None:
    report = whole.result.report
    assert isinstance(report, DynamicsReport)
    assert (report.done_fs, report.planned_fs, report.timestep_fs) == (60.0, 60.0, 1.0)
    assert report.temperature_K == 500.0
    assert "Nosé-Hoover" in report.thermostat
    assert report.rings_changed_at_fs is None
    assert report.ring_bonds_A["6"].n == 6
    assert report.drift_eV is not None
    assert abs(report.drift_eV) < 0.05
    assert "500 K" in whole.settings


def test_series_and_trajectory_travel_as_files(whole: Computed) -> None:
    files = {file.name: file.content.decode() for file in whole.files}
    series = json.loads(files["series.json"])
    assert series["time_fs"] == [0, 10, 20, 30, 40, 50, 60]
    assert series["rings"] == [{"6": 1}] * 7
    assert set(series["ring_bonds_A_second_half"]) == {"6"}
    assert files["trajectory.extxyz"].count("Properties") == 7


def test_a_level_with_fixed_bonds_is_refused(benzene: Cluster) -> None:
    with pytest.raises(StructureError, match="fixed bonds"):
        run_recipe(benzene, "md", choose_level("gfnff"))


def test_the_chain_keeps_temperature_and_the_conserved_quantity() -> None:
    home = np.arange(90.0).reshape(30, 3)
    symbols, bath, points = ("C",) * 30, Bath(600.0, 1.0), list[Point]()
    start = thermalised(symbols, home, bath, seed=3)
    advanced(start, 2000, (symbols, Springs(home, 30.0)), bath, points.append)
    early = [point.temperature_K for point in points[50:250]]
    late = [point.temperature_K for point in points[1000:]]
    assert np.mean(early) == pytest.approx(600.0, rel=0.2)  # no cold start
    assert np.mean(late) == pytest.approx(600.0, rel=0.1)
    assert points[-1].conserved_eV == pytest.approx(points[0].conserved_eV, abs=0.02)


def test_the_start_neither_drifts_nor_turns() -> None:
    home = np.random.default_rng(0).normal(0, 3, (20, 3))
    state = thermalised(("C",) * 20, home, Bath(300.0, 1.0), seed=1)
    assert np.allclose(state.momenta.sum(axis=0), 0, atol=1e-10)
    assert np.allclose(np.cross(home - home.mean(0), state.momenta).sum(axis=0), 0, atol=1e-9)


@pytest.mark.parametrize(
    ("stiffness", "error"), [(np.nan, ForcesNotFiniteError), (-900.0, ExplodedGeometryError)]
)
def test_a_trajectory_that_makes_no_sense_has_a_code(stiffness: float, error: type) -> None:
    home = np.arange(30.0).reshape(10, 3)
    start = thermalised(("C",) * 10, home, Bath(300.0, 1.0), seed=1)
    with pytest.raises(error):
        advanced(
            start,
            500,
            (("C",) * 10, Springs(home, stiffness)),
            Bath(300.0, 1.0),
            list[Point]().append,
        )


def test_a_change_of_rings_counts_from_when_it_stays() -> None:
    times = np.array([0.0, 10.0, 20.0, 30.0, 40.0])
    six, other = {"6": 7}, {"5": 2, "7": 2}
    assert changed_for_good([six] * 5, times) is None
    assert changed_for_good([six, other, six, other, other], times) == 30.0
    assert changed_for_good([six, other, other, other, six], times) is None


def test_a_bond_between_two_rings_counts_in_both(coronene: Cluster) -> None:
    bonds = ring_bonds(coronene.symbols, coronene.positions_A)
    assert bonds["6"].n == 7 * 6


def test_a_long_trajectory_is_thinned_out_and_keeps_its_end() -> None:
    points = [Point(k, np.full((2, 3), float(k)), 0, 0, 300, 0) for k in range(50)]
    record = Record.empty(2).extended(points[:20]).extended(points[20:])
    text = record.trajectory(("C", "H"), 1.0, max_bytes=2000).content.decode()
    assert len(text) <= 2000
    assert "time_fs=49" in text.rsplit("Properties", 1)[1]
