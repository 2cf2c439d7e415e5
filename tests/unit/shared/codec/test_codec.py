"""The wire format: every message survives the round trip, nothing malformed gets through."""

from __future__ import annotations

import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from shared.codec import (
    Envelope,
    decode,
    decode_atoms,
    decode_frame,
    encode,
    encode_atoms,
    encode_pixels,
    frame_name,
)
from shared.errors import LocalProtocolError, RemoteProtocolError
from shared.messages import (
    ATOM,
    Acquisition,
    Atoms,
    Calibration,
    Codec,
    Defect,
    Frame,
    Hello,
    OutOfDistribution,
    Roi,
)


def frame_of(pixels: NDArray[np.generic], codec: Codec) -> Frame:
    return Frame(
        session="s",
        index=0,
        name=frame_name(pixels),
        previous=None,
        shape=(pixels.shape[0], pixels.shape[1]),
        pixel_type="uint16" if pixels.dtype == np.uint16 else "float32",
        codec=codec,
        calibration=Calibration(pixel_size_A=0.104, source="header"),
        acquisition=Acquisition(
            instrument="test", started_at_ns=1, ended_at_ns=2, origin="made by the test"
        ),
    )


def atoms_of(n_atoms: int) -> Atoms:
    return Atoms(
        session="s",
        frame="0" * 64,
        frame_index=0,
        shape=(8, 8),
        model="1" * 64,
        members=20,
        n_atoms=n_atoms,
        pixel_size_A=0.104,
        pixel_size_source="fft",
        header_pixel_size_A=0.1,
        dose_e_A2=None,
        dose_note="the gain is unknown",
        contamination=0.0,
        ood=OutOfDistribution(score=0.1, flag=False),
    )


def test_a_message_survives_the_wire() -> None:
    hello = Hello(role="edge", name="edge-1", software="atomloop 0", stream="abc", next_seq=7)
    envelope = Envelope(hello, (), 0)
    assert decode(encode(envelope)) == envelope


@pytest.mark.parametrize("codec", ["raw", "zstd-planes"])
def test_pixels_survive_the_wire(codec: Codec) -> None:
    pixels = np.random.default_rng(0).poisson(3, (17, 33)).astype(np.uint16)
    frame = frame_of(pixels, codec)
    sent = decode(encode(Envelope(frame, (encode_pixels(pixels, codec),), 5)))
    assert sent.seq == 5
    assert isinstance(sent.message, Frame)
    np.testing.assert_array_equal(decode_frame(sent.message, sent.payload[0]), pixels)


def test_counting_frames_shrink_on_the_wire() -> None:
    pixels = np.random.default_rng(0).poisson(3, (256, 256)).astype(np.uint16)
    assert len(encode_pixels(pixels, "zstd-planes")) < pixels.nbytes / 3


def test_a_frame_whose_pixels_are_not_its_own_is_refused() -> None:
    pixels = np.ones((8, 8), np.float32)
    other = encode_pixels(pixels * 2, "raw")
    with pytest.raises(RemoteProtocolError, match="do not match"):
        decode_frame(frame_of(pixels, "raw"), other)


@pytest.mark.parametrize("codec", ["raw", "zstd-planes"])
def test_a_payload_of_another_size_is_refused_before_it_is_unpacked(codec: Codec) -> None:
    pixels = np.ones((8, 8), np.float32)
    bomb = encode_pixels(np.zeros((4096, 4096), np.float32), codec)
    with pytest.raises(RemoteProtocolError, match="announced"):
        decode_frame(frame_of(pixels, codec), bomb)


def test_the_name_depends_on_type_shape_and_content() -> None:
    images = [
        np.zeros((4, 8), np.uint8),
        np.zeros((8, 4), np.uint8),
        np.zeros((4, 4), np.uint16),
        np.ones((4, 8), np.uint8),
    ]
    assert len({frame_name(image) for image in images}) == len(images)


def test_a_pixel_type_that_does_not_travel_is_refused_with_its_remedy() -> None:
    with pytest.raises(LocalProtocolError, match="float64"):
        frame_name(np.zeros((2, 2)))


def test_atoms_and_defects_survive_the_wire() -> None:
    table = np.zeros(3, ATOM)
    table["x_px"] = [1.25, 2.5, 3.75]
    table["atomic_number"] = [6, 14, 0]
    defects = (Defect(type="Si_C3", x_px=2.5, y_px=0.0, p=0.9, atoms=(1,)),)
    envelope = decode(encode(Envelope(atoms_of(3), encode_atoms(table, defects), 1)))
    assert isinstance(envelope.message, Atoms)
    table_back, defects_back = decode_atoms(envelope.message, envelope.payload)
    np.testing.assert_array_equal(table_back, table)
    assert defects_back == defects


def test_atoms_that_are_not_all_there_are_refused() -> None:
    payload = encode_atoms(np.zeros(2, ATOM), ())
    with pytest.raises(RemoteProtocolError, match="announced"):
        decode_atoms(atoms_of(3), payload)


def test_a_defect_that_names_a_missing_atom_is_refused() -> None:
    defect = Defect(type="V1", x_px=0, y_px=0, p=0.5, atoms=(9,))
    with pytest.raises(RemoteProtocolError, match="not there"):
        decode_atoms(atoms_of(2), encode_atoms(np.zeros(2, ATOM), (defect,)))


def test_a_header_that_is_too_large_does_not_leave() -> None:
    path = tuple((float(i), float(i)) for i in range(1000))
    roi = Roi(
        key="k",
        state="candidate",
        defect=Defect(type="GB", x_px=0, y_px=0, p=1, path_px=path),
        frame="0" * 64,
        frame_index=0,
        x_A=0,
        y_A=0,
        radius_A=9,
        updated_at_ns=0,
    )
    with pytest.raises(LocalProtocolError, match="4096"):
        encode(Envelope(roi))


@given(st.integers(0, 2**32))
def test_any_flipped_bit_is_noticed(seed: int) -> None:
    rng = random.Random(seed)
    pixels = np.arange(64, dtype=np.uint16).reshape(8, 8)
    parts = [
        bytearray(part)
        for part in encode(Envelope(frame_of(pixels, "raw"), (encode_pixels(pixels, "raw"),), 9))
    ]
    part = rng.choice(parts)
    part[rng.randrange(len(part))] ^= 1 << rng.randrange(8)
    with pytest.raises(RemoteProtocolError):
        decode([bytes(part) for part in parts])


@given(st.lists(st.binary(max_size=64), max_size=12))
def test_arbitrary_bytes_are_refused_with_the_one_typed_error(parts: list[bytes]) -> None:
    with pytest.raises(RemoteProtocolError):
        decode(parts)
