"""Every format there is a writer for comes back with its pixels, calibration and metadata."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np
import pytest
import tifffile
from nion.data import Calibration, DataAndMetadata
from nionswift_plugin.DM_IO import dm3_image_utils
from numpy.typing import NDArray
from PIL import Image
from rsciio import emd

from shared.errors import UnreadableFileError
from shared.files import READABLE_SUFFIXES, ImageReader

SIZE_A = 0.104


def _npy(path: Path, image: NDArray) -> None:
    np.save(path, image)


def _npz(path: Path, image: NDArray) -> None:
    np.savez_compressed(path, image=image, pixel_size_A=SIZE_A)


def _aicrystallographer(path: Path, image: NDArray) -> None:
    with h5py.File(path, "w") as file:
        data = file.create_dataset("nn_input", data=image[None, ..., None])
        data.attrs["scan size"] = SIZE_A * image.shape[1] * 100
        data.attrs["metadata"] = json.dumps({"acc voltage": 60.0, "type of data": "HAADF"})


def _plain_hdf5(path: Path, image: NDArray) -> None:
    with h5py.File(path, "w") as file:
        file.create_dataset("scan/frames", data=image, compression="gzip")
        file.attrs["pixel_size_A"] = SIZE_A


def _ncem(path: Path, image: NDArray) -> None:
    axes = [
        {"name": name, "units": unit, "scale": scale, "offset": 0.0, "size": side}
        for name, unit, scale, side in zip(
            ("t", "y", "x")[-image.ndim :],
            ("s", "nm", "nm")[-image.ndim :],
            (1.0, SIZE_A / 10, SIZE_A / 10)[-image.ndim :],
            image.shape,
            strict=True,
        )
    ]
    for number, axis in enumerate(axes):
        axis |= {"index_in_array": number, "navigate": number < image.ndim - 2}
    metadata = {"General": {"title": "scan"}, "Signal": {}}
    signal = {"data": image, "axes": axes, "metadata": metadata, "original_metadata": {}}
    emd.file_writer(str(path), signal)


def _velox(path: Path, image: NDArray) -> None:
    tree = {
        "BinaryResult": {
            "PixelSize": {"width": str(SIZE_A * 1e-10), "height": str(SIZE_A * 1e-10)},
            "PixelUnitX": "m",
            "PixelUnitY": "m",
            "Detector": "HAADF",
        },
        "Scan": {"DwellTime": "4e-06"},
        "Optics": {"AccelerationVoltage": "60000"},
    }
    stack = image if image.ndim == 3 else image[None]
    column = np.zeros(4096, dtype=np.uint8)
    text = json.dumps(tree).encode()
    column[: len(text)] = np.frombuffer(text, dtype=np.uint8)
    with h5py.File(path, "w") as file:
        file["Version"] = [b'{"format":"Velox","version":"1.0"}']
        group = file.create_group("Data/Image/0123456789abcdef")
        group["Data"] = np.moveaxis(stack, 0, -1)
        group["Metadata"] = np.repeat(column[:, None], len(stack), axis=1)


def _imagej(path: Path, image: NDArray) -> None:
    per_nm = 10 / SIZE_A
    options = {"unit": "nm", "axes": "TYX" if image.ndim == 3 else "YX"}
    tifffile.imwrite(path, image, imagej=True, resolution=(per_nm, per_nm), metadata=options)


def _ome(path: Path, image: NDArray) -> None:
    sizes = {"PhysicalSizeX": SIZE_A / 10, "PhysicalSizeY": SIZE_A / 10}
    units = {"PhysicalSizeXUnit": "nm", "PhysicalSizeYUnit": "nm"}
    axes = {"axes": "TYX" if image.ndim == 3 else "YX"}
    tifffile.imwrite(path, image, ome=True, metadata=sizes | units | axes)


def _dm(path: Path, image: NDArray) -> None:
    nm = Calibration.Calibration(0.0, SIZE_A / 10, "nm")
    stacked = image.ndim == 3
    data = DataAndMetadata.new_data_and_metadata(
        image,
        dimensional_calibrations=[Calibration.Calibration()] * stacked + [nm, nm],
        data_descriptor=DataAndMetadata.DataDescriptor(stacked, 0, 2),
        metadata={"ImageScanned": {"EHT": 60000.0}, "SuperScan": {"PixelTime(us)": 16.0}},
    )
    with path.open("wb") as file:
        dm3_image_utils.save_image(data, file, int(path.suffix[-1]))


def _ser(path: Path, image: NDArray) -> None:
    stack = image if image.ndim == 3 else image[None]
    kind = {"uint8": 1, "uint16": 2, "float32": 7}[str(stack.dtype)]
    calibration = np.array([0.0, SIZE_A * 1e-10], dtype="<f8").tobytes() + bytes(4)
    element = calibration * 2 + np.array([kind], "<i2").tobytes()
    element += np.array(stack.shape[:0:-1], "<i4").tobytes()
    offsets = [
        30 + 4 * len(stack) + k * (len(element) + stack[0].nbytes) for k in range(len(stack))
    ]
    head = np.array([0x4949, 0x0197, 0x0210], "<u2").tobytes()
    head += np.array([0x4122, 0x4152, len(stack), len(stack), 30, 0], "<i4").tobytes()
    body = b"".join(element + frame.tobytes() for frame in stack)
    path.write_bytes(head + np.array(offsets, "<i4").tobytes() + body)


def _png(path: Path, image: NDArray) -> None:
    Image.fromarray(image).save(path)


@dataclass(frozen=True)
class Case:
    """A format as this suite writes it."""

    suffix: str
    write: Callable[[Path, NDArray], None]
    dtypes: tuple[str, ...] = ("uint8", "uint16", "float32")
    calibrated: bool = True
    stacks: bool = True
    kV: float | None = None
    dwell_us: float | None = None


CASES = {
    "npy": Case(".npy", _npy, calibrated=False),
    "npz": Case(".npz", _npz),
    "aicrystallographer": Case(".hdf5", _aicrystallographer, stacks=False, kV=60.0),
    "hdf5": Case(".h5", _plain_hdf5),
    "ncem": Case(".emd", _ncem),
    "velox": Case(".emd", _velox, kV=60.0, dwell_us=4.0),
    "imagej": Case(".tif", _imagej),
    "ome": Case(".tif", _ome),
    "dm3": Case(".dm3", _dm, dtypes=("uint16", "float32"), kV=60.0, dwell_us=16.0),
    "dm4": Case(".dm4", _dm, dtypes=("uint16", "float32"), kV=60.0, dwell_us=16.0),
    "ser": Case(".ser", _ser),
    "png": Case(".png", _png, dtypes=("uint8", "uint16"), calibrated=False, stacks=False),
}
ALL = [(name, dtype) for name, case in CASES.items() for dtype in case.dtypes]


def _pattern(dtype: str, shape: tuple[int, ...] = (24, 37)) -> NDArray:
    """An image whose every pixel, row and column differs."""
    ramp = np.arange(np.prod(shape)).reshape(shape)
    return (ramp % 251 if dtype == "uint8" else ramp * 3.25).astype(dtype)


def _write(folder: Path, name: str, image: NDArray) -> Path:
    path = folder / f"scan{CASES[name].suffix}"
    CASES[name].write(path, image)
    return path


@pytest.mark.parametrize(("name", "dtype"), ALL)
def test_an_image_comes_back_as_it_was_written(
    reader: ImageReader, tmp_path: Path, name: str, dtype: str
) -> None:
    image = _pattern(dtype)
    (record,) = reader.read(_write(tmp_path, name, image))
    assert record.image.dtype == image.dtype
    assert record.image.tolist() == image.tolist()
    assert not record.image.flags.writeable
    assert (record.origin, record.index) == (f"scan{CASES[name].suffix}", 0)


@pytest.mark.parametrize("name", CASES)
def test_the_calibration_is_the_files_own(reader: ImageReader, tmp_path: Path, name: str) -> None:
    case = CASES[name]
    (record,) = reader.read(_write(tmp_path, name, _pattern(case.dtypes[-1])))
    if case.calibrated:
        assert record.pixel_size_A == pytest.approx(SIZE_A, rel=1e-6)
        assert record.calibration == "header"
    else:
        assert (record.pixel_size_A, record.calibration) == (None, "none")


@pytest.mark.parametrize("name", CASES)
def test_the_operators_word_overrules_the_files(
    reader: ImageReader, tmp_path: Path, name: str
) -> None:
    path = _write(tmp_path, name, _pattern(CASES[name].dtypes[-1]))
    (record,) = reader.read(path, pixel_size_A=0.5)
    assert (record.pixel_size_A, record.calibration) == (0.5, "flag")


@pytest.mark.parametrize("name", [n for n, case in CASES.items() if case.kV or case.dwell_us])
def test_the_microscopes_state_is_read_where_the_file_has_it(
    reader: ImageReader, tmp_path: Path, name: str
) -> None:
    (record,) = reader.read(_write(tmp_path, name, _pattern("float32")))
    assert record.metadata.high_tension_kV == CASES[name].kV
    assert record.metadata.dwell_time_us == pytest.approx(CASES[name].dwell_us)


@pytest.mark.parametrize("name", [n for n, case in CASES.items() if case.stacks])
def test_a_stack_gives_its_images_in_order(reader: ImageReader, tmp_path: Path, name: str) -> None:
    stack = _pattern("uint16", (3, 12, 17))
    records = list(reader.read(_write(tmp_path, name, stack)))
    assert [record.index for record in records] == [0, 1, 2]
    for record, image in zip(records, stack, strict=True):
        assert record.image.tolist() == image.tolist()


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("share", [0.02, 0.3, 0.6, 0.9, 0.999])
def test_a_truncated_file_is_refused_or_still_whole_never_wrong(
    reader: ImageReader, tmp_path: Path, name: str, share: float
) -> None:
    dtype = CASES[name].dtypes[-1]
    image = _pattern(dtype, (64, 65))
    whole = _write(tmp_path, name, image).read_bytes()
    cut = tmp_path / f"cut{CASES[name].suffix}"
    cut.write_bytes(whole[: int(len(whole) * share)])
    try:
        (record,) = reader.read(cut)
    except UnreadableFileError as error:
        refusal = error
    else:
        assert share > 0.5
        assert record.image.tolist() == image.tolist()
        return
    assert cut.name in refusal.message
    assert refusal.remedy


@pytest.mark.parametrize("name", CASES)
def test_a_file_with_flipped_bytes_does_no_harm(
    reader: ImageReader, tmp_path: Path, name: str, rng: np.random.Generator
) -> None:
    intact = _write(tmp_path, name, _pattern(CASES[name].dtypes[-1]))
    whole = intact.read_bytes()
    bent = tmp_path / f"bent{CASES[name].suffix}"
    for _ in range(8):
        changed = bytearray(whole)
        for place in rng.integers(0, min(len(whole), 3000), 6):
            changed[place] = int(rng.integers(0, 256))
        bent.write_bytes(changed)
        with suppress(UnreadableFileError):
            assert all(record.image.ndim == 2 for record in reader.read(bent))
    assert len(list(reader.read(intact))) == 1


def test_every_ending_that_folders_are_searched_for_is_written_here_or_an_alias() -> None:
    written = {case.suffix for case in CASES.values()}
    assert written <= READABLE_SUFFIXES
    assert READABLE_SUFFIXES - written == {".hspy", ".tiff"}


def test_the_format_is_told_by_content_not_by_name(reader: ImageReader, tmp_path: Path) -> None:
    _png(tmp_path / "a.png", _pattern("uint8"))
    misnamed = (tmp_path / "a.png").rename(tmp_path / "a.tif")
    (record,) = reader.read(misnamed)
    assert record.image.tolist() == _pattern("uint8").tolist()


def test_a_grey_screen_copy_in_colours_is_read_as_grey(reader: ImageReader, tmp_path: Path) -> None:
    grey = _pattern("uint8")
    opaque = np.full_like(grey, 255)
    _png(tmp_path / "copy.png", np.stack([grey, grey, grey, opaque], axis=-1))
    (record,) = reader.read(tmp_path / "copy.png")
    assert record.image.tolist() == grey.tolist()


def test_a_hyperspy_file_is_calibrated_by_its_axes(reader: ImageReader, tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.hspy", "w") as file:
        group = file.create_group("Experiments/scan")
        group["data"] = _pattern("float32")
        for axis in (0, 1):
            group.create_group(f"axis-{axis}").attrs.update({"scale": SIZE_A / 10, "units": "nm"})
    (record,) = reader.read(tmp_path / "a.hspy")
    assert record.pixel_size_A == pytest.approx(SIZE_A)


def test_a_scan_size_below_a_hundred_is_in_nanometres(reader: ImageReader, tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["image_data"] = np.zeros((20, 20))
        file["metadata"] = json.dumps({"scan size": "2"})
    (record,) = reader.read(tmp_path / "a.h5")
    assert record.pixel_size_A == pytest.approx(1.0)


def test_a_screen_resolution_in_a_tiff_is_no_calibration(
    reader: ImageReader, tmp_path: Path
) -> None:
    tifffile.imwrite(
        tmp_path / "a.tif", _pattern("uint8"), resolution=(72, 72), resolutionunit="INCH"
    )
    (record,) = reader.read(tmp_path / "a.tif")
    assert record.pixel_size_A is None


def test_a_compressed_archive_without_a_name_for_its_one_array_is_read(
    reader: ImageReader, tmp_path: Path
) -> None:
    buffer = io.BytesIO()
    np.savez_compressed(buffer, _pattern("uint16"))
    (tmp_path / "a.npz").write_bytes(buffer.getvalue())
    (record,) = reader.read(tmp_path / "a.npz")
    assert record.image.tolist() == _pattern("uint16").tolist()


def test_an_array_in_fortran_order_is_not_transposed(reader: ImageReader, tmp_path: Path) -> None:
    image = np.asfortranarray(_pattern("float32"))
    np.save(tmp_path / "a.npy", image)
    (record,) = reader.read(tmp_path / "a.npy")
    assert record.image.tolist() == image.tolist()
    assert record.image.flags.c_contiguous


def test_big_endian_pixels_keep_their_values(reader: ImageReader, tmp_path: Path) -> None:
    image = _pattern("uint16").astype(">u2")
    np.save(tmp_path / "a.npy", image)
    (record,) = reader.read(tmp_path / "a.npy")
    assert record.image.tolist() == image.tolist()
    assert record.image.dtype == np.dtype("=u2")
