"""Sees asynchronous requests through: asks the back office until it has said how it went, then tells the client.

What is outstanding stands in the database; here is only what is being asked or told at this moment, a few of each lane
(a request's name, a client's host). Whoever is killed leaves leases that end, and the log of writes, by which the next
one never writes anything twice.
"""

from __future__ import annotations

import json
import logging
import random
from collections.abc import Callable, Collection
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol

import gevent
from gevent.event import Event as Flag

from cti.boss.async_lanes import Lanes
from cti.boss.guard.bulkhead import Priority
from cti.boss.masking import masked_values
from cti.boss.shown import plain
from cti.core.async_requests import PAUSE_MOST_S, PAUSE_S, AsyncRequest, AsyncState, Phase, settled
from cti.core.errors import CtiError
from cti.core.events import RequestEnded
from cti.core.moments import iso
from cti.core.webhooks import Key, Patience, message

if TYPE_CHECKING:
    from cti.boss.plans import OfficePlan
    from cti.boss.writes import Writes
    from cti.ports import Clock, WebhookSender

log = logging.getLogger("cti.boss")

ENDED = "request.ended"
#: While fewer are at work, of one name and of one host, more are taken up; and how many at once.
ASKED, TOLD, ROUND = 8, 4, 16
#: Requests that may be outstanding, over all clients.
OUTSTANDING_MAX = 100_000
#: How long what is over is kept.
KEEP_S = 86_400.0
POLL_S = 1.0
#: Longer than any attempt takes, its deadline aside.
LEASE_MORE_S = 60.0
_HOUSEKEEPING_S = 30.0
_GONE = "gone"


class AsyncLog(Protocol):
    """Asynchronous requests, on disk when a call returns. Raises CtiError where the database is away."""

    def add(self, one: AsyncRequest) -> bool: ...

    def find(self, request_id: str) -> AsyncRequest | None: ...

    def find_by_key(self, key: str) -> AsyncRequest | None: ...

    def outstanding(self) -> int: ...

    def claim(
        self, phase: Phase, worker: str, now: float, lease_s: float, limit: int, without: Collection[str]
    ) -> list[AsyncRequest]: ...

    def put(self, one: AsyncRequest) -> None: ...

    def release(self, worker: str) -> None: ...

    def purge(self, before: float) -> None: ...


class AsyncDesk:
    """``worker`` names the engine the same at every start. ``plan``: the one that holds now."""

    def __init__(
        self,
        requests: AsyncLog,
        writes: Writes,
        plan: Callable[[], OfficePlan],
        sender: WebhookSender,
        clock: Clock,
        worker: str,
        patience: Patience | None = None,
    ) -> None:
        self._log, self._writes, self._plan, self.sender = requests, writes, plan, sender
        self._clock, self._worker, self._patience = clock, worker, patience or Patience()
        self._asked, self._told = Lanes(ASKED), Lanes(TOLD)
        self._flag = Flag()
        self._to_tell = True
        self._beat: gevent.Greenlet[[], None] | None = None
        self._greenlets: set[gevent.Greenlet[Any, Any]] = set()
        self._outstanding, self._counted_at = 0, float("-inf")

    # ---- of a client -----------------------------------------------------------------------------------------------

    @property
    def full(self) -> bool:
        """Too many are outstanding for one more."""
        return self._outstanding >= OUTSTANDING_MAX

    def add(self, one: AsyncRequest) -> bool:
        """On return it will be seen through, whatever happens. False: there is one of this id already.
        Raises CtiError."""
        if not self._log.add(replace(one, lane=one.name, due_at=one.since)):
            return False
        self._outstanding += 1
        self._flag.set()
        return True

    def find(self, request_id: str) -> AsyncRequest | None:
        return self._log.find(request_id)

    def decided(self, key: str, state: AsyncState, ended: RequestEnded | None = None) -> None:
        """A person has decided about a dead letter. Where it was an asynchronous request its client is told."""
        found = self._log.find_by_key(key)
        if found is not None and found.state == "dead":
            self._settle(found, state, ended.outcome if ended is not None else "", ended)

    # ---- life ------------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Returns at once: calls do not wait for a database."""
        self._beat = gevent.spawn(self._run)

    def stop(self) -> None:
        """What is under way is done again by whoever comes next; a write is not repeated by that."""
        if self._beat is not None:
            self._beat.kill()
        gevent.killall(tuple(self._greenlets))

    def _run(self) -> None:
        released = False
        while True:
            self._flag.clear()
            try:
                if not released:  # what an engine of this name had when it ended
                    self._log.release(self._worker)
                    released = True
                self._keep_house()
                worked = self.round()
            except CtiError as error:
                log.warning("asynchronous requests wait: %s", error)
                worked = False
            if not worked:
                self._flag.wait(POLL_S)

    def round(self) -> bool:
        """Take up some of what is due; whether there was something. Raises CtiError."""
        plans = self._plan().requests.values()
        lease_s = LEASE_MORE_S + max((plan.deadline_s for plan in plans), default=0.0)
        found = self._take("ask", self._asked, lease_s, self._ask)
        if self._to_tell or not found:  # else there is nobody to be told now, and others look, too
            self._to_tell = self._take("tell", self._told, lease_s, self._tell)
        return self._to_tell or found

    def _take(self, phase: Phase, lanes: Lanes, lease_s: float, work: Callable[[AsyncRequest], None]) -> bool:
        now, shut = self._clock.now(), lanes.shut(self._clock.monotonic())
        found = self._log.claim(phase, self._worker, now, lease_s, ROUND, shut)
        for one in found:
            lanes.enter(one.lane)
            greenlet = gevent.spawn(self._at_work, one, lanes, work)
            self._greenlets.add(greenlet)
            greenlet.rawlink(self._greenlets.discard)
        return bool(found)

    def _at_work(self, one: AsyncRequest, lanes: Lanes, work: Callable[[AsyncRequest], None]) -> None:
        try:
            work(one)
        except CtiError as error:
            log.warning("%s: how it went cannot be noted, so it is asked for again: %s", one.name, error)
        finally:
            if lanes.leave(one.lane):
                self._flag.set()

    def _keep_house(self) -> None:
        if self._clock.monotonic() - self._counted_at >= _HOUSEKEEPING_S:
            self._counted_at = self._clock.monotonic()
            self._outstanding = self._log.outstanding()
            self._log.purge(self._clock.now() - KEEP_S)

    # ---- asking ----------------------------------------------------------------------------------------------------

    def _ask(self, one: AsyncRequest) -> None:
        late = self._clock.now() >= one.expires_at
        if late and not self._writes.is_noted(one.key):
            self._settle(one, "error", one.outcome or "timeout")
            return
        ended = self._writes.request(one.name, one.inputs, one.key, Priority.BATCH)
        if ended.outcome in ("done", "rejected"):
            self._settle(one, "done" if ended.outcome == "done" else "rejected", ended.outcome, ended)
        elif ended.outcome == "unknown" and self._writes.is_dead(one.key, give_up=late):
            self._settle(one, "dead", "unknown")
        else:
            attempts = one.attempts + 1
            pause_s = min(PAUSE_MOST_S, PAUSE_S * 2.0 ** min(attempts - 1, 30)) * (0.5 + random.random() / 2)
            due_at = min(self._clock.now() + pause_s, max(one.expires_at, self._clock.now()))
            self._log.put(replace(one, outcome=ended.outcome, attempts=attempts, due_at=due_at))

    def _settle(self, one: AsyncRequest, state: AsyncState, outcome: str, ended: RequestEnded | None = None) -> None:
        values = ended.values if ended is not None else {}
        self._log.put(settled(one, state, outcome, self._clock.now(), values))
        if one.state == "waiting":
            self._outstanding = max(0, self._outstanding - 1)
        if one.callback is not None:
            self._to_tell = True
            self._flag.set()

    # ---- telling ---------------------------------------------------------------------------------------------------

    def _tell(self, one: AsyncRequest) -> None:
        assert one.callback is not None
        now = self._clock.now()
        keys = [Key("k1", one.callback.secret)]
        answer = self.sender.send(
            one.callback.url, message(f"{one.request_id}-{one.state}", self._text(one), keys, now)
        )
        now = self._clock.now()
        if answer.taken:
            self._told.good(one.lane)
            self._log.put(replace(one, phase="over", due_at=now, told="delivered"))
            return
        failures = self._told.failed(one.lane)
        pause_s = self._patience.pause_s(failures, random.random(), answer.retry_after_s)
        if pause_s:
            self._told.rest(one.lane, self._clock.monotonic() + pause_s)
        since, attempts = one.ended_at or now, one.attempts + 1
        due_at = self._patience.next_at(since, attempts, now, random.random(), answer)
        if due_at is None or answer.error == _GONE:
            log.error("%s: whoever ordered it could not be told: %s", one.name, answer.error)
            self._log.put(replace(one, phase="over", due_at=now, attempts=attempts, told="dead"))
        else:
            self._log.put(replace(one, due_at=due_at, attempts=attempts))

    def _text(self, one: AsyncRequest) -> str:
        """Values masked, as whoever ordered it sees them without asking for more."""
        plan = self._plan().requests.get(one.name)
        values, masked = ({}, []) if plan is None else masked_values(plan, one.values)
        shown = {name: plain(value) for name, value in values.items()}
        data = {"request_id": one.request_id, "request": one.name, "state": one.state, "outcome": one.outcome,
                "values": shown, "masked": masked}  # fmt: skip
        at = one.ended_at or one.since
        event = {"id": f"{one.request_id}-{one.state}", "type": ENDED, "at": iso(at), "data": data}
        return json.dumps(event, ensure_ascii=False)
