"""Orders over REST and the live view: who may give them, and that each counts once."""

from __future__ import annotations

import json

import pytest
from websockets.asyncio.client import connect

from shared.messages import Order, OrderOutcome

PATH = "/api/v1/orders"
PICK = {"action": "pick", "roi": "roi-1"}
READER_KEY = "r" * 43


@pytest.fixture
def carried(service) -> list[Order]:
    """What a connected dispatcher was offered."""
    orders: list[Order] = []

    def carry(order: Order) -> int:
        orders.append(order)
        return 1

    service.session.orders.connect(carry)
    return orders


def outcome(order_id: str, *, accepted: bool = True) -> OrderOutcome:
    return OrderOutcome(id=order_id, accepted=accepted, message="picked", undo="release", at_ns=1)


def cookie(service, rights: str) -> dict[str, str]:
    value = service.keys.trade(service.keys.mint_one_time_key(rights))
    return {"cookie": f"{service.keys.cookie_name}={value}"}


@pytest.mark.parametrize(
    ("who", "status"),
    [
        ("nobody", 401),
        ("a wrong key", 401),
        ("the reader's key", 403),
        ("a reading browser", 403),
        ("a browser without an origin", 403),
        ("a browser on a foreign page", 403),
        ("a browser on the dashboard", 202),
        ("the API key", 202),
    ],
)
async def test_only_who_may_operate_can_order(new_service, who, status) -> None:
    service = new_service(reader_key=READER_KEY)
    orders: list[Order] = []
    service.session.orders.connect(lambda order: orders.append(order) or 1)
    own = {"origin": "http://127.0.0.1"}
    headers = {
        "nobody": {},
        "a wrong key": {"x-api-key": "w" * 43},
        "the reader's key": {"x-api-key": READER_KEY},
        "a reading browser": cookie(service, "read") | own,
        "a browser without an origin": cookie(service, "operate"),
        "a browser on a foreign page": cookie(service, "operate") | {"origin": "http://evil.test"},
        "a browser on the dashboard": cookie(service, "operate") | own,
        "the API key": {"authorization": f"Bearer {service.api_key}"},
    }[who]
    async with service.stranger() as anyone:
        response = await anyone.post(PATH, json=PICK, headers=headers)
    assert response.status_code == status
    assert len(orders) == (status == 202)


async def test_a_reader_sees_everything_and_changes_nothing(new_service, make) -> None:
    service = new_service(reader_key=READER_KEY)
    service.show(make)
    async with service.stranger(headers={"x-api-key": READER_KEY}) as reader:
        assert (await reader.get("/api/v1/frames/latest/atoms")).status_code == 200
        assert (await reader.get(PATH)).status_code == 200
        refused = await reader.post("/api/v1/one-time-keys")
        assert (refused.status_code, refused.json()["type"]) == (
            403,
            "urn:atomloop:problem:read-only",
        )


async def test_a_read_only_address_makes_a_read_only_browser(client, service) -> None:
    minted = (await client.post("/api/v1/one-time-keys?rights=read")).json()
    assert minted["rights"] == "read"
    async with service.stranger(headers={"origin": "http://127.0.0.1"}) as browser:
        assert (await browser.get(minted["path"])).status_code == 200
        assert (await browser.get(PATH)).status_code == 200
        assert (await browser.post(PATH, json=PICK)).status_code == 403


async def test_an_order_is_taken_named_and_answered_later(client, service, carried) -> None:
    taken = await client.post(PATH, json=PICK)
    assert taken.status_code == 202
    body = taken.json()
    assert body["outcome"] is None
    assert [(o.id, o.action, o.roi, o.by) for o in carried] == [
        (body["id"], "pick", "roi-1", "API key")
    ]
    service.session.orders.settle(outcome(body["id"]))
    later = (await client.get(f"{PATH}/{body['id']}")).json()
    assert (later["outcome"]["accepted"], later["outcome"]["undo"]) == (True, "release")
    assert (await client.get(PATH)).json()["total"] == 1


@pytest.mark.parametrize("way", ["header", "body"])
async def test_the_same_id_twice_is_one_order_and_another_under_it_is_refused(
    client, carried, way
) -> None:
    headers = {"idempotency-key": "click-7"} if way == "header" else {}
    body = PICK if way == "header" else PICK | {"id": "click-7"}
    first = await client.post(PATH, json=body, headers=headers)
    again = await client.post(PATH, json=body, headers=headers)
    assert (first.status_code, again.status_code) == (202, 202)
    assert first.json() == again.json()
    assert len(carried) == 1
    other = await client.post(PATH, json=body | {"action": "dismiss"}, headers=headers)
    assert (other.status_code, other.json()["type"]) == (
        422,
        "urn:atomloop:problem:order-id-reused",
    )


async def test_two_different_ids_for_one_order_are_refused(client, carried) -> None:
    headers = {"idempotency-key": "one"}
    response = await client.post(PATH, json=PICK | {"id": "other"}, headers=headers)
    assert (response.status_code, response.json()["type"]) == (422, "urn:atomloop:problem:two-ids")
    same = await client.post(PATH, json=PICK | {"id": "one"}, headers=headers)
    assert same.status_code == 202
    assert [order.id for order in carried] == ["one"]


async def test_without_a_dispatcher_nothing_is_taken_and_the_id_stays_free(client, service) -> None:
    body = PICK | {"id": "click-1"}
    refused = await client.post(PATH, json=body)
    assert (refused.status_code, refused.json()["type"]) == (
        409,
        "urn:atomloop:problem:no-dispatcher",
    )
    assert (await client.get(f"{PATH}/click-1")).status_code == 404
    service.session.orders.connect(lambda _order: 1)
    assert (await client.post(PATH, json=body)).status_code == 202


@pytest.mark.parametrize(
    ("body", "culprit"),
    [
        ({"action": "pick"}, "needs roi"),
        ({"action": "compute", "roi": "r"}, "needs recipe"),
        ({"action": "look_at", "x_A": 1.0}, "needs y_A"),
        ({"action": "cancel"}, "needs job"),
        ({"action": "pause", "roi": "r"}, "takes no roi"),
        ({"action": "pick", "roi": "r", "level": "gfn1"}, "takes no level"),
        ({"action": "explode"}, "action"),
        ({"action": "pick", "roi": "r; rm -rf"}, "roi"),
        ({"action": "pick", "roi": "r", "shell": "x"}, "shell"),
        (
            {"action": "compute", "roi": "r", "recipe": "md", "options": {"temperature_K": -1}},
            "temperature_K",
        ),
    ],
)
async def test_an_order_that_makes_no_sense_is_refused_by_name(
    client, carried, body, culprit
) -> None:
    response = await client.post(PATH, json=body)
    assert response.status_code == 422
    assert culprit in response.json()["detail"]
    assert carried == []


async def test_a_place_of_an_earlier_sitting_is_refused(client, service, make, carried) -> None:
    service.show(make, session="sitting-2")
    look = {"action": "look_at", "x_A": 1.0, "y_A": 2.0, "session": "sitting-1"}
    assert (await client.post(PATH, json=look)).json()["type"].endswith("other-sitting")
    assert (await client.post(PATH, json=look | {"session": "sitting-2"})).status_code == 202
    assert [(o.x_A, o.y_A) for o in carried] == [(1.0, 2.0)]


@pytest.mark.usefixtures("carried")
async def test_orders_that_wait_are_bounded_and_never_forgotten(client, service) -> None:
    desk = service.session.orders
    desk._max_orders = 3
    for number in range(3):
        assert (await client.post(PATH, json=PICK | {"id": f"o-{number}"})).status_code == 202
    full = await client.post(PATH, json=PICK | {"id": "o-3"})
    assert (full.status_code, full.json()["type"]) == (429, "urn:atomloop:problem:too-many-orders")
    desk.settle(outcome("o-1"))
    assert (await client.post(PATH, json=PICK | {"id": "o-3"})).status_code == 202
    assert [record.order.id for record in desk.all()] == ["o-3", "o-2", "o-0"]


@pytest.mark.usefixtures("carried")
def test_of_several_dispatchers_the_one_that_did_it_counts(service) -> None:
    from inference_service.order_desk import OrderRequest

    desk = service.session.orders
    desk.take(OrderRequest(id="o", **PICK), "test")
    for accepted, expected in ((False, False), (True, True), (False, True)):
        desk.settle(outcome("o", accepted=accepted))
        assert desk.get("o").outcome.accepted is expected


async def events(socket, kind: str, count: int = 1) -> list[dict]:
    found: list[dict] = []
    while len(found) < count:
        message = await socket.recv()
        if isinstance(message, str) and json.loads(message)["type"] == kind:
            found.append(json.loads(message))
    return found


async def test_a_viewer_orders_and_every_viewer_is_told(service, address, carried) -> None:
    headers = {"authorization": f"Bearer {service.api_key}"}
    url = f"ws://{address}/api/v1/live"
    async with (
        connect(url, additional_headers=headers, proxy=None) as one,
        connect(url, additional_headers=headers, proxy=None) as other,
    ):
        (greeting,) = await events(one, "greeting")
        assert greeting["may_operate"] is True
        await events(one, "update")
        await events(other, "update")
        await one.send(json.dumps({"type": "order", "order": PICK | {"id": "click-1"}}))
        (update,) = await events(other, "update")
        assert [(o["id"], o["outcome"]) for o in update["orders"]] == [("click-1", None)]
        service.session.orders.settle(outcome("click-1"))
        (update,) = await events(other, "update")
        assert update["orders"][0]["outcome"]["message"] == "picked"
    assert [order.id for order in carried] == ["click-1"]


async def test_a_viewer_that_orders_too_fast_or_may_not_is_told_and_stays(
    service, address, carried
) -> None:
    url = f"ws://{address}/api/v1/live"
    headers = {"authorization": f"Bearer {service.api_key}"}
    async with connect(url, additional_headers=headers, proxy=None) as socket:
        for number in range(13):
            order = PICK | {"id": f"o-{number}"}
            await socket.send(json.dumps({"type": "order", "order": order}))
        refusals = await events(socket, "refusal", 3)
        assert [each["id"] for each in refusals] == ["o-10", "o-11", "o-12"]
        assert "Wait a second" in refusals[0]["remedy"]
        service.clock.now_s += 1
        await socket.send(json.dumps({"type": "order", "order": PICK | {"id": "late"}}))
        while not any(order.id == "late" for order in carried):
            await socket.recv()
    reading = cookie(service, "read") | {"origin": f"http://{address}"}
    async with connect(url, additional_headers=reading, proxy=None) as socket:
        (greeting,) = await events(socket, "greeting")
        assert greeting["may_operate"] is False
        await socket.send(json.dumps({"type": "order", "order": PICK | {"id": "never"}}))
        (refusal,) = await events(socket, "refusal")
        assert "may look and order nothing" in refusal["detail"]
    assert len(carried) == 11
