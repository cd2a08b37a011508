"""An engine whose worker is another engine's by now records nothing more, whatever it still has to say."""

from __future__ import annotations

from pathlib import Path

from cti.core.calls import TerminalCause
from cti.core.records import CallEnded, CallStarted
from cti.store import SqlStore
from tests.store.conftest import Folder
from tests.store.test_snapshots import left, rows, shot
from tests.store.troublekit import locked

CLOSED = (CallStarted("a", "fs1", "4001", 1000.0), CallEnded("a", 1001.0, TerminalCause.CALLER_HANGUP))


def begun(folder: Folder, told: list[str], **options: object) -> SqlStore:
    """As an engine of cti/0 begins."""
    store = folder.open(**options)
    store.fence("cti/0", store.owners.begin("cti/0", 1000.0).epoch, lambda: told.append("stale"))
    return store


def test_records_and_snapshots_of_a_stale_engine_are_refused(folder: Folder) -> None:
    told: list[str] = []
    old = begun(folder, told)
    old.record(CallStarted("before", "fs1", "4001", 999.0))
    assert old.flush(30.0)
    new = begun(folder, told)
    for record in CLOSED:
        old.record(record)
    old.keep_snapshot(shot("a", 1))
    assert not old.flush(30.0)
    assert not old.wait_snapshots(30.0)
    assert told == ["stale"]
    old.record(CallStarted("later", "fs1", "4001", 1002.0))
    assert (old.health().rejected, old.health().queued) == (3, 0)
    old.close(30.0)
    assert [call for (call,) in rows(folder, "select call_id from calls")] == ["before"]
    assert left(new) == []
    assert lines(folder.rejected) == 2
    new.record(CLOSED[0])
    assert new.flush(30.0)
    assert told == ["stale"]


def test_what_was_spilled_before_stays_for_the_next_engine_of_the_folder(folder: Folder) -> None:
    told: list[str] = []
    old = begun(folder, told)
    with locked(folder.db):
        old.record(CLOSED[0])
        old.close(0.2)
    folder.forget(old)
    assert lines(folder.spill) == 1
    assert begun(folder, told).flush(30.0)
    assert rows(folder, "select call_id from calls") == [("a",)]


def test_who_was_told_that_another_has_the_worker_leaves_nothing_for_a_next_start(folder: Folder) -> None:
    """The database is away at the end, so that it cannot refuse what comes."""
    old = begun(folder, [])
    with locked(folder.db):
        for record in CLOSED:
            old.record(record)
        old.disown()
        assert not old.close(0.2)
    folder.forget(old)
    assert (lines(folder.spill), lines(folder.rejected)) == (0, 2)


def test_who_was_never_told_of_an_owner_writes_as_ever(folder: Folder) -> None:
    """The command line, imports."""
    plain = folder.open()
    begun(folder, [])
    plain.record(CLOSED[0])
    assert plain.flush(30.0)


def lines(file: Path) -> int:
    return len(file.read_bytes().splitlines()) if file.exists() else 0
