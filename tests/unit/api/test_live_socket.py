"""The live view over real sockets: admission, credit, latest wins, stalled and hostile viewers."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from inference_service.admission import Admission
from inference_service.live import socket as live_socket
from inference_service.live.codec import HEADER
from inference_service.live.hub import LiveHub
from shared.messages import EdgeStatus

OPERATOR = Admission("test", "operate")
BOUND_S = 20
"""Only a deadlock takes this long."""


@asynccontextmanager
async def viewer(service, address, **options):
    headers = options.pop("headers", {"authorization": f"Bearer {service.api_key}"})
    async with asyncio.timeout(BOUND_S):
        async with connect(
            f"ws://{address}/api/v1/live", additional_headers=headers, proxy=None, **options
        ) as socket:
            yield socket


async def next_of(socket, kind: str):
    """The next event of a type, or the next binary message, skipping others."""
    while True:
        message = await socket.recv()
        if isinstance(message, bytes):
            if kind == "frame":
                return message
        elif json.loads(message)["type"] == kind:
            return json.loads(message)


async def close_code(socket) -> int:
    """Listen until the service closes the socket."""
    with pytest.raises(ConnectionClosed) as closed:
        await anext(message async for message in endless(socket) if message is None)
    return closed.value.rcvd.code


async def endless(socket):
    """Every message until the socket closes, which is raised."""
    while True:
        yield await socket.recv()


def index_of(message: bytes) -> int:
    fields = HEADER.unpack_from(message)
    return json.loads(message[len(message) - fields[6] :])["index"]


async def test_a_viewer_is_greeted_then_told_everything_then_shown_the_newest_frame(
    service, address, make
) -> None:
    for index in range(3):
        service.show(make, index)
    service.session.apply(make.roi())
    service.session.add_answer(make.answer(), "structure")
    async with viewer(service, address) as socket:
        greeting = json.loads(await socket.recv())
        assert greeting == {
            "type": "greeting",
            "protocol": 1,
            "window": 2,
            "started_at_ns": service.session.started_at_ns,
            "may_operate": True,
        }
        snapshot = json.loads(await socket.recv())
        assert snapshot["reset"] is True
        assert [roi["key"] for roi in snapshot["rois"]] == ["roi-1"]
        assert snapshot["answers"][0]["result"]["energy_eV"] == -100.5
        pulse = await next_of(socket, "pulse")
        assert pulse["status"]["frames_received"] == 3
        assert index_of(await next_of(socket, "frame")) == 2


async def test_compression_is_not_negotiated_even_where_the_viewer_offers_it(
    service, address
) -> None:
    async with viewer(service, address, compression="deflate") as socket:
        assert "permessage-deflate" in socket.request.headers["Sec-WebSocket-Extensions"]
        assert "Sec-WebSocket-Extensions" not in socket.response.headers


async def test_changes_arrive_as_events_and_each_entry_in_its_last_state(
    service, address, make
) -> None:
    async with viewer(service, address) as socket:
        await next_of(socket, "update")
        service.session.apply(make.roi(state="queued"))
        service.session.apply(make.roi(state="running"))
        service.session.apply(make.job())
        update = await next_of(socket, "update")
        assert update["reset"] is False
        assert [(roi["key"], roi["state"]) for roi in update["rois"]] == [("roi-1", "running")]
        assert [job["key"] for job in update["jobs"]] == ["job-1"]


async def test_a_stalled_viewer_holds_back_neither_the_pipeline_nor_the_others(
    service, address, make
) -> None:
    async with viewer(service, address) as stalled, viewer(service, address) as lively:
        seen = []
        for index in range(30):
            service.show(make, index)
            seen.append(index_of(await next_of(lively, "frame")))
            await lively.send(json.dumps({"type": "painted", "total": len(seen)}))
        assert seen == list(range(30))
        got = [index_of(await next_of(stalled, "frame")) for _ in range(2)]
        assert got[-1] < 29
        await stalled.send(json.dumps({"type": "painted", "total": 2}))
        assert index_of(await next_of(stalled, "frame")) == 29


async def test_frames_without_atoms_are_shown_only_where_there_is_nothing_better(
    service, address, make, clock
) -> None:
    async with viewer(service, address) as socket:
        service.session.add_frame(make.frame(0), make.pixels())
        message = await next_of(socket, "frame")
        assert (index_of(message), HEADER.unpack_from(message)[2]) == (0, 0)
        await socket.send('{"type": "painted", "total": 1}')
        service.show(make, 1)
        message = await next_of(socket, "frame")
        assert (index_of(message), HEADER.unpack_from(message)[2]) == (1, 1)
        await socket.send('{"type": "painted", "total": 2}')
        service.session.add_frame(make.frame(2), make.pixels())
        clock.now_s += 11
        service.session.add_frame(make.frame(3), make.pixels())
        message = await next_of(socket, "frame")
        assert (index_of(message), HEADER.unpack_from(message)[2]) == (3, 0)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"authorization": "Bearer wrong"},
        {"origin": "http://evil.example", "cookie": "COOKIE"},
        {"cookie": "COOKIE"},
    ],
)
async def test_a_stranger_or_a_foreign_page_gets_no_socket(service, address, headers) -> None:
    cookie = service.keys.trade(service.keys.mint_one_time_key())
    headers = {
        name: value.replace("COOKIE", f"{service.keys.cookie_name}={cookie}")
        for name, value in headers.items()
    }
    with pytest.raises(InvalidStatus, match="403"):
        async with viewer(service, address, headers=headers):
            pytest.fail("was admitted")


async def test_the_dashboards_own_page_is_admitted_by_its_cookie(service, address) -> None:
    cookie = service.keys.trade(service.keys.mint_one_time_key())
    headers = {"origin": f"http://{address}", "cookie": f"{service.keys.cookie_name}={cookie}"}
    async with viewer(service, address, headers=headers) as socket:
        assert (await next_of(socket, "greeting"))["protocol"] == 1


@pytest.mark.parametrize(
    "nonsense",
    [
        "not json",
        '{"type": "shutdown"}',
        '{"type": "painted", "total": 7}',
        '{"type": "painted"}',
        b"\x00\x01",
    ],
)
async def test_a_viewer_that_breaks_the_protocol_is_closed(service, address, nonsense) -> None:
    async with viewer(service, address) as socket:
        await next_of(socket, "greeting")
        await socket.send(nonsense)
        assert await close_code(socket) == 1008


async def test_an_oversized_word_is_refused(service, address) -> None:
    async with viewer(service, address) as socket:
        await socket.send("x" * 5000)
        assert await close_code(socket) == 1009


async def test_a_viewer_that_falls_silent_is_let_go(service, address, clock) -> None:
    async with viewer(service, address) as socket:
        await next_of(socket, "pulse")
        clock.now_s += live_socket.SILENCE_S
        service.session.apply(
            EdgeStatus(
                source="s", state="paused", offered=0, accepted=0, skipped=0, unacknowledged=0
            )
        )
        assert await close_code(socket) == 1013


async def test_more_viewers_than_allowed_are_turned_away(new_service) -> None:
    service = new_service()
    hub = LiveHub(service.session, list, window=1, max_viewers=2)
    first, second = hub.attach(OPERATOR), hub.attach(OPERATOR)
    assert hub.attach(OPERATOR) is None
    hub.detach(first)
    assert hub.attach(OPERATOR) is not None
    assert second is not None


async def test_one_frame_is_encoded_once_for_all_viewers(service, make) -> None:
    hub = LiveHub(service.session, list, window=1, max_viewers=2)
    service.show(make)
    record = service.session.latest
    first, second = await asyncio.gather(hub.encoded(record), hub.encoded(record))
    assert first is second
