"""Keys on disk, where the service may listen, its own pages, its published contracts."""

from __future__ import annotations

from pathlib import Path

import pytest

from inference_service.api.app_factory import create_app
from inference_service.api.keys import KeyRing, load_or_create_key
from inference_service.api.schema import CONTRACTS
from inference_service.api.serving import check_bind, server_config
from inference_service.session import Session
from inference_service.settings import HttpSettings, InferenceSettings
from shared.errors import ConfigurationError, KeyRefusedError
from shared.settings import load_settings


def test_a_missing_key_file_is_made_for_this_user_alone_and_kept(tmp_path) -> None:
    path = tmp_path / "keys" / "api.key"
    key = load_or_create_key(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert load_or_create_key(path) == key
    assert len(key) >= 43


def test_without_a_file_every_start_has_its_own_key() -> None:
    assert load_or_create_key(None) != load_or_create_key(None)


def test_a_key_file_that_others_can_read_is_refused_with_the_command_that_mends_it(
    tmp_path,
) -> None:
    path = tmp_path / "api.key"
    path.write_text("k" * 43)
    path.chmod(0o640)
    with pytest.raises(KeyRefusedError) as refused:
        load_or_create_key(path)
    assert refused.value.remedy == f"Run: chmod 600 {path}"


@pytest.mark.parametrize("content", ["", "short", "two words " * 9, "ключ" * 12])
def test_a_key_file_without_a_usable_key_is_refused(tmp_path, content) -> None:
    path = tmp_path / "api.key"
    path.write_text(content)
    path.chmod(0o600)
    with pytest.raises(ConfigurationError) as refused:
        load_or_create_key(path)
    assert content.strip() not in refused.value.message or not content
    assert str(path) in refused.value.message


def test_unused_one_time_keys_have_a_bound(clock) -> None:
    keys = KeyRing("k" * 43, clock)
    minted = [keys.mint_one_time_key() for _ in range(33)]
    assert keys.trade(minted[0]) is None
    assert keys.trade(minted[1]) is not None


def test_cookies_outlive_a_restart_where_the_key_does(clock) -> None:
    before = KeyRing("k" * 43, clock)
    cookie = f"{before.cookie_name}={before.trade(before.mint_one_time_key())}"
    assert KeyRing("k" * 43, clock).admit_cookies(cookie)
    assert KeyRing("l" * 43, clock).admit_cookies(cookie) is None


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost", "127.8.8.8"])
def test_loopback_needs_nothing(host) -> None:
    check_bind(HttpSettings(host=host))


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "microscope.example"])
def test_an_address_on_the_network_needs_a_lasting_key_and_a_tls_proxy(host) -> None:
    for settings in (
        HttpSettings(host=host),
        HttpSettings(host=host, key_file=Path("key")),
        HttpSettings(host=host, behind_tls_proxy=True),
    ):
        with pytest.raises(ConfigurationError, match=host):
            check_bind(settings)
    check_bind(HttpSettings(host=host, key_file=Path("key"), behind_tls_proxy=True))


def test_the_server_compresses_no_socket_and_takes_no_long_words(service) -> None:
    config = server_config(service.app, HttpSettings())
    assert config.ws_per_message_deflate is False
    assert config.ws_max_size == 4096
    assert config.host == "127.0.0.1"


async def test_the_dashboard_is_served_with_files_that_never_change(client) -> None:
    page = await client.get("/")
    assert "<title>dashboard</title>" in page.text
    assert page.headers["cache-control"] == "no-cache"
    script = await client.get("/assets/app-0123.js", headers={"accept-encoding": "gzip"})
    assert "immutable" in script.headers["cache-control"]
    assert script.headers["content-encoding"] == "gzip"
    assert (await client.get("/assets/..%2findex.html")).status_code == 404


async def test_an_unbuilt_dashboard_names_the_command_that_builds_it(
    clock, tmp_path, new_service
) -> None:
    service = new_service()
    app = create_app(
        Session(clock=clock),
        HttpSettings(),
        keys=service.keys,
        readiness=lambda: (),
        dist=tmp_path / "nowhere",
    )
    service.app = app
    async with service.client() as client:
        page = await client.get("/")
        assert page.status_code == 503
        assert "npm ci &amp;&amp; npm run build" in page.text
        assert (await client.get("/assets/app.js")).status_code == 404
        assert (await client.get("/api/v1/status")).status_code == 200


async def test_a_browser_without_a_key_is_told_how_to_enter(stranger) -> None:
    page = await stranger.get("/", headers={"accept": "text/html"})
    assert page.status_code == 401
    assert "one-time key" in page.text
    used = await stranger.get("/?key=used", headers={"accept": "text/html"})
    assert used.status_code == 401
    assert "already used" in used.text


@pytest.mark.parametrize("path", CONTRACTS, ids=lambda path: path.name)
def test_the_committed_contract_is_what_the_code_makes(path) -> None:
    assert path.read_text("utf-8") == CONTRACTS[path](), (
        "run: python -m inference_service.api.schema, and raise API_VERSION where the REST "
        "contract changed"
    )


def test_settings_come_from_the_environment_and_unknown_keys_are_refused(
    tmp_path, monkeypatch
) -> None:
    path = tmp_path / "inference.toml"
    path.write_text("[http]\nport = 9000\n[session]\nring_frames = 5\n")
    monkeypatch.setenv("ATOMLOOP_INFERENCE_HTTP__PORT", "9001")
    settings = load_settings(InferenceSettings, path)
    assert (settings.http.port, settings.session.ring_frames) == (9001, 5)
    path.write_text("[http]\nprot = 9000\n")
    with pytest.raises(ConfigurationError, match="prot"):
        load_settings(InferenceSettings, path)


def test_a_reader_cannot_be_given_the_key_that_orders(clock) -> None:
    with pytest.raises(KeyRefusedError, match="whoever may read could order"):
        KeyRing("k" * 43, clock, "k" * 43)


def test_a_cookie_cannot_be_talked_into_more_rights(clock) -> None:
    keys = KeyRing("k" * 43, clock)
    cookie = keys.trade(keys.mint_one_time_key("read"))
    admission = keys.admit_cookies(f"{keys.cookie_name}={cookie}")
    assert admission is not None
    assert not admission.may_operate
    promoted = cookie.replace("read.", "operate.")
    assert keys.admit_cookies(f"{keys.cookie_name}={promoted}") is None


def test_a_cookie_of_an_earlier_version_keeps_the_rights_it_had(clock) -> None:
    keys = KeyRing("k" * 43, clock)
    body = f"1.{clock.wall_ns() // 10**9 + 60}.nonce"
    admission = keys.admit_cookies(f"{keys.cookie_name}={body}.{keys._sign(body)}")
    assert admission is not None
    assert admission.may_operate
