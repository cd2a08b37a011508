"""Callers who wait in queues that another process has, or talk by its doing."""

from __future__ import annotations

from dataclasses import dataclass
from time import monotonic
from typing import TYPE_CHECKING

import gevent

from cti.runtime.floor.stays import Stay

if TYPE_CHECKING:
    from cti.runtime.queues import Entrant


@dataclass(slots=True, eq=False)
class Waiting:
    """``number``: of this stay, which tells it apart from others of the call. ``stay``: as the leader told it last.
    ``leg``: the agent's, in a talk. ``aside``: the place is kept while the flow asks about a
    callback. ``orphaned``: nobody who leads knows of its talk; ``asked``: who leads now has been asked. ``left``: in
    a talk that an earlier run of a worker left, of which nobody who leads has spoken yet; ``talking``: it was found
    with somebody."""

    who: Entrant
    number: int
    stay: Stay
    back: bool = False  # it stood there before, by another engine or leader
    connected: bool = False
    leg: str = ""
    aside: bool = False
    orphaned: bool = False
    asked: bool = False
    left: bool = False
    talking: bool = False
    timer: gevent.Greenlet[..., None] | None = None

    @property
    def uuid(self) -> str:
        return self.who.uuid

    def untime(self) -> None:
        if self.timer is not None and self.timer is not gevent.getcurrent():
            self.timer.kill(block=False)
        self.timer = None


class WaitingCallers:
    """Those of one worker, by call."""

    def __init__(self) -> None:
        self._all: dict[str, Waiting] = {}
        self._numbers = 0

    def __len__(self) -> int:
        return len(self._all)

    def add(self, who: Entrant) -> Waiting:
        now = monotonic()
        stay = who.stay or Stay(who.uuid, who.wish.queue, now, now, who.wish.priority)
        self._numbers += 1
        one = self._all[who.uuid] = Waiting(who, self._numbers, stay, back=who.stay is not None)
        return one

    def renew(self, one: Waiting) -> None:
        """It begins another stay: what is still told of the one before is not heeded."""
        self._numbers += 1
        one.number = self._numbers

    def find(self, uuid: str) -> Waiting | None:
        return self._all.get(uuid)

    def has(self, one: Waiting) -> bool:
        return self._all.get(one.uuid) is one

    def all(self) -> list[Waiting]:
        return list(self._all.values())

    def forget(self, uuid: str) -> Waiting | None:
        one = self._all.pop(uuid, None)
        if one is not None:
            one.untime()
        return one
