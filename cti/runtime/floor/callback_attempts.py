"""Attempts to call somebody back: for a queue, as a contact that stands in it, or for a flow at once."""

from __future__ import annotations

import uuid as uuids
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from cti.acd import inputs as i
from cti.acd.model import Wish
from cti.core import callbacks as cb
from cti.core.callbacks import Callback, CallbackState
from cti.core.legs import Phone
from cti.runtime.floor.errands import Errand
from cti.runtime.floor.outcalls import ANSWERED
from cti.runtime.floor.promises import whisper_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from cti.ports import Clock
    from cti.runtime.floor.callback_book import CallbackBook
    from cti.runtime.floor.outcalls import OutCalls
    from cti.runtime.floor.owner import FloorOwner
    from cti.runtime.floor.promises import CallbackRules, Surroundings


class CallbackAttempts:
    """``post``: has work done by the desk's greenlet, where the store may be waited for."""

    def __init__(
        self,
        owner: FloorOwner,
        calls: OutCalls,
        book: CallbackBook,
        clock: Clock,
        rules: CallbackRules,
        around: Surroundings,
        post: Callable[[Callable[[], Any]], None],
    ) -> None:
        self._owner, self._calls, self._book, self._clock = owner, calls, book, clock
        self._rules, self._around, self._post = rules, around, post

    def begin(self, one: Callback) -> None:
        uuid = str(uuids.uuid4())
        if one.flow:
            if self._calls.for_flows < self._rules.at_once:
                self._book.attempts[one.callback_id] = uuid
                if self._book.begin(one, CallbackState.CALLING, uuid):
                    self._call(one.callback_id, uuid)
            return
        if not self._admit(one, uuid):
            return
        if not self._book.begin(one, CallbackState.QUEUED):
            self._calls.withdraw(uuid)
            return
        self._book.attempts[one.callback_id] = uuid
        self._owner.tell(i.Enter(replace(self._wish(one, uuid), counted=not one.counted)))

    def take_place(self, kept: Callback, uuid: str) -> Wish | None:
        """The call is over: the contact stands where the caller stood. What is written of it follows. None: it was
        cancelled or put off meanwhile, or there is no switch; then it enters when it may."""
        mine = self._book.attempts.get(kept.callback_id) == uuid
        if not mine or not self._rules.permitted(self._clock.now()) or not self._admit(kept, uuid):
            if mine:
                del self._book.attempts[kept.callback_id]
            return None
        self._post(lambda: self._book.begin(self._book.open.get(kept.callback_id, kept), CallbackState.QUEUED))
        return self._wish(kept, uuid)

    def _call(self, id_: str, uuid: str) -> None:
        if not self._calls.call_for_flow(self._errand(self._book.open[id_]), uuid):
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
        if not self._rules.permitted(self._clock.now()):
            return "hours"
        return "on_line" if self._around.on_line(one.number) else ""

    def _began(self, one: Callback, uuid: str) -> None:
        if not one.flow:
            self._post(lambda: self._book.begin(self._book.open.get(one.callback_id, one), CallbackState.CALLING, uuid))

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

        self._post(lambda: self._after(id_, after))

    def _after(self, id_: str, change: Callable[[Callback, float], Callback]) -> None:
        self._book.attempts.pop(id_, None)
        if (one := self._book.open.get(id_)) is not None:
            self._book.write(one, change(one, self._clock.now()))
