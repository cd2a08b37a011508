"""Which question an answer belongs to. Pure: no connection, no clock.

`Sequenced`: by number, in any order (multiplex). `Ordered`: one after another (the other modes); a number, where there
is one, must be the oldest question's.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from dataclasses import dataclass, field
from typing import Generic, Literal, Protocol, TypeVar

Item = TypeVar("Item")
#: ``stray``: nobody asked. ``wrong``: not the number that is due; nothing on this connection can be trusted.
Kind = Literal["answered", "late", "twice", "stray", "wrong"]
#: How many numbers are remembered after their end, to tell late and double answers.
MEMORY = 4096


@dataclass(frozen=True, slots=True)
class Match(Generic[Item]):
    kind: Kind
    item: Item | None = None


class Matcher(Protocol[Item]):
    @property
    def outstanding(self) -> int: ...

    def room(self) -> bool: ...

    def add(self, item: Item) -> int:
        """Its number. Only where there is room."""

    def answer(self, number: int | None) -> Match[Item]: ...

    def give_up(self, number: int, *, sent: bool) -> bool:
        """Nobody waits any more. ``sent``: an answer may still come. True: the connection must be closed."""

    def drain(self) -> list[Item]:
        """All that wait; none waits afterwards."""


@dataclass
class Sequenced(Generic[Item]):
    """``numbers``: 1 to one less, round and round. A number is not used again while its answer may come."""

    numbers: int
    most: int
    _last: int = 0
    _waiting: dict[int, Item] = field(default_factory=dict)
    _late: OrderedDict[int, None] = field(default_factory=OrderedDict)
    _done: OrderedDict[int, None] = field(default_factory=OrderedDict)

    @property
    def outstanding(self) -> int:
        return len(self._waiting)

    def room(self) -> bool:
        return len(self._waiting) < self.most and len(self._waiting) + len(self._late) < self.numbers - 1

    def add(self, item: Item) -> int:
        while True:
            self._last = self._last + 1 if self._last + 1 < self.numbers else 1
            if self._last not in self._waiting and self._last not in self._late:
                break
        self._done.pop(self._last, None)
        self._waiting[self._last] = item
        return self._last

    def answer(self, number: int | None) -> Match[Item]:
        if number is None:
            return Match("stray")
        if number in self._waiting:
            _remember(self._done, number)
            return Match("answered", self._waiting.pop(number))
        if number in self._late:
            del self._late[number]
            _remember(self._done, number)
            return Match("late")
        return Match("twice" if number in self._done else "stray")

    def give_up(self, number: int, *, sent: bool) -> bool:
        if self._waiting.pop(number, None) is None or not sent:
            return False
        self._late[number] = None
        return len(self._late) > min(MEMORY, (self.numbers - 1) // 2)

    def drain(self) -> list[Item]:
        items = list(self._waiting.values())
        self._waiting.clear()
        return items


@dataclass
class Ordered(Generic[Item]):
    """``numbers`` None: answers bear none, so that an answer which never comes would shift all that follow: after a
    question that was given up the connection is closed."""

    numbers: int | None
    most: int
    _last: int = 0
    _queue: deque[tuple[int, Item | None]] = field(default_factory=deque)
    _previous: int | None = None

    @property
    def outstanding(self) -> int:
        return sum(item is not None for _, item in self._queue)

    def room(self) -> bool:
        return len(self._queue) < self.most

    def add(self, item: Item) -> int:
        self._last = self._last + 1 if self._last + 1 < (self.numbers or 1 << 62) else 1
        self._queue.append((self._last, item))
        return self._last

    def answer(self, number: int | None) -> Match[Item]:
        checked = self.numbers is not None
        if checked and number is not None and number == self._previous:
            return Match("twice")
        if not self._queue:
            return Match("stray")
        while checked and self._queue[0][0] != number:
            # It may leave out an answer that nobody waits for any more: the number tells that it has.
            if self._queue[0][1] is not None or len(self._queue) == 1:
                return Match("wrong")
            self._queue.popleft()
        due, item = self._queue.popleft()
        self._previous = due
        return Match("late") if item is None else Match("answered", item)

    def give_up(self, number: int, *, sent: bool) -> bool:
        for at, (due, item) in enumerate(self._queue):
            if due == number and item is not None:
                if not sent:
                    del self._queue[at]
                    return False
                self._queue[at] = (due, None)
                return self.numbers is None or self.most == 1
        return False

    def drain(self) -> list[Item]:
        items = [item for _, item in self._queue if item is not None]
        self._queue.clear()
        return items


def _remember(memory: OrderedDict[int, None], number: int) -> None:
    memory[number] = None
    if len(memory) > MEMORY:
        memory.popitem(last=False)
