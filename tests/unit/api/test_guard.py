"""The gate: default deny, host names, origins, one-time keys, headers of every reply."""

from __future__ import annotations

import re

import httpx
import pytest
from starlette.routing import BaseRoute, Mount, WebSocketRoute

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE")
OPEN = {("GET", "/livez"), ("HEAD", "/livez"), ("GET", "/readyz"), ("HEAD", "/readyz")}


def paths(routes: list[BaseRoute]) -> set[str]:
    """A concrete path for every HTTP route, however it is nested."""
    found = set()
    for route in routes:
        if isinstance(route, Mount):
            found.add(f"{route.path}/anything.js")
        elif not isinstance(route, WebSocketRoute):
            nested = getattr(route, "original_router", None) or getattr(route, "router", None)
            if nested is not None:
                found |= paths(nested.routes)
            else:
                path = route.path
                for name in ("frame", "roi", "order", "job", "name"):
                    path = path.replace(f"{{{name}}}", "latest")
                found.add(path)
    return found


def test_every_route_is_seen_by_the_enumeration(service) -> None:
    documented = set(service.app.openapi()["paths"])
    concrete = {re.sub(r"\{\w+\}", "latest", path) for path in documented}
    assert concrete <= paths(service.app.routes)
    assert "/" in paths(service.app.routes)


@pytest.mark.parametrize("method", METHODS)
async def test_no_route_answers_a_stranger_whatever_the_method(service, stranger, method) -> None:
    for path in sorted(paths(service.app.routes) | {"/nowhere", "/api/v1/live", "/docs"}):
        response = await stranger.request(method, path)
        if (method, path) in OPEN:
            assert response.status_code in {200, 405}, (method, path)
        else:
            assert response.status_code == 401, (method, path)


@pytest.mark.parametrize("header", ["authorization", "x-api-key"])
async def test_the_api_key_is_taken_from_either_header(service, stranger, header) -> None:
    value = f"Bearer {service.api_key}" if header == "authorization" else service.api_key
    response = await stranger.get("/api/v1/status", headers={header: value})
    assert response.status_code == 200
    response = await stranger.get("/api/v1/status", headers={header: value[:-1]})
    assert response.status_code == 401


async def test_a_refusal_is_a_problem_document_with_a_remedy(stranger) -> None:
    response = await stranger.get("/api/v1/status")
    assert response.headers["content-type"] == "application/problem+json"
    assert response.headers["www-authenticate"] == "Bearer"
    problem = response.json()
    assert problem["status"] == 401
    assert "Authorization: Bearer" in problem["remedy"]


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "", "[::1", "10.0.0.1"])
async def test_a_foreign_host_name_is_refused_even_with_the_key(client, host) -> None:
    response = await client.get("/livez", headers={"host": host})
    assert response.status_code == 421


@pytest.mark.parametrize("host", ["127.0.0.1:8600", "localhost", "LOCALHOST:1", "[::1]:8600"])
async def test_loopback_host_names_are_answered_at_any_port(client, host) -> None:
    assert (await client.get("/livez", headers={"host": host})).status_code == 200


async def test_a_one_time_key_admits_one_browser_once(service, stranger) -> None:
    address = f"/?key={service.keys.mint_one_time_key()}"
    first = await stranger.get(address)
    assert first.status_code == 200
    cookie = first.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert (await stranger.get("/api/v1/status")).status_code == 200
    async with service.stranger() as second_browser:
        assert (await second_browser.get(address)).status_code == 401


async def test_a_browsers_prefetch_does_not_burn_the_key(service, stranger) -> None:
    address = f"/?key={service.keys.mint_one_time_key()}"
    early = await stranger.get(address, headers={"sec-purpose": "prefetch;prerender"})
    assert early.status_code == 503
    assert (await stranger.get(address)).status_code == 200


async def test_reloading_the_used_address_keeps_the_admitted_browser_in(service, stranger) -> None:
    address = f"/?key={service.keys.mint_one_time_key()}"
    assert (await stranger.get(address)).status_code == 200
    assert (await stranger.get(address)).status_code == 200


async def test_a_cookie_expires_and_a_forged_one_is_worthless(service, clock, stranger) -> None:
    cookie = service.keys.trade(service.keys.mint_one_time_key())
    name = service.keys.cookie_name
    good = {"cookie": f"{name}={cookie}"}
    assert (await stranger.get("/api/v1/status", headers=good)).status_code == 200
    for forged in (cookie[:-1], "1.99999999999.x." + cookie.rpartition(".")[2], "", "a=b"):
        headers = {"cookie": f"{name}={forged}"}
        assert (await stranger.get("/api/v1/status", headers=headers)).status_code == 401
    clock.now_s += 8 * 24 * 3600
    assert (await stranger.get("/api/v1/status", headers=good)).status_code == 401


async def test_a_cookie_may_not_act_for_a_page_of_another_origin(service, stranger) -> None:
    await stranger.get(f"/?key={service.keys.mint_one_time_key()}")
    path = "/api/v1/one-time-keys"
    assert (await stranger.post(path)).status_code == 403
    foreign = {"origin": "http://127.0.0.1:9999"}
    assert (await stranger.post(path, headers=foreign)).status_code == 403
    own = {"origin": "http://127.0.0.1"}
    assert (await stranger.post(path, headers=own)).status_code == 201


async def test_a_minted_key_opens_the_dashboard(client, stranger) -> None:
    minted = (await client.post("/api/v1/one-time-keys")).json()
    assert (await stranger.get(minted["path"])).status_code == 200


def secured(response: httpx.Response) -> bool:
    headers = response.headers
    return (
        "default-src 'self'" in headers["content-security-policy"]
        and "frame-ancestors 'none'" in headers["content-security-policy"]
        and "unsafe" not in headers["content-security-policy"]
        and headers["x-content-type-options"] == "nosniff"
        and headers["referrer-policy"] == "no-referrer"
    )


async def test_every_kind_of_reply_carries_the_security_headers(client, stranger) -> None:
    for path in ("/", "/livez", "/assets/app-0123.js", "/nowhere", "/api/v1/status", "/metrics"):
        assert secured(await client.get(path)), path
        assert secured(await stranger.get(path)), path


async def test_a_fault_inside_tells_the_caller_nothing_of_it(service, client) -> None:
    @service.app.get("/fault")
    async def fault() -> None:
        raise RuntimeError("the secret of the inside")

    response = await client.get("/fault")
    assert response.status_code == 500
    assert "secret" not in response.text
    assert response.headers["content-type"] == "application/problem+json"
