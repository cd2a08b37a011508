"""Where calls stand, in the database: the newest of each, sealed with a key of the call, gone with it."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import Any

from cti.core.calls import TerminalCause
from cti.core.floor_records import EntryOpened, RunBegan
from cti.core.records import CallDetail, CallEnded, CallGap, CallStarted
from cti.core.snapshots import Ownership, RunSnapshot
from cti.store import SqlStore
from tests.store.conftest import Folder
from tests.store.troublekit import locked


def shot(call_id: str, number: int, body: bytes = b"{}", *, epoch: int = 1, owner: str = "cti/0") -> RunSnapshot:
    return RunSnapshot(call_id, "fs1", owner, epoch, number, 1000.0 + number, body)


def left(store: SqlStore, owner: str = "cti/0") -> list[tuple[str, int, int, bytes]]:
    return sorted((one.call_id, one.epoch, one.number, one.body) for one in store.find_snapshots(owner))


def test_the_newest_of_each_call_is_there_for_its_owner(store: SqlStore) -> None:
    for one in (shot("a", 1), shot("a", 2, b"two"), shot("b", 1), shot("c", 1, owner="cti/1")):
        store.keep_snapshot(one)
        assert store.wait_snapshots(30.0)
    assert left(store) == [("a", 1, 2, b"two"), ("b", 1, 1, b"{}")]
    assert left(store, "cti/1") == [("c", 1, 1, b"{}")]


def test_an_engine_that_has_lost_a_call_does_not_write_it_back(folder: Folder) -> None:
    old, new = folder.open(), folder.open()
    old.keep_snapshot(shot("a", 7, b"old"))
    assert old.wait_snapshots(30.0)
    new.keep_snapshot(shot("a", 8, b"new", epoch=2))
    assert new.wait_snapshots(30.0)
    for late in (shot("a", 9, b"late"), shot("a", 8, b"same", epoch=2)):
        old.keep_snapshot(late)
        assert old.wait_snapshots(30.0)
    assert left(new) == [("a", 2, 8, b"new")]


def test_it_goes_with_the_call_and_nothing_can_be_read_then(folder: Folder) -> None:
    store = folder.open()
    store.record(CallStarted("a", "fs1", "4001", 1000.0))
    store.keep_snapshot(shot("a", 1, b"the caller's 4711"))
    assert store.wait_snapshots(30.0)
    [(key, body)] = rows(folder, "select key_sealed, body_sealed from call_snapshots")
    assert b"4711" not in body
    store.keep_snapshot(shot("a", 2))
    store.record(CallEnded("a", 1001.0, TerminalCause.FLOW_END))
    assert store.flush(30.0)
    assert left(store) == []
    assert store.close(30.0)
    stored = folder.db.read_bytes()
    assert key not in stored
    assert body not in stored


def test_while_the_database_is_away_one_of_each_call_waits(folder: Folder) -> None:
    store = folder.open()
    with locked(folder.db):
        for number in range(1, 500):
            store.keep_snapshot(shot("a", number, b"%d" % number))
        assert not store.wait_snapshots(0.1)
        assert store.health().queued == store.health().spilled == 0
    assert store.wait_snapshots(30.0)
    assert left(store) == [("a", 1, 499, b"499")]


def test_what_is_too_large_is_not_kept(store: SqlStore) -> None:
    import os

    store.keep_snapshot(shot("a", 1, b"small"))
    assert store.wait_snapshots(30.0)
    store.keep_snapshot(shot("a", 2, os.urandom(300 * 1024)))
    assert store.wait_snapshots(30.0)
    assert left(store) == [("a", 1, 1, b"small")]


def test_one_that_does_not_open_is_left_out(folder: Folder) -> None:
    store = folder.open()
    for name in "ab":
        store.keep_snapshot(shot(name, 1))
    assert store.wait_snapshots(30.0)
    with closing(sqlite3.connect(folder.db)) as database, database:
        database.execute("update call_snapshots set body_sealed = x'00' where call_id = 'a'")
    assert [name for name, *_ in left(store)] == ["b"]


def test_each_engine_of_a_worker_has_a_higher_epoch(store: SqlStore) -> None:
    owners = store.owners
    assert owners.begin("cti/0", 100.0) == Ownership(1)
    assert owners.seen("cti/0", 1, 105.0)
    assert owners.begin("cti/0", 110.0) == Ownership(2, 105.0)
    assert not owners.seen("cti/0", 1, 111.0), "another has begun since"
    assert owners.begin("cti/1", 110.0) == Ownership(1)


def test_stays_of_calls_that_are_up_are_found(store: SqlStore) -> None:
    def stay(call_id: str) -> EntryOpened:
        return EntryOpened(
            entry_id=f"r/{call_id}", worker="cti/0", run="r", contact=call_id, call_id=call_id, queue="q",
            medium="voice", began_at=1000.0,
        )  # fmt: skip

    store.record(RunBegan(worker="cti/0", run="r", at=999.0, kept=()))
    for name in "ab":
        store.record(CallStarted(name, "fs1", "4001", 1000.0))
        store.record(stay(name))
    store.keep_snapshot(shot("a", 1))
    assert store.wait_snapshots(30.0)
    assert store.flush(30.0)
    assert store.find_stays("cti/0") == [stay("a")]


def test_gaps_are_in_the_record_of_a_call(store: SqlStore) -> None:
    store.record(CallStarted("a", "fs1", "4001", 1000.0))
    gaps = (CallGap("a", 1001.0, 1003.0, "resumed"), CallGap("a", 1005.0, 1009.0, "begun_again"))
    for gap in (*reversed(gaps), gaps[0]):
        store.record(gap)
    assert store.flush(30.0)
    found = store.find_call("a")
    assert isinstance(found, CallDetail)
    assert found.gaps == gaps
    assert found.as_dict()["gaps"][0] == {"began_at": 1001.0, "ended_at": 1003.0, "how": "resumed"}


def rows(folder: Folder, query: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(folder.db)) as database:
        return database.execute(query).fetchall()
