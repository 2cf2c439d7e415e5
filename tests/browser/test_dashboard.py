"""What an operator sees, in real Chromium against the real application over loopback."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest

pytest.importorskip("playwright.sync_api", reason="dashboard: playwright is not installed")

from playwright.sync_api import expect

from inference_service.api import pages

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

pytestmark = pytest.mark.browser

PAINTED = """canvas => {
  const copy = document.createElement("canvas");
  copy.width = canvas.width;
  copy.height = canvas.height;
  const context = copy.getContext("2d", { willReadFrequently: true });
  context.drawImage(canvas, 0, 0);
  const { data } = context.getImageData(0, 0, copy.width, copy.height);
  let painted = 0;
  const levels = new Set();
  for (let i = 0; i < data.length; i += 4) {
    if (data[i + 3] > 0) { painted += 1; levels.add(data[i]); }
  }
  return { painted, levels: levels.size, total: data.length / 4 };
}"""
"""How much of a canvas is painted, and in how many reds."""


def shown_index(page: Page) -> Locator:
    return page.get_by_test_id("frame-number")


def centre(box: Locator) -> tuple[float, float]:
    bounds = box.bounding_box()
    return bounds["x"] + bounds["width"] / 2, bounds["y"] + bounds["height"] / 2


def test_a_frame_its_atoms_and_a_finished_roi_appear(watched, running, scene) -> None:
    page = watched.page
    running.call(scene.everything)
    expect(shown_index(page)).to_have_text("2")
    image, overlay = page.get_by_test_id("image"), page.get_by_test_id("overlay")
    expect(image).to_have_attribute("data-frame", f"{2:064x}")
    expect(overlay).to_have_attribute("data-frame", f"{2:064x}")
    picture, marks = image.evaluate(PAINTED), overlay.evaluate(PAINTED)
    assert picture["levels"] > 100
    assert picture["painted"] > picture["total"] / 3
    assert marks["painted"] > 2000
    legend = page.get_by_test_id("legend")
    atoms = running.session.latest_analysed.analysis.table["atomic_number"]
    expect(legend).to_contain_text(f"C {(atoms == 6).sum()}")
    expect(legend).to_contain_text(f"Si {(atoms == 14).sum()}")
    card = page.get_by_test_id("card-roi-si3")
    expect(card).to_have_attribute("data-state", "done")
    for text in (
        "1.234 eV",
        "no error bar yet",
        "Reference (gfn1)",
        "Si from silane",
        "\N{MINUS SIGN}12345.678 eV",
        "1.751\N{EN DASH}1.776",
        "Converged after 57 steps",
    ):
        expect(card).to_contain_text(text)
    expect(page.get_by_test_id("box-roi-si3")).to_be_visible()
    with page.expect_download() as download:
        card.get_by_role("link", name="extxyz of the final structure").click()
    assert download.value.path().read_text() == scene.cluster()


def test_a_box_changes_state_with_its_job_and_a_refusal_says_why(watched, running, scene) -> None:
    page = watched.page
    running.call(scene.everything)
    box, card = page.get_by_test_id("box-roi-si4"), page.get_by_test_id("card-roi-si4")
    for state in ("candidate", "queued", "running", "done", "failed"):
        running.call(lambda state=state: scene.roi("roi-si4", scene.si4_xy, "Si_C4", state))
        expect(card).to_have_attribute("data-state", state)
        expect(box).to_have_text(re.compile(state))
        expect(box).to_have_class(re.compile(rf"\b{state}\b"))
    refused = page.get_by_test_id("card-roi-edge")
    expect(refused).to_contain_text("would cross the frame's border; move the field of view.")


def test_boxes_follow_the_drifting_sample(watched, running, scene) -> None:
    page = watched.page
    running.call(scene.everything)
    expect(shown_index(page)).to_have_text("2")
    box = page.get_by_test_id("box-roi-si3")
    before = centre(box)
    running.call(lambda: scene.show(12))
    expect(shown_index(page)).to_have_text("12")
    after = centre(box)
    scale = page.get_by_test_id("image").bounding_box()["height"] / scene.side_px
    row_A, column_A = (12 - 2) * 0.21, (12 - 2) * -0.13
    assert after[0] - before[0] == pytest.approx(-column_A / 0.104 * scale, abs=1.0)
    assert after[1] - before[1] == pytest.approx(-row_A / 0.104 * scale, abs=1.0)


def test_the_scale_bar_belongs_to_its_frame_when_the_field_of_view_changes(
    watched, running, scene
) -> None:
    page = watched.page
    bar = page.get_by_test_id("scale-bar")
    for index, pixel_A in enumerate((0.104, 0.052, 0.08)):
        running.call(lambda i=index, p=pixel_A: scene.show(i, pixel_A=p))
        expect(bar).to_have_attribute("data-frame", f"{index:064x}")
        expect(page.get_by_test_id("image")).to_have_attribute("data-frame", f"{index:064x}")
        scale = page.get_by_test_id("image").bounding_box()["height"] / scene.side_px
        width = bar.locator(".scale-line").bounding_box()["width"]
        assert float(bar.get_attribute("data-angstrom")) == pytest.approx(
            width / scale * pixel_A, rel=0.01
        )


def test_boxes_of_an_earlier_sitting_are_not_drawn_on_another_sample(
    watched, running, scene
) -> None:
    page = watched.page
    running.call(scene.everything)
    expect(page.get_by_test_id("box-roi-si3")).to_be_visible()
    running.call(lambda: scene.show(3, session="sitting-2"))
    expect(shown_index(page)).to_have_text("3")
    expect(page.get_by_test_id("box-roi-si3")).to_have_count(0)
    expect(page.get_by_test_id("card-roi-si3")).to_contain_text("earlier session")


def test_a_picture_that_is_no_longer_live_says_so(watched, running, scene) -> None:
    page = watched.page
    for index in range(4):
        running.clock.ahead_s += 10
        running.call(lambda i=index: scene.show(i))
    expect(shown_index(page)).to_have_text("3")
    stale = page.get_by_test_id("stale")
    expect(stale).to_have_count(0)
    running.clock.ahead_s += 40
    expect(stale).to_contain_text("no new frame")
    running.call(lambda: scene.show(4))
    expect(stale).to_have_count(0)


def test_a_lost_service_is_told_within_seconds_and_nothing_pretends_to_be_live(
    watched, running, scene
) -> None:
    page = watched.page
    running.call(scene.everything)
    expect(shown_index(page)).to_have_text("2")
    running.server.should_exit = True
    expect(page.get_by_test_id("stale")).to_contain_text("link to the service lost")
    expect(page.get_by_text("No link to the service")).to_be_visible()
    watched.complaints.clear()  # the browser notes each attempt to dial again


def test_keys_switch_atoms_errors_and_zoom_and_the_sheet_lists_them(
    watched, running, scene
) -> None:
    page = watched.page
    running.call(scene.everything)
    legend, overlay = page.get_by_test_id("legend"), page.get_by_test_id("overlay")
    expect(legend).to_contain_text("all atoms")
    everything = overlay.evaluate(PAINTED)["painted"]
    page.keyboard.press("a")
    expect(legend).to_contain_text("atoms hidden")
    assert overlay.evaluate(PAINTED)["painted"] == 0
    page.keyboard.press("a")
    expect(legend).to_contain_text("defects only")
    assert 0 < overlay.evaluate(PAINTED)["painted"] < everything / 3
    page.keyboard.press("a")
    page.keyboard.press("u")
    expect(legend).to_contain_text(re.compile(r"circles: . . \d+; median . \d"))
    assert overlay.evaluate(PAINTED)["painted"] > everything
    bar = page.get_by_test_id("scale-bar")
    fitted = bar.get_attribute("data-angstrom")
    for _ in range(6):
        page.keyboard.press("+")
    expect(bar).not_to_have_attribute("data-angstrom", fitted)
    page.keyboard.press("0")
    expect(bar).to_have_attribute("data-angstrom", fitted)
    page.keyboard.press("?")
    sheet = page.get_by_role("dialog", name="Keys")
    expect(sheet).to_contain_text("error circles on and off")
    page.keyboard.press("Escape")
    expect(sheet).to_be_hidden()


def test_pointing_at_an_atom_names_its_element_probability_and_error(
    watched, running, scene
) -> None:
    page = watched.page
    running.call(scene.everything)
    expect(shown_index(page)).to_have_text("2")
    page.mouse.move(*centre(page.get_by_test_id("box-roi-si3")))
    tip = page.get_by_role("tooltip")
    expect(tip).to_contain_text("Si (silicon)")
    expect(tip).to_contain_text(re.compile(r"p \d+ % · . 0\.\d pm · 3 bonds"))


def test_the_relaxed_structure_is_shown_in_three_dimensions(watched, running, scene) -> None:
    page = watched.page
    running.call(scene.everything)
    assert not [url for url in watched.requests if "3Dmol" in url]
    page.get_by_role("button", name="Show in 3D").click()
    panel = page.get_by_test_id("structure")
    expect(panel.get_by_role("status")).to_have_text("")
    assert panel.locator("canvas").last.evaluate(PAINTED)["levels"] > 50
    page.keyboard.press("Escape")
    expect(panel).to_be_hidden()
    page.get_by_role("button", name="Show in 3D").click()
    expect(panel).to_be_visible()
    assert panel.locator("canvas").count() == 1


def test_words_from_outside_are_shown_as_words(watched, running, scene) -> None:
    page = watched.page
    hostile = "<img src=x onerror=document.title='owned'><script>document.title='owned'</script>"
    running.call(scene.everything)
    running.call(lambda: scene.roi("roi-si4", scene.si4_xy, "Si_C4", "failed", reason=hostile))
    expect(page.get_by_test_id("card-roi-si4")).to_contain_text(hostile)
    assert page.title() == "AtomLoop"


def test_a_dependency_that_is_missing_is_shown_with_its_remedy(watched, running) -> None:
    running.dependencies[0] = running.dependencies[0].model_copy(
        update={"ready": False, "detail": "no model found", "remedy": "Run: make models"}
    )
    page = watched.page
    expect(page.get_by_role("status")).to_contain_text("no model found")
    expect(page.get_by_role("status")).to_contain_text("Run: make models")


def test_the_dashboard_is_not_shown_to_a_browser_without_a_key(browser, running) -> None:
    context = browser.new_context()
    page = context.new_page()
    response = page.goto(f"{running.base_url}/")
    assert response.status == 401
    expect(page.get_by_role("heading")).to_have_text("This dashboard needs its key")
    assert json.dumps(context.cookies()) == "[]"
    context.close()


def test_nothing_stands_in_the_way_of_a_screen_reader_or_weak_eyes(watched, running, scene) -> None:
    axe = pages.DIST.parent / "node_modules" / "axe-core" / "axe.min.js"
    if not axe.is_file():
        pytest.skip("dashboard: its packages are not installed; run: make setup")
    running.call(scene.everything)
    page = watched.page
    expect(shown_index(page)).to_have_text("2")
    page.locator(".refused-group summary").click()
    page.evaluate(axe.read_text("utf-8"))
    found = page.evaluate("axe.run(document, { resultTypes: ['violations'] })")["violations"]
    told = [(rule["id"], [node["html"] for node in rule["nodes"]][:3]) for rule in found]
    assert told == []
