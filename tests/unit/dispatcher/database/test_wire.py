"""The wire protocol, fed byte by byte, without a socket."""

from __future__ import annotations

import contextlib
import struct
from typing import Any

import bson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.errors import RemoteProtocolError
from sim_dispatcher.database.wire import MAX_MESSAGE_BYTES, Decoder, Request, encode_reply

NAMES = st.text(st.characters(codec="ascii", exclude_characters="\0$."), min_size=1, max_size=12)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False)
    | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=40)
    | st.binary(max_size=40)
)
DOCUMENTS = st.dictionaries(
    NAMES, st.recursive(SCALARS, lambda leaf: st.lists(leaf, max_size=4), max_leaves=8), max_size=6
)


def message(body: bytes, opcode: int = 2013, identifier: int = 7) -> bytes:
    return struct.pack("<iiii", 16 + len(body), identifier, 0, opcode) + body


def msg(command: dict[str, Any], flags: int = 0, extra: bytes = b"") -> bytes:
    return message(struct.pack("<I", flags) + b"\0" + bson.encode(command) + extra)


def sequence(name: str, documents: list[dict[str, Any]]) -> bytes:
    inner = name.encode() + b"\0" + b"".join(bson.encode(document) for document in documents)
    return b"\1" + struct.pack("<i", 4 + len(inner)) + inner


@given(command=DOCUMENTS.filter(bool), documents=st.lists(DOCUMENTS, max_size=4), cut=st.data())
@settings(max_examples=40, deadline=None)
def test_commands_survive_the_wire_however_the_stream_is_cut(
    command: dict[str, Any], documents: list[dict[str, Any]], cut: st.DataObject
) -> None:
    command.pop("documents", None)
    command = {"insert": "t", **command}
    data = msg(command, extra=sequence("documents", documents)) * 2
    decoder, requests, position = Decoder(), [], 0
    cuts = cut.draw(st.lists(st.integers(1, 40), max_size=6))
    while position < len(data):
        step = cuts.pop() if cuts else len(data)
        requests += decoder.feed(data[position : position + step])
        position += step
    assert [request.command for request in requests] == [{**command, "documents": documents}] * 2
    assert requests[0].identifier == 7
    assert requests[0].reply_wanted


@given(reply=DOCUMENTS)
def test_replies_quote_the_request_and_carry_the_document(reply: dict[str, Any]) -> None:
    data = encode_reply(Request(41, {"ping": 1}), reply, 9)
    length, identifier, answered, opcode = struct.unpack_from("<iiii", data)
    assert (length, identifier, answered, opcode) == (len(data), 9, 41, 2013)
    assert bson.decode(data[21:]) == reply


def test_a_legacy_greeting_is_answered_in_its_own_form() -> None:
    document = bson.encode({"isMaster": 1})
    body = struct.pack("<i", 0) + b"admin.$cmd\0" + struct.pack("<ii", 0, -1) + document
    (request,) = Decoder().feed(message(body, opcode=2004))
    assert request.command == {"isMaster": 1, "$db": "admin"}
    data = encode_reply(request, {"ok": 1.0}, 3)
    assert struct.unpack_from("<i", data, 12) == (1,)
    assert bson.decode(data[36:]) == {"ok": 1.0}


def test_a_message_that_wants_no_reply_says_so() -> None:
    (request,) = Decoder().feed(msg({"insert": "t"}, flags=2))
    assert not request.reply_wanted


@pytest.mark.parametrize(
    "data",
    [
        struct.pack("<iiii", MAX_MESSAGE_BYTES + 1, 1, 0, 2013),
        struct.pack("<iiii", 15, 1, 0, 2013),
        struct.pack("<iiii", -1, 1, 0, 2013),
        message(b"\0" * 8, opcode=2012),
        msg({"ping": 1}, flags=4),
        msg({}),
        msg({"ping": 1}, extra=b"\0" + bson.encode({"ping": 1})),
        msg({"insert": "t", "documents": []}, extra=sequence("documents", [])),
        msg({"ping": 1}, extra=b"\1" + struct.pack("<i", 1_000_000)),
        message(struct.pack("<I", 0) + b"\0" + b"\x05\0\0\0\x01"),
        message(struct.pack("<I", 0) + b"\7" + bson.encode({"ping": 1})),
        message(struct.pack("<i", 0) + b"fw.jobs\0" + b"\0" * 8 + bson.encode({}), opcode=2004),
    ],
    ids=[
        "too long", "shorter than its header", "negative length", "compressed",
        "unknown flags", "no command", "two commands", "a field twice", "overrunning section",
        "broken document", "unknown section", "legacy query on data",
    ],
)  # fmt: skip
def test_a_stream_that_breaks_the_protocol_is_refused(data: bytes) -> None:
    with pytest.raises(RemoteProtocolError):
        Decoder().feed(data)


@given(noise=st.binary(min_size=16, max_size=200))
@settings(max_examples=150)
def test_noise_is_refused_or_waited_out_and_never_anything_else(noise: bytes) -> None:
    for data in (noise, message(noise)):
        with contextlib.suppress(RemoteProtocolError):
            assert len(Decoder().feed(data)) <= 1


def test_a_too_long_message_is_refused_before_it_is_buffered() -> None:
    decoder = Decoder()
    assert decoder.feed(b"\xff\xff") == []
    with pytest.raises(RemoteProtocolError, match="bytes"):
        decoder.feed(b"\xff\x7f" + b"\0" * 12)
