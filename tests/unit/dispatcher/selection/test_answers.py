"""Answers: the chain of digests, the files, and what is left out with a word."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

import pytest
from blake3 import blake3
from hypothesis import given
from hypothesis import strategies as st

from shared.codec import Envelope, decode, encode
from shared.messages import Disagreement, Job, SimulationResult
from shared.protocol import Outbox
from sim_dispatcher.dispatch.answers import answer_of
from sim_dispatcher.dispatch.outgoing import PROGRESS_S, Outgoing
from sim_dispatcher.ledger import JobFile, JobRecord, JobSpec

STRUCTURE = "1\n\nC 0 0 0\n"


def spec(recipe: str = "relax", level: str = "gfn1") -> JobSpec:
    return JobSpec.model_validate(
        {
            "key": f"roi-{recipe}-{level}",
            "roi": "roi",
            "recipe": recipe,
            "level": level,
            "structure": STRUCTURE,
            "frame": "1" * 64,
            "model": "2" * 64,
            "atoms": "3" * 64,
            "created_at_ns": 1,
        }
    )


def result(recipe: str = "relax", **more: Any) -> SimulationResult:
    fields: dict[str, Any] = {
        "recipe": recipe, "level": "gfn1", "energy_eV": -1.0, "formation_eV": 2.0,
        "reference": None, "bonds_A": {}, "rings": {"before": {}, "after": {}}, "converged": True,
        "steps": 1, "fmax_eV_A": 0.01, "wall_s": 1.0, "cpu_s": 1.0,
    }  # fmt: skip
    return SimulationResult(**{**fields, **more})


def text_file(name: str, size: int = 10) -> JobFile:
    return JobFile(name=name, media_type="text/plain", role="output", content="x" * size)


def done(finished: Callable[..., JobRecord], *files: JobFile, **more: Any) -> JobRecord:
    fields = {"result": result(), "structure": "end\n", "software": "xtb", "settings": "GFN1"}
    return finished(spec(), "done", files=files, **{**fields, **more})


def test_the_chain_leads_from_the_frame_to_every_file(
    finished: Callable[..., JobRecord],
) -> None:
    picture = JobFile(
        name="a.png", media_type="image/png", role="picture", encoding="base64",
        content=base64.b64encode(b"\x89PNG").decode(),
    )  # fmt: skip
    answer, payload = answer_of(done(finished, text_file("log.txt"), picture))
    chain = answer.provenance
    assert (chain.frame, chain.model, chain.atoms) == ("1" * 64, "2" * 64, "3" * 64)
    assert chain.structure == blake3(STRUCTURE.encode()).hexdigest()
    assert (chain.software, chain.settings) == ("xtb", "GFN1")
    assert payload[:2] == (b"end\n", STRUCTURE.encode())
    assert payload[3:] == (b"x" * 10, b"\x89PNG")
    names = ["input.extxyz", "specification.json", "log.txt", "a.png"]
    assert [each.name for each in answer.attachments] == names
    assert blake3(payload[2]).hexdigest() == chain.inputs
    assert JobSpec.model_validate_json(payload[2]) == spec()
    for attachment, content in zip(answer.attachments, payload[1:], strict=True):
        assert attachment.nbytes == len(content)
        assert attachment.digest == blake3(content).hexdigest()
    digests = [blake3(part).hexdigest() for part in payload]
    assert chain.outputs == blake3("\n".join(digests).encode()).hexdigest()


@given(sizes=st.lists(st.integers(0, 400), max_size=7), most=st.integers(0, 1000))
def test_what_does_not_fit_is_left_out_by_name_and_the_rest_still_travels(
    sizes: list[int], most: int
) -> None:
    files = [text_file(f"file{i}-{'n' * 50}", size) for i, size in enumerate(sizes)]
    record = JobRecord(
        key="roi-relax-gfn1", spec=spec(), state="done", result=result(), structure="end\n",
        files=tuple(files), updated_at_ns=1, tries={},
    )  # fmt: skip
    answer, payload = answer_of(record, most_bytes=most)
    sent = {each.name for each in answer.attachments}
    assert sum(map(len, payload[1:])) <= most
    assert len(payload) == 1 + len(sent) <= 8
    left_out = {"input.extxyz", "specification.json", *(file.name for file in files)} - sent
    assert (answer.note is None) == (not left_out)
    assert decode(encode(Envelope(answer, payload))).message == answer


def test_the_bar_and_what_the_levels_say_differently_join_the_answer(
    finished: Callable[..., JobRecord],
) -> None:
    bar = finished(
        spec("error_bar"), "done", files=(text_file("error_bar.json"),),
        result=result("error_bar", uncertainty={"size_eV": 0.3, "total_eV": 0.3}),
    )  # fmt: skip
    trust = Disagreement(below="gfnff", formation_eV=-0.4, bond_A=0.0, rms_A=0.0, same_rings=True)
    answer, _ = answer_of(done(finished), bar, trust)
    assert answer.disagreement == trust
    assert answer.result.uncertainty == pytest.approx(
        {"size_eV": 0.3, "levels_eV": 0.4, "total_eV": 0.5}
    )
    assert "error_bar.json" in {each.name for each in answer.attachments}


def test_a_newer_word_replaces_an_older_one_that_was_not_told() -> None:
    outbox = Outbox()
    outgoing = Outgoing(outbox)
    for step in range(5):
        outgoing.tell("job", job(step))
    outgoing.flush((), 0.0)
    assert len(outbox) == 1


def test_progress_is_told_twice_a_second_at_most_and_a_new_state_at_once() -> None:
    outbox = Outbox(1000)
    outgoing = Outgoing(outbox)
    outgoing.tell("job", job(0))
    outgoing.flush((), 0.0)
    for tick in range(1, 101):
        outgoing.mention("job", job(tick))
        outgoing.flush((), tick / 100)
    assert len(outbox) == 1 + 1 / PROGRESS_S
    outgoing.tell("job", job(101))
    outgoing.flush((), 1.001)
    assert len(outbox) == 2 + 1 / PROGRESS_S


def test_nothing_is_lost_while_the_outbox_is_full() -> None:
    outbox = Outbox(2)
    outgoing = Outgoing(outbox)
    for number in range(5):
        outgoing.tell(f"job {number}", job(number))
    outgoing.flush((), 0.0)
    assert len(outbox) == 2
    assert outgoing.delayed


def job(step: int) -> Job:
    return Job(
        key="job", roi="roi", recipe="relax", level="gfn1", state="running", step=step,
        updated_at_ns=step,
    )  # fmt: skip
