"""A frame is flagged for reasons that are put into words."""

from dataclasses import replace

import numpy as np
import pytest

from inference_service.detector.honeycomb import Honeycomb
from inference_service.detector.ood import Evidence, judge, structured_residual

GRAPHENE = Honeycomb(threefold=0.95, bond_A=1.42, asymmetry=0.02)
TYPICAL = Evidence(
    residual=0.02,
    spread_A=0.03,
    mismatch=0.01,
    overruled=False,
    orders=2,
    ambiguous=0.02,
    foreign=0.01,
    covered=0.0,
    atoms=800,
    honeycomb=GRAPHENE,
)


def looking(**changes):
    return replace(TYPICAL, honeycomb=replace(GRAPHENE, **changes))


def test_a_typical_frame_is_not_flagged_and_needs_no_reasons():
    verdict = judge(TYPICAL)
    assert not verdict.flag
    assert verdict.score < 0.5
    assert verdict.reasons == ()


@pytest.mark.parametrize(
    ("evidence", "word"),
    [
        (replace(TYPICAL, residual=0.8), "unexplained"),
        (replace(TYPICAL, spread_A=0.4), "disagree"),
        (replace(TYPICAL, mismatch=-0.2), "pixel size"),
        (replace(TYPICAL, foreign=0.5), "light elements"),
        (replace(TYPICAL, covered=0.97), "amorphous"),
        (replace(TYPICAL, atoms=0, honeycomb=None), "no atoms"),
        (replace(TYPICAL, orders=0, honeycomb=None), "too few"),
        (replace(TYPICAL, concerns=((5.0, "half of it is saturated"),)), "saturated"),
        (looking(threefold=0.1), "three neighbours"),
        (looking(bond_A=1.6), "1.60 Å"),
        (looking(asymmetry=0.3), "sublattices"),
        (replace(TYPICAL, mismatch=3.16 / 2.46 - 1, overruled=True), "dichalcogenide"),
    ],
)
def test_each_oddity_flags_the_frame_and_says_why(evidence, word):
    verdict = judge(evidence)
    assert verdict.flag
    assert word in verdict.reasons[0]


@pytest.mark.parametrize(
    ("change", "word"),
    [({"orders": 0}, "no graphene lattice"), ({"ambiguous": 0.9}, "ambiguous")],
)
def test_what_low_doses_do_alone_is_a_reason_but_no_flag(change, word):
    verdict = judge(replace(TYPICAL, **change))
    assert not verdict.flag
    assert word in verdict.reasons[0]


@pytest.mark.parametrize("mismatch", [0.09, -0.3, 0.4])
def test_a_wrong_header_that_was_overruled_is_told_but_does_not_flag(mismatch):
    verdict = judge(replace(TYPICAL, mismatch=mismatch, overruled=True))
    assert not verdict.flag
    assert "pixel size" in verdict.reasons[0]


def test_an_irregular_arrangement_weighs_more_where_no_lattice_is_recognised():
    assert not judge(looking(threefold=0.25)).flag
    assert judge(replace(looking(threefold=0.25), orders=0)).flag


def test_parts_that_are_nearly_there_add_up():
    nearly = replace(looking(asymmetry=0.16, bond_A=1.42 * 1.084))
    assert judge(nearly).flag
    assert not judge(looking(asymmetry=0.16)).flag


def test_numbers_gone_wrong_flag_the_frame():
    assert judge(replace(TYPICAL, residual=float("nan"))).score == 10.0


def test_white_noise_leaves_no_structure_and_a_texture_does():
    rng = np.random.default_rng(1)
    variance = np.full((200, 200), 4.0, np.float32)
    noise = rng.normal(0, 2.0, (200, 200)).astype(np.float32)
    assert structured_residual(noise, variance, 4.0, None) < 0.1
    rows, cols = np.mgrid[:200, :200]
    texture = (np.sin(rows / 6) * np.sin(cols / 6)).astype(np.float32)
    assert structured_residual(noise + texture, variance, 4.0, None) > 0.2


def test_one_missed_heavy_atom_is_no_texture():
    rng = np.random.default_rng(1)
    variance = np.full((200, 200), 4.0, np.float32)
    noise = rng.normal(0, 2.0, (200, 200)).astype(np.float32)
    rows, cols = np.mgrid[:200, :200]
    atom = 90 * np.exp(-((rows - 100) ** 2 + (cols - 90) ** 2) / 32)
    assert structured_residual(noise + atom.astype(np.float32), variance, 4.0, None) < 0.1
