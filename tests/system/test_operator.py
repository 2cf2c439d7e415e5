"""An operator's orders and a theorist's downloads on the whole loop, over REST."""

from __future__ import annotations

import json
from io import BytesIO
from typing import Any
from zipfile import ZipFile

import pytest

OUTCOME_S = 60
ANSWER_S = 200


def order(live: Any, **wanted: Any) -> dict[str, Any]:
    """Give an order and wait until a dispatcher has said what became of it."""
    status, body = live.ask("/api/v1/orders", method="POST", body=json.dumps(wanted))
    assert status == 202, body
    path = f"/api/v1/orders/{json.loads(body)['id']}"
    return live.until(lambda: live.get(path)["outcome"], OUTCOME_S, f"outcome of {wanted}")


@pytest.fixture(scope="module")
def answer(live: Any) -> dict[str, Any]:
    """The newest answer there is."""
    return live.get("/api/v1/answers")["items"][0]


def test_the_chain_from_the_frame_to_the_number_holds(live: Any, answer: dict[str, Any]) -> None:
    path = f"/api/v1/answers/{answer['roi']}"
    chain = live.get(f"{path}/provenance?job={answer['job']}")
    states = {link["name"]: link["state"] for link in chain["links"]}
    assert chain["intact"], states
    assert states["structure"] == states["outputs"] == "matches"
    assert {states[name] for name in ("frame", "model", "atoms")} <= {"matches", "not_here"}
    status, content = live.ask(f"{path}/crate?job={answer['job']}")
    assert status == 200
    with ZipFile(BytesIO(content)) as crate:
        assert {"ro-crate-metadata.json", "final.extxyz"} <= set(crate.namelist())
    for form in ("extxyz", "cif", "poscar"):
        status, text = live.ask(f"{path}/structure?which=input&format={form}")
        assert (status, b"C" in text) == (200, True)


def test_the_pixels_of_a_computed_roi_are_kept(live: Any, answer: dict[str, Any]) -> None:
    status, picture = live.ask(f"/api/v1/rois/{answer['roi']}/image")
    assert status == 200
    assert picture.startswith(b"\x89PNG")
    assert live.get(f"/api/v1/rois/{answer['roi']}")["image"] == answer["provenance"]["frame"]


def test_an_operator_holds_the_dispatcher_and_lets_it_go_on(live: Any) -> None:
    def state() -> str:
        said = live.get("/api/v1/status")["dispatcher"]["dispatcher"]
        return str(said["state"])

    held = order(live, action="pause")
    assert (held["accepted"], held["undo"]) == (True, "resume")
    live.until(lambda: state() == "paused", OUTCOME_S, "pause")
    assert order(live, action="resume")["accepted"]
    live.until(lambda: state() != "paused", OUTCOME_S, "going on")


def test_a_recipe_that_is_ordered_is_answered(live: Any, answer: dict[str, Any]) -> None:
    roi = answer["roi"]
    done = order(live, action="compute", roi=roi, recipe="single_point", level="gfnff")
    assert done["accepted"], done

    def arrived() -> bool:
        return any(
            each["job"] == done["job"] for each in live.get(f"/api/v1/answers/{roi}")["items"]
        )

    live.until(arrived, ANSWER_S, "ordered answer")
    again = order(live, action="compute", roi=roi, recipe="single_point", level="gfnff")
    assert again["job"] == done["job"]


def test_an_order_that_makes_no_sense_here_says_why(live: Any) -> None:
    refused = order(live, action="pick", roi="nobody-knows-it")
    assert not refused["accepted"]
    assert "nobody-knows-it" in refused["message"]


def test_a_cancelled_job_is_gone_from_the_processor(live: Any, answer: dict[str, Any]) -> None:
    options = {"duration_fs": 100_000.0}
    made = order(live, action="compute", roi=answer["roi"], recipe="md", options=options)
    assert made["accepted"], made

    def running() -> bool:
        jobs = live.get("/api/v1/jobs?limit=500")["items"]
        return any(job["key"] == made["job"] and job["state"] == "running" for job in jobs)

    live.until(running, ANSWER_S, "a running trajectory")
    before = engines(live)
    cancelled = order(live, action="cancel", job=made["job"])
    assert cancelled["accepted"], cancelled
    live.until(lambda: before - engines(live), OUTCOME_S, "the end of its process")


def engines(live: Any) -> set[int]:
    """Return the processes that compute."""
    return {pid for pid, command in live.leftovers().items() if "launch.engine" in command}
