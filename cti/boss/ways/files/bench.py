"""The one thread on which files of one back end are given and taken, and what is wrong there."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from gevent.threadpool import ThreadPool

from cti.boss.ways.files.proving import BadFile
from cti.boss.ways.files.transport import Transport, TransportError

log = logging.getLogger("cti.boss")
T = TypeVar("T")
_AS_BEFORE = ("backing-off", "closed")


class Bench:
    """``problems``: reason by side, empty: none."""

    def __init__(self, name: str) -> None:
        self.name, self._pool = name, ThreadPool(1)
        self.problems = {"send": "", "answers": ""}

    def run(self, work: Callable[[], T]) -> T | Exception:
        """Blocks this greenlet, not the hub. What was raised comes back."""
        ended: Any = self._pool.spawn(_ended, work)
        found: T | Exception = ended.get()
        return found

    def problem(self, side: str, reason: str, more: str = "") -> None:
        """Told once in the log."""
        if reason in _AS_BEFORE:
            return
        if reason and reason != self.problems[side]:
            log.error("%s: %s: %s", self.name, side, more or reason)
        self.problems[side] = reason

    def close(self, transports: Iterable[Transport]) -> None:
        for one in transports:
            self._pool.spawn(one.close)
        self._pool.join()
        self._pool.kill()


def reason_of(error: Exception) -> str:
    return error.reason if isinstance(error, TransportError | BadFile) else f"bug-{type(error).__name__}"


def _ended(work: Callable[[], T]) -> T | Exception:
    """Returned, not raised: gevent prints what a pool thread raises."""
    try:
        return work()
    except Exception as error:  # noqa: BLE001 - told by its reason or its class; the next look tries again
        return error
