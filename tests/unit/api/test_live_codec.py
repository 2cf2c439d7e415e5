"""The frame message: laid out as documented, decodable without a copy, pinned by golden bytes."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from inference_service.live.codec import ATOM_COLUMNS, HEADER, encode_frame
from inference_service.live.display import display_image
from inference_service.session import Session

HERE = Path(__file__).parent
GOLDEN = HERE / "golden" / "live_frame_v1.bin"
DASHBOARD = HERE.parents[2] / "inference_service" / "dashboard"


def record(make, clock, *, analysed: bool = True):
    session = Session(clock=clock)
    frame = make.frame(3)
    session.add_frame(frame, make.pixels(3))
    if analysed:
        clock.now_s += 0.25
        session.add_atoms(make.atoms(frame), make.table(), make.defects())
    return session.latest


def decode(message: bytes):
    """Read a message by the documentation alone."""
    version, kind, flags, rows, columns, n, j, black, white, reserved = HEADER.unpack_from(message)
    offset = 32
    image = np.frombuffer(message, np.uint8, rows * columns, offset).reshape(rows, columns)
    offset += -(-rows * columns // 4) * 4
    columns_of = {}
    for name in ATOM_COLUMNS:
        assert offset % 4 == 0
        columns_of[name] = np.frombuffer(message, "<f4", n, offset)
        offset += 4 * n
    for name in ("atomic_number", "coordination"):
        columns_of[name] = np.frombuffer(message, np.uint8, n, offset)
        offset += -(-n // 4) * 4
    assert offset % 4 == 0
    assert offset + j == len(message)
    head = {"version": version, "kind": kind, "flags": flags, "reserved": reserved}
    return head, (black, white), image, columns_of, json.loads(message[offset:])


def test_a_message_reads_back_as_its_documentation_says(make, clock) -> None:
    head, (black, white), image, atoms, words = decode(encode_frame(record(make, clock)))
    assert head == {"version": 1, "kind": 1, "flags": 1, "reserved": 0}
    assert image.shape == (6, 9)
    assert (image[0, 0], image[-1, -1]) == (0, 255)
    levels_to_counts = black + image.astype(float) * (white - black) / 255
    np.testing.assert_allclose(levels_to_counts[1:-1], make.pixels(3)[1:-1], atol=2)
    table = make.table()
    for name, column in atoms.items():
        np.testing.assert_array_equal(column, table[name])
    assert words["name"] == make.name(3)
    assert words["analysis"]["drift_A"] == [1.5, -0.5]
    assert words["defects"][0]["type"] == "Si_C3"
    assert words["analysed_s"] - words["received_s"] == 0.25


def test_a_frame_without_atoms_is_told_from_one_where_none_were_found(make, clock) -> None:
    head, _, _, atoms, words = decode(encode_frame(record(make, clock, analysed=False)))
    assert head["flags"] == 0
    assert len(atoms["x_px"]) == 0
    assert words["analysis"] is None


def test_the_bytes_of_version_1_never_change(make, clock) -> None:
    assert encode_frame(record(make, clock)) == GOLDEN.read_bytes()


def test_the_dashboards_decoder_reads_the_same_golden_bytes() -> None:
    npm = shutil.which("npm")
    if npm is None or not (DASHBOARD / "node_modules").is_dir():
        pytest.skip("dashboard: its packages are not installed; run: make setup")
    done = subprocess.run(
        [npm, "test", "--silent"], cwd=DASHBOARD, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_hot_and_dead_pixels_do_not_move_the_window() -> None:
    rng = np.random.default_rng(3)
    pixels = rng.normal(1000, 50, (300, 300))
    clean = display_image(pixels)
    pixels[5, 5], pixels[9, 9] = 1e6, -1e6
    pixels[20, 20], pixels[21, 21], pixels[22, 22] = np.nan, np.inf, -np.inf
    dirty = display_image(pixels)
    assert abs(dirty.black - clean.black) < 2
    assert abs(dirty.white - clean.white) < 2
    assert dirty.levels[5, 5] == dirty.levels[21, 21] == 255
    assert dirty.levels[9, 9] == dirty.levels[20, 20] == dirty.levels[22, 22] == 0


@given(
    npst.arrays(
        dtype=st.sampled_from([np.dtype("u1"), np.dtype("<u2"), np.dtype("<f4")]),
        shape=npst.array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=40),
    )
)
def test_any_image_can_be_shown_and_brighter_pixels_never_look_darker(pixels) -> None:
    image = display_image(pixels)
    assert image.levels.shape == pixels.shape
    assert image.white > image.black
    finite = np.isfinite(pixels)
    order = np.argsort(pixels[finite], kind="stable")
    assert np.all(np.diff(image.levels[finite][order].astype(int)) >= 0)
