"""The settings of a session: what the operator writes is what the board does."""

from __future__ import annotations

from sim_dispatcher.app import conduct_of
from sim_dispatcher.board import Conduct
from sim_dispatcher.settings import DispatcherSettings


def test_the_defaults_of_the_settings_are_those_of_the_board() -> None:
    assert conduct_of(DispatcherSettings(), {}) == Conduct()


def test_the_small_cut_fits_the_high_level_or_else_every_level() -> None:
    most = {"gfnff": 2500, "gpaw": 60, "pyscf": 30}
    any_level = conduct_of(DispatcherSettings(), most)
    settings = DispatcherSettings.model_validate({"ladder": {"high": "gpaw"}})
    assert any_level.ladder.small_atoms == 30
    assert conduct_of(settings, most).ladder.small_atoms == 60


def test_every_setting_of_selection_budget_and_ladder_reaches_the_board() -> None:
    changed = {
        "selection": {
            "min_p": 0.7, "middling_p": 0.3, "max_blur_A": 0.1, "min_frames": 2, "radius_A": 7.0,
            "changed_frames": 3, "reshaped_frames": 5, "fresh_frames": 2.0, "stale_frames": 7,
            "stale_jobs": "cancel", "frames_kept": 9, "doubts": "lower",
        },
        "budget": {"rois": 1, "jobs": 2, "cpu_h": 3.0, "random_share": 0.5},
        "ladder": {
            "levels": ["gfn1"], "error_bar": False, "high": "qe", "bond_A": 0.1, "rms_A": 0.2
        },
    }  # fmt: skip
    conduct = conduct_of(DispatcherSettings.model_validate(changed), {})
    sharpness, limits, ladder = conduct.rules.sharpness, conduct.limits, conduct.ladder
    assert (sharpness.min_p, sharpness.middling_p, sharpness.max_blur_A) == (0.7, 0.3, 0.1)
    assert (conduct.rules.min_frames, conduct.rules.fresh_frames) == (2, 2.0)
    assert (conduct.rules.stale_frames, conduct.rules.weigh_doubts) == (7, True)
    assert (conduct.changed_frames, conduct.reshaped_frames) == (3, 5)
    assert (conduct.radius_A, conduct.frames_kept, conduct.stale_jobs) == (7.0, 9, "cancel")
    assert (limits.rois, limits.jobs, limits.cpu_h, limits.random_share) == (1, 2, 3.0, 0.5)
    assert (ladder.levels, ladder.error_bar, ladder.high) == (("gfn1",), False, "qe")
    assert (ladder.bond_A, ladder.rms_A) == (0.1, 0.2)
