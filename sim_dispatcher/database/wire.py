"""MongoDB's wire protocol without sockets: bytes in, commands out, and replies back to bytes.

Spoken are OP_MSG (2013) and, because drivers greet with it, OP_QUERY (2004) on ``$cmd``. A message
is a little-endian header (length, request id, response to, opcode: four int32) and its body. The
length is checked before anything is buffered for it; compressed messages are refused, since the
greeting offers no compressor.

Source: the MongoDB wire protocol specification,
https://www.mongodb.com/docs/manual/reference/mongodb-wire-protocol/
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import bson
from bson.codec_options import CodecOptions, DatetimeConversion
from bson.errors import BSONError

from shared.errors import RemoteProtocolError

__all__ = ["CODEC", "MAX_DOCUMENT_BYTES", "MAX_MESSAGE_BYTES", "Decoder", "Request", "encode_reply"]

Document = dict[str, Any]

MAX_MESSAGE_BYTES: Final = 48_000_000
"""Largest message accepted; announced to drivers in the greeting."""

MAX_DOCUMENT_BYTES: Final = 16 * 1024 * 1024
"""Largest stored document; announced to drivers in the greeting."""

CODEC: Final[CodecOptions[Document]] = CodecOptions(
    datetime_conversion=DatetimeConversion.DATETIME_AUTO
)
"""How BSON becomes Python: plain dicts, naive UTC datetimes, out-of-range dates kept."""

_OP_REPLY: Final = 1
_OP_QUERY: Final = 2004
_OP_MSG: Final = 2013
_HEADER: Final = struct.Struct("<iiii")
_INT32: Final = struct.Struct("<i")
_CHECKSUM_PRESENT: Final = 1
_MORE_TO_COME: Final = 2
_REQUIRED_FLAGS: Final = 0xFFFF
_REMEDY: Final = "Connect with a MongoDB driver, without compression."


@dataclass(frozen=True)
class Request:
    """One command as it arrived."""

    identifier: int
    """The request id, which the reply quotes."""
    command: Document
    """The command's name is its first key; `$db` names the database."""
    reply_wanted: bool = True
    legacy: bool = False
    """Whether it came as OP_QUERY and must be answered as OP_REPLY."""


class Decoder:
    """Cuts a byte stream into requests; one per connection."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[Request]:
        """Take bytes from the stream.

        Args:
            data: What was received, cut anywhere.

        Returns:
            The requests that are now complete, in order.

        Raises:
            RemoteProtocolError: The stream breaks the protocol and must be closed.
        """
        self._buffer += data
        requests = []
        while (message := self._next_message()) is not None:
            requests.append(_decode(message))
        return requests

    def _next_message(self) -> bytes | None:
        if len(self._buffer) < _HEADER.size:
            return None
        (length,) = _INT32.unpack_from(self._buffer)
        if not _HEADER.size <= length <= MAX_MESSAGE_BYTES:
            raise _broken(f"a message of {length} bytes")
        if len(self._buffer) < length:
            return None
        message = bytes(self._buffer[:length])
        del self._buffer[:length]
        return message


def encode_reply(request: Request, reply: Document, identifier: int) -> bytes:
    """Return the bytes that answer a request.

    Args:
        request: What is answered.
        reply: The reply document.
        identifier: The reply's own request id.
    """
    document = bson.encode(reply, codec_options=CODEC)
    if request.legacy:
        body = struct.pack("<iqii", 8, 0, 0, 1) + document
        opcode = _OP_REPLY
    else:
        body = b"\0\0\0\0\0" + document
        opcode = _OP_MSG
    return _HEADER.pack(_HEADER.size + len(body), identifier, request.identifier, opcode) + body


def _decode(message: bytes) -> Request:
    _, identifier, _, opcode = _HEADER.unpack_from(message)
    try:
        if opcode == _OP_MSG:
            return _decode_msg(identifier, message)
        if opcode == _OP_QUERY:
            return _decode_query(identifier, message)
    except (BSONError, struct.error, UnicodeDecodeError, ValueError, IndexError) as error:
        raise _broken(f"a malformed message ({error})") from error
    raise _broken(f"a message of unknown kind {opcode}")


def _decode_msg(identifier: int, message: bytes) -> Request:
    flags = int.from_bytes(message[16:20], "little")
    if flags & _REQUIRED_FLAGS & ~(_CHECKSUM_PRESENT | _MORE_TO_COME):
        raise _broken(f"unknown message flags {flags:#x}")
    end = len(message) - (4 if flags & _CHECKSUM_PRESENT else 0)
    bodies: list[Document] = []
    sequences: Document = {}
    for kind, section in _sections(message, end):
        if kind == 0:
            bodies.append(bson.decode(section, codec_options=CODEC))
        elif kind == 1:
            name, documents = _decode_sequence(section)
            sequences[name] = documents
        else:
            raise _broken(f"a section of kind {kind}")
    if len(bodies) != 1 or not bodies[0] or sequences.keys() & bodies[0].keys():
        raise _broken("a message without exactly one command")
    return Request(identifier, bodies[0] | sequences, reply_wanted=not flags & _MORE_TO_COME)


def _sections(message: bytes, end: int) -> Iterator[tuple[int, bytes]]:
    position = 20
    while position < end:
        kind, start = message[position], position + 1
        (size,) = _INT32.unpack_from(message, start)
        position = start + size
        if size < 5 or position > end:
            raise _broken("a section that overruns its message")
        yield kind, message[start:position]


def _decode_sequence(section: bytes) -> tuple[str, list[Document]]:
    stop = section.index(0, 4)
    return section[4:stop].decode(), bson.decode_all(section[stop + 1 :], CODEC)


def _decode_query(identifier: int, message: bytes) -> Request:
    stop = message.index(0, 20)
    database, _, collection = message[20:stop].decode().partition(".")
    if collection != "$cmd":
        raise _broken("a legacy query, which only greetings may use")
    start = stop + 1 + 8
    (size,) = _INT32.unpack_from(message, start)
    if start + size > len(message):
        raise _broken("a document that overruns its message")
    command = bson.decode(message[start : start + size], codec_options=CODEC)
    command = command.get("$query", command)
    if not isinstance(command, dict) or not command:
        raise _broken("a legacy query without a command")
    return Request(identifier, {**command, "$db": database}, legacy=True)


def _broken(what: str) -> RemoteProtocolError:
    return RemoteProtocolError(f"The database client sent {what}.", remedy=_REMEDY)
