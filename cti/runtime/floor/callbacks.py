"""The callback desk: promises are kept in the store, and called when their time, event or turn has come.

One greenlet owns them; everybody else posts. What people change beside it (the API, the command line) it sees at the
next look, because the store is what counts: a row that somebody changed meanwhile is not written over.
"""

from __future__ import annotations

import logging
import uuid as uuids
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import gevent
from gevent.event import AsyncResult
from gevent.queue import Empty, SimpleQueue

from cti.acd import inputs as i
from cti.acd import outputs as o
from cti.acd.model import Wish
from cti.acd.states import Outcome
from cti.core import callbacks as cb
from cti.core.callbacks import Callback, CallbackState
from cti.core.errors import CtiError
from cti.core.legs import Phone
from cti.core.numbers import normalise_number
from cti.runtime.floor.errands import Errand
from cti.runtime.floor.left_attempts import LeftAttempts
from cti.runtime.floor.outcalls import ANSWERED, OutCalls
from cti.runtime.floor.promises import Promises, whisper_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from cti.core.access import Deed
    from cti.core.commands import RequestCallback
    from cti.ports import Clock
    from cti.runtime.floor.callers import Callers
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
        self._clock, self._rules, self._around, self._worker = clock, rules, around, worker
        self._book: dict[str, Callback] = {}
        self._uuids: dict[str, str] = {}  # callback -> contact, or leg, of the attempt at hand
        self._mailbox: SimpleQueue[Callable[[], Any]] = SimpleQueue()
        self._greenlet: gevent.Greenlet[[], None] | None = None
        self._promises = Promises(callers, lambda: owner.acd.floor.queues, clock, rules, around, worker)
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
        if self._book or not self._mailbox.empty():  # or a promise that is being kept
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
        self._take(kept)
        waits = asked.counted and self._callers.place_of(asked.call_id) is not None  # still on the line
        if waits and kept.due_at is not None and kept.due_at <= self._now():
            uuid = self._uuids[kept.callback_id] = str(uuids.uuid4())
            self._callers.recall(asked.call_id, lambda: self._take_place(kept, uuid))
        result.set("accepted")

    def _take_place(self, kept: Callback, uuid: str) -> Wish | None:
        """The call is over: the contact stands where the caller stood. What is written of it follows. None: it was
        cancelled or put off meanwhile, or there is no switch; then it enters when it may."""
        mine = self._uuids.get(kept.callback_id) == uuid
        if not mine or not self._rules.permitted(self._now()) or not self._admit(kept, uuid):
            if mine:
                del self._uuids[kept.callback_id]
            return None
        self._mailbox.put(lambda: self._save(self._book.get(kept.callback_id, kept), CallbackState.QUEUED))
        return self._wish(kept, uuid)

    # ---- looking -------------------------------------------------------------------------------------------------

    def _restore(self) -> None:
        """What an earlier engine of this slot left."""
        now = self._now()
        for one in self._store.get_all([id_ for id_, _ in self._store.open_of(self._worker)]):
            if one.state is CallbackState.CALLING and one.called_as:
                self._left.wait(one)
            elif one.state is not CallbackState.WAITING:
                self._write(one, cb.restored(one, now, self._rules.pause_s))
        self.look()

    def look(self) -> None:
        """Take up what was changed beside us, and begin what is due. Raises StoreUnavailable."""
        rows = dict(self._store.open_of(self._worker))
        for id_ in self._book.keys() - rows.keys():
            self._drop(id_)
        changed = [id_ for id_, version in rows.items() if id_ not in self._book or self._book[id_].version != version]
        for one in self._store.get_all(changed):
            self._take(one)
        now = self._now()
        for id_, agent in self._left.known():
            if (left := self._book.get(id_)) is not None:
                over = cb.restored(left, now, self._rules.pause_s) if agent is None else cb.reached(left, now, agent)
                self._write(left, over)
        permitted = self._rules.permitted(now)
        for one in sorted(self._book.values(), key=lambda one: (one.due_at or 0.0, one.created_at)):
            if one.state is CallbackState.QUEUED and not permitted and one.callback_id in self._uuids:
                self._withdraw(one.callback_id)
                self._write(one, cb.put_off(one, "hours", now, 0.0))
            elif self._due(one, now) and permitted:
                self._begin(one)

    def _due(self, one: Callback, now: float) -> bool:
        if one.state is not CallbackState.WAITING or not cb.is_due(one, now, self._rules.pause_s):
            return False
        if one.callback_id in self._uuids:
            return False  # it is about to take the caller's place
        return not (one.call_id and self._around.is_up(one.call_id)) and not self._around.on_line(one.number)

    def _take(self, one: Callback) -> None:
        """As it is in the store. An attempt that was begun for something else is taken back."""
        before = self._book.get(one.callback_id)
        if not one.open:
            self._drop(one.callback_id)
            return
        self._book[one.callback_id] = one
        if before is not None and before.state is not CallbackState.CALLING and before.version != one.version:
            self._withdraw(one.callback_id)
            if one.state is CallbackState.QUEUED:
                self._write(one, replace(one, state=CallbackState.WAITING))

    def _drop(self, id_: str) -> None:
        self._book.pop(id_, None)
        self._withdraw(id_)

    def _withdraw(self, id_: str) -> None:
        if (uuid := self._uuids.pop(id_, None)) is not None:
            self._calls.withdraw(uuid)

    # ---- attempts ------------------------------------------------------------------------------------------------

    def _begin(self, one: Callback) -> None:
        uuid = str(uuids.uuid4())
        if one.flow:
            if self._calls.for_flows < self._rules.at_once:
                self._uuids[one.callback_id] = uuid
                if self._save(one, CallbackState.CALLING, uuid):
                    self._call(one.callback_id, uuid)
            return
        if not self._admit(one, uuid):
            return
        if not self._save(one, CallbackState.QUEUED):
            self._calls.withdraw(uuid)
            return
        self._uuids[one.callback_id] = uuid
        self._owner.tell(i.Enter(replace(self._wish(one, uuid), counted=not one.counted)))

    def _call(self, id_: str, uuid: str) -> None:
        if not self._calls.call_for_flow(self._errand(self._book[id_]), uuid):
            self._after(id_, lambda one, now: cb.taken_back(one, "switch_down", now))

    def _admit(self, one: Callback, uuid: str) -> bool:
        return self._calls.admit(self._errand(one), uuid, whisper_of(one))

    def _errand(self, one: Callback) -> Errand:
        return Errand(
            one.number,
            Phone(f"number/{one.number}"),
            f"callback {one.callback_id}",
            self._rules.ring_s,
            {"X-CTI-Callback": one.callback_id},
            one.flow,
            may_dial=lambda: self._may_dial(one),
            began=lambda leg: self._began(one, leg),
            ended=lambda how, agent: self._ended(one, how, agent),
        )

    def _wish(self, one: Callback, uuid: str) -> Wish:
        return Wish(uuid, one.queue, "callback", skills=dict(one.skills), priority=one.priority, rank_at=one.rank_at)

    def _may_dial(self, one: Callback) -> str:
        if not self._rules.permitted(self._now()):
            return "hours"
        return "on_line" if self._around.on_line(one.number) else ""

    def _began(self, one: Callback, uuid: str) -> None:
        if not one.flow:
            self._mailbox.put(lambda: self._save(self._book.get(one.callback_id, one), CallbackState.CALLING, uuid))

    def _ended(self, one: Callback, how: str, agent: str) -> None:
        """The attempt is over, or people talk: on the hub, so the writing is posted."""
        id_, pause_s = one.callback_id, self._rules.pause_s

        def after(kept: Callback, now: float) -> Callback:
            if how == ANSWERED:
                return cb.reached(kept, now, agent)
            if kept.state is not CallbackState.CALLING:
                return cb.put_off(kept, how, now, cb.SOON_S if how in ("hours", "on_line") else pause_s)
            if how == "agent_gone":
                return cb.taken_back(kept, how, now, 0.0)
            return cb.missed(kept, how, now, pause_s)

        self._mailbox.put(lambda: self._after(id_, after))

    def _after(self, id_: str, change: Callable[[Callback, float], Callback]) -> None:
        self._uuids.pop(id_, None)
        if (one := self._book.get(id_)) is not None:
            self._write(one, change(one, self._now()))

    # ---- a caller who calls in again -----------------------------------------------------------------------------

    def _heard(self, fact: o.Output) -> None:
        """Whoever has talked with an agent needs no callback of this queue any more."""
        if isinstance(fact, o.EntryEnded) and fact.outcome is Outcome.ANSWERED and fact.medium != "callback":
            number = self._around.number_of(fact.contact)
            if number:
                self._mailbox.put(lambda: self._talked(number, fact.queue))

    def _talked(self, number: str, queue: str) -> None:
        spelt, now = normalise_number(number), self._now()
        for one in list(self._book.values()):
            same = normalise_number(one.number) == spelt and one.queue == queue
            if same and one.state is not CallbackState.CALLING and one.due_at is not None:
                self._withdraw(one.callback_id)
                self._write(one, cb.cancelled(one, "called in", now))

    # ---- the store -----------------------------------------------------------------------------------------------

    def _save(self, one: Callback, state: CallbackState, uuid: str = "") -> bool:
        return self._write(one, cb.begun(one, state, uuid))

    def _write(self, before: Callback, after: Callback) -> bool:
        """False when somebody changed it meanwhile: the next look takes that up. Raises StoreUnavailable."""
        kept = self._store.save(before, after)
        if kept is None:
            self.poke()
            return False
        if kept.open:
            self._book[kept.callback_id] = kept
        else:
            self._book.pop(kept.callback_id, None)
            self._uuids.pop(kept.callback_id, None)
        return True

    def _now(self) -> float:
        return self._clock.now()
