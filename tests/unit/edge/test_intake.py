from __future__ import annotations

import asyncio
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from edge_agent.intake import Intake
from edge_agent.session import Session
from edge_agent.sources.base import Offer, RefusedInput
from shared.errors import InputError, UnreadableFileError
from shared.messages import AckLevel
from shared.protocol import Outbox


def make(
    fakes: SimpleNamespace,
    offers: Sequence[Offer],
    outbox: Outbox,
    *,
    pausable: bool = False,
    endless: bool = False,
) -> tuple[Intake, Session, Any]:
    source = fakes.ListSource(offers, pausable=pausable, endless=endless)
    session = Session("s", source.describe())
    return Intake(source, session, outbox, wake=lambda: None), session, source


async def test_everything_offered_is_accepted_in_order_where_there_is_room(
    fakes: SimpleNamespace,
) -> None:
    outbox = Outbox()
    intake, session, _ = make(fakes, [fakes.image(n) for n in range(5)], outbox)
    await intake.run()
    assert len(outbox) == 5
    assert session.status(5).state == "finished"
    assert session.status(5).accepted == 5


async def test_a_live_source_is_never_kept_waiting_and_its_losses_are_counted(
    fakes: SimpleNamespace,
) -> None:
    outbox = Outbox(capacity=2)
    intake, session, _ = make(fakes, [fakes.image(n) for n in range(5)], outbox)
    await intake.run()
    status = session.status(len(outbox))
    assert (status.offered, status.accepted, status.skipped) == (5, 2, 3)
    assert not intake.failures


async def test_the_byte_bound_holds_as_well_as_the_frame_bound(fakes: SimpleNamespace) -> None:
    outbox = Outbox(capacity=100, capacity_bytes=10)
    intake, session, _ = make(fakes, [fakes.image(n) for n in range(3)], outbox)
    await intake.run()
    assert session.status(0).accepted == 1


async def test_a_source_that_can_wait_is_held_until_frames_are_answered(
    fakes: SimpleNamespace,
) -> None:
    outbox = Outbox(capacity=2)
    outbox.open(1, 99, 1 << 20)
    intake, session, _ = make(fakes, [fakes.image(n) for n in range(6)], outbox, pausable=True)
    running = asyncio.create_task(intake.run())
    while not running.done():
        await asyncio.sleep(0)
        if session.state == "paused":
            assert len(outbox) == 2
            outbox.sendable()
            outbox.acknowledge(AckLevel.INFERRED, outbox.first_seq + 1)
            intake.released()
    await running
    status = session.status(len(outbox))
    assert (status.accepted, status.skipped) == (6, 0)


async def test_frames_stay_until_their_atoms_are_acknowledged(fakes: SimpleNamespace) -> None:
    outbox = Outbox()
    intake, _, _ = make(fakes, [fakes.image(1)], outbox)
    await intake.run()
    outbox.open(1, 99, 1 << 20)
    outbox.sendable()
    outbox.acknowledge(AckLevel.STORED, 2)
    assert len(outbox) == 1
    outbox.acknowledge(AckLevel.INFERRED, 2)
    assert len(outbox) == 0


async def test_a_bad_input_is_counted_and_the_others_go_on(fakes: SimpleNamespace) -> None:
    error = UnreadableFileError("b.tif ends early.", remedy="Copy it again.")
    outbox = Outbox()
    offers: list[Offer] = [fakes.image(1), RefusedInput("b.tif", error), fakes.image(2)]
    bad = fakes.image(3)
    offers.append(type(bad)(np.full((2, 2), np.nan), bad.calibration, bad.acquisition))
    intake, session, _ = make(fakes, offers, outbox)
    await intake.run()
    assert [failure.origin for failure in intake.failures] == ["b.tif", "image 3"]
    assert "Copy it again" in intake.failures[0].reason
    assert session.status(0).refused == 2
    assert session.status(0).accepted == 2


async def test_frames_missed_at_the_instrument_count_as_offered_and_skipped(
    fakes: SimpleNamespace,
) -> None:
    intake, session, _ = make(fakes, [fakes.image(1, missed=4)], Outbox())
    await intake.run()
    status = session.status(0)
    assert (status.offered, status.accepted, status.skipped) == (5, 1, 4)


async def test_a_rejection_names_the_input_it_came_from(fakes: SimpleNamespace) -> None:
    outbox = Outbox()
    intake, session, _ = make(fakes, [fakes.image(7), fakes.image(8)], outbox)
    await intake.run()
    outbox.open(1, 99, 1 << 20)
    outbox.sendable()
    second = outbox.sendable()
    assert second is not None
    intake.rejected(second.message, "no lattice")
    assert [(f.origin, f.reason) for f in intake.failures] == [("image 8", "no lattice")]
    assert session.status(0).refused == 1


async def test_stopping_ends_a_source_that_waits_and_one_that_is_held(
    fakes: SimpleNamespace,
) -> None:
    for pausable, outbox in ((False, Outbox()), (True, Outbox(capacity=1))):
        intake, session, source = make(
            fakes, [fakes.image(1), fakes.image(2)], outbox, pausable=pausable, endless=True
        )
        running = asyncio.create_task(intake.run())
        while session.status(0).accepted + session.status(0).skipped < (1 if pausable else 2):
            await asyncio.sleep(0)
        intake.stop()
        await asyncio.wait_for(running, 5)
        assert source.closed.is_set()
        assert session.state == "finished"


async def test_a_source_that_gives_up_fails_the_session(fakes: SimpleNamespace) -> None:
    class Broken(fakes.ListSource):
        def frames(self):
            yield fakes.image(1)
            raise InputError("The scan stopped.", remedy="Start it again.")

    session = Session("s", "broken")
    intake = Intake(Broken([]), session, Outbox(), wake=lambda: None)
    with pytest.raises(InputError, match="scan stopped"):
        await intake.run()
    assert session.state == "failed"
