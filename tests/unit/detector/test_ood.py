"""A frame is flagged for reasons that are put into words."""

from dataclasses import replace

import numpy as np
import pytest

from inference_service.detector.ood import Evidence, judge, structured_residual

TYPICAL = Evidence(
    residual=0.05,
    spread_A=0.03,
    mismatch=0.01,
    overruled=False,
    lattice_seen=True,
    ambiguous=0.02,
    foreign=0.01,
    lonely=0.01,
    atoms=800,
)


def test_a_typical_frame_is_not_flagged_and_needs_no_reasons():
    verdict = judge(TYPICAL)
    assert not verdict.flag
    assert verdict.score < 0.5
    assert verdict.reasons == ()


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"residual": 0.8}, "unexplained"),
        ({"spread_A": 0.4}, "disagree"),
        ({"mismatch": -0.2}, "pixel size"),
        ({"ambiguous": 0.6}, "ambiguous"),
        ({"foreign": 0.5}, "light elements"),
        ({"lonely": 0.9}, "bond"),
        ({"atoms": 0}, "no atoms"),
        ({"concerns": ((5.0, "half of it is saturated"),)}, "saturated"),
    ],
)
def test_each_oddity_flags_the_frame_and_says_why(change, word):
    verdict = judge(replace(TYPICAL, **change))
    assert verdict.flag
    assert word in verdict.reasons[0]


def test_a_missing_lattice_alone_is_a_reason_but_no_flag():
    verdict = judge(replace(TYPICAL, lattice_seen=False))
    assert not verdict.flag
    assert "lattice" in verdict.reasons[0]


def test_a_wrong_header_that_was_overruled_is_told_but_does_not_flag():
    verdict = judge(replace(TYPICAL, mismatch=0.3, overruled=True))
    assert not verdict.flag
    assert "pixel size" in verdict.reasons[0]


def test_numbers_gone_wrong_flag_the_frame():
    assert judge(replace(TYPICAL, residual=float("nan"))).score == 10.0


def test_white_noise_leaves_no_structure_and_a_missed_atom_does():
    rng = np.random.default_rng(1)
    variance = np.full((200, 200), 4.0, np.float32)
    noise = rng.normal(0, 2.0, (200, 200)).astype(np.float32)
    assert structured_residual(noise, variance, 4.0, None) < 0.1
    rows, cols = np.mgrid[:200, :200]
    atom = 30 * np.exp(-((rows - 100) ** 2 + (cols - 90) ** 2) / 32)
    assert structured_residual(noise + atom.astype(np.float32), variance, 4.0, None) > 0.3
