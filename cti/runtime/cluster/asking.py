"""Questions to another process, answered within a deadline or not at all."""

from __future__ import annotations

import uuid as uuids
from typing import TYPE_CHECKING, Any

import gevent
from gevent.event import AsyncResult

from cti.core.errors import DeadlineExceeded

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from cti.ports.cluster import Bus, Message

ANSWER = "answer"
#: An answer that is only told to somebody, and by nobody waited for, is given up after so long.
FORGOTTEN_S = 60.0


class Asking:
    """Of one process, for all that it asks."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self._open: dict[str, Callable[[Any], None]] = {}
        bus.listen(ANSWER, self._answered)

    def ask(self, to: str, run: str, kind: str, body: Mapping[str, Any], timeout_s: float, *, epoch: int = 0) -> Any:
        """Blocks. Raises DeadlineExceeded."""
        result: AsyncResult[Any] = AsyncResult()
        number = self.later(result.set)
        self._bus.send(to, run, kind, {**body, "id": number}, epoch=epoch)
        try:
            return result.get(timeout=timeout_s)
        except gevent.Timeout:
            raise DeadlineExceeded(f"{to} did not answer within {timeout_s:g} s") from None
        finally:
            self._open.pop(number, None)

    def later(self, told: Callable[[Any], None]) -> str:
        """The number under which ``told`` is given an answer, should one come."""
        number = uuids.uuid4().hex
        self._open[number] = told
        gevent.spawn_later(FORGOTTEN_S, self._open.pop, number, None)
        return number

    def answer(self, asked: Message, value: Any, *, epoch: int = 0) -> None:
        self.answer_to(asked.sender, asked.run, asked.body["id"], value, epoch=epoch)

    def answer_to(self, to: str, run: str, number: str, value: Any, *, epoch: int = 0) -> None:
        self._bus.send(to, run, ANSWER, {"id": number, "value": value}, epoch=epoch)

    def _answered(self, message: Message) -> None:
        told = self._open.pop(message.body["id"], None)
        if told is not None:
            told(message.body["value"])
