"""The reader process: limited, replaceable, and never the end of its owner."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from shared.errors import MissingDependencyError, UnreadableFileError
from shared.files import ImageReader, read_images
from shared.files.limits import ADDRESS_SPACE_BYTES, OPEN_FILES


@pytest.fixture
def image(tmp_path: Path) -> Path:
    """A small image that the reader process has to open."""
    Image.new("L", (5, 4), 7).save(tmp_path / "image.png")
    return tmp_path / "image.png"


@pytest.fixture
def stack(tmp_path: Path) -> Path:
    """A stack larger than a pipe holds."""
    tifffile.imwrite(tmp_path / "stack.tif", np.zeros((5, 512, 512), np.uint16))
    return tmp_path / "stack.tif"


def _pid(reader: ImageReader) -> int:
    assert reader._process is not None
    return reader._process.pid


def test_one_process_serves_many_files_and_ends_with_its_owner(image: Path) -> None:
    with ImageReader() as reader:
        list(reader.read(image))
        first = _pid(reader)
        for _ in range(3):
            assert [r.image.shape for r in reader.read(image)] == [(4, 5)]
        assert _pid(reader) == first
    with pytest.raises(ProcessLookupError):
        os.kill(first, 0)


def test_reading_one_file_leaves_no_process(image: Path) -> None:
    (record,) = read_images(image, pixel_size_A=0.2)
    assert record.pixel_size_A == 0.2


def test_a_reader_that_hangs_is_given_up_and_the_next_file_still_reads(image: Path) -> None:
    with ImageReader() as reader:
        list(reader.read(image))
        reader._timeout_s = 0.3
        os.kill(_pid(reader), signal.SIGSTOP)
        with pytest.raises(UnreadableFileError, match=r"image\.png.*no answer within 0\.3 s"):
            list(reader.read(image))
        reader._timeout_s = 60.0
        assert len(list(reader.read(image))) == 1


def test_a_reader_that_crashes_within_a_file_is_replaced(stack: Path, image: Path) -> None:
    with ImageReader() as reader:
        images = reader.read(stack)
        next(images)
        os.kill(_pid(reader), signal.SIGKILL)
        with pytest.raises(UnreadableFileError, match=r"stack\.tif.*died"):
            list(images)
        assert len(list(reader.read(image))) == 1


def test_a_reader_that_died_between_files_is_replaced(image: Path) -> None:
    with ImageReader() as reader:
        list(reader.read(image))
        os.kill(_pid(reader), signal.SIGKILL)
        os.waitid(os.P_PID, _pid(reader), os.WEXITED | os.WNOWAIT)
        assert len(list(reader.read(image))) == 1


def test_a_stack_left_half_read_does_not_disturb_the_next_file(stack: Path, image: Path) -> None:
    with ImageReader() as reader:
        images = reader.read(stack)
        assert next(images).index == 0
        images.close()
        (record,) = reader.read(image)
        assert record.image.shape == (4, 5)


def test_the_process_is_bound_in_memory_files_and_writing(image: Path) -> None:
    with ImageReader() as reader:
        list(reader.read(image))
        limits = Path(f"/proc/{_pid(reader)}/limits").read_text()
    hard = {line[:25].strip(): line.split()[-2] for line in limits.splitlines()[1:]}
    assert int(hard["Max address space"]) == ADDRESS_SPACE_BYTES
    assert int(hard["Max open files"]) == OPEN_FILES
    assert int(hard["Max file size"]) == 0
    assert int(hard["Max core file size"]) == 0


def test_the_process_has_no_network(image: Path) -> None:
    if subprocess.run(["unshare", "--user", "--net", "true"], check=False).returncode:
        pytest.skip("this kernel grants no namespaces to ordinary processes")
    with ImageReader() as reader:
        list(reader.read(image))
        interfaces = Path(f"/proc/{_pid(reader)}/net/dev").read_text().splitlines()[2:]
        inside = Path(f"/proc/{_pid(reader)}/ns/net").readlink()
    assert inside != Path("/proc/self/ns/net").readlink()
    assert {line.partition(":")[0].strip() for line in interfaces} <= {"lo", "tunl0", "sit0"}


def test_the_process_ends_when_its_owner_is_killed(image: Path) -> None:
    script = (
        "import os, sys, pathlib, shared.files as f\n"
        "r = f.ImageReader()\n"
        f"list(r.read(pathlib.Path({str(image)!r})))\n"
        "print(r._process.pid, flush=True)\n"
        "os.kill(r._process.pid, 19)\n"
        "os.kill(os.getpid(), 9)"
    )
    owner = subprocess.run([sys.executable, "-c", script], capture_output=True, check=False)
    orphan = int(owner.stdout)
    assert owner.returncode == -signal.SIGKILL
    with suppress(ProcessLookupError):
        watch = os.pidfd_open(orphan)
        ended = select.select([watch], [], [], 10.0)[0]
        os.close(watch)
        assert ended


def test_the_process_is_told_no_secrets(image: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ATOMLOOP_DATABASE__PASSWORD", "hunter2")
    with ImageReader() as reader:
        list(reader.read(image))
        environment = Path(f"/proc/{_pid(reader)}/environ").read_bytes()
    assert b"hunter2" not in environment


def test_a_missing_library_is_named_with_the_command_that_installs_it(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    request = json.dumps({"path": str(tmp_path / "a.png"), "format": "png"})
    script = "import sys; sys.modules['PIL'] = None\nfrom shared.files.reader import main; main()"
    command = [sys.executable, "-c", script]
    finished = subprocess.run(
        command, input=f"{request}\n".encode(), capture_output=True, check=True
    )
    answer = json.loads(finished.stdout[4:])
    assert answer["code"] == MissingDependencyError.code
    assert "PIL" in answer["message"]
    assert "atomloop[files]" in answer["remedy"]


def test_importing_the_readers_loads_no_heavy_library() -> None:
    script = (
        "import sys, shared.files\n"
        "heavy = {'scipy', 'h5py', 'PIL', 'tifffile', 'nion', 'rsciio', 'zmq'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", script], check=True)


def test_what_a_library_prints_does_not_reach_the_dialogue(tmp_path: Path) -> None:
    Image.new("L", (3, 3)).save(tmp_path / "a.png")
    request = json.dumps({"path": str(tmp_path / "a.png"), "format": "png"})
    script = (
        "import os, shared.files.reader as r\n"
        "inner = r._send_images\n"
        "def noisy(*arguments):\n"
        "    print('noise', flush=True); os.write(1, b'noise'); inner(*arguments)\n"
        "r._send_images = noisy\n"
        "r.main()"
    )
    command = [sys.executable, "-c", script]
    finished = subprocess.run(
        command, input=f"{request}\n".encode(), capture_output=True, check=True
    )
    assert b"noise" not in finished.stdout
    length = int.from_bytes(finished.stdout[:4], "big")
    assert json.loads(finished.stdout[4 : 4 + length])["kind"] == "image"
