"""One message with its sequence number and payload, to and from multipart bytes."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import msgpack
from pydantic import ValidationError

from shared.codec.kinds import KIND_OF, MESSAGE_OF, PROTOCOL_VERSION
from shared.errors import LocalProtocolError, RemoteProtocolError
from shared.messages import Message

__all__ = ["MAX_HEADER_BYTES", "Buffer", "Envelope", "claimed_seq", "decode", "encode"]

Buffer = bytes | memoryview

MAX_HEADER_BYTES: Final = 4096
MAX_PAYLOAD_PARTS: Final = 8
_PREFIX: Final = struct.Struct("<BBHIQ")
_UPDATE_REMEDY: Final = "Run the same AtomLoop version on both sides."


@dataclass(frozen=True, slots=True)
class Envelope:
    """A message as it travels.

    Attributes:
        message: The typed header.
        payload: Raw buffers, as the message's own documentation lays out.
        seq: Position on the sender's stream, from 1; 0 outside the sequenced streams.
    """

    message: Message
    payload: tuple[Buffer, ...] = ()
    seq: int = 0

    @property
    def nbytes(self) -> int:
        """Size of the payload, bytes."""
        return sum(len(part) for part in self.payload)


def encode(envelope: Envelope) -> list[Buffer]:
    """Turn an envelope into the parts of a multipart message.

    Raises:
        LocalProtocolError: The header is larger than `MAX_HEADER_BYTES`.
    """
    message = envelope.message
    header = msgpack.packb(message.model_dump(mode="json", exclude={"kind"}))
    if len(header) > MAX_HEADER_BYTES:
        raise LocalProtocolError(
            f"The header of a {type(message).__name__} takes {len(header)} bytes; "
            f"{MAX_HEADER_BYTES} are allowed.",
            remedy="Move lists into the payload.",
        )
    kind = KIND_OF[type(message)]
    crc = _checksum(
        _PREFIX.pack(kind, PROTOCOL_VERSION, 0, 0, envelope.seq), header, *envelope.payload
    )
    prefix = _PREFIX.pack(kind, PROTOCOL_VERSION, 0, crc, envelope.seq)
    return [prefix, header, *envelope.payload]


def decode(parts: Sequence[Buffer]) -> Envelope:
    """Read a multipart message, trusting nothing in it.

    Raises:
        RemoteProtocolError: Wrong number or size of parts, unknown version or kind, checksum
            mismatch, or a header that is not exactly the kind's fields within their ranges.
    """
    if not 2 <= len(parts) <= 2 + MAX_PAYLOAD_PARTS or len(parts[0]) != _PREFIX.size:
        raise RemoteProtocolError("Not an AtomLoop message.", remedy=_UPDATE_REMEDY)
    kind, version, reserved, crc, seq = _PREFIX.unpack(parts[0])
    if version != PROTOCOL_VERSION or kind not in MESSAGE_OF or reserved:
        raise RemoteProtocolError(
            f"Message of kind {kind}, version {version}; this side speaks {PROTOCOL_VERSION}.",
            remedy=_UPDATE_REMEDY,
        )
    header = parts[1]
    if len(header) > MAX_HEADER_BYTES:
        raise RemoteProtocolError(f"Header of {len(header)} bytes.", remedy=_UPDATE_REMEDY)
    if crc != _checksum(_PREFIX.pack(kind, version, 0, 0, seq), *parts[1:]):
        raise RemoteProtocolError("Checksum mismatch.", remedy="The sender repeats the message.")
    return Envelope(_parse_header(MESSAGE_OF[kind], header), tuple(parts[2:]), seq)


def claimed_seq(parts: Sequence[Buffer]) -> int:
    """Return the claimed sequence number of a message that failed to decode, else 0."""
    if parts and len(parts[0]) == _PREFIX.size:
        return int(_PREFIX.unpack(parts[0])[4])
    return 0


def _parse_header(cls: type[Message], header: Buffer) -> Message:
    try:
        fields = msgpack.unpackb(header, strict_map_key=True)
        if not isinstance(fields, dict) or "kind" in fields:
            raise RemoteProtocolError(
                f"The header of a {cls.__name__} is not a map of its fields.", remedy=_UPDATE_REMEDY
            )
        return cls.model_validate(fields)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise RemoteProtocolError(
            f"{cls.__name__}.{where}: {first['msg']}.", remedy=_UPDATE_REMEDY
        ) from error
    except (ValueError, TypeError, msgpack.UnpackException, RecursionError) as error:
        raise RemoteProtocolError(
            f"The header of a {cls.__name__} is not MessagePack.", remedy=_UPDATE_REMEDY
        ) from error


def _checksum(*parts: Buffer) -> int:
    crc = 0
    for part in parts:
        crc = zlib.crc32(part, crc)
    return crc
