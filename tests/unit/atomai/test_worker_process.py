"""Requests, progress, refusals and deaths cross the pipe to AtomAI's process in words."""

import sys
from pathlib import Path

import pytest

from inference_service.atomai import worker_process
from inference_service.atomai.worker_process import AtomAI
from shared.errors import InternalError, ModelError

ECHO = """
import json, os, sys
print("chatter that must not be taken for an answer", file=sys.stderr)
for line in sys.stdin:
    request = json.loads(line)
    if request["task"] == "die":
        sys.exit("no memory left")
    if request["task"] == "refuse":
        answer = {"refused": "It is no model.", "remedy": "Name one."}
    elif request["task"] == "fail":
        answer = {"failed": "KeyError: 'weights'"}
    else:
        print(json.dumps({"progress": "1 of 2"}))
        answer = request | {"threads": os.environ["OMP_NUM_THREADS"]}
    print(json.dumps(answer), flush=True)
"""


@pytest.fixture
def echo(tmp_path, monkeypatch):
    (tmp_path / "worker").mkdir()
    (tmp_path / "worker" / "__init__.py").touch()
    (tmp_path / "worker" / "__main__.py").write_text(ECHO)
    monkeypatch.setattr(worker_process, "WORKER_HOME", tmp_path)
    monkeypatch.setattr(worker_process, "python", lambda: Path(sys.executable))


@pytest.mark.usefixtures("echo")
def test_an_answer_comes_back_after_its_progress():
    said = []
    with AtomAI(threads=3, say=said.append) as atomai:
        answer = atomai.ask("work", model="a.tar")
    assert answer == {"task": "work", "model": "a.tar", "threads": "3"}
    assert said == ["1 of 2"]


@pytest.mark.usefixtures("echo")
def test_one_process_answers_many_requests():
    with AtomAI() as atomai:
        assert [atomai.ask("work", n=n)["n"] for n in range(3)] == [0, 1, 2]


@pytest.mark.usefixtures("echo")
def test_a_refusal_is_a_model_error_with_its_remedy():
    with AtomAI() as atomai, pytest.raises(ModelError, match="no model") as refused:
        atomai.ask("refuse")
    assert refused.value.remedy == "Name one."


@pytest.mark.usefixtures("echo")
def test_a_failure_names_what_was_being_done():
    with AtomAI() as atomai, pytest.raises(InternalError, match=r"AtomAI's fail.*KeyError"):
        atomai.ask("fail")


@pytest.mark.usefixtures("echo")
def test_a_death_is_told_by_its_last_words():
    with AtomAI() as atomai:
        with pytest.raises(InternalError, match="no memory left"):
            atomai.ask("die")
        with pytest.raises(InternalError, match="no memory left"):
            atomai.ask("work")


def test_this_python_s_packages_do_not_leak_into_atomai_s(monkeypatch):
    from inference_service.atomai.environment import clean_environment

    monkeypatch.setenv("PYTHONPATH", "/ours")
    assert not [name for name in clean_environment() if name.startswith("PYTHON")]
