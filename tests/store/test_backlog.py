"""What belongs together is written in one transaction, however large batches are and whoever runs meanwhile."""

from __future__ import annotations

import pytest

from cti.core.records import CallStarted
from cti.store import WriterSettings
from cti.store.backlog import Backlog
from cti.store.batch import BatchWriter, Item, Written
from tests.store.conftest import Folder


def started(name: str) -> CallStarted:
    return CallStarted(name, "fs1", "10086", 1.0)


def put(backlog: Backlog, names: str) -> None:
    for name in names:
        backlog.put(started(name))


def batches(backlog: Backlog, most: int) -> list[str]:
    found = []
    while items := backlog.oldest(most):
        found.append("".join(record.call_id for _, record in items))
        backlog.forget(items[-1][0])
    return found


def test_a_group_is_not_parted() -> None:
    backlog = Backlog()
    put(backlog, "ab")
    with backlog.together():
        put(backlog, "cde")
        with backlog.together():
            put(backlog, "f")
        put(backlog, "g")
    put(backlog, "hij")
    assert batches(backlog, 3) == ["abcdefg", "hij"]
    assert backlog._joined == set()


def test_groups_that_follow_each_other_are_two() -> None:
    backlog = Backlog()
    for names in ("ab", "", "cd"):
        with backlog.together():
            put(backlog, names)
    assert batches(backlog, 1) == ["ab", "cd"]


def test_a_group_that_grows_waits_and_the_end_waits_for_nobody() -> None:
    backlog = Backlog()
    put(backlog, "a")
    with backlog.together():
        put(backlog, "bc")
        assert batches(backlog, 10) == ["a"]
        assert not backlog.ready
        backlog.closed = True
        assert batches(backlog, 1) == ["bc"]


@pytest.mark.parametrize("batch", [1, 2])
def test_the_store_writes_groups_whole(folder: Folder, monkeypatch: pytest.MonkeyPatch, batch: int) -> None:
    seen: list[str] = []
    write = BatchWriter.write

    def watched(self: BatchWriter, items: list[Item]) -> Written:
        seen.append("".join(record.call_id for _, record in items))
        return write(self, items)

    monkeypatch.setattr(BatchWriter, "write", watched)
    store = folder.open(settings=WriterSettings(gather_s=0.0, batch=batch))
    store.record(started("a"))
    with store.together():
        for name in "bcd":
            store.record(started(name))
            assert not store.flush(0.01)  # others run, and the group is not complete
    assert store.flush(10.0)
    assert "".join(seen) == "abcd"
    assert "bcd" in [names.lstrip("a") for names in seen]
