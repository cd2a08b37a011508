"""The mailbox of one call, which has its timers too: one wait is for whatever comes first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

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

    def post(self, event: Any) -> None:
        """Called by anybody; returns at once."""
        if not isinstance(event, ev.DigitPressed) or self._posted.qsize() < MAILBOX_LIMIT:
            self._posted.put(event)

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
            return self._posted.get(timeout=None if at is None else max(0.0, at - self._monotonic()))
        except Empty:
            return None if deadline is not None and self._monotonic() >= deadline else self.due()
