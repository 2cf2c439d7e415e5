from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from edge_agent.app import stream
from edge_agent.settings import EdgeSettings, LinkSettings
from shared.clock import SystemClock
from shared.errors import KeyRefusedError

Serving = Callable[[Any], AbstractAsyncContextManager[Any]]
SettingsFor = Callable[..., EdgeSettings]


async def test_every_frame_of_a_replay_arrives_once_in_order_and_chained(
    fakes: SimpleNamespace, serving: Serving, settings_for: SettingsFor
) -> None:
    async with serving(fakes.Service()) as service:
        source = fakes.ListSource([fakes.image(n) for n in range(12)], pausable=True)
        failures = await stream(source, settings_for(service.port, max_frames=3), SystemClock())
    assert not failures
    assert [frame.index for frame in service.frames] == list(range(12))
    chain = [frame.name for frame in service.frames]
    assert [frame.previous for frame in service.frames] == [None, *chain[:-1]]
    assert service.statuses[-1].state == "finished"
    assert service.statuses[-1].unacknowledged == 0


async def test_a_frame_the_service_cannot_use_is_reported_and_the_others_go_on(
    fakes: SimpleNamespace, serving: Serving, settings_for: SettingsFor
) -> None:
    async with serving(fakes.Service(reject=frozenset({1}))) as service:
        source = fakes.ListSource([fakes.image(n) for n in range(3)], pausable=True)
        failures = await stream(source, settings_for(service.port), SystemClock())
    assert [(f.origin, f.reason) for f in failures] == [("image 1", "no lattice in it")]
    assert len(service.frames) == 3


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_a_signal_ends_a_live_source_cleanly(
    fakes: SimpleNamespace, number: int, serving: Serving, settings_for: SettingsFor
) -> None:
    async with serving(fakes.Service()) as service:
        source = fakes.ListSource([fakes.image(1)], endless=True)
        running = asyncio.create_task(stream(source, settings_for(service.port), SystemClock()))
        while not service.frames:
            await asyncio.sleep(0.01)
        os.kill(os.getpid(), number)
        assert await asyncio.wait_for(running, 10) == ()
    assert source.closed.is_set()


async def test_a_second_signal_does_not_wait_for_answers_that_never_come(
    fakes: SimpleNamespace, serving: Serving, settings_for: SettingsFor
) -> None:
    async with serving(fakes.Service(answers=False)) as service:
        source = fakes.ListSource([fakes.image(1)], pausable=True)
        settings = settings_for(service.port, drain_s=3600)
        running = asyncio.create_task(stream(source, settings, SystemClock()))
        while not service.frames:
            await asyncio.sleep(0.01)
        for _ in range(2):
            os.kill(os.getpid(), signal.SIGTERM)
            await asyncio.sleep(0.05)
        await asyncio.wait_for(running, 10)


async def test_a_service_that_comes_up_late_still_gets_everything(
    fakes: SimpleNamespace, serving: Serving, settings_for: SettingsFor
) -> None:
    async with serving(fakes.Service()) as early:
        port = early.port
    source = fakes.ListSource([fakes.image(n) for n in range(3)], pausable=True)
    running = asyncio.create_task(stream(source, settings_for(port), SystemClock()))
    await asyncio.sleep(1.5)  # longer than the patience with a service that answers
    assert not running.done()
    async with serving(fakes.Service(port=port)) as service:
        assert await asyncio.wait_for(running, 10) == ()
    assert [frame.index for frame in service.frames] == [0, 1, 2]


async def test_a_key_that_is_not_authorised_ends_with_the_remedy(
    fakes: SimpleNamespace, serving: Serving, settings_for: SettingsFor, key_folder: Path
) -> None:
    async with serving(fakes.Service()) as service:
        settings = settings_for(service.port)
        link = settings.link.model_copy(update={"key_file": key_folder / "stranger.key_secret"})
        source = fakes.ListSource([fakes.image(1)], pausable=True, endless=True)
        with pytest.raises(KeyRefusedError, match="refuses this key") as caught:
            await asyncio.wait_for(
                stream(source, settings.model_copy(update={"link": link}), SystemClock()), 15
            )
    assert "authorized" in caught.value.remedy
    assert not service.frames


async def test_a_wrong_server_key_ends_with_the_remedy(
    fakes: SimpleNamespace, serving: Serving, settings_for: SettingsFor, key_folder: Path
) -> None:
    async with serving(fakes.Service()) as service:
        settings = settings_for(service.port)
        link = settings.link.model_copy(update={"server_key": key_folder / "stranger.key"})
        source = fakes.ListSource([fakes.image(1)], pausable=True, endless=True)
        with pytest.raises(KeyRefusedError, match="handshake") as caught:
            await asyncio.wait_for(
                stream(source, settings.model_copy(update={"link": link}), SystemClock()), 15
            )
    assert "pinned server key" in caught.value.remedy


@pytest.mark.parametrize("missing", ["server_key", "key_file"])
async def test_without_keys_nothing_is_dialled(
    fakes: SimpleNamespace, missing: str, settings_for: SettingsFor
) -> None:
    settings = settings_for(1)
    link = LinkSettings.model_validate(settings.link.model_dump() | {missing: None})
    with pytest.raises(KeyRefusedError, match=missing):
        await stream(
            fakes.ListSource([]), settings.model_copy(update={"link": link}), SystemClock()
        )
