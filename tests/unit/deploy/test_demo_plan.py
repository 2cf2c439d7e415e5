"""The demo's plan: what is started, with which settings, from which source."""

from __future__ import annotations

import socket
import tomllib
from pathlib import Path

import pytest

from deploy.demo.failure import DemoError
from deploy.demo.plan import Layout, plan_services
from deploy.demo.settings_file import to_toml
from deploy.demo.site import new_layout, write_site
from deploy.demo.source import Source, parse_source
from deploy.demo.supervisor import STOP_WAVES
from edge_agent.settings import EdgeSettings
from inference_service.settings import InferenceSettings
from shared.settings import load_settings
from shared.transport import AllowList, load_keys, load_public_key


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return new_layout(tmp_path / "demo")


def test_settings_survive_the_way_through_toml() -> None:
    tree = {"a": 1, "b": None, "c": {"d": 'two "words"', "e": {"f": [r"C:\x", "ü"], "g": True}}}
    read = tomllib.loads(to_toml(tree))
    assert read == {"a": 1, "c": {"d": 'two "words"', "e": {"f": [r"C:\x", "ü"], "g": True}}}


def test_a_source_is_nion_unless_told_otherwise() -> None:
    assert parse_source("nion") == Source()
    assert not Source().ends


def test_a_replay_expands_wildcards_in_order_and_ends_by_itself(tmp_path: Path) -> None:
    for name in ("b.npz", "a.npz", "c.tif"):
        (tmp_path / name).touch()
    source = parse_source(f"replay '{tmp_path}'/*.npz --pixel-size 0.104 --rate 2")
    assert [path.name for path in source.paths] == ["a.npz", "b.npz"]
    assert source.settings()["replay"] == {
        "paths": [str(tmp_path / "a.npz"), str(tmp_path / "b.npz")],
        "pixel_size_A": 0.104,
        "rate_per_s": 2.0,
        "loop": False,
    }
    assert source.ends


@pytest.mark.parametrize("words", ["", "merlin", "replay", "nion x.npz", "replay missing.npz"])
def test_a_source_that_makes_no_sense_is_refused_with_a_remedy(words: str) -> None:
    with pytest.raises(DemoError, match="SOURCE") as caught:
        parse_source(words)
    assert "SOURCE=nion" in caught.value.remedy


def test_every_service_reads_the_settings_written_for_it(layout: Layout) -> None:
    plans = plan_services(layout, Source("replay", (Path("x.npz"),), 0.1))
    write_site(layout, plans)
    inference = load_settings(InferenceSettings, layout.folder / "inference-service.toml")
    edge = load_settings(EdgeSettings, layout.folder / "edge-agent.toml")
    assert inference.http.port == layout.http_port
    assert edge.link.endpoint == f"tcp://127.0.0.1:{inference.link.port}"
    assert edge.source.replay.pixel_size_A == 0.1


def test_both_diallers_know_the_listener_and_are_known_to_it(layout: Layout) -> None:
    write_site(layout, ())
    allowed = AllowList(layout.authorized)
    for role in ("edge", "dispatcher"):
        peer = allowed.lookup(load_keys(layout.keys / f"{role}.key_secret").public)
        assert peer is not None
        assert peer.role == role
    assert load_public_key(layout.keys / "inference.key")


def test_secrets_are_for_their_owner_only(layout: Layout) -> None:
    write_site(layout, ())
    secrets = [layout.folder, layout.api_key, *layout.keys.glob("*.key_secret")]
    assert len(secrets) == 5
    assert all(path.stat().st_mode & 0o077 == 0 for path in secrets)


def test_ports_that_others_use_are_left_to_them(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            other.bind(("127.0.0.1", 8600))
            other.listen()
        except OSError:
            pass  # somebody else has it: just as good
        layout = new_layout(tmp_path)
        assert layout.http_port != 8600
        assert layout.http_port != layout.link_port


def test_a_deep_checkout_keeps_its_socket_within_the_kernels_limit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    deep = tmp_path / ("d" * 120)
    assert len(str(new_layout(deep).socket)) <= 107


def test_only_the_newest_ended_runs_are_kept(tmp_path: Path) -> None:
    for index in range(6):
        (tmp_path / f"run-99999999{index}").mkdir()
    new_layout(tmp_path)
    assert len(list(tmp_path.glob("run-99999999*"))) == 3


def test_every_planned_service_has_its_place_in_the_order_of_stopping(layout: Layout) -> None:
    assert sorted(plan.name for plan in plan_services(layout, Source())) == sorted(
        name for wave in STOP_WAVES for name in wave
    )
