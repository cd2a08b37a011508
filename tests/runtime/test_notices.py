"""The board of notices and the counts of who was told."""

from __future__ import annotations

from datetime import datetime, timedelta

from cti.core.commands import FindNotices, NoticeHeard
from cti.core.records import NoticeCount, Record
from cti.flow.notices import Notice
from cti.runtime.notices import NoticeBoard, NoticeTally

NOW = datetime.fromisoformat("2026-03-02T23:59+08:00")


def test_a_notice_that_is_taken_away_is_over() -> None:
    over: list[str] = []
    one, two = (Notice(name, {"zh-CN": "x"}) for name in ("one", "two"))
    board = NoticeBoard([one], over.append)
    board.replace([one, two])
    assert [found.id for found in board.find(FindNotices(1, NOW))] == ["one", "two"]
    assert over == []
    board.replace([two])
    assert over == ["one"]


def test_every_count_is_the_whole_of_its_day_and_run() -> None:
    records: list[Record] = []
    now = [NOW]
    tally = NoticeTally(records.append, lambda: now[0])
    board = NoticeBoard(tally=tally)
    for call, heard in (
        ("a", NoticeHeard("one")),
        ("b", NoticeHeard("one", whole=False)),
        ("c", NoticeHeard("one", whole=False, hung_up=True)),
        ("c", NoticeHeard("two")),
    ):
        board.heard(call, heard)
    now[0] += timedelta(minutes=1)
    board.heard("d", NoticeHeard("one"))
    counts = [record for record in records if isinstance(record, NoticeCount)]
    assert [(c.notice, c.day, c.heard, c.heard_whole, c.hung_up) for c in counts] == [
        ("one", "2026-03-02", 1, 1, 0),
        ("one", "2026-03-02", 2, 1, 0),
        ("one", "2026-03-02", 3, 1, 1),
        ("two", "2026-03-02", 1, 1, 0),
        ("one", "2026-03-03", 1, 1, 0),
    ]
    assert len({count.run for count in counts}) == 1


def test_each_start_of_an_engine_counts_for_itself() -> None:
    records: list[NoticeCount] = []
    for _ in range(2):
        NoticeTally(records.append, lambda: NOW).add("a", NoticeHeard("one"))  # type: ignore[arg-type]
    assert len({record.run for record in records}) == 2
