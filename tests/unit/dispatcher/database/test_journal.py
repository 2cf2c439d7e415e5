"""What the journal keeps, through torn tails, damage and compaction."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.errors import DatabaseError
from sim_dispatcher.database.catalog import Catalog
from sim_dispatcher.database.journal import HEADER, Journal, encode_record, read_records


def put(number: int) -> dict[str, Any]:
    return {"o": "put", "d": "db", "c": "t", "v": {"_id": number, "x": "y" * number}}


def opened(folder: Path) -> tuple[Journal, list[dict[str, Any]]]:
    seen: list[dict[str, Any]] = []
    return Journal(folder, seen.append), seen


def filled(folder: Path, count: int) -> bytes:
    journal, _ = opened(folder)
    for number in range(count):
        journal.append([put(number)])
    journal.close()
    return (folder / "journal").read_bytes()


def test_changes_come_back_in_order(tmp_path: Path) -> None:
    filled(tmp_path, 5)
    journal, seen = opened(tmp_path)
    journal.close()
    assert seen == [put(number) for number in range(5)]


@given(data=st.data())
@settings(max_examples=15, deadline=None)
def test_a_torn_tail_costs_only_what_was_torn(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    folder = tmp_path_factory.mktemp("torn")
    whole = filled(folder, 6)
    ends = [end for _, end in read_records(whole)]
    cut = data.draw(st.integers(len(HEADER), len(whole) - 1))
    (folder / "journal").write_bytes(whole[:cut])
    journal, seen = opened(folder)
    kept = sum(end <= cut for end in ends)
    assert seen == [put(number) for number in range(kept)]
    journal.append([put(99)])
    journal.close()
    journal, seen = opened(folder)
    journal.close()
    assert seen == [*(put(number) for number in range(kept)), put(99)]


def test_the_torn_bytes_are_kept_beside_the_journal(tmp_path: Path) -> None:
    whole = filled(tmp_path, 2)
    (tmp_path / "journal").write_bytes(whole + b"half a record")
    journal, _ = opened(tmp_path)
    journal.close()
    assert (tmp_path / "journal.torn").read_bytes() == b"half a record"


def test_damage_to_synced_data_is_refused_and_nothing_is_cut(tmp_path: Path) -> None:
    journal, _ = opened(tmp_path)
    journal.append([put(1)])
    journal.sync()
    journal.append([put(2)])
    journal.close()
    damaged = bytearray((tmp_path / "journal").read_bytes())
    damaged[len(HEADER) + 30] ^= 1
    (tmp_path / "journal").write_bytes(damaged)
    with pytest.raises(DatabaseError, match="damaged at byte"):
        opened(tmp_path)
    assert (tmp_path / "journal").read_bytes() == damaged


def test_a_hole_in_unsynced_data_is_a_torn_tail(tmp_path: Path) -> None:
    start = len(HEADER)
    first, second = encode_record([put(1)], start), encode_record([put(2)], start)
    tmp_path.joinpath("journal").write_bytes(HEADER + b"\0" * len(first) + second)
    journal, seen = opened(tmp_path)
    journal.close()
    assert seen == []


@given(flip=st.integers(0, 10_000), bit=st.integers(0, 7))
@settings(max_examples=100)
def test_no_flipped_bit_is_read_as_data(flip: int, bit: int) -> None:
    data = bytearray(HEADER + encode_record([put(1)], 0) + encode_record([put(2)], 0))
    position = len(HEADER) + flip % (len(data) - len(HEADER))
    data[position] ^= 1 << bit
    try:
        read = [effects for effects, _ in read_records(bytes(data))]
    except DatabaseError:
        return
    assert read in ([], [[put(1)]])


def test_one_server_holds_a_folder(tmp_path: Path) -> None:
    journal, _ = opened(tmp_path)
    with pytest.raises(DatabaseError, match="Another database server"):
        opened(tmp_path)
    journal.close()


def test_a_file_of_something_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "journal").write_bytes(b"SQLite format 3\0 and so on")
    with pytest.raises(DatabaseError, match="not an AtomLoop journal"):
        opened(tmp_path)


def test_a_compacted_journal_makes_the_same_state(tmp_path: Path) -> None:
    catalog = Catalog()
    journal = Journal(tmp_path, catalog.replay)
    for number in range(500):
        catalog.put("db", "t", {"_id": number % 7, "x": number})
        journal.append(catalog.take_effects())
    before = journal.size
    journal.compact(catalog.snapshot())
    catalog.put("db", "t", {"_id": "after"})
    journal.append(catalog.take_effects())
    journal.close()
    assert journal.size < before / 10
    again = Catalog()
    Journal(tmp_path, again.replay).close()
    expected = catalog.table("db", "t").documents
    assert again.table("db", "t").documents == expected
