"""`inference-service url`: one more browser for a running service."""

from __future__ import annotations

import asyncio

import httpx
import pytest

from inference_service.commands.url import fresh_address
from inference_service.settings import HttpSettings
from shared.errors import ConfigurationError, KeyRefusedError


def settings(address: str, path, key: str) -> HttpSettings:
    path.write_text(key)
    path.chmod(0o600)
    return HttpSettings(port=int(address.rpartition(":")[2]), key_file=path)


async def test_the_printed_address_admits_a_browser(service, address, tmp_path) -> None:
    http = settings(address, tmp_path / "api.key", service.api_key)
    printed = await asyncio.to_thread(fresh_address, http)
    async with httpx.AsyncClient() as browser:
        assert (await browser.get(printed)).status_code == 200
        assert (await browser.get(f"http://{address}/")).status_code == 200


async def test_an_onlookers_address_admits_a_browser_that_orders_nothing(
    service, address, tmp_path
) -> None:
    http = settings(address, tmp_path / "api.key", service.api_key)
    printed = await asyncio.to_thread(fresh_address, http, "read")
    async with httpx.AsyncClient(headers={"origin": f"http://{address}"}) as browser:
        assert (await browser.get(printed)).status_code == 200
        assert (await browser.get(f"http://{address}/api/v1/rois")).status_code == 200
        order = await browser.post(f"http://{address}/api/v1/orders", json={"action": "pause"})
        assert (order.status_code, order.json()["type"]) == (
            403,
            "urn:atomloop:problem:read-only",
        )


async def test_another_services_key_is_refused_in_one_line(address, tmp_path) -> None:
    http = settings(address, tmp_path / "api.key", "k" * 43)
    with pytest.raises(KeyRefusedError, match=r"api\.key"):
        await asyncio.to_thread(fresh_address, http)


def test_without_a_service_or_a_key_file_the_remedy_is_named(tmp_path, unused_tcp_port) -> None:
    http = settings(f":{unused_tcp_port}", tmp_path / "api.key", "k" * 43)
    with pytest.raises(ConfigurationError, match="No service answers"):
        fresh_address(http)
    with pytest.raises(ConfigurationError, match="key_file names no file"):
        fresh_address(HttpSettings())
