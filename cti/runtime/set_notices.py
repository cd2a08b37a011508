"""Notices that people set while the platform runs: kept in the database, checked and spoken before anybody hears them.

Several engines, and the command line, share the table: each engine looks every `LOOK_S`; what is set by the API of an
engine holds there from the next call on.
"""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import gevent

from cti.core.errors import CtiError
from cti.flow.notices import notice_says, read_notice

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from cti.core.access import Deed
    from cti.core.commands import Say
    from cti.flow.notices import Notice
    from cti.ports import Clock
    from cti.runtime.notices import NoticeBoard
    from cti.store.notices import Notices, SetNotice

log = logging.getLogger("cti.notices")

LOOK_S = 2.0


class SetNotices:
    """``languages``: in which a notice must be written; ``render`` makes the prompts and raises CtiError."""

    def __init__(
        self,
        store: Notices,
        board: NoticeBoard,
        clock: Clock,
        languages: Callable[[], Collection[str]] = lambda: (),
        render: Callable[[Sequence[Say]], object] = lambda _says: None,
    ) -> None:
        self._store, self._board, self._clock = store, board, clock
        self._languages, self._render = languages, render
        self._versions: dict[str, int] = {}  # rendered

    def run(self) -> None:
        """Look for ever; a failure is logged, and the next look follows."""
        while True:
            try:
                self.look()
            except CtiError as error:
                log.warning("the notices stay as they are: %s", error)
            gevent.sleep(LOOK_S)

    def look(self) -> None:
        """Raises StoreUnavailable."""
        now = self._clock.now()
        rows = self._store.all(now)
        held: list[Notice] = []
        for row in rows:
            notice = read_notice(row.notice_id, row.document)[0] if row.ended_at is None else None
            if notice is None:
                continue
            held.append(notice)
            if self._versions.get(row.notice_id) != row.version:
                self._speak(notice, row.version)
        self._board.put_up(held, [row.notice_id for row in rows if row.ended_at is not None])
        self._board.look(datetime.fromtimestamp(now, UTC))

    def _speak(self, notice: Notice, version: int) -> None:
        try:
            self._render(notice_says([notice]))
            self._versions[notice.id] = version
        except CtiError as error:
            log.error("notice %s is not rendered ahead: %s", notice.id, error)

    def put(self, notice_id: str, document: Mapping[str, Any], deed: Deed, *, new: bool = False) -> SetNotice:
        """Set or change one. Raises CtiError: bad-notice, notice-exists; StoreUnavailable."""
        checked(notice_id, document, self._languages())
        if self._board.has(notice_id):
            raise CtiError(
                f"notice {notice_id!r} stands in notices.yaml", code="notice-exists", remedy="take another id"
            )
        notice, _ = read_notice(notice_id, document)
        assert notice is not None
        try:
            self._render(notice_says([notice]))
        except CtiError as error:
            raise CtiError(f"this cannot be spoken: {error.message}", code="bad-notice") from error
        made = self._store.put(notice_id, document, deed, new=new)
        self._versions[notice_id] = made.version
        self.look()
        return made

    def end(self, notice_id: str, deed: Deed) -> SetNotice:
        """Raises CtiError (unknown-notice), StoreUnavailable."""
        ended = self._store.end(notice_id, deed)
        self.look()
        return ended

    def all(self) -> list[SetNotice]:
        return self._store.all(self._clock.now())


def checked(notice_id: str, document: Mapping[str, Any], languages: Collection[str]) -> None:
    """Raises CtiError (bad-notice) with everything that is wrong."""
    _, faults = read_notice(notice_id, document, sorted(languages))
    if faults:
        raise CtiError("; ".join(faults), code="bad-notice", remedy="see docs/notices.md")
