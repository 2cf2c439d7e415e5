"""What an operator does with ROIs, and what a theorist finds in an answer, in real Chromium."""

from __future__ import annotations

import json
import re
from io import BytesIO
from typing import TYPE_CHECKING
from zipfile import ZipFile

import pytest

pytest.importorskip("playwright.sync_api", reason="dashboard: playwright is not installed")

from playwright.sync_api import expect

from inference_service.api import pages
from inference_service.api.patch_image import png
from shared.messages import RecipeOptions
from tests.browser.chemist import PARTS_EV, adsorption, barrier, dynamics, factors, picture
from tests.browser.conftest import PIXEL_A

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

pytestmark = pytest.mark.browser


@pytest.fixture
def page(watched, running, chemist) -> Page:
    """The dashboard of a sitting in which everything has happened."""
    running.call(chemist.everything)
    expect(watched.page.get_by_test_id("frame-number")).to_have_text("2")
    expect(watched.page.get_by_test_id("budget")).to_be_visible()
    return watched.page


def card(page: Page, roi: str) -> Locator:
    return page.get_by_test_id(f"card-{roi}")


def last(chemist):
    return chemist.orders[-1]


def steady(page: Page, locator: Locator) -> dict[str, float]:
    """Where something is once the page has stopped to make room for what came in."""
    before, now = None, locator.bounding_box()
    while now != before:
        page.wait_for_timeout(300)
        before, now = now, locator.bounding_box()
    return now


def test_a_pick_reaches_the_dispatcher_and_is_undone_within_ten_seconds(page, chemist) -> None:
    card(page, "roi-si3").get_by_role("button", name="Pick first").click()
    done = page.get_by_test_id("toast-done")
    expect(done).to_contain_text("Pick Si_C3 first")
    expect(done).to_contain_text("before all others")
    assert (last(chemist).action, last(chemist).roi) == ("pick", "roi-si3")
    assert last(chemist).by.startswith("browser ")
    done.get_by_role("button", name="Undo").click()
    expect(page.get_by_test_id("toast-done")).to_contain_text("Undo: Pick Si_C3 first")
    assert (last(chemist).action, last(chemist).roi) == ("release", "roi-si3")
    expect(page.get_by_test_id("toast-done")).to_have_count(0)
    page.locator(".order-log summary").click()
    log = page.locator(".order-line")
    expect(log).to_have_count(2)
    expect(log.last).to_contain_text(re.compile("Pick first Si_C3 by browser [0-9a-f]{6}"))
    log.last.get_by_role("button", name="Undo: Pick first Si_C3").click()
    expect(log).to_have_count(3)


def test_a_cancelled_job_comes_back_with_its_settings(page, chemist) -> None:
    job = page.get_by_test_id("job-roi-si4-md-gfn1")
    expect(job).to_contain_text(re.compile(r"step 812 of 2000 · \d"))
    expect(job).to_contain_text("900 K")
    job.get_by_role("button", name="Cancel Dynamics").click()
    expect(page.get_by_test_id("toast-done")).to_contain_text("37 steps are lost")
    assert (last(chemist).action, last(chemist).job) == ("cancel", "roi-si4-md-gfn1")
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_test_id("toast-done")).to_contain_text("Undo: Cancel Dynamics")
    order = last(chemist)
    assert (order.action, order.roi, order.recipe, order.level) == (
        "compute",
        "roi-si4",
        "md",
        "gfn1",
    )
    assert order.options == RecipeOptions(temperature_K=900)


def test_an_order_that_is_refused_says_why_and_has_no_undo(page, running, chemist) -> None:
    chemist.patient = True
    card(page, "roi-v1").get_by_role("button", name="Dismiss").click()
    expect(page.get_by_test_id("toast-waits")).to_contain_text("waits for the dispatcher")
    running.call(
        lambda: chemist.settle(last(chemist), accepted=False, message="It was done already.")
    )
    failed = page.get_by_test_id("toast-failed")
    expect(failed).to_contain_text("It was done already.")
    expect(failed.get_by_role("button", name="Undo")).to_have_count(0)


def test_a_roi_tells_why_it_is_there_and_where_it_comes_from(page) -> None:
    expect(card(page, "roi-si3")).to_contain_text(factors(0.98, 1.0, 0.87))
    expect(card(page, "roi-si3")).to_contain_text("unlike anything computed")
    expect(card(page, "roi-si4")).to_contain_text("picked by the operator")
    expect(card(page, "roi-patch").locator(".tag")).to_have_text("random")
    expect(card(page, "roi-blurred").locator(".badge")).to_contain_text("look closer")
    vacancy = card(page, "roi-v1")
    expect(vacancy).to_contain_text("changed by the beam from SW_5577")
    expect(page.get_by_test_id("box-roi-old")).to_have_count(0)
    vacancy.get_by_role("button", name="SW_5577").click()
    expect(card(page, "roi-old")).to_be_visible()
    expect(card(page, "roi-old")).to_contain_text("the beam turned it into V1")
    expect(page.get_by_test_id("box-roi-old")).to_be_visible()


def test_the_error_bar_is_taken_apart_or_said_to_be_on_its_way(page, running, chemist) -> None:
    done = card(page, "roi-si3")
    expect(done).to_contain_text("1.234 eV")
    expect(done).to_contain_text("± 0.282 eV")
    expect(page.get_by_test_id("box-roi-si3")).to_contain_text("1.23 ± 0.28 eV")
    parts = done.get_by_test_id("error-parts")
    for text in ("size of the cluster", "0.148 eV", "starts that end otherwise bonded", "4 %"):
        expect(parts).to_contain_text(text)
    widths = [part.bounding_box()["width"] for part in parts.locator(".part-bar").all()]
    assert widths == sorted(widths, reverse=True)
    assert widths[0] / widths[1] == pytest.approx(0.212 / 0.148, rel=0.05)
    running.call(lambda: chemist.answer("roi-si4", chemist.scene.si4_xy, level="gfn2"))
    other = card(page, "roi-si4")
    other.locator(".card-title").click()
    expect(other.get_by_test_id("no-bar")).to_have_text("no error bar yet")
    running.call(lambda: chemist.job("bar", "roi-si4", recipe="error_bar", level="gfn2", step=12))
    expect(other.get_by_test_id("no-bar")).to_contain_text("its job is running, step 12")
    running.call(
        lambda: chemist.answer(
            "roi-si4",
            chemist.scene.si4_xy,
            recipe="error_bar",
            level="gfn2",
            uncertainty=PARTS_EV,
        )
    )
    expect(other).to_contain_text("± 0.282 eV")


def test_geometry_levels_and_rings_carry_units_and_a_verdict(page) -> None:
    done = card(page, "roi-si3")
    for text in (
        "0.047 Å rms",
        "\N{GREEK SMALL LETTER SIGMA} lets expect 0.041 Å: within it; 91 atoms",
        "0.21 % in x, 0.34 % in y",
        "Against GFN-FF",
        "atoms 0.052 Å rms, mean bonds up to 0.031 Å, the same rings",
        re.compile("1.5 24.6 → 25.6"),
        "GFN1-xTB, accuracy 1.0",
    ):
        expect(done).to_contain_text(text)


def test_measurement_and_model_stand_side_by_side_at_one_scale(page) -> None:
    pair = card(page, "roi-si3").get_by_test_id("side-by-side")
    expect(pair).to_contain_text(re.compile(r"frame 0; correlation 0\.\d{3}"))
    assert float(pair.get_attribute("data-correlation")) > 0.8
    expect(pair).to_contain_text(re.compile(r". 0\.[34]\d Å \(fitted\)"))
    levels = """canvas => {
      const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
      const row = canvas.height / 2, best = { at: -1, level: -1 };
      for (let y = row - 8; y <= row + 8; y += 1) for (let x = 0; x < canvas.width; x += 1) {
        const level = data[4 * (Math.round(y) * canvas.width + x)];
        if (level > best.level) { best.level = level; best.at = x / canvas.width; }
      }
      return best;
    }"""
    measured, model = (pair.get_by_role("img", name=name) for name in ("Measured", "Model"))
    assert model.evaluate(levels)["at"] == pytest.approx(0.5, abs=0.06)  # the silicon atom
    assert measured.evaluate(levels)["at"] == pytest.approx(0.5, abs=0.06)


def test_reports_of_the_other_recipes_are_shown_with_their_sign_convention(
    page, running, chemist
) -> None:
    scene = chemist.scene
    running.call(
        lambda: chemist.answer("roi-si3", scene.si3_xy, recipe="adsorb", report=adsorption())
    )
    done = card(page, "roi-si3")
    for text in ("1.734 eV", "positive where bound", "came to rest: hollow", "2.171 Å to 6 C"):
        expect(done).to_contain_text(text)
    running.call(lambda: chemist.answer("roi-si3", scene.si3_xy, recipe="neb", report=barrier()))
    expect(done.get_by_role("img", name=re.compile("highest image 4 of 7"))).to_be_visible()
    running.call(lambda: chemist.answer("roi-si3", scene.si3_xy, recipe="md", report=dynamics()))
    for text in ("893 K", "changed for good at 1240 fs", "1.431"):
        expect(done).to_contain_text(text)


def test_pictures_that_came_with_an_answer_are_shown(page, running, chemist) -> None:
    patch = running.session.patches.get("roi-si3")
    running.call(
        lambda: chemist.answer(
            "roi-si3",
            chemist.scene.si3_xy,
            recipe="image",
            report=picture(),
            pictures={"model.png": png(patch)},
        )
    )
    done = card(page, "roi-si3")
    expect(done).to_contain_text("correlation 0.871")
    expect(done).to_contain_text("24 % of the variance unexplained")
    shown = done.get_by_role("img", name="model.png")
    expect(shown).to_be_visible()
    rows, columns = patch.pixels.shape
    assert shown.evaluate("img => [img.naturalHeight, img.naturalWidth]") == [rows, columns]


def test_files_structures_and_the_whole_crate_come_down(page) -> None:
    done = card(page, "roi-si3")
    with page.expect_download() as download:
        done.get_by_test_id("files").get_by_role("link", name="specification.json").click()
    assert json.loads(download.value.path().read_text())["recipe"] == "relax"
    with page.expect_download() as download:
        done.get_by_role("link", name="RO-Crate").click()
    with ZipFile(BytesIO(download.value.path().read_bytes())) as crate:
        assert {"ro-crate-metadata.json", "files/input.extxyz"} <= set(crate.namelist())
    with page.expect_download() as download:
        done.get_by_role("link", name="POSCAR").last.click()
    assert download.value.suggested_filename == "roi-si3-gfn1-input.poscar"


def test_the_chain_names_every_link_and_warns_of_the_broken_one(page) -> None:
    done = card(page, "roi-si3")
    done.get_by_text("Where this number comes from").click()
    chain = done.get_by_test_id("chain")
    expect(chain.locator(".chain-link.matches")).to_have_count(7)
    # The scene's frames are named by number and not by content: that must not go unseen.
    expect(chain.locator(".chain-link.differs")).to_contain_text(["frame", "atoms"])
    expect(done).to_contain_text("do not trust this number")
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    chain.get_by_role("button", name="Copy the hash of model").click()
    expect(chain.get_by_role("button", name="Copy the hash of model")).to_have_text("copied")
    assert page.evaluate("navigator.clipboard.readText()") == "ab" * 32


def test_the_menu_of_computations_greys_what_cannot_be_and_says_why(page, chemist) -> None:
    card(page, "roi-v1").get_by_role("button", name="Compute…").click()
    menu = page.get_by_role("dialog", name="Compute")
    vasp = menu.get_by_role("radio", name=re.compile("VASP"))
    expect(vasp).to_be_disabled()
    expect(menu).to_contain_text("not on the dispatcher's host")
    force_field = menu.get_by_role("radio", name=re.compile("GFN-FF"))
    expect(force_field).to_be_enabled()
    menu.get_by_label("Recipe").select_option("md")
    expect(force_field).to_be_disabled()
    expect(menu).to_contain_text("its bonds are fixed")
    menu.get_by_role("radio", name=re.compile("GFN1")).check()
    menu.get_by_role("spinbutton", name="Temperature").fill("900")
    menu.get_by_role("spinbutton", name="Duration").fill("500")
    menu.get_by_role("button", name="Compute").click()
    expect(page.get_by_test_id("toast-done")).to_contain_text("Dynamics on V1")
    order = last(chemist)
    assert (order.recipe, order.level, order.roi) == ("md", "gfn1", "roi-v1")
    assert order.options == RecipeOptions(temperature_K=900, duration_fs=500)


@pytest.mark.parametrize("way", ["menu", "shift", "key"])
def test_a_place_is_named_in_the_sample_frame_of_the_sitting(page, chemist, way) -> None:
    box = steady(page, page.get_by_test_id("box-roi-v1"))
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2 - 30
    page.get_by_test_id("box-roi-v1").evaluate("box => box.style.pointerEvents = 'none'")
    page.mouse.move(x, y)
    if way == "menu":
        page.mouse.click(x, y, button="right")
        page.get_by_role("menuitem", name="Look here").click()
    elif way == "shift":
        page.keyboard.down("Shift")
        page.mouse.click(x, y)
        page.keyboard.up("Shift")
    else:
        page.keyboard.press("l")
    expect(page.get_by_test_id("toast-done")).to_contain_text("The place is a ROI now.")
    order = last(chemist)
    scale = page.get_by_test_id("image").bounding_box()["height"] / chemist.scene.side_px
    vacancy_x, vacancy_y = chemist.scene.vacancy_xy
    assert order.action == "look_at"
    assert order.x_A == pytest.approx(vacancy_x, abs=0.2)
    assert order.y_A == pytest.approx(vacancy_y - 30 / scale * PIXEL_A, abs=0.2)


def test_keys_order_hold_and_undo_and_the_sheet_lists_them(page, running, chemist) -> None:
    card(page, "roi-v1").locator(".card-title").click()
    page.keyboard.press("d")
    expect(page.get_by_test_id("toast-done")).to_contain_text("Dismiss V1")
    page.keyboard.press("z")
    expect(page.get_by_test_id("toast-done")).to_contain_text("Undo: Dismiss V1")
    assert [order.action for order in chemist.orders] == ["dismiss", "release"]
    page.keyboard.press("h")
    expect(page.get_by_test_id("toast-done").last).to_contain_text("Pause the dispatcher")
    running.call(lambda: chemist.scene.session.apply(chemist.status("paused")))
    resume = page.get_by_role("button", name="Resume")
    resume.click()
    expect(page.get_by_test_id("toast-done").last).to_contain_text("Resume the dispatcher")
    assert [order.action for order in chemist.orders[2:]] == ["pause", "resume"]
    page.keyboard.press("?")
    sheet = page.get_by_role("dialog", name="Keys")
    expect(sheet).to_contain_text("pick the selected ROI first")
    expect(sheet).to_contain_text("undo the last order")


def test_the_budget_is_told_in_jobs_and_hours(page, running, chemist) -> None:
    budget = page.get_by_test_id("budget")
    expect(budget).to_contain_text("31 jobs3.58 of 4.00 CPU-h left")
    running.call(lambda: chemist.scene.session.apply(chemist.status(budget_cpu_h=None)))
    expect(budget).to_contain_text("31 jobs0.42 CPU-h used")


def test_a_browser_that_may_only_look_orders_nothing(browser, running, chemist) -> None:
    running.call(chemist.everything)
    context = browser.new_context()
    page = context.new_page()
    page.goto(f"{running.base_url}/?key={running.keys.mint_one_time_key('read')}")
    page.wait_for_url(f"{running.base_url}/")
    expect(page.get_by_text("read only")).to_be_visible()
    button = card(page, "roi-si3").get_by_role("button", name="Pick first")
    expect(button).to_be_disabled()
    expect(button).to_have_attribute("title", "this browser was let in to look only")
    card(page, "roi-si3").locator(".card-title").click()
    for key in "pdrclh":
        page.keyboard.press(key)
    expect(page.get_by_test_id("toasts").locator(".toast")).to_have_count(0)
    assert chemist.orders == []
    context.close()


def test_without_a_dispatcher_buttons_say_so(page, running, chemist) -> None:
    running.call(lambda: chemist.scene.session.set_connected("dispatcher", connected=False))
    button = card(page, "roi-si3").get_by_role("button", name="Pick first")
    expect(button).to_be_disabled()
    expect(button).to_have_attribute("title", "no dispatcher is connected")


def test_two_hundred_rois_stay_usable(page, running, chemist) -> None:
    scene = chemist.scene

    def crowd() -> None:
        for number in range(200):
            scene.roi(f"roi-{number:03d}", scene.xy_A[number], "V1", "candidate", reason="waits")

    running.call(crowd)
    expect(page.get_by_text(re.compile(r"10\d more:"))).to_be_visible()
    page.keyboard.press("j")
    page.keyboard.press("p")
    expect(page.get_by_test_id("toasts").locator(".toast")).to_have_count(1)


def test_nothing_of_it_stands_in_the_way_of_a_screen_reader_or_weak_eyes(page) -> None:
    axe = pages.DIST.parent / "node_modules" / "axe-core" / "axe.min.js"
    if not axe.is_file():
        pytest.skip("dashboard: its packages are not installed; run: make setup")
    card(page, "roi-si3").get_by_text("Where this number comes from").click()
    expect(card(page, "roi-si3").get_by_test_id("side-by-side")).to_be_visible()
    card(page, "roi-si3").get_by_role("button", name="Pick first").click()
    expect(page.get_by_test_id("toast-done")).to_be_visible()
    page.locator(".refused-group summary").click()
    page.locator(".stale-group summary").click()
    page.evaluate(axe.read_text("utf-8"))
    run = "axe.run(document, { resultTypes: ['violations'] })"
    assert _told(page.evaluate(run)) == []
    card(page, "roi-si3").get_by_role("button", name="Compute…").click()
    expect(page.get_by_role("dialog", name="Compute")).to_be_visible()
    assert _told(page.evaluate(run)) == []


def _told(found: dict) -> list[tuple[str, list[str]]]:
    return [
        (rule["id"], [node["html"] for node in rule["nodes"]][:3]) for rule in found["violations"]
    ]
