"""What cannot be read is refused in one line, before memory is spent on it."""

from __future__ import annotations

import io
import os
import zipfile
from pathlib import Path

import h5py
import numpy as np
import pytest
import tifffile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from shared.errors import UnreadableFileError
from shared.files import ImageReader


def _refusal(reader: ImageReader, path: Path) -> str:
    with pytest.raises(UnreadableFileError) as caught:
        list(reader.read(path))
    assert caught.value.remedy
    assert "\n" not in str(caught.value)
    assert path.name in caught.value.message
    return caught.value.message


def _npy_header(shape: tuple[int, ...], descr: str) -> bytes:
    buffer = io.BytesIO()
    header = {"descr": descr, "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(buffer, header)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("content", "reason"), [(b"", "is empty"), (b"%PDF-1.7 or so", "no known image format")]
)
def test_a_file_of_no_known_format_is_refused(
    reader: ImageReader, tmp_path: Path, content: bytes, reason: str
) -> None:
    (tmp_path / "a.dat").write_bytes(content)
    assert reason in _refusal(reader, tmp_path / "a.dat")


def test_a_missing_file_is_refused(reader: ImageReader, tmp_path: Path) -> None:
    assert "No such file" in _refusal(reader, tmp_path / "gone.tif")


def test_a_folder_or_a_pipe_is_refused_without_waiting_for_it(
    reader: ImageReader, tmp_path: Path
) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert "is not a file" in _refusal(reader, tmp_path / "pipe")
    assert "is not a file" in _refusal(reader, tmp_path)


@given(st.binary(max_size=600), st.sampled_from(["hdf5", "npy", "npz", "tiff", "dm", "ser", "png"]))
@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_garbage_after_a_true_signature_is_refused(
    reader: ImageReader, tmp_path: Path, garbage: bytes, kind: str
) -> None:
    signatures = {
        "hdf5": b"\x89HDF\r\n\x1a\n",
        "npy": b"\x93NUMPY\x01\x00",
        "npz": b"PK\x03\x04",
        "tiff": b"II*\x00",
        "dm": b"\x00\x00\x00\x03",
        "ser": b"II\x97\x01",
        "png": b"\x89PNG\r\n\x1a\n",
    }
    (tmp_path / "a.bin").write_bytes(signatures[kind] + garbage)
    _refusal(reader, tmp_path / "a.bin")


def test_a_pickled_array_is_refused_unopened(reader: ImageReader, tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.array([{"x": 1}], dtype=object), allow_pickle=True)
    assert "pickled" in _refusal(reader, tmp_path / "a.npy")
    np.savez(tmp_path / "a.npz", image=np.array([None, 1], dtype=object))
    assert "pickled" in _refusal(reader, tmp_path / "a.npz")


def test_an_array_whose_header_is_no_python_literal_is_refused(
    reader: ImageReader, tmp_path: Path
) -> None:
    header = _npy_header((4, 4), "<f4").replace(b"(4, 4)", b"(4, [4")
    (tmp_path / "a.npy").write_bytes(header + bytes(64))
    assert "damaged" in _refusal(reader, tmp_path / "a.npy")


@pytest.mark.parametrize("shape", [(16385, 4), (4, 16385), (100_001, 4, 4), (0, 5)])
def test_a_header_that_claims_too_much_is_refused_before_reading(
    reader: ImageReader, tmp_path: Path, shape: tuple[int, ...]
) -> None:
    (tmp_path / "a.npy").write_bytes(_npy_header(shape, "<u2"))
    assert "read" in _refusal(reader, tmp_path / "a.npy") or min(shape) == 0 or max(shape) > 16384


def test_an_image_above_two_gibibytes_is_refused(reader: ImageReader, tmp_path: Path) -> None:
    (tmp_path / "a.npy").write_bytes(_npy_header((16384, 16384), "<c16"))
    assert "bytes decoded" in _refusal(reader, tmp_path / "a.npy")


def test_a_bomb_in_an_archive_is_refused_before_it_goes_off(
    reader: ImageReader, tmp_path: Path
) -> None:
    with zipfile.ZipFile(tmp_path / "a.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("image.npy", _npy_header((200_000, 200_000), "<f8") + bytes(10_000_000))
    assert "sides must be" in _refusal(reader, tmp_path / "a.npz")


def test_a_bomb_in_hdf5_is_refused_before_it_goes_off(reader: ImageReader, tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_dataset("image", (200_000, 200_000), "f8", compression="gzip", fillvalue=1.0)
    assert (tmp_path / "a.h5").stat().st_size < 100_000
    assert "sides must be" in _refusal(reader, tmp_path / "a.h5")


def test_a_bomb_in_a_png_is_refused_before_it_goes_off(reader: ImageReader, tmp_path: Path) -> None:
    Image.new("1", (20_000, 3)).save(tmp_path / "a.png")
    assert "sides must be" in _refusal(reader, tmp_path / "a.png")


def test_hdf5_that_points_outside_itself_is_not_followed(
    reader: ImageReader, tmp_path: Path
) -> None:
    with h5py.File(tmp_path / "secret.h5", "w") as file:
        file["image"] = np.ones((8, 8))
    (tmp_path / "secret.raw").write_bytes(bytes(64))
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["image"] = h5py.ExternalLink("secret.h5", "/image")
        outside = [(str(tmp_path / "secret.raw"), 0, 64)]
        file.create_dataset("data", (8, 8), "u1", external=outside)
        layout = h5py.VirtualLayout((8, 8), "f8")
        layout[:] = h5py.VirtualSource(str(tmp_path / "secret.h5"), "image", (8, 8))
        file.create_virtual_dataset("image_data", layout)
    assert "holds no image" in _refusal(reader, tmp_path / "a.h5")


def test_colours_are_not_taken_for_intensities(reader: ImageReader, tmp_path: Path) -> None:
    Image.new("RGB", (8, 8), (10, 20, 30)).save(tmp_path / "a.png")
    assert "colour" in _refusal(reader, tmp_path / "a.png")
    tifffile.imwrite(tmp_path / "a.tif", np.arange(192, dtype=np.uint8).reshape(8, 8, 3))
    assert "colour" in _refusal(reader, tmp_path / "a.tif")


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_pixels_that_are_no_numbers_are_refused(
    reader: ImageReader, tmp_path: Path, value: float
) -> None:
    image = np.zeros((6, 6), dtype=np.float32)
    image[2, 3] = value
    np.save(tmp_path / "a.npy", image)
    assert "1 pixels are not finite" in _refusal(reader, tmp_path / "a.npy")


def test_values_beyond_float32_are_refused_rather_than_made_infinite(
    reader: ImageReader, tmp_path: Path
) -> None:
    np.save(tmp_path / "a.npy", np.full((4, 4), 1e300))
    assert "not finite" in _refusal(reader, tmp_path / "a.npy")


@pytest.mark.parametrize("array", [np.zeros(7), np.zeros((2, 3, 4, 5)), np.zeros((4, 4), complex)])
def test_arrays_that_are_no_images_are_refused(
    reader: ImageReader, tmp_path: Path, array: np.ndarray
) -> None:
    np.save(tmp_path / "a.npy", array)
    _refusal(reader, tmp_path / "a.npy")


def test_an_archive_must_say_which_array_is_the_image(reader: ImageReader, tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", first=np.zeros((4, 4)), second=np.zeros((4, 4)))
    assert "no array named image" in _refusal(reader, tmp_path / "a.npz")


def test_a_bad_file_in_the_middle_does_not_keep_the_next_from_being_read(
    reader: ImageReader, tmp_path: Path
) -> None:
    Image.new("L", (4, 4)).save(tmp_path / "good.png")
    whole = (tmp_path / "good.png").read_bytes()
    (tmp_path / "bad.png").write_bytes(whole[:40])
    _refusal(reader, tmp_path / "bad.png")
    assert len(list(reader.read(tmp_path / "good.png"))) == 1
