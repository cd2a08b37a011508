"""The journal of runs: it comes back whole, tells nobody anything, and its secrets die with the call."""

from __future__ import annotations

import sqlite3
from contextlib import closing

from cti.core.calls import TerminalCause
from cti.core.records import CallEnded, CallJournal, CallStarted, JournalPart
from cti.store import SqlStore
from cti.store.rows import from_line, to_line
from cti.store.sealing import Sealer
from tests.store.conftest import Folder

STARTED = CallStarted("c1", "fs", "10086", 100.0, caller="13800001234")
FIRST = JournalPart(
    "c1", 100.0, 1, ([0, {"flow": "hotline", "inputs": "13800001234"}, []], [5, ["DigitPressed", "1"], []])
)
SECRET = JournalPart("c1", 100.0, 2, ([9, ["DigitPressed", {"secret": "1"}], []],), {"1": "7"})
ENDED = CallEnded("c1", 130.0, TerminalCause.CALLER_HANGUP)


def write(store: SqlStore, *records: CallStarted | JournalPart | CallEnded) -> None:
    for record in records:
        store.record(record)
    assert store.flush(5.0)


def rows(folder: Folder, query: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(folder.db)) as connection:
        return connection.execute(query).fetchall()


def test_parts_come_back_in_order_as_one_journal(store: SqlStore) -> None:
    write(store, STARTED, SECRET, FIRST)
    assert store.find_journal("c1") == CallJournal("c1", 100.0, (*FIRST.entries, *SECRET.entries), {"1": "7"})
    assert store.find_journal("c2") is None


def test_the_last_run_of_an_adopted_call_counts(store: SqlStore) -> None:
    again = JournalPart("c1", 110.0, 1, ([0, {"flow": "hotline"}, []],))
    write(store, STARTED, FIRST, again)
    found = store.find_journal("c1")
    assert found is not None
    assert (found.begun_at, found.entries) == (110.0, again.entries)


def test_a_part_written_twice_is_there_once(store: SqlStore) -> None:
    write(store, STARTED, FIRST, FIRST)
    found = store.find_journal("c1")
    assert found is not None
    assert found.entries == FIRST.entries


def test_secrets_die_with_the_call(folder: Folder, store: SqlStore) -> None:
    write(store, STARTED, FIRST, SECRET)
    assert rows(folder, "SELECT count(*) FROM call_keys") == [(1,)]
    write(store, ENDED)
    assert rows(folder, "SELECT count(*) FROM call_keys") == [(0,)]
    found = store.find_journal("c1")
    assert found is not None
    assert found.secrets == {}
    assert found.entries == (*FIRST.entries, *SECRET.entries)


def test_a_secret_that_comes_with_the_end_or_after_it_gets_no_key(folder: Folder, store: SqlStore) -> None:
    write(store, STARTED)
    write(store, FIRST, SECRET, ENDED)
    late = JournalPart("c1", 100.0, 3, ([10, ["DigitPressed", {"secret": "2"}], []],), {"2": "8"})
    write(store, late)
    assert rows(folder, "SELECT count(*) FROM call_keys") == [(0,)]
    assert rows(folder, "SELECT count(*) FROM call_journal WHERE secrets_sealed IS NOT NULL") == [(0,)]
    found = store.find_journal("c1")
    assert found is not None
    assert (len(found.entries), found.secrets) == (4, {})


def test_nothing_can_be_read_from_the_files(folder: Folder) -> None:
    store = folder.open()
    write(store, STARTED, FIRST, SECRET, ENDED)
    assert store.close(1.0)
    folder.forget(store)
    for file in folder.path.glob("cti.db*"):
        assert b"13800001234" not in file.read_bytes()
        assert b"DigitPressed" not in file.read_bytes()


def test_a_deleted_key_is_overwritten(folder: Folder) -> None:
    store = folder.open()
    write(store, STARTED, FIRST, SECRET)
    ((key,),) = rows(folder, "SELECT key_sealed FROM call_keys")
    assert isinstance(key, bytes)
    write(store, ENDED)
    assert store.close(1.0)  # the last connection takes the write-ahead log into the file and removes it
    folder.forget(store)
    assert all(key not in file.read_bytes() for file in folder.path.glob("cti.db*"))


def test_a_spilled_part_keeps_its_entries_and_leaves_the_secrets_out() -> None:
    sealer = Sealer({"k1": bytes(32)}, "k1", bytes(32))
    assert from_line(to_line(SECRET, 7, sealer), sealer) == (7, JournalPart("c1", 100.0, 2, SECRET.entries))
