"""The bell: heard when it can be, missed without harm when it cannot."""

from __future__ import annotations

import asyncio
import stat
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from sim_dispatcher.ledger.bell import BELL_NAME, LONGEST, Bell, ring


@asynccontextmanager
async def hung(folder: Path) -> AsyncIterator[tuple[Bell, asyncio.Event]]:
    bell, heard = Bell(folder), asyncio.Event()
    bell.hang(heard.set)
    try:
        yield bell, heard
    finally:
        bell.take_down()


async def hears(heard: asyncio.Event) -> None:
    async with asyncio.timeout(10):
        await heard.wait()
    heard.clear()


async def test_a_ring_is_heard_again_and_again(tmp_path: Path) -> None:
    async with hung(tmp_path / "jobs") as (bell, heard):
        assert bell.hangs
        for _ in range(3):
            ring(tmp_path / "jobs")
            await hears(heard)


async def test_a_thousand_rings_neither_block_nor_fail(tmp_path: Path) -> None:
    async with hung(tmp_path) as (_, heard):
        for _ in range(1000):
            ring(tmp_path)
        await hears(heard)
        await asyncio.sleep(0)
        assert not heard.is_set()


async def test_only_its_owner_may_ring(tmp_path: Path) -> None:
    async with hung(tmp_path):
        assert stat.S_IMODE((tmp_path / BELL_NAME).stat().st_mode) == 0o600


def test_ringing_where_nobody_listens_does_nothing(tmp_path: Path) -> None:
    ring(tmp_path)
    ring(tmp_path / "missing")
    ring(Path("/") / ("x" * 300))


async def test_a_folder_too_deep_for_a_socket_name_has_a_bell_all_the_same(
    tmp_path: Path,
) -> None:
    deep = tmp_path / ("d" * 90) / ("e" * 90)
    assert len(str(deep)) > LONGEST
    async with hung(deep) as (bell, heard):
        assert bell.hangs
        ring(deep)
        await hears(heard)


async def test_a_bell_left_by_a_killed_dispatcher_is_replaced(tmp_path: Path) -> None:
    killed = Bell(tmp_path)
    killed.hang(lambda: None)
    async with hung(tmp_path) as (_, heard):
        killed.take_down()  # its last act must not take the new one down
        ring(tmp_path)
        await hears(heard)


async def test_a_place_where_no_bell_can_hang_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    bell = Bell(tmp_path / "file")
    bell.hang(lambda: None)
    assert not bell.hangs
    bell.take_down()
