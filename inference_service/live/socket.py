"""The WebSocket of the live view: a thin shell around the hub and a viewer's mailbox."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Final

from fastapi import APIRouter, WebSocket, WebSocketDisconnect
from pydantic import ValidationError

from inference_service.live.codec import VERSION
from inference_service.live.events import (
    VIEWER_MESSAGE,
    Asked,
    Greeting,
    Painted,
    Pulse,
    snapshot,
    update,
)
from inference_service.live.hub import LiveHub, Viewer

__all__ = ["PATH", "live_router"]

PATH: Final = "/api/v1/live"

PULSE_S: Final = 1.0
SEND_TIMEOUT_S: Final = 2.0
"""A viewer whose socket takes no byte for so long is let go."""

SILENCE_S: Final = 20.0
"""A viewer that returned no pulse for so long is let go: 20 pulses."""

MAX_MESSAGE_CHARACTERS: Final = 4096

LEFT: Final = (WebSocketDisconnect, RuntimeError)
"""What sending raises once the viewer has gone or the socket is closed."""

TRY_AGAIN_LATER: Final = 1013
POLICY_VIOLATION: Final = 1008


def live_router(hub: LiveHub, pulse_s: float = PULSE_S) -> APIRouter:
    """Return the router of the live view.

    Args:
        hub: Where viewers attach.
        pulse_s: Seconds between pulses.
    """
    router = APIRouter()

    @router.websocket(PATH)
    async def live(websocket: WebSocket) -> None:
        await websocket.accept()
        viewer = hub.attach(websocket.state.admission)
        if viewer is None:
            await websocket.close(TRY_AGAIN_LATER, "too many live views")
            return
        try:
            await _serve(websocket, hub, viewer, pulse_s)
        finally:
            hub.detach(viewer)

    return router


async def _serve(websocket: WebSocket, hub: LiveHub, viewer: Viewer, pulse_s: float) -> None:
    sender = asyncio.create_task(_send(websocket, hub, viewer, pulse_s))
    listener = asyncio.create_task(_listen(websocket, hub, viewer))
    try:
        await asyncio.wait({sender, listener}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        sender.cancel()
        listener.cancel()
        results = await asyncio.gather(sender, listener, return_exceptions=True)
    code = next((result for result in results if isinstance(result, int)), None)
    for result in results:
        if isinstance(result, Exception) and not isinstance(result, LEFT):
            raise result
    if code is not None:
        with suppress(*LEFT):
            await websocket.close(code)


async def _send(websocket: WebSocket, hub: LiveHub, viewer: Viewer, pulse_s: float) -> int:
    """Send until the viewer falls silent; returns the close code."""
    loop = asyncio.get_running_loop()
    greeting = Greeting(
        protocol=VERSION,
        window=hub.window,
        started_at_ns=hub.session.started_at_ns,
        may_operate=viewer.admission.may_operate,
    )
    try:
        await _text(websocket, greeting.model_dump_json())
        await _text(websocket, snapshot(hub.session).model_dump_json())
        next_pulse = loop.time()
        while hub.session.now_s() - viewer.heard_at_s < SILENCE_S:
            if loop.time() >= next_pulse:
                next_pulse = loop.time() + pulse_s
                await _text(websocket, _pulse(hub, viewer))
            with suppress(TimeoutError):
                async with asyncio.timeout_at(next_pulse):  # wait_for can swallow a cancellation
                    await viewer.wake.wait()
            viewer.wake.clear()
            await _deliver(websocket, hub, viewer)
    except TimeoutError:
        pass
    return TRY_AGAIN_LATER


async def _deliver(websocket: WebSocket, hub: LiveHub, viewer: Viewer) -> None:
    """Send what waits: the words first, so that a box is never older than its frame."""
    words = update(hub.session, viewer.mailbox.take_changes())
    if words is not None:
        await _text(websocket, words.model_dump_json())
    while viewer.refusals:
        await _text(websocket, viewer.refusals.popleft().model_dump_json())
    record = viewer.mailbox.take_frame()
    if record is not None:
        message = await hub.encoded(record)
        async with asyncio.timeout(SEND_TIMEOUT_S):
            await websocket.send_bytes(message)


async def _listen(websocket: WebSocket, hub: LiveHub, viewer: Viewer) -> int | None:
    """Take the viewer's words until it leaves; returns a close code where it misbehaves."""
    try:
        while True:
            text = await websocket.receive_text()
            if len(text) > MAX_MESSAGE_CHARACTERS:
                return POLICY_VIOLATION
            message = VIEWER_MESSAGE.validate_json(text)
            now_s = hub.session.now_s()
            viewer.heard_at_s = now_s
            if isinstance(message, Painted):
                viewer.mailbox.painted(message.total)
                viewer.wake.set()
            elif isinstance(message, Asked):
                hub.order(viewer, message.order)
            else:
                viewer.round_trip_s = max(0.0, now_s - message.now_s)
    except (ValidationError, ValueError, KeyError):
        return POLICY_VIOLATION
    except WebSocketDisconnect:
        return None


def _pulse(hub: LiveHub, viewer: Viewer) -> str:
    status = hub.status()
    pulse = Pulse(now_s=hub.session.now_s(), round_trip_s=viewer.round_trip_s, status=status)
    return pulse.model_dump_json()


async def _text(websocket: WebSocket, text: str) -> None:
    async with asyncio.timeout(SEND_TIMEOUT_S):
        await websocket.send_text(text)
