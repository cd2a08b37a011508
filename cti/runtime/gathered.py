"""Reads of one kind that many ask for at the same moment: one at a time, and what is asked meanwhile is the next."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar

import gevent
from gevent.event import AsyncResult

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

T = TypeVar("T")


class Gathered(Generic[T]):
    """``read`` gets up to ``most`` keys and blocks; what it raises is raised to each who waits for one of them."""

    def __init__(self, read: Callable[[Collection[str]], Mapping[str, T]], most: int) -> None:
        self._read, self._most = read, most
        self._wanted: dict[str, AsyncResult[T | None]] = {}  # no read for it has begun
        self._reader: gevent.Greenlet[[], None] | None = None

    def get(self, key: str) -> T | None:
        """From a read that begins after this was asked; None: there is none."""
        if key not in self._wanted:
            self._wanted[key] = AsyncResult()
        result = self._wanted[key]
        if self._reader is None or self._reader.ready():
            self._reader = gevent.spawn(self._run)
        return result.get()

    def _run(self) -> None:
        while self._wanted:
            some = {key: self._wanted.pop(key) for key in list(self._wanted)[: self._most]}
            try:
                found = self._read(list(some))
            except Exception as error:  # noqa: BLE001 - handed over to those who wait
                for result in some.values():
                    result.set_exception(error)
                continue
            for key, result in some.items():
                result.set(found.get(key))
