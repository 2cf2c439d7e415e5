"""`sim-dispatcher build`, as a script would call it."""

from __future__ import annotations

import json
from pathlib import Path

import ase.io
import pytest
from typer.testing import CliRunner, Result

from shared.testing.structures import substituted
from sim_dispatcher.cli import app
from sim_dispatcher.structure import read_cluster

PIXEL_A = 0.1


@pytest.fixture
def analysis(tmp_path: Path) -> Path:
    silicon = substituted("Si")
    atoms = [
        {"x_px": x / PIXEL_A, "y_px": y / PIXEL_A, "sigma_px": 0.5, "p": 0.98, "element": element}
        for (x, y), element in zip(silicon.positions_A, silicon.elements, strict=True)
    ]
    x, y = (value / PIXEL_A for value in silicon.centre_A)
    defects = [{"type": "Si_C3", "x_px": x, "y_px": y, "p": 0.97}]
    frame = {"pixel_size_A": PIXEL_A, "atoms": atoms, "defects": defects}
    path = tmp_path / "analysis.json"
    path.write_text(json.dumps({"frames": {"a.png": frame}, "errors": {}}))
    return path


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["build", *map(str, arguments)])


def test_a_defect_becomes_a_capped_cut_with_its_errors(analysis: Path, tmp_path: Path) -> None:
    out = tmp_path / "cut.extxyz"
    result = run(analysis, "--out", out)
    assert result.exit_code == 0, result.output
    cluster = read_cluster(out)
    assert cluster.symbols.count("Si") == 1
    assert cluster.sigma_A is not None
    assert float(cluster.sigma_A[0]) == pytest.approx(0.05)


@pytest.mark.parametrize("name", ["POSCAR", "cell.vasp", "cell.cif"])
def test_a_periodic_cell_is_written_in_every_format(
    analysis: Path, tmp_path: Path, name: str
) -> None:
    out = tmp_path / name
    result = run(analysis, "--out", out, "--cell", "hexagonal", "--edge", 14, "--hold", "xy")
    assert result.exit_code == 0, result.output
    assert read_cluster(out).lattice_A is not None
    assert "strain 0.00%" in result.stderr
    if name != "cell.cif":
        assert "Selective dynamics" in out.read_text()


def test_the_whole_frame_and_the_papers_preset(analysis: Path, tmp_path: Path) -> None:
    whole, paper = tmp_path / "frame.extxyz", tmp_path / "paper.extxyz"
    assert run(analysis, "--out", whole, "--of", "frame").exit_code == 0
    assert run(analysis, "--out", paper, "--of", "15,15", "--preset", "paper").exit_code == 0
    assert len(read_cluster(whole)) > 350
    assert ase.io.read(paper).cell.lengths() == pytest.approx([25.786] * 3)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--of", "7"), "0: Si_C3 (p = 0.97)"),
        (("--of", "here"), "0: Si_C3 (p = 0.97)"),
        (("--cell", "cubic"), "rectangular"),
        (("--hold", "all"), "perimeter"),
        (("--preset", "thesis"), "paper"),
        (("--image", "b.png"), "a.png"),
        (("--of", "90,90"), "No atoms were detected"),
    ],
)
def test_what_cannot_be_built_ends_with_the_reason(
    analysis: Path, tmp_path: Path, options: tuple[str, str], said: str
) -> None:
    result = run(analysis, "--out", tmp_path / "x.extxyz", *options)
    assert result.exit_code != 0
    assert said in result.stderr.replace("\n", " ")
    assert not (tmp_path / "x.extxyz").exists()


def test_an_unknown_ending_and_a_file_that_is_no_analysis_are_named(
    analysis: Path, tmp_path: Path
) -> None:
    assert ".pdb" in run(analysis, "--out", tmp_path / "x.pdb").stderr
    other = tmp_path / "other.json"
    other.write_text("[]")
    assert "no analysis" in run(other, "--out", tmp_path / "x.cif").stderr
    assert "cannot be read" in run(tmp_path / "none.json", "--out", tmp_path / "x.cif").stderr
