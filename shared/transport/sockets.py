"""Socket options of the frame link, in one place, each with its reason."""

from __future__ import annotations

from typing import Final

import zmq
import zmq.asyncio

from shared.transport.keys import KeyPair

__all__ = ["MAX_MESSAGE_BYTES", "ZAP_DOMAIN", "harden", "require_curve", "use_curve"]

MAX_MESSAGE_BYTES: Final = 1 << 30
"""Largest part libzmq accepts: 16384² float32 pixels; unset, a peer could announce 2^63."""

ZAP_DOMAIN: Final = "atomloop"


def harden(socket: zmq.asyncio.Socket) -> None:
    """Set what every socket of the link needs."""
    socket.setsockopt(zmq.LINGER, 0)  # the outbox holds what is not acknowledged
    socket.setsockopt(zmq.SNDHWM, 64)  # memory bound only: credit is the flow control
    socket.setsockopt(zmq.RCVHWM, 64)
    socket.setsockopt(zmq.MAXMSGSIZE, MAX_MESSAGE_BYTES)
    socket.setsockopt(zmq.HANDSHAKE_IVL, 5000)  # default 30 s lets silent peers hold sockets
    socket.setsockopt(zmq.HEARTBEAT_IVL, 1000)
    socket.setsockopt(zmq.HEARTBEAT_TIMEOUT, 3000)
    socket.setsockopt(zmq.HEARTBEAT_TTL, 3000)
    socket.setsockopt(zmq.TCP_KEEPALIVE, 1)


def use_curve(socket: zmq.asyncio.Socket, keys: KeyPair, server_key: bytes) -> None:
    """Dial with our keys and only to the owner of `server_key`."""
    socket.curve_publickey = keys.public
    socket.curve_secretkey = keys.secret
    socket.curve_serverkey = server_key


def require_curve(socket: zmq.asyncio.Socket, keys: KeyPair) -> None:
    """Listen with CURVE and fail closed: without an authenticator nobody gets in."""
    socket.curve_server = True
    socket.curve_secretkey = keys.secret
    socket.curve_publickey = keys.public
    socket.zap_domain = ZAP_DOMAIN.encode()
    socket.setsockopt(zmq.ZAP_ENFORCE_DOMAIN, 1)
