"""The journal: every change appended to one file, and the state rebuilt from it at start.

Layout: a file header, then records of ``marker, length, crc, synced`` (little-endian) and a BSON
payload. The CRC covers length, synced and payload. `synced` is the length of the file known to be
on the disk when the record was written; with it a torn tail, which a power cut may leave and which
is cut off, is told from damage to data that was safe already, which is refused.

A write that fails is fatal: after a failed sync the kernel may have dropped the data, and trying
again would report success without it.
"""

from __future__ import annotations

import fcntl
import os
import struct
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import bson
from bson.errors import BSONError

from shared.errors import DatabaseError
from sim_dispatcher.database.catalog import Effect
from sim_dispatcher.database.wire import CODEC

__all__ = ["Journal", "encode_record", "read_records"]

HEADER: Final = b"AtomLoop journal 1\n"
MARKER: Final = b"\xa7REC"
_FRAME: Final = struct.Struct("<4sIIQ")
_CHECKED: Final = struct.Struct("<IQ")
_SNAPSHOT_BATCH: Final = 200
"""Changes per record of a compacted journal."""


def encode_record(effects: list[Effect], synced: int) -> bytes:
    """Return the bytes of one record.

    Args:
        effects: The changes of one command.
        synced: Length of the journal known to be on the disk, bytes.
    """
    payload = bson.encode({"e": effects}, codec_options=CODEC)
    crc = zlib.crc32(payload, zlib.crc32(_CHECKED.pack(len(payload), synced)))
    return _FRAME.pack(MARKER, len(payload), crc, synced) + payload


@dataclass(frozen=True)
class _Record:
    payload: bytes
    synced: int
    end: int


def _record_at(data: bytes, start: int) -> _Record | None:
    """Return the record at an offset, None where there is no whole and sound one."""
    if start + _FRAME.size > len(data):
        return None
    marker, length, crc, synced = _FRAME.unpack_from(data, start)
    end = start + _FRAME.size + length
    if marker != MARKER or end > len(data):
        return None
    payload = data[start + _FRAME.size : end]
    if zlib.crc32(payload, zlib.crc32(_CHECKED.pack(length, synced))) != crc:
        return None
    return _Record(payload, synced, end)


def read_records(data: bytes) -> Iterator[tuple[list[Effect], int]]:
    """Return the changes of each record with the offset behind it.

    Args:
        data: The journal's bytes.

    Raises:
        DatabaseError: It is no journal, or data that had been safe on the disk is damaged.
    """
    if not data.startswith(HEADER):
        raise DatabaseError(
            "The file is not an AtomLoop journal of this version.",
            remedy="Point --path at a folder of the embedded database, or at an empty one.",
        )
    position = len(HEADER)
    while (record := _record_at(data, position)) is not None:
        try:
            effects = bson.decode(record.payload, codec_options=CODEC)["e"]
        except (BSONError, KeyError) as error:
            raise _damaged(position) from error
        position = record.end
        yield effects, position
    if _was_safe(data, position):
        raise _damaged(position)


def _was_safe(data: bytes, position: int) -> bool:
    """Tell whether a later record says that the byte at a position had been synced."""
    start = data.find(MARKER, position + 1)
    while start >= 0:
        record = _record_at(data, start)
        if record is not None and record.synced > position:
            return True
        start = data.find(MARKER, start + 1)
    return False


def _damaged(position: int) -> DatabaseError:
    return DatabaseError(
        f"The journal is damaged at byte {position}, in data that had been safe on the disk.",
        remedy="Restore the folder from a backup; check the disk. Nothing was changed.",
    )


class Journal:
    """The open journal of one folder, held exclusively.

    Args:
        folder: Where it lives; made (mode 0700) where it is missing.
        apply: Takes every recorded change, in order, before the constructor returns.

    Raises:
        DatabaseError: Another server holds the folder, or the journal is damaged.
    """

    def __init__(self, folder: Path, apply: Callable[[Effect], None]) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._folder = folder
        self._path = folder / "journal"
        self._lock = _locked(folder)
        self._file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        self.size = self._replay(apply)
        self.synced = self.size
        self.compacted_size = 0

    def append(self, effects: list[Effect]) -> None:
        """Hand changes to the kernel; they survive the death of this process from here on."""
        record = memoryview(encode_record(effects, self.synced))
        self.size += len(record)
        while record:
            record = record[os.write(self._file, record) :]

    def sync(self) -> None:
        """Have everything appended so far on the disk when this returns; may run in a thread."""
        size = self.size
        os.fdatasync(self._file)
        self.synced = size

    def compact(self, snapshot: Iterable[Effect]) -> None:
        """Replace the journal by one that makes the present state at once.

        Args:
            snapshot: The changes that make the present state out of nothing.
        """
        fresh = self._folder / "journal.new"
        file = os.open(fresh, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND, 0o600)
        size = os.write(file, HEADER)
        batch: list[Effect] = []
        for effect in snapshot:
            batch.append(effect)
            if len(batch) == _SNAPSHOT_BATCH:
                size += _write_all(file, encode_record(batch, 0))
                batch = []
        size += _write_all(file, encode_record(batch, 0))
        os.fsync(file)
        fresh.rename(self._path)
        _sync_folder(self._folder)
        os.close(self._file)
        self._file, self.size, self.synced, self.compacted_size = file, size, size, size

    def close(self) -> None:
        """Sync, close and give up the folder."""
        self.sync()
        os.close(self._file)
        os.close(self._lock)

    def _replay(self, apply: Callable[[Effect], None]) -> int:
        data = self._path.read_bytes()
        if len(data) < len(HEADER) and HEADER.startswith(data):
            os.ftruncate(self._file, 0)
            _write_all(self._file, HEADER)
            os.fsync(self._file)
            _sync_folder(self._folder)
            return len(HEADER)
        end = len(HEADER)
        for effects, behind in read_records(data):
            for effect in effects:
                apply(effect)
            end = behind
        if end < len(data):
            (self._folder / "journal.torn").write_bytes(data[end:])
            os.ftruncate(self._file, end)
            os.fsync(self._file)
        return end


def _write_all(file: int, data: bytes) -> int:
    view = memoryview(data)
    while view:
        view = view[os.write(file, view) :]
    return len(data)


def _locked(folder: Path) -> int:
    lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(lock)
        raise DatabaseError(
            f"Another database server holds the folder {folder}.",
            remedy="Stop that server, or give this one a --path of its own.",
        ) from error
    return lock


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
