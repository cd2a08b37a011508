"""The one owner of the distribution (DESIGN 3.5): everything that happens is told here, one thing after the other."""

from __future__ import annotations

import logging
from collections import deque
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING

import gevent
from gevent.event import Event as Flag

from cti.acd import Distribution
from cti.acd import inputs as i
from cti.acd.outputs import Refused
from cti.core.errors import CtiError
from cti.runtime.floor.ids import call_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from cti.acd.explain import Explanation, Place
    from cti.acd.outputs import Output
    from cti.ports import Clock

log = logging.getLogger("cti.acd")


class FloorRefused(CtiError):
    """The state of the agent, contact or offer does not allow it; ``code`` is the table's error id."""

    code = "not-now"


class FloorOwner:
    """``listeners`` get each fact, in order, on the hub; they may `tell` more, which is done after the facts at hand.

    ``together``: what listeners keep of one thing and all that came of it, facts and events, is kept whole or not at
    all. ``kept`` waits until what they keep of all that was told so far is on disk; False after so many seconds.
    Time is the wall clock of the start carried on by the monotonic one: a clock that is set changes no waiting time.
    """

    def __init__(self, clock: Clock, *, ageing_s: float = 10.0) -> None:
        self.acd = Distribution(ageing_s=ageing_s)
        self.listeners: list[Callable[[Output], None]] = []
        self.together: Callable[[], AbstractContextManager[None]] = nullcontext
        self.kept: Callable[[float], bool] = lambda _timeout_s: True
        self._clock = clock
        self._began = clock.now() - clock.monotonic()
        self._told: deque[i.Input] = deque()
        self._telling = False
        self._changed = Flag()
        self._timer: gevent.Greenlet[[], None] | None = None
        self._contacts = 0

    @property
    def ahead_s(self) -> float:
        """Of the monotonic clock; for good."""
        return self._began

    def now(self) -> float:
        return self._began + self._clock.monotonic()

    def has_call(self, call: str) -> bool:
        """In a queue, at an agent, or being wrapped up."""
        return any(call_of(contact) == call for contact in self.acd.floor.cases)

    def start(self) -> None:
        self._timer = gevent.spawn(self._run)

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.kill(block=False)

    def tell(self, told: i.Input) -> list[Output]:
        """The facts that came of it; none while others are being handed round, when it is only put in line."""
        self._told.append(told)
        if self._telling:
            return []
        self._telling = True
        first: list[Output] | None = None
        try:
            with self.together():
                while self._told:
                    made = self.acd.feed(self._told.popleft(), self.now())
                    first = made if first is None else first
                    for fact in made:
                        self._hand_round(fact)
        finally:
            self._telling = False
            self._changed.set()
        return first or []

    def ask(self, told: i.Input) -> list[Output]:
        """As `tell`, for somebody who wants to know. Raises FloorRefused."""
        made = self.tell(told)
        for fact in made:
            if isinstance(fact, Refused):
                raise FloorRefused(fact.message, code=fact.error)
        return made

    def next_contact(self, contact: str) -> str:
        """Another contact of the same call: who goes on after a transfer, or asks again while an agent still has work
        with the last talk."""
        self._contacts += 1
        return f"{call_of(contact)}~{self._contacts}"

    def taken(self, contact: str) -> None:
        """This contact was numbered by an engine before: no other gets its number."""
        number = contact.partition("~")[2]
        self._contacts = max(self._contacts, int(number) if number.isdecimal() else 0)

    def place(self, contact: str) -> Place | None:
        return self.acd.tell(contact, self.now())

    def explain(self, contact: str) -> Explanation | None:
        return self.acd.explain(contact, self.now())

    def _hand_round(self, fact: Output) -> None:
        for listener in self.listeners:
            try:
                listener(fact)
            except Exception:
                log.exception("a listener broke on %s", type(fact).__name__)

    def _run(self) -> None:
        while True:
            due = self.acd.next_due
            self._changed.clear()
            self._changed.wait(None if due is None else max(0.0, due - self.now()))
            if (due := self.acd.next_due) is not None and due <= self.now():
                self.tell(i.Tick())
