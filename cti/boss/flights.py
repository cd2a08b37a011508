"""Single-flight: the same question at the same time is asked once, whoever else asks it waits for that answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, TypeVar

import gevent
from gevent.event import AsyncResult

Answer = TypeVar("Answer")


class Flights(Generic[Answer]):
    """``len``: questions in the air. Each has a greenlet of its own, so that the first caller's impatience, or end,
    leaves the others theirs."""

    def __init__(self) -> None:
        self._flights: dict[str, AsyncResult[Answer]] = {}
        self._greenlets: set[gevent.Greenlet[Any, Any]] = set()

    def __len__(self) -> int:
        return len(self._flights)

    def join(self, key: str | None, ask: Callable[[], Answer], wait_s: float) -> tuple[Answer | None, bool]:
        """The answer, None when it is not there after ``wait_s``; and whether this call was the one that asked.

        ``key`` None: asked in any case, and by nobody else's leave.
        """
        found = self._flights.get(key) if key is not None else None
        first = found is None
        flight = self._start(key, ask) if found is None else found
        flight.wait(timeout=max(0.0, wait_s))
        if not flight.ready():
            return None, first
        return flight.get(block=False), first

    def start(self, key: str, ask: Callable[[], Answer]) -> bool:
        """Ask without waiting; False when somebody does already."""
        if key in self._flights:
            return False
        self._start(key, ask)
        return True

    def close(self) -> None:
        for greenlet in tuple(self._greenlets):
            greenlet.kill(block=False)

    def _start(self, key: str | None, ask: Callable[[], Answer]) -> AsyncResult[Answer]:
        flight: AsyncResult[Answer] = AsyncResult()
        if key is not None:
            self._flights[key] = flight

        def fly() -> None:
            try:
                answer = ask()
            except BaseException as error:
                self._land(key)
                flight.set_exception(error)
                if not isinstance(error, Exception):
                    raise
            else:
                self._land(key)
                flight.set(answer)

        greenlet = gevent.spawn(fly)
        self._greenlets.add(greenlet)
        greenlet.rawlink(self._greenlets.discard)
        return flight

    def _land(self, key: str | None) -> None:
        if key is not None:
            self._flights.pop(key, None)
