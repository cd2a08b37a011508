"""The callback desk: promises are kept in the store, and called when their time, event or turn has come.

One greenlet owns them; everybody else posts. What people change beside it (the API, the command line) it sees at the
next look (`CallbackBook`).
"""

from __future__ import annotations

import logging
import uuid as uuids
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import gevent
from gevent.event import AsyncResult
from gevent.queue import Empty, SimpleQueue

from cti.acd import outputs as o
from cti.acd.states import Outcome
from cti.core import callbacks as cb
from cti.core.callbacks import Callback, CallbackState
from cti.core.errors import CtiError
from cti.core.legs import Phone
from cti.core.numbers import normalise_number
from cti.runtime.floor.callback_attempts import CallbackAttempts
from cti.runtime.floor.callback_book import CallbackBook
from cti.runtime.floor.left_attempts import LeftAttempts
from cti.runtime.floor.promises import Promises

if TYPE_CHECKING:
    from collections.abc import Callable

    from cti.core.access import Deed
    from cti.core.commands import RequestCallback
    from cti.ports import Clock
    from cti.runtime.floor.callers import Callers
    from cti.runtime.floor.outcalls import OutCalls
    from cti.runtime.floor.owner import FloorOwner
    from cti.runtime.floor.promises import CallbackRules, Surroundings
    from cti.store.callbacks import Callbacks

log = logging.getLogger("cti.callback")

LOOK_S = 2.0
REGISTER_S = 5.0  # how long a caller waits for the promise


class CallbackDesk:
    """Implements `cti.ports.CallbackDesk`."""

    def __init__(
        self,
        owner: FloorOwner,
        callers: Callers,
        calls: OutCalls,
        store: Callbacks,
        clock: Clock,
        rules: CallbackRules,
        around: Surroundings,
        worker: str,
    ) -> None:
        self._owner, self._callers, self._calls, self._store = owner, callers, calls, store
        self._clock, self._rules, self._around = clock, rules, around
        self._mailbox: SimpleQueue[Callable[[], Any]] = SimpleQueue()
        self._greenlet: gevent.Greenlet[[], None] | None = None
        self._promises = Promises(callers, lambda: owner.acd.floor.queues, clock, rules, around, worker)
        self._book = CallbackBook(store, worker, calls.withdraw, self.poke)
        self._attempts = CallbackAttempts(owner, calls, self._book, clock, rules, around, self._mailbox.put)
        self._left = LeftAttempts(owner, around.is_up, clock)
        self._poked = False
        callers.over = lambda _uuid: self._over()
        owner.listeners.append(self._heard)

    # ---- life ----------------------------------------------------------------------------------------------------

    def start(self) -> None:
        self._mailbox.put(self._restore)
        self._greenlet = gevent.spawn(self._run)

    def stop(self) -> None:
        if self._greenlet is not None:
            self._greenlet.kill(block=False)

    def poke(self) -> None:
        """Look now: something has changed. Once for all that was told before the look begins."""
        if not self._poked:
            self._poked = True
            self._mailbox.put(self._look_again)

    def _look_again(self) -> None:
        self._poked = False
        self.look()

    def _over(self) -> None:
        """A call has ended, or left its queue: whoever waited for that may be called. Most calls concern nobody."""
        if self._book.open or not self._mailbox.empty():  # or a promise that is being kept
            self.poke()

    def _run(self) -> None:
        while True:
            try:
                work = self._mailbox.get(timeout=LOOK_S)
            except Empty:
                work = self.look
            try:
                work()
            except CtiError as error:
                log.warning("callbacks: %s", error)
            except Exception:
                log.exception("a bug of the callback desk")

    def raise_event(self, name: str) -> None:
        """What waits for it is due now."""
        self._mailbox.put(lambda: self._raised(name))

    def _raised(self, name: str) -> None:
        try:
            count = self._store.raise_event(name, self._now())
        except CtiError as error:
            log.warning("event %s is raised again later: %s", name, error)
            gevent.spawn_later(LOOK_S, self.raise_event, name)
            return
        if count:
            log.info("%s: %d callbacks are due", name, count)
            self.look()

    # ---- what people ask -----------------------------------------------------------------------------------------

    def promise(
        self, wish: RequestCallback, deed: Deed, callback_id: str = "", order: tuple[str, str] | None = None
    ) -> Callback:
        """By hand, or ordered by another system: then ``callback_id`` is to be its id, and ``order`` (source, key) is
        told it. Raises CtiError: destination-denied, bad-phone, nobody-calls, too-many-callbacks, …"""
        self._calls.check(Phone(f"number/{wish.number}"))
        if not self._promises.served(wish):
            raise CtiError("there is no such queue or flow", code="nobody-calls", remedy="GET /v1/queues shows them")
        asked = self._promises.asked("", wish)
        if callback_id:
            asked = replace(asked, callback_id=callback_id)
        kept = self._store.add(asked, self._rules.limit, deed, order)
        if kept is None:
            raise CtiError(f"{self._rules.limit} callbacks are open", code="too-many-callbacks")
        self.poke()
        return kept

    def has_queue(self, queue: str) -> bool:
        return self._promises.has_queue(queue)

    # ---- what a call asks ----------------------------------------------------------------------------------------

    def register(self, call_id: str, wish: RequestCallback) -> str:
        """Blocks until it is kept. The caller's hang-up meanwhile takes no promise back."""
        number = wish.number.strip()
        try:
            self._calls.check(Phone(f"number/{number}"))
        except CtiError as error:
            log.info("call %s: callback: %s", call_id, error)
            return "declined" if error.code == "switch-unavailable" else "invalid"
        if not self._promises.served(wish):
            log.warning("call %s: callback declined: nobody would call", call_id)
            return "declined"
        asked = self._promises.asked(call_id, replace(wish, number=number))
        result: AsyncResult[str] = AsyncResult()
        self._mailbox.put(lambda: self._keep(asked, result))
        try:
            return result.get(timeout=REGISTER_S) or "declined"
        except gevent.Timeout:
            log.warning("call %s: callback declined: the store does not answer", call_id)
            return "declined"

    def _keep(self, asked: Callback, result: AsyncResult[str]) -> None:
        try:
            kept = self._store.add(asked, self._rules.limit)
        except CtiError as error:
            log.error("call %s: callback not kept: %s", asked.call_id, error)
            kept = None
        if kept is None:
            result.set("declined")
            return
        self._book.take(kept)
        waits = asked.counted and self._callers.place_of(asked.call_id) is not None  # still on the line
        if waits and kept.due_at is not None and kept.due_at <= self._now():
            uuid = self._book.attempts[kept.callback_id] = str(uuids.uuid4())
            self._callers.recall(asked.call_id, lambda: self._attempts.take_place(kept, uuid))
        result.set("accepted")

    # ---- looking -------------------------------------------------------------------------------------------------

    def _restore(self) -> None:
        """What an earlier engine of this slot left."""
        now = self._now()
        for one in self._book.left():
            if one.state is CallbackState.CALLING and one.called_as:
                self._left.wait(one)
            elif one.state is not CallbackState.WAITING:
                self._book.write(one, cb.restored(one, now, self._rules.pause_s))
        self.look()

    def look(self) -> None:
        """Take up what was changed beside us, and begin what is due. Raises StoreUnavailable."""
        self._book.read()
        now = self._now()
        for id_, agent in self._left.known():
            if (left := self._book.open.get(id_)) is not None:
                over = cb.restored(left, now, self._rules.pause_s) if agent is None else cb.reached(left, now, agent)
                self._book.write(left, over)
        permitted = self._rules.permitted(now)
        for one in sorted(self._book.open.values(), key=lambda one: (one.due_at or 0.0, one.created_at)):
            if one.state is CallbackState.QUEUED and not permitted and one.callback_id in self._book.attempts:
                self._book.withdraw(one.callback_id)
                self._book.write(one, cb.put_off(one, "hours", now, 0.0))
            elif self._due(one, now) and permitted:
                self._attempts.begin(one)

    def _due(self, one: Callback, now: float) -> bool:
        if one.state is not CallbackState.WAITING or not cb.is_due(one, now, self._rules.pause_s):
            return False
        if one.callback_id in self._book.attempts:
            return False  # it is about to take the caller's place
        return not (one.call_id and self._around.is_up(one.call_id)) and not self._around.on_line(one.number)

    # ---- a caller who calls in again -----------------------------------------------------------------------------

    def _heard(self, fact: o.Output) -> None:
        """Whoever has talked with an agent needs no callback of this queue any more."""
        if isinstance(fact, o.EntryEnded) and fact.outcome is Outcome.ANSWERED and fact.medium != "callback":
            number = self._around.number_of(fact.contact)
            if number:
                self._mailbox.put(lambda: self._talked(number, fact.queue))

    def _talked(self, number: str, queue: str) -> None:
        spelt, now = normalise_number(number), self._now()
        for one in list(self._book.open.values()):
            same = normalise_number(one.number) == spelt and one.queue == queue
            if same and one.state is not CallbackState.CALLING and one.due_at is not None:
                self._book.withdraw(one.callback_id)
                self._book.write(one, cb.cancelled(one, "called in", now))

    def _now(self) -> float:
        return self._clock.now()
