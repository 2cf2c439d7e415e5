"""The service's side of the frame link: what edges and dispatchers send, and what they get."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import numpy as np
import structlog
from blake3 import blake3

from inference_service.analyst import Work
from inference_service.session import Session
from inference_service.settings import LinkSettings
from shared.clock import Clock
from shared.codec import Envelope, encode_atoms
from shared.errors import RemoteProtocolError
from shared.messages import (
    Answer,
    Atoms,
    AtomTable,
    Defect,
    DispatcherStatus,
    EdgeStatus,
    Frame,
    Job,
    Order,
    OrderOutcome,
    Roi,
)
from shared.protocol import (
    Delivered,
    Event,
    Identity,
    Inbox,
    Link,
    LinkDown,
    LinkUp,
    Outbox,
    Rejected,
)
from shared.software import fresh_stream, software
from shared.transport import Peer

__all__ = ["Diallers"]

_log = structlog.get_logger(__name__)

RESULTS_KEPT: Final = 32
"""Results kept for a dialler that does not take them; then it misses the newest, counted."""


class Diallers:
    """Handles every dialler of the frame link; all calls come from the event loop's thread.

    Args:
        session: Gets ROIs, jobs, answers and states.
        settings: Credit and limits.
        clock: Time.

    Attributes:
        missed: Results that a connected dialler could not take, by role.
    """

    def __init__(self, session: Session, settings: LinkSettings, clock: Clock) -> None:
        self._session = session
        self._settings = settings
        self._clock = clock
        self._up: dict[Link, Peer] = {}
        self.missed = {"edge": 0, "dispatcher": 0}
        session.orders.connect(self.carry)
        self._take: Callable[[Work], None] = _nobody
        self._wake: Callable[..., None] = _nobody

    def connect(self, take: Callable[[Work], None], wake: Callable[[], None]) -> None:
        """Say who looks at frames, and how the link is told that something is ready."""
        self._take, self._wake = take, wake

    def open_link(self, peer: Peer) -> Link:
        """Return a fresh link for a peer that dialled."""
        del peer
        identity = Identity("service", "inference", software(), fresh_stream("service"))
        window_bytes = max(self._settings.max_frame_bytes, 1)
        inbox = Inbox(self._settings.window_frames, window_bytes)
        return Link(identity, Outbox(RESULTS_KEPT), inbox)

    def on_event(self, peer: Peer, link: Link, event: Event) -> None:
        """Take an event of a peer's link."""
        match event:
            case LinkUp():
                self._up[link] = peer
                self._tell(peer)
                self._repeat_orders(peer, link)
                _log.info("link up", role=peer.role, peer=event.peer, software=event.software)
            case LinkDown():
                self._up.pop(link, None)
                self._tell(peer)
                _log.info("link down", role=peer.role, peer=peer.name, reason=event.reason)
            case Delivered():
                self._deliver(peer, link, event.envelope)
            case Rejected(message=Order() as order, reason=reason):
                self._settle_rejected(order, reason)
            case _:
                pass

    def publish(self, atoms: Atoms, table: AtomTable, defects: Sequence[Defect]) -> None:
        """Send the atoms of a frame to every connected edge and dispatcher."""
        payload = encode_atoms(table, defects)
        for link, peer in self._up.items():
            if link.outbox.has_room(sum(map(len, payload))):
                link.outbox.offer(atoms, payload)
            else:
                self.missed[peer.role] += 1
        self._wake()

    def carry(self, order: Order) -> int:
        """Offer an order to every connected dispatcher.

        Args:
            order: What the operator asks for.

        Returns:
            How many took it.
        """
        dispatchers = [link for link, peer in self._up.items() if peer.role == "dispatcher"]
        taken = [link for link in dispatchers if link.outbox.has_room(0)]
        for link in taken:
            link.outbox.offer(order)
        self._wake()
        return len(taken)

    def _repeat_orders(self, peer: Peer, link: Link) -> None:
        """Offer what no dispatcher has answered to one that came; it knows them by their ids."""
        if peer.role != "dispatcher":
            return
        for order in self._session.orders.unanswered():
            if not link.outbox.has_room(0):
                return
            link.outbox.offer(order)

    def _settle_rejected(self, order: Order, reason: str) -> None:
        now_ns = self._clock.wall_ns()
        refused = OrderOutcome(id=order.id, accepted=False, message=reason[:500], at_ns=now_ns)
        self._session.orders.settle(refused)

    def _tell(self, peer: Peer) -> None:
        connected = any(other.role == peer.role for other in self._up.values())
        self._session.set_connected(peer.role, connected=connected)

    def _deliver(self, peer: Peer, link: Link, envelope: Envelope) -> None:
        try:
            if peer.role == "edge":
                self._from_edge(link, envelope)
            else:
                self._from_dispatcher(envelope)
                link.done(envelope.seq)
        except RemoteProtocolError as error:
            _log.warning("message refused", role=peer.role, peer=peer.name, reason=str(error))
            if envelope.seq:
                link.reject(envelope.seq, str(error))
        self._wake()

    def _from_edge(self, link: Link, envelope: Envelope) -> None:
        match envelope.message:
            case Frame() as frame:
                self._check_size(frame, envelope)
                self._take(self._work(link, frame, envelope))
            case EdgeStatus() as status:
                self._session.apply(status)
            case _:
                raise _out_of_turn(envelope)

    def _from_dispatcher(self, envelope: Envelope) -> None:
        match envelope.message:
            case Roi() | Job() | DispatcherStatus() as update:
                self._session.apply(update)
            case OrderOutcome() as outcome:
                self._session.orders.settle(outcome)
            case Answer() as answer:
                files = _files(answer, envelope)
                self._session.add_answer(answer, _structure(envelope), files)
            case _:
                raise _out_of_turn(envelope)

    def _work(self, link: Link, frame: Frame, envelope: Envelope) -> Work:
        def confirm() -> None:
            link.done(envelope.seq)
            self._wake()

        def reject(reason: str) -> None:
            link.reject(envelope.seq, reason)
            self._wake()

        return Work(frame, envelope.payload[0], self._clock.monotonic_s(), confirm, reject)

    def _check_size(self, frame: Frame, envelope: Envelope) -> None:
        rows, columns = frame.shape
        nbytes = rows * columns * np.dtype(frame.pixel_type).itemsize
        if nbytes > self._settings.max_frame_bytes:
            raise RemoteProtocolError(
                f"Frame {frame.index} of {rows} x {columns} pixels takes {nbytes} bytes; "
                f"{self._settings.max_frame_bytes} are allowed.",
                remedy="Raise link.max_frame_bytes on the service, or scan fewer pixels.",
            )
        if len(envelope.payload) != 1:
            raise RemoteProtocolError(
                f"Frame {frame.index} has {len(envelope.payload)} payloads instead of one.",
                remedy="Run the same AtomLoop version on both sides.",
            )


def _structure(envelope: Envelope) -> str:
    try:
        return bytes(envelope.payload[0]).decode("utf-8")
    except (IndexError, ValueError) as error:
        raise RemoteProtocolError(
            "An answer carries no readable structure.",
            remedy="Run the same AtomLoop version on both sides.",
        ) from error


def _files(answer: Answer, envelope: Envelope) -> list[bytes]:
    """Return an answer's attached files, each as long and of the content it claims to be."""
    files = [bytes(part) for part in envelope.payload[1:]]
    said = [(each.nbytes, each.digest) for each in answer.attachments]
    if said != [(len(content), blake3(content).hexdigest()) for content in files]:
        raise RemoteProtocolError(
            f"The files of answer {answer.job} are not what their names say.",
            remedy="Run the same AtomLoop version on both sides.",
        )
    return files


def _out_of_turn(envelope: Envelope) -> RemoteProtocolError:
    kind = type(envelope.message).__name__
    return RemoteProtocolError(
        f"A {kind} is not for this dialler to send.", remedy="Authorise its key for another role."
    )


def _nobody(*_: object) -> None:
    """Stand in until the parts are connected."""
