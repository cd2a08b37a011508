"""The notices that hold now, given by whoever changes them (a reload), and how many callers were told each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import uuid4

from cti.core.records import NoticeCount
from cti.flow.notices import Notice, find_notices

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import datetime

    from cti.core.commands import FindNotices, NoticeHeard
    from cti.core.events import FoundNotice
    from cti.core.records import Record


class NoticeBoard:
    """Implements `cti.ports.NoticeSource`: notices of the flows' folder (`replace`), and those that people set while
    the platform runs (`put_up`). ``over``: called with the id of a notice that was taken away or has ended."""

    def __init__(
        self,
        notices: Iterable[Notice] = (),
        over: Callable[[str], None] = lambda _id: None,
        tally: NoticeTally | None = None,
    ) -> None:
        self._notices = {notice.id: notice for notice in notices}
        self._set: dict[str, Notice] = {}
        self._ended: set[str] = set()  # told already
        self._over, self._tally = over, tally

    @property
    def notices(self) -> tuple[Notice, ...]:
        """Of the folder."""
        return tuple(self._notices.values())

    def has(self, notice: str) -> bool:
        """Is there one of this id in the folder?"""
        return notice in self._notices

    def is_over(self, event: str) -> bool:
        """Of a notice that is meant by an event: was it told to be over already?"""
        return event in self._ended

    def find(self, wanted: FindNotices) -> tuple[FoundNotice, ...]:
        return find_notices([*self._notices.values(), *self._set.values()], wanted)

    def put_up(self, notices: Iterable[Notice], ended: Iterable[str]) -> None:
        """Those set by people; ``ended``: those that were taken away by hand."""
        self._set = {notice.id: notice for notice in notices}
        self._end(ended)

    def look(self, now: datetime) -> None:
        """Tell of those whose end has come."""
        all_ = [*self._notices.values(), *self._set.values()]
        self._ended -= {one.id for one in all_ if not one.over(now)}  # prolonged, or set anew
        self._end(one.id for one in all_ if one.over(now))

    def _end(self, ids: Iterable[str]) -> None:
        for id_ in ids:
            if id_ not in self._ended:
                self._ended.add(id_)
                self._over(id_)

    def heard(self, call_id: str, heard: NoticeHeard) -> None:
        if self._tally is not None:
            self._tally.add(call_id, heard)

    def replace(self, notices: Iterable[Notice]) -> None:
        """At once, for running calls too."""
        before, self._notices = self._notices, {notice.id: notice for notice in notices}
        self._end(before.keys() - self._notices.keys())


@dataclass(slots=True)
class _Count:
    heard: int = 0
    whole: int = 0
    hung_up: int = 0


class NoticeTally:
    """Counts by notice and day, and hands every new count to ``record``. Each start of an engine counts for itself."""

    def __init__(self, record: Callable[[Record], None], now: Callable[[], datetime]) -> None:
        """``now`` in the timezone whose days are meant."""
        self._record, self._now = record, now
        self._run = uuid4().hex
        self._counts: dict[tuple[str, str], _Count] = {}  # (notice, day)

    def add(self, call_id: str, heard: NoticeHeard) -> None:
        day = self._now().date().isoformat()
        count = self._counts.setdefault((heard.notice, day), _Count())
        count.heard += 1
        count.whole += heard.whole
        count.hung_up += heard.hung_up
        self._record(NoticeCount(call_id, heard.notice, day, self._run, count.heard, count.whole, count.hung_up))
