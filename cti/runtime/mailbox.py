"""The mailbox of one call, which has its timers too: one wait is for whatever comes first."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

from gevent.event import AsyncResult
from gevent.queue import Empty, SimpleQueue

from cti.core import events as ev
from cti.runtime.messages import Timers

if TYPE_CHECKING:
    from collections.abc import Callable

#: A mailbox this full belongs to a caller (or a bug) that floods: further digits are dropped, endings never are.
MAILBOX_LIMIT = 1000


class Mailbox:
    """``monotonic``: the clock of timers and deadlines [s]."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._posted: SimpleQueue[Any] = SimpleQueue()
        self.timers = Timers()
        self._put = self._taken = 0
        self._receipts: deque[tuple[int, AsyncResult[bool]]] = deque()

    def post(self, event: Any) -> None:
        """Called by anybody; returns at once."""
        if not isinstance(event, ev.DigitPressed) or self._posted.qsize() < MAILBOX_LIMIT:
            self._put += 1
            self._posted.put(event)

    def receipt(self) -> AsyncResult[bool]:
        """True as soon as what was posted so far is settled; False: it never will be."""
        made: AsyncResult[bool] = AsyncResult()
        self._receipts.append((self._put, made))
        return made

    def settled(self) -> None:
        """What was taken so far is handled, and kept."""
        while self._receipts and self._receipts[0][0] <= self._taken:
            self._receipts.popleft()[1].set(True)

    def missed(self) -> None:
        """What was taken last was too late."""
        while self._receipts and self._receipts[-1][0] >= self._taken:
            self._receipts.pop()[1].set(False)

    def close(self) -> None:
        """Nothing more is handled."""
        while self._receipts:
            self._receipts.popleft()[1].set(False)

    def unread(self) -> list[Any]:
        """What was posted and not handled; nothing waits any more."""
        return [self._posted.get_nowait() for _ in range(self._posted.qsize())]

    def due(self) -> ev.TimerFired | None:
        """A timer whose time is over, before all that was posted."""
        ref = self.timers.pop_due(self._monotonic())
        return None if ref is None else ev.TimerFired(ref)

    def wait(self, deadline: float | None) -> Any:
        """The next message, or `TimerFired`. None: the deadline has passed, or a timer was cancelled meanwhile."""
        at = self.timers.next_at()
        if deadline is not None and (at is None or deadline < at):
            at = deadline
        try:
            found = self._posted.get(timeout=None if at is None else max(0.0, at - self._monotonic()))
        except Empty:
            return None if deadline is not None and self._monotonic() >= deadline else self.due()
        self._taken += 1
        return found
