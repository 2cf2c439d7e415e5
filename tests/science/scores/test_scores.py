"""The scores themselves: a perfect answer scores perfectly, and each mistake costs its own row."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from inference_service.detector.analysis import FrameAnalysis
from shared.messages import ATOM, Defect
from shared.testing.structures import graphene
from tests.science.scores.analyses import Answer, load_answer, save_answer
from tests.science.scores.campaign import Campaign, nothing
from tests.science.scores.frames import KnownDefect, KnownFrame, distance_to_path
from tests.science.scores.judged import Judged
from tests.science.scores.table import Row, markdown, rows
from tests.science.scores.trust import auroc

PIXEL_A = 0.1
SILICON = 40
AT = np.array([150.0, 150.0])
LINE = np.array([[60.0, 150.0], [240.0, 150.0]])


@pytest.fixture
def frame(rng: np.random.Generator) -> KnownFrame:
    """A sheet of 30 Å with one silicon, a vacancy's name in the middle, and random steps."""
    sheet = graphene((30.0, 30.0))
    xy = sheet.positions_A / PIXEL_A
    number = np.full(len(xy), 6)
    number[SILICON] = 14
    step = rng.normal(0.0, 0.05, xy.shape)
    return KnownFrame(
        name="sheet",
        family="test",
        image=rng.poisson(5.0, (300, 300)),
        stated_pixel_A=PIXEL_A,
        pixel_A=PIXEL_A,
        xy_px=xy + step / PIXEL_A,
        number=number,
        asked=np.asarray((np.minimum(xy, 299.0 - xy) > 10.0).all(axis=1)),
        adatom=np.zeros(len(xy), dtype=bool),
        displaced_A=step,
        cover=np.zeros((300, 300), dtype=bool),
        vacuum=np.zeros((300, 300), dtype=bool),
        dose_e_A2=4.1e5,
        counts_per_carbon=100.0,
        bound_pm=np.full(len(xy), 10.0),
        best_xy_px=None,
        defects=(
            KnownDefect("V1", AT, None),
            KnownDefect("GB", AT, LINE),
        ),
    )


def answer(
    frame: KnownFrame, error_A: NDArray[np.float64] | float = 0.0, p: float = 0.99
) -> FrameAnalysis:
    """An analysis that lists every atom with an error, of stated size 0.1 Å."""
    table = np.zeros(len(frame.xy_px), ATOM)
    x, y = (frame.xy_px + np.asarray(error_A) / frame.pixel_A).T
    table["x_px"] = table["x_fit_px"] = x
    table["y_px"] = table["y_fit_px"] = y
    for sigma in ("sigma_x_px", "sigma_y_px", "sigma_fit_px"):
        table[sigma] = 0.1 / frame.pixel_A
    table["p"], table["uncertainty"] = p, 1 - p
    table["atomic_number"] = frame.number
    path = ((60.0, 152.0), (240.0, 152.0))
    defects = (
        Defect(type="V1", x_px=160.0, y_px=150.0, p=0.9),
        Defect(type="GB", x_px=150.0, y_px=152.0, p=0.9, path_px=path),
    )
    calm = nothing(frame.pixel_A, "none").ood.model_copy(update={"flag": False, "score": 0.1})
    return replace(nothing(frame.pixel_A, ""), table=table, defects=defects, ood=calm)


def scored(*judged: Judged) -> dict[str, Row]:
    campaign = Campaign(list(judged), [], [], [], {}, [])
    return {row.key: row for row in rows(campaign)}


def at_4e5(row: Row) -> float | None:
    return row.figures[1]


def test_a_perfect_answer_meets_every_row_it_speaks_to(frame: KnownFrame) -> None:
    table = scored(Judged(frame, answer(frame)))
    assert at_4e5(table["f1"]) == at_4e5(table["f1_strict"]) == 1.0
    assert at_4e5(table["slope_fit"]) == pytest.approx(1.0, abs=1e-4)
    assert table["si"].figures == (1.0, 1.0)
    assert table["defect_all"].figures == (1.0, 1.0)
    assert table["length_GB"].figures == (1.0, 1.0)
    unmet = [key for key, row in table.items() if row.met is False]
    assert set(unmet) == {"z", "z_fit"}  # errors of nil with sigmas of 0.1 Å are not honest


def test_errors_as_large_as_stated_are_honest(frame: KnownFrame, rng: np.random.Generator) -> None:
    error = rng.normal(0.0, 0.1, frame.xy_px.shape)
    table = scored(Judged(frame, answer(frame, error)))
    assert at_4e5(table["z"]) == pytest.approx(1.0, abs=0.1)
    assert at_4e5(table["rms_fit"]) == pytest.approx(14.1, abs=1.5)
    assert at_4e5(table["bound"]) == pytest.approx(1.41, abs=0.15)


def test_an_estimate_that_stays_on_the_lattice_has_no_slope(frame: KnownFrame) -> None:
    table = scored(Judged(frame, answer(frame, -frame.displaced_A)))
    assert at_4e5(table["slope_fit"]) == pytest.approx(0.0, abs=1e-4)


def test_misses_inventions_and_wrong_names_are_counted(frame: KnownFrame) -> None:
    said = answer(frame)
    inside = np.flatnonzero(frame.asked)
    table = said.table.copy()
    table["p"][inside[:5]] = 0.1
    table["atomic_number"][SILICON] = 6
    table["x_px"][inside[5]] += 12.0  # one miss and, 1.2 Å away, one invention
    one = Judged(frame, replace(said, table=table))
    assert one.counts(one.wide).tolist() == [len(inside) - 6, 1, 6]
    assert scored(one)["si"].figures == (None, 0.0)


def test_what_lies_beside_an_atom_nobody_asks_for_is_not_held_against_anyone(
    frame: KnownFrame,
) -> None:
    inside = np.flatnonzero(frame.asked)
    asked = frame.asked.copy()
    asked[inside[:5]] = False
    one = Judged(replace(frame, asked=asked), answer(frame))
    assert one.counts(one.wide).tolist() == [len(inside) - 5, 0, 0]


def test_an_atom_in_vacuum_is_false_and_named_so(frame: KnownFrame) -> None:
    empty = frame.xy_px[:, 0] > 200.0
    bare = replace(
        frame,
        xy_px=frame.xy_px[~empty],
        number=frame.number[~empty],
        asked=frame.asked[~empty],
        adatom=frame.adatom[~empty],
        displaced_A=frame.displaced_A[~empty],
        vacuum=np.tile(np.arange(300) > 215, (300, 1)),
    )
    table = scored(Judged(bare, answer(frame)))
    assert table["vacuum"].figures[0] == pytest.approx(np.sum(frame.xy_px[:, 0] > 215.5), abs=5)
    assert table["vacuum"].met is False


def test_adatoms_of_unseen_elements_are_to_be_unknown(frame: KnownFrame) -> None:
    number, asked, adatom = frame.number.copy(), frame.asked.copy(), frame.adatom.copy()
    number[SILICON], asked[SILICON], adatom[SILICON] = 79, False, True
    strange = replace(frame, number=number, asked=asked, adatom=adatom)
    said = answer(frame)
    assert scored(Judged(strange, said))["strangers"].figures == (0.0, 1.0, 0.0)
    assert scored(Judged(strange, said))["strangers_p"].figures[0] == pytest.approx(0.99)
    table = said.table.copy()
    table["atomic_number"][SILICON] = 0
    assert scored(Judged(strange, replace(said, table=table)))["strangers"].met


def test_a_defect_of_another_class_or_too_far_away_is_not_the_one(frame: KnownFrame) -> None:
    for wrong in ({"type": "V2_585"}, {"x_px": 175.0}):
        said = answer(frame)
        defects = (said.defects[0].model_copy(update=wrong), said.defects[1])
        table = scored(Judged(frame, replace(said, defects=defects)))
        assert table["defect_all"].figures == (0.0, 0.0)


def test_ranks_give_the_area_under_the_curve() -> None:
    score = np.array([0.1, 0.4, 0.35, 0.8])
    assert auroc(score, np.array([False, False, True, True])) == pytest.approx(0.75)
    assert auroc(score, np.zeros(4, dtype=bool)) is None


def test_the_distance_to_a_path_is_to_its_segments() -> None:
    path = np.array([[0.0, 0.0], [10.0, 0.0]])
    points = np.array([[5.0, 3.0], [13.0, 4.0]])
    assert distance_to_path(points, path) == pytest.approx([3.0, 5.0])


def test_an_answer_is_read_back_as_it_was_given(frame: KnownFrame, tmp_path: Path) -> None:
    said = replace(answer(frame), warnings=("one", "two"))
    save_answer(tmp_path / "a.npz", Answer(said, "", 1.0, 2.0))
    back = load_answer(tmp_path / "a.npz")
    assert back.analysis is not None
    assert (back.analysis.table == said.table).all()
    assert back.analysis.defects == said.defects
    assert back.analysis.warnings == said.warnings
    save_answer(tmp_path / "b.npz", Answer(None, "refused", 1.0, 2.0))
    assert load_answer(tmp_path / "b.npz").refusal == "refused"


def test_every_picture_is_drawn(frame: KnownFrame, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="pictures: pip install atomloop[dev]")
    from tests.science.scores.plots import draw_all

    one = Judged(frame, answer(frame, 0.3))
    campaign = Campaign([one], [], [], [], {}, [])
    table = rows(campaign)
    assert "F1 at 0.5" in markdown(table)
    draw_all(campaign, table, tmp_path)
    assert len(list(tmp_path.iterdir())) == 6
