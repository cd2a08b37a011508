"""Counts of notices: a batch that is written twice, or late, changes nothing; runs and days add up."""

from __future__ import annotations

from dataclasses import replace

from cti.core.records import NoticeCount, NoticeTotal
from tests.store.conftest import Folder

FIRST = NoticeCount("c", "works", "2026-03-02", "run1", 1, 1, 0)
SECOND = replace(FIRST, heard=2, hung_up=1)


def test_they_add_up_over_runs_and_days(folder: Folder) -> None:
    store = folder.open()
    other = replace(FIRST, day="2026-03-03", run="run2", heard=5, heard_whole=2, hung_up=2)
    for record in (FIRST, SECOND, other, replace(FIRST, notice="sale")):
        store.record(record)
    assert store.flush(5.0)
    assert store.count_notices() == [
        NoticeTotal("sale", 1, 1, 0, "2026-03-02", "2026-03-02"),
        NoticeTotal("works", 7, 3, 3, "2026-03-02", "2026-03-03"),
    ]
    assert store.count_notices(since="2026-03-03") == [NoticeTotal("works", 5, 2, 2, "2026-03-03", "2026-03-03")]
    assert store.close(5.0)


def test_an_earlier_batch_that_comes_again_changes_nothing(folder: Folder) -> None:
    store = folder.open()
    for record in (FIRST, SECOND, FIRST, SECOND):
        store.record(record)
        assert store.flush(5.0)
    (told,) = store.count_notices()
    assert (told.heard, told.heard_whole, told.hung_up) == (2, 1, 1)
    assert store.close(5.0)


def test_they_outlive_a_restart(folder: Folder) -> None:
    store = folder.open()
    store.record(SECOND)
    assert store.close(5.0)
    store = folder.open()
    assert [told.heard for told in store.count_notices()] == [2]
    assert store.close(5.0)
