"""A worker takes up the calls of another one, whole or not at all, and only one does."""

from __future__ import annotations

import pytest

from cti.core.floor_records import EntryOpened
from cti.core.records import CallStarted
from cti.core.snapshots import CallsLeft, Sign, floor_id
from cti.store import SqlStore
from cti.store.owners import StaleOwner
from tests.store.conftest import Folder
from tests.store.test_snapshots import left, rows, shot

STAY = {"worker": "cti/0", "run": "run0", "queue": "service", "medium": "voice", "began_at": 1000.0, "counted": True}


@pytest.fixture
def dead(folder: Folder) -> SqlStore:
    """Of cti/0, at epoch 3: two calls, one of which waits in a queue, and somebody who sits there."""
    store = folder.open()
    for _ in range(3):
        epoch = store.owners.begin("cti/0", 1000.0).epoch
    store.fence("cti/0", epoch, lambda: None)
    store.owners.begin("cti/1", 1000.0)
    store.record(CallStarted("a", "fs1", "4001", 1000.0))
    for call in "ac":
        store.record(EntryOpened(entry_id=f"run0/{call}", contact=call, call_id=call, **STAY))  # type: ignore[arg-type]
    for one in (shot("a", 7, b"a", epoch=epoch), shot("b", 2, b"b", epoch=epoch), shot("other", 1, owner="cti/2")):
        store.keep_snapshot(one)
    store.keep_snapshot(shot(floor_id("cti/0"), 1, b"seats", epoch=epoch))
    assert store.flush(30.0)
    assert store.wait_snapshots(30.0)
    return store


def seen(store: SqlStore) -> Sign:
    found = store.owners.find("cti/0")
    assert found is not None
    return found


def test_where_they_stand_and_their_stays_are_the_heirs(folder: Folder, dead: SqlStore) -> None:
    heir = folder.open()
    found = heir.owners.take_up("cti/0", seen(heir), "cti/1", 1, "run1")
    assert found is not None
    assert [(one.call_id, one.owner, one.epoch, one.body) for one in found.snapshots] == [
        ("a", "cti/1", 1, b"a"),
        ("b", "cti/1", 1, b"b"),
    ]
    assert [(one.entry_id, one.worker, one.run) for one in found.stays] == [("run0/a", "cti/1", "run1")]
    assert found.floor == b"seats"
    assert (left(heir, "cti/0"), left(heir, "cti/1")) == ([], [("a", 1, 7, b"a"), ("b", 1, 2, b"b")])
    assert left(heir, "cti/2") == [("other", 1, 1, b"{}")]
    assert sorted(rows(folder, "select entry_id, worker from queue_entries")) == [
        ("run0/a", "cti/1"),
        ("run0/c", "cti/0"),
    ]
    heir.keep_snapshot(shot("a", 8, b"on", owner="cti/1"))
    assert heir.wait_snapshots(30.0)
    assert left(heir, "cti/1")[0] == ("a", 1, 8, b"on")
    dead.keep_snapshot(shot("a", 9, b"late", epoch=3))
    assert not dead.wait_snapshots(30.0)
    assert left(heir, "cti/1")[0] == ("a", 1, 8, b"on")


def test_only_one_has_them(dead: SqlStore) -> None:
    then = seen(dead)
    dead.owners.begin("cti/2", 1000.0)
    assert isinstance(dead.owners.take_up("cti/0", then, "cti/1", 1, "run1"), CallsLeft)
    assert dead.owners.take_up("cti/0", then, "cti/2", 1, "run2") is None
    assert dead.owners.take_up("cti/0", seen(dead), "cti/2", 1, "run2") == CallsLeft()


def test_one_that_gave_a_sign_of_life_or_began_again_keeps_its_calls(dead: SqlStore) -> None:
    then = seen(dead)
    assert dead.owners.seen("cti/0", 3, 1002.0)
    assert dead.owners.take_up("cti/0", then, "cti/1", 1, "run1") is None
    then = seen(dead)
    dead.owners.begin("cti/0", 1002.0)
    assert dead.owners.take_up("cti/0", then, "cti/1", 1, "run1") is None
    assert len(left(dead)) == 3


def test_an_heir_that_is_stale_itself_gets_nothing(dead: SqlStore) -> None:
    dead.owners.begin("cti/1", 1001.0)
    with pytest.raises(StaleOwner):
        dead.owners.take_up("cti/0", seen(dead), "cti/1", 1, "run1")
    assert seen(dead).epoch == 3
    assert len(left(dead)) == 3


def test_nobody_is_found_who_never_was(dead: SqlStore) -> None:
    assert dead.owners.find("cti/3") is None
