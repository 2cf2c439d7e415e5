"""The fastest engine that is accurate serves; what was measured is remembered exactly."""

import json
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from inference_service.detector.engine_choice import opening
from inference_service.detector.engine_choice.gate import REFERENCE, choose
from inference_service.detector.engine_choice.opening import EnginePolicy, open_engine, verdict_of
from inference_service.detector.engine_choice.table import describe
from inference_service.detector.engine_choice.trial import score, trial_frames
from inference_service.detector.engine_choice.verdict import (
    Circumstances,
    Measured,
    Verdict,
    default_cache,
    read_verdict,
    write_verdict,
)
from inference_service.detector.engines.registry import FAMILIES, version
from inference_service.detector.heads import INPUT_MULTIPLE_PX, STRIDE_PX
from inference_service.detector.member_sums import Sum
from inference_service.detector.model import load_model
from inference_service.detector.pipeline import shipped_model
from shared.errors import ConfigurationError, MissingDependencyError

ONNX = Measured(key=REFERENCE, family="onnx", ms=300.0)
FAST = Measured(key="openvino-int8", family="openvino", ms=100.0, preparation=((0.0, 1.0),))
MIDDLE = Measured(key="openvino-bf16", family="openvino", ms=150.0)


def chosen(*measured, wish="auto"):
    choice = choose(measured, wish)
    return choice.chosen.key if choice else None


def test_the_fastest_accurate_engine_is_chosen():
    assert chosen(ONNX, MIDDLE, FAST) == FAST.key


@pytest.mark.parametrize(
    ("harm", "words"),
    [
        ({"f1_change": -0.0006}, "F1 changes by -0.0006"),
        ({"f1_change": 0.0006}, "F1 changes by"),
        ({"rms_change_pm": 0.11}, "positions change by"),
        ({"p_change": 0.2}, "a probability changes"),
        ({"problem": "RuntimeError: no such instruction"}, "no such instruction"),
    ],
)
def test_a_fast_engine_that_is_off_is_passed_over_and_the_reason_given(harm, words):
    off = FAST.model_copy(update=harm)
    choice = choose([ONNX, MIDDLE, off], "auto")
    assert choice.chosen.key == MIDDLE.key
    assert words in choice.reasons[off.key]


def test_an_engine_hardly_faster_than_the_reference_does_not_displace_it():
    assert chosen(ONNX, MIDDLE.model_copy(update={"ms": 280.0})) == REFERENCE


def test_a_wish_restricts_the_choice_but_not_the_demand_for_accuracy():
    assert chosen(ONNX, MIDDLE, FAST, wish="onnx") == REFERENCE
    slow = MIDDLE.model_copy(update={"ms": 900.0})
    assert chosen(ONNX, slow, wish="openvino") == slow.key
    assert chosen(ONNX, FAST.model_copy(update={"rms_change_pm": 1.0}), wish="openvino") is None


@pytest.fixture
def circumstances():
    return Circumstances.here("a" * 64, threads=2)


@pytest.fixture
def verdict(circumstances):
    return Verdict(circumstances=circumstances, measured=(ONNX, MIDDLE, FAST))


def test_a_stored_verdict_comes_back_whole(tmp_path, verdict):
    assert write_verdict(tmp_path / "new", verdict)
    assert read_verdict(tmp_path / "new", verdict.circumstances) == verdict


@pytest.mark.parametrize(
    "change",
    [
        {"threads": 4},
        {"model": "b" * 64},
        {"processor": "another"},
        {"graphics_cards": ("H200",)},
        {"versions": {"onnx": "0.1"}},
        {"trial": 0},
    ],
)
def test_a_verdict_holds_only_under_its_own_circumstances(tmp_path, verdict, change):
    write_verdict(tmp_path, verdict)
    other = verdict.circumstances.model_copy(update=change)
    assert read_verdict(tmp_path, other) is None
    stolen = tmp_path / other.file_name()
    (tmp_path / verdict.circumstances.file_name()).rename(stolen)
    assert read_verdict(tmp_path, other) is None


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff\xfe", b" " * (2**20 + 1)])
def test_a_damaged_verdict_is_as_good_as_none(tmp_path, circumstances, content):
    (tmp_path / circumstances.file_name()).write_bytes(content)
    assert read_verdict(tmp_path, circumstances) is None


def test_a_verdict_that_cannot_be_stored_is_no_error(tmp_path, verdict):
    (tmp_path / "file").write_text("in the way")
    assert not write_verdict(tmp_path / "file" / "cache", verdict)


def test_the_cache_lies_where_the_platform_keeps_caches(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert default_cache() == tmp_path / "atomloop"
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    assert default_cache() == Path.home() / ".cache" / "atomloop"


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """Two members of the shipped ensemble, as a model folder of their own."""
    import hashlib

    source, folder = shipped_model(), tmp_path_factory.mktemp("model")
    manifest = json.loads((source / "manifest.json").read_text())
    manifest["members"] = manifest["members"][:2]
    for entry in manifest["members"]:
        os.link(source / entry["file"], folder / entry["file"])
    named = "\n".join(entry["sha256"] for entry in manifest["members"])
    manifest["digest"] = hashlib.sha256(named.encode()).hexdigest()
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return load_model(folder)


def test_measuring_ends_with_a_stored_verdict_that_the_doctor_can_show(small, tmp_path):
    policy = EnginePolicy(cache=tmp_path, budget_s=110.0)
    verdict = verdict_of(small, 1, policy)
    by_key = {one.key: one for one in verdict.measured}
    assert by_key[REFERENCE].ms > 0
    assert by_key[REFERENCE].f1_change == 0
    assert set(verdict.circumstances.versions) == {n for n in FAMILIES if version(n)}
    assert verdict_of(small, 1, replace(policy, budget_s=0.0)) == verdict
    choice = choose(verdict.measured, "auto")
    text = describe(verdict, choice)
    assert text.startswith(f"{choice.chosen.key} on 1 threads")
    assert all(one.key in text for one in verdict.measured)
    key, engine = open_engine(small, 1, policy)
    assert key == choice.chosen.key
    assert engine.members == 2
    engine.close()


def test_a_measurement_that_dies_leaves_the_reference_and_is_not_repeated(small, tmp_path):
    lost = replace(small, folder=tmp_path / "nowhere")
    policy = EnginePolicy(cache=tmp_path, budget_s=110.0)
    verdict = verdict_of(lost, 1, policy)
    assert choose(verdict.measured, "auto").chosen.key == REFERENCE
    assert verdict_of(lost, 1, replace(policy, budget_s=0.0)) == verdict


def test_a_measurement_out_of_time_leaves_the_reference_and_is_repeated(small, tmp_path):
    policy = EnginePolicy(cache=tmp_path, budget_s=0.01)
    verdict = verdict_of(small, 1, policy)
    assert choose(verdict.measured, "auto").chosen.key == REFERENCE
    assert not list(tmp_path.glob("engine-*.json"))


def test_onnx_runtime_by_wish_or_alone_needs_no_measurement(small, tmp_path, monkeypatch):
    wishes = [EnginePolicy("onnx", tmp_path, 0.0)]
    monkeypatch.setattr(opening, "version", {"onnx": "1"}.get)
    for policy in [*wishes, EnginePolicy("auto", tmp_path, 0.0)]:
        key, engine = open_engine(small, 1, policy)
        engine.close()
        assert key == REFERENCE
    assert not list(tmp_path.iterdir())


def test_a_stored_verdict_opens_the_engine_it_names(small, tmp_path, monkeypatch):
    monkeypatch.setattr(opening, "version", dict.fromkeys(FAMILIES, "1").get)
    here = Circumstances.here(small.digest, 1)
    write_verdict(tmp_path, Verdict(circumstances=here, measured=(ONNX,)))
    key, engine = open_engine(small, 1, EnginePolicy("auto", tmp_path, 0.0))
    engine.close()
    assert key == REFERENCE


def test_an_engine_that_no_longer_opens_gives_way_to_the_reference(small, tmp_path, monkeypatch):
    monkeypatch.setattr(opening, "version", dict.fromkeys(FAMILIES, "1").get)
    here = Circumstances.here(small.digest, 1)
    gone = Measured(key="torch-cuda-fp4", family="torch", ms=1.0)
    write_verdict(tmp_path, Verdict(circumstances=here, measured=(ONNX, gone)))
    key, engine = open_engine(small, 1, EnginePolicy("auto", tmp_path))
    engine.close()
    assert key == REFERENCE
    with pytest.raises(ConfigurationError, match="does not open"):
        open_engine(small, 1, EnginePolicy("torch", tmp_path))


def test_a_wish_for_what_is_not_installed_says_how_to_install_it(small, monkeypatch):
    monkeypatch.setattr(opening, "version", {}.get)
    with pytest.raises(MissingDependencyError, match=r"atomloop\[gpu\]"):
        open_engine(small, 1, EnginePolicy("torch"))


def test_a_wish_that_nothing_here_fulfils_is_refused_with_the_reason(small, tmp_path, monkeypatch):
    monkeypatch.setattr(opening, "version", dict.fromkeys(FAMILIES, "1").get)
    broken = Measured(key="torch", family="torch", problem="no device for it on this host")
    here = Circumstances.here(small.digest, 1)
    write_verdict(tmp_path, Verdict(circumstances=here, measured=(ONNX, broken)))
    with pytest.raises(ConfigurationError, match="no device for it"):
        open_engine(small, 1, EnginePolicy("torch", tmp_path))


def test_the_built_in_frames_are_the_same_every_time_and_fit_the_engines():
    trial_frames.cache_clear()
    first = trial_frames()
    trial_frames.cache_clear()
    again = trial_frames()
    for one, other in zip(first, again, strict=True):
        assert np.array_equal(one.image, other.image)
        assert all(side % INPUT_MULTIPLE_PX == 0 for side in one.image.shape)
        assert len(one.xy_px) > 500


class Blind:
    """An engine that sees nothing, or an atom at the centre of every cell."""

    members = 1

    def __init__(self, p):
        self.p = p

    def sums(self, image):
        shape = (len(Sum), image.shape[0] // STRIDE_PX, image.shape[1] // STRIDE_PX)
        sums = np.zeros(shape, np.float32)
        sums[Sum.P] = sums[Sum.P_SQUARED] = self.p
        return sums

    def close(self):
        """Nothing to close."""


def test_an_engine_that_sees_nothing_scores_nothing():
    assert score(Blind(0.0)).f1 == 0.0


def test_an_engine_that_sees_atoms_everywhere_scores_low():
    assert score(Blind(1.0)).f1 < 0.7
