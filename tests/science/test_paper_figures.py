"""The paper's figures from detected coordinates: bond lengths of its patch, chromium at the hollow.

Ghosh et al., npj Computational Materials 8, 74 (2022), doi:10.1038/s41524-022-00733-7, by PBE;
here GFN1.
"""

from __future__ import annotations

import subprocess
import sys
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from shared.messages.reports import AdsorptionReport
from shared.testing.structures import graphene
from sim_dispatcher.levels import choose_level
from sim_dispatcher.paper import Patch, cut_patch, read_analysis, shipped_analysis
from sim_dispatcher.paper.coordinates import compare_coordinates, inner_rms_A
from sim_dispatcher.paper.published import ADATOM_HOLLOW_A, CC_A, CH_A, COORDINATE_PERCENT
from sim_dispatcher.recipes import Computed, Options, run_recipe
from sim_dispatcher.structure import DetectedAtoms, build_cluster

pytestmark = [pytest.mark.science, pytest.mark.timeout(600)]


@cache
def patch() -> Patch:
    return cut_patch(shipped_analysis())


@cache
def relaxed() -> Computed:
    return run_recipe(patch().cluster, "relax", choose_level("gfn1"), Options(fmax_eV_A=0.1))


def test_the_patch_of_91_carbon_atoms_relaxes_to_the_papers_bond_lengths() -> None:
    result = relaxed().result
    assert patch().cluster.symbols.count("C") == 91
    assert result.converged
    assert result.bonds_A["C-C"].mean == pytest.approx(CC_A, abs=0.01)
    assert result.bonds_A["C-H"].mean == pytest.approx(CH_A, abs=0.01)
    assert result.rings["before"] == result.rings["after"]


def test_detected_coordinates_are_within_the_papers_percent_and_tenths_of_an_angstrom() -> None:
    errors = compare_coordinates(patch(), relaxed().cluster)
    assert max(errors.percent("corner of the cube")) < COORDINATE_PERCENT
    assert errors.expected_A < errors.rms_A < 0.2
    moved = relaxed().result.moved
    assert moved is not None
    assert errors.rms_A == pytest.approx(moved.rms_A, rel=0.1)


def test_chromium_on_a_bridge_falls_into_a_hollow_at_the_papers_distance() -> None:
    sheet = graphene()
    atoms = DetectedAtoms(sheet.elements, sheet.positions_A, sheet.p)
    cluster = build_cluster(atoms, sheet.centre_A, 7.0)
    for site in ("hollow", "bridge"):
        options = Options(adsorbate="Cr", site=site, fmax_eV_A=0.1)
        report = run_recipe(cluster, "adsorb", choose_level("gfn1"), options).result.report
        assert isinstance(report, AdsorptionReport)
        assert (report.found_at, report.n_touching) == ("hollow", 6)
        assert report.distance_A == pytest.approx(ADATOM_HOLLOW_A, abs=0.05)
        assert report.binding_eV > 0


@pytest.mark.real_data
def test_atoms_seen_in_a_microscope_lie_where_a_relaxation_wants_them_within_their_errors(
    evaluation_data: Path, tmp_path: Path
) -> None:
    """A grain boundary at 60 kV: what moves inside a held rim is detection error."""
    frame = evaluation_data / "graphene_frames" / "G-GrainBoundary-6nm.hdf5"
    analysis = tmp_path / "analysis.json"
    program = Path(sys.executable).with_name("inference-service")
    command = [str(program), "analyze", str(frame), "--json", str(analysis)]
    subprocess.run(command, check=True, capture_output=True, stdin=subprocess.DEVNULL)
    real = cut_patch(read_analysis(analysis), carbon_atoms=37)
    held = run_recipe(real.cluster, "relax_perimeter", choose_level("gfn1"), Options(fmax_eV_A=0.1))
    assert held.result.converged
    assert real.cluster.sigma_A is not None
    sigma = real.cluster.sigma_A[real.cluster.indices("interior")]
    assert 0.3 < inner_rms_A(real, held.cluster) / np.sqrt(np.mean(sigma**2)) < 2.0
