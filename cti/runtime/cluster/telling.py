"""What a bus tells: one thing after the other, on a greenlet of its own, whatever one of them does."""

from __future__ import annotations

import logging
from collections import deque
from typing import TYPE_CHECKING, Any

from gevent.event import Event as Flag

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

log = logging.getLogger("cti.cluster")


class Line:
    def __init__(self) -> None:
        self._waiting: deque[Callable[[], None]] = deque()
        self._told = Flag()

    def __len__(self) -> int:
        return len(self._waiting)

    def put(self, work: Callable[[], None]) -> None:
        self._waiting.append(work)
        self._told.set()

    def run(self) -> None:
        """Until killed."""
        while True:
            self._told.wait()
            self._told.clear()
            while self._waiting:
                self._waiting.popleft()()


def tell_all(told: Iterable[Callable[..., Any]], *what: object) -> None:
    for one in list(told):
        try:
            one(*what)
        except Exception:
            log.exception("who was told something has failed")
