"""`sim-dispatcher compute`, as a script would call it."""

from __future__ import annotations

import json
from pathlib import Path

import ase.build
import ase.io
import numpy as np
import pytest
from typer.testing import CliRunner, Result

from shared.messages.simulation import SimulationResult
from sim_dispatcher.cli import app
from sim_dispatcher.commands.compute import UNFINISHED
from sim_dispatcher.recipes import RECIPES
from sim_dispatcher.recipes.imaging import seen_atoms
from sim_dispatcher.recipes.micrograph import forward_image, grid_about
from sim_dispatcher.structure import Cluster, parse_cluster

CONTRACT = {
    *("recipe", "level", "energy_eV", "formation_eV", "reference", "uncertainty", "charge"),
    *("unpaired", "bonds_A", "rings", "converged", "steps", "wall_s", "cpu_s", "structure"),
}


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["compute", *map(str, arguments)])


@pytest.fixture
def benzene_file(tmp_path: Path) -> Path:
    path = tmp_path / "benzene.xyz"
    ase.io.write(path, ase.build.molecule("C6H6"))
    return path


def test_a_relaxation_writes_what_the_contract_promises(coronene: Cluster, tmp_path: Path) -> None:
    structure, out = tmp_path / "coronene.extxyz", tmp_path / "out.json"
    structure.write_text(coronene.extxyz())
    result = run(structure, "--recipe", "relax", "--json", out)
    assert result.exit_code == 0, result.output
    answer = json.loads(out.read_text())
    assert set(answer) >= CONTRACT
    relaxed = parse_cluster(answer.pop("structure"))
    assert relaxed.symbols == coronene.symbols
    assert "xtb" in answer["software"]
    assert "GFN1-xTB" in answer["settings"]
    fields = {
        name: value for name, value in answer.items() if name in SimulationResult.model_fields
    }
    message = SimulationResult.model_validate_json(json.dumps(fields))
    assert message.converged
    assert message.level == "gfn1"
    assert set(answer["reference"]) >= {"pristine_eV", "mu_eV", "level"}
    assert set(answer["bonds_A"]["C-C"]) == {"mean", "min", "max", "n"}
    assert answer["rings"] == {"before": {"6": 7}, "after": {"6": 7}}


def test_standard_output_carries_nothing_but_the_answer(benzene_file: Path) -> None:
    result = run(benzene_file, "--recipe", "single_point", "--level", "gfnff", "--json", "-")
    assert json.loads(result.stdout)["level"] == "gfnff"
    assert "no formation energy" not in result.stdout


@pytest.mark.parametrize(
    ("options", "culprit"),
    [
        (("--recipe", "error_bar"), "Recipe 'error_bar' is no calculation of its own"),
        (("--recipe", "bake"), "Recipe 'bake' is unknown"),
        (("--recipe", "relax", "--level", "vasp"), "Level vasp cannot run here"),
        (("--recipe", "relax", "--level", "magic"), "no level of theory called 'magic'"),
        (("--recipe", "formation", "--level", "gfnff"), "No formation energy is defined"),
    ],
)
def test_what_cannot_be_computed_is_one_line_and_exit_1(
    benzene_file: Path, tmp_path: Path, options: tuple[str, ...], culprit: str
) -> None:
    out = tmp_path / "out.json"
    result = run(benzene_file, *options, "--json", out)
    assert result.exit_code == 1
    assert culprit in result.stderr
    assert result.stderr.count("\n") == 1
    assert "Remedy:" in result.stderr
    assert not out.exists()


@pytest.mark.parametrize(
    ("text", "culprit"),
    [
        ("", "not a structure"),
        ("1\n\nX 0 0 0\n", "unknown element"),
        ("2\n\nC 0 0 0\nC 0.2 0 0\n", "overlap"),
        ("2\n\nC 0 0 0\nC 9 0 0\n", "2 fragments"),
        ("0\n\n", "no atoms"),
    ],
)
def test_a_bad_structure_is_one_line_and_exit_1(tmp_path: Path, text: str, culprit: str) -> None:
    path = tmp_path / "bad.xyz"
    path.write_text(text)
    result = run(path, "--recipe", "relax", "--json", tmp_path / "out.json")
    assert result.exit_code == 1
    assert culprit in result.stderr
    assert result.stderr.count("\n") == 1


def test_an_answer_that_cannot_be_written_is_one_line_and_exit_1(
    benzene_file: Path, tmp_path: Path
) -> None:
    out = tmp_path / "missing" / "out.json"
    result = run(benzene_file, "--recipe", "single_point", "--json", out)
    assert result.exit_code == 1
    assert "cannot be written" in result.stderr


def test_the_help_names_every_recipe() -> None:
    text = CliRunner().invoke(app, ["compute", "--help"]).stdout
    assert all(f" {name} " in text for name in RECIPES)


def test_a_trajectory_s_options_reach_it_and_its_files_are_written(
    benzene_file: Path, tmp_path: Path
) -> None:
    out, files = tmp_path / "out.json", tmp_path / "files"
    md = ("--recipe", "md", "--temperature", 700, "--duration", 10, "--timestep", 0.5, "--seed", 3)
    result = run(benzene_file, *md, "--json", out, "--files", files)
    assert result.exit_code == 0, result.output
    answer = json.loads(out.read_text())
    report = answer["report"]
    assert (report["temperature_K"], report["done_fs"], answer["steps"]) == (700.0, 10.0, 20)
    assert "seed 3" in answer["settings"]
    assert sorted(path.name for path in files.iterdir()) == sorted(answer["files"])


def test_a_stop_has_an_exit_code_of_its_own_and_the_same_command_goes_on(
    benzene_file: Path, tmp_path: Path
) -> None:
    checkpoint, out = tmp_path / "md.npz", tmp_path / "out.json"
    md = ("--recipe", "md", "--duration", 40, "--json", out, "--checkpoint", checkpoint)
    stopped = run(benzene_file, *md, "--max-wall", 0.1)
    assert stopped.exit_code == UNFINISHED
    assert "Run it again with the same checkpoint file" in stopped.stderr
    assert not out.exists()
    assert run(benzene_file, *md).exit_code == 0
    assert json.loads(out.read_text())["report"]["done_fs"] == 40.0
    assert not checkpoint.exists()


def test_an_error_bar_comes_with_its_parts_when_asked_for(
    benzene_file: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out.json"
    result = run(benzene_file, "--recipe", "relax", "--json", out, "--error-bar")
    assert result.exit_code == 0, result.output
    answer = json.loads(out.read_text())
    assert answer["recipe"] == "relax"
    assert "error_bar.json" in answer["files"]


def test_an_image_is_compared_with_a_patch_from_a_file(coronene: Cluster, tmp_path: Path) -> None:
    structure, patch, out = tmp_path / "c.extxyz", tmp_path / "patch.npz", tmp_path / "out.json"
    structure.write_text(coronene.extxyz())
    numbers, places_A = seen_atoms(coronene)
    grid = grid_about(places_A, 0.15, 1.0)
    image = forward_image(numbers, places_A, grid)
    np.savez(patch, image=image, pixel_size_A=grid.pixel_size_A, origin_A=grid.origin_A)
    picture = ("--recipe", "image", "--level", "gfnff", "--patch", patch)
    result = run(structure, *picture, "--json", out)
    assert result.exit_code == 0, result.output
    assert json.loads(out.read_text())["report"]["correlation"] > 0.95


@pytest.mark.parametrize(
    ("options", "culprit"),
    [
        (("--recipe", "md", "--level", "gfnff"), "level gfnff has fixed bonds"),
        (("--recipe", "adsorb", "--adsorbate", "chrome"), "--adsorbate is 'chrome'"),
        (("--recipe", "neb", "--images", "3"), "3 images is too short"),
        (("--recipe", "md", "--error-bar"), "Recipe md has no error bar"),
        (("--recipe", "image", "--patch", "nowhere.npz"), "nowhere.npz is no measured patch"),
    ],
)
def test_a_request_that_makes_no_sense_is_one_line_and_exit_1(
    benzene_file: Path, tmp_path: Path, options: tuple[str, ...], culprit: str
) -> None:
    result = run(benzene_file, *options, "--json", tmp_path / "out.json")
    assert result.exit_code == 1
    assert culprit in result.stderr
    assert result.stderr.count("\n") == 1
    assert "Remedy:" in result.stderr
