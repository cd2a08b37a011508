"""What an engine does with callers and agents stands in the rows and counts of its database."""

from __future__ import annotations

from collections import Counter

from .platform import Platform, uuid_of


def test_a_talk_and_a_caller_who_leaves_are_counted(platform: Platform) -> None:
    platform.phone("1001", answer_after=0.1, hangup_after=0.3)
    talked = platform.call("queue")
    platform.over(talked)
    platform.phone("1001", answer_after=None)
    left = platform.call("queue", number="13800000001")
    platform.until(lambda: platform.switch.core.directory.phones["1001"].calls, "the phone rings")
    left.hangup()
    platform.over(left)
    store = platform.application.store
    assert store.flush(10.0)
    reports = platform.application.ground.store.reports
    since = int(platform.application.floor.owner.now()) // 900 * 900 - 900
    rows = list(reports.contacts(since, since + 2700, None))
    assert {row.call_id: row.outcome for row in rows} == {uuid_of(talked): "answered", uuid_of(left): "abandoned"}
    counts: Counter[str] = Counter()
    for row in reports.counts("queue", since, since + 2700):
        counts[row.what] += row.value  # type: ignore[assignment]
    assert (counts["offered"], counts["answered"], counts["abandoned"], counts["handled"]) == (2, 1, 1, 1)
    assert counts["talk_s"] > 0
    assert list(reports.verify(since, since + 2700)) == []
