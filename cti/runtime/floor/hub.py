"""Public events: what happened on the floor, numbered, kept for a while, and handed to those who may see it.

A subscriber who does not keep up is told so, and gets everything anew, in the place of a queue without bound.
"""

from __future__ import annotations

import json
from collections import deque
from dataclasses import dataclass
from functools import cached_property
from itertools import takewhile
from time import monotonic
from typing import TYPE_CHECKING, Any

from gevent.event import Event as Flag

from cti.core.access import Permission, visible
from cti.core.moments import iso
from cti.core.recent import Recent
from cti.runtime.floor.catalogue import EVENTS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from cti.core.access import Principal, ResourceScope, Visible

#: Events kept for those who come back, and at most as many per subscriber who does not read.
KEPT, LAG_MAX = 20_000, 1_000
#: And none for longer: at a few events a second the number alone would be reached, with 30 MB, after hours.
KEPT_S = 600.0
_NEEDED = {kind.permission for kind in EVENTS.values()}


@dataclass(frozen=True)
class Event:
    """``text``: as sent, JSON. ``scope``: whom it belongs to. ``at``: seconds since 1970."""

    number: int
    id: str
    type: str
    scope: ResourceScope
    text: str
    at: float

    @cached_property
    def sse(self) -> bytes:
        """As in the HTML standard, §9.2: id, event, data, an empty line. The same for every stream."""
        return f"id: {self.id}\nevent: {self.type}\ndata: {self.text}\n\n".encode()


class Sight:
    """What a principal may see of events: decided when the stream begins and when the principal changes.

    ``own``: nothing but what belongs to this user, which is what most streams are; None: more than that."""

    def __init__(self, principal: Principal) -> None:
        self.principal = principal
        self._events = visible(principal, Permission.EVENTS_READ)
        by_permission = {needed: visible(principal, needed) for needed in _NEEDED}
        self._objects: dict[str, Visible] = {name: by_permission[kind.permission] for name, kind in EVENTS.items()}
        wide = self._events.everything or self._events.teams or self._events.queues
        self.own = None if wide else self._events.owner or ""

    def shows(self, event: Event) -> bool:
        return self.shows_object(event.type, event.scope)

    def shows_object(self, type_: str, scope: ResourceScope) -> bool:
        """Whether the object of such an event may be seen: for the snapshot."""
        return self._events.shows(scope) and self._objects[type_].shows(scope)


class Subscription:
    """``via``: the session that it belongs to. ``ended``: why nothing comes any more; empty: more comes."""

    def __init__(self, sight: Sight, keep: int = LAG_MAX) -> None:
        self.sight, self.ended, self.missed = sight, "", ""
        self._keep = keep
        self._events: deque[Event] = deque()
        self._changed = Flag()

    @property
    def via(self) -> str:
        return self.sight.principal.via

    def put(self, event: Event) -> None:
        if self.missed:
            return
        if len(self._events) >= self._keep:
            self.miss("lagging")
            return
        self._events.append(event)
        self._changed.set()

    def miss(self, reason: str) -> None:
        """What was to be sent is forgotten; a snapshot is to follow."""
        self._events.clear()
        self.missed = reason
        self._changed.set()

    def end(self, why: str) -> None:
        self.ended = why
        self._changed.set()

    def wait(self, timeout_s: float) -> bool:
        """Until there is something to send; False at the timeout."""
        if self._events or self.missed or self.ended:
            return True
        self._changed.clear()
        return bool(self._changed.wait(timeout_s))

    def take(self) -> list[Event]:
        events, self._events = list(self._events), deque()
        return events


class Hub:
    """``boot`` tells starts of the engine apart: an id is ``<boot>-<number>``, and one of another start is too old.
    ``now``: seconds, monotonic. ``live``: whether there is this contact, whose version is known for as long.

    ``listeners`` get each event with its time and data, before any subscriber; they must return at once."""

    def __init__(
        self,
        boot: str,
        now: Callable[[], float] = monotonic,
        *,
        kept: int = KEPT,
        live: Callable[[str], bool] = lambda _contact: False,
    ) -> None:
        self._boot = boot
        self._ring: deque[Event] = deque(maxlen=kept)
        self._subscriptions: set[Subscription] = set()
        self._wide: set[Subscription] = set()
        self._own: dict[str, set[Subscription]] = {}  # user -> those that see nothing but what is that user's
        self.listeners: list[Callable[[Event, float, Mapping[str, Any]], None]] = []
        self._versions: Recent[str, int] = Recent(KEPT_S, now, keeps=live)
        self._highest = 0
        self._number = 0

    @property
    def watched(self) -> bool:
        return bool(self._subscriptions)

    @property
    def last_id(self) -> str:
        return f"{self._boot}-{self._number}"

    def version(self, contact: str) -> int:
        """Of the last event about this contact; 0 before the first."""
        return self._versions.get(contact) or 0

    def publish(self, type_: str, at: float, data: Mapping[str, Any], scope: ResourceScope) -> Event:
        contact = data.get("contact", "") if EVENTS[type_].versioned else ""
        if contact:
            # One that was forgotten is not told with a lower one again.
            before = self._versions.get(contact) or (self._highest if self._versions.forgotten else 0)
            self._highest = max(self._highest, before + 1)
            self._versions.put(contact, before + 1)
        self._number += 1
        event = Event(self._number, self.last_id, type_, scope, self.text(type_, at, data, self.version(contact)), at)
        self._ring.append(event)
        while self._ring[0].at < at - KEPT_S:
            self._ring.popleft()
        for listener in self.listeners:
            listener(event, at, data)
        for subscription in (*self._wide, *self._own.get(scope.owner or "", ())):
            if subscription.sight.shows(event):
                subscription.put(event)
        return event

    def text(self, type_: str, at: float, data: Mapping[str, Any], version: int = 0) -> str:
        body: dict[str, Any] = {"id": self.last_id, "type": type_, "at": iso(at)}
        if version:
            body["version"] = version
        return json.dumps({**body, "data": data}, ensure_ascii=False, default=str)

    # ---- subscribers -----------------------------------------------------------------------------------------------

    def subscribe(self, sight: Sight, last_id: str | None = None, *, keep: int = LAG_MAX) -> Subscription:
        """From now on, or from after ``last_id`` on. ``missed`` is set when that is not possible any more; without a
        ``last_id`` it is ``new``."""
        subscription = Subscription(sight, keep)
        if last_id is None:
            subscription.miss("new")
        elif (reason := self._cannot_resume(last_id)) is not None:
            subscription.miss(reason)
        else:
            for event in self._since(int(last_id.rpartition("-")[2])):
                if sight.shows(event):
                    subscription.put(event)
        self._subscriptions.add(subscription)
        self._place(sight).add(subscription)
        return subscription

    def unsubscribe(self, subscription: Subscription) -> None:
        self._subscriptions.discard(subscription)
        self._displace(subscription)

    def see(self, subscription: Subscription, sight: Sight) -> None:
        """From now on it sees this; a snapshot is to follow."""
        self._displace(subscription)
        subscription.sight = sight
        self._place(sight).add(subscription)
        subscription.miss("rights_changed")

    def streams_of(self, via: str) -> int:
        return sum(subscription.via == via for subscription in self._subscriptions)

    def end_session(self, via: str, why: str) -> None:
        """Every stream of this session ends."""
        for subscription in tuple(self._subscriptions):
            if subscription.via == via:
                subscription.end(why)

    def _place(self, sight: Sight) -> set[Subscription]:
        return self._wide if sight.own is None else self._own.setdefault(sight.own, set())

    def _displace(self, subscription: Subscription) -> None:
        own = subscription.sight.own
        self._place(subscription.sight).discard(subscription)
        if own is not None and not self._own[own]:
            del self._own[own]

    def _since(self, number: int) -> list[Event]:
        """Found from the end, since hundreds who come back at once have missed little each."""
        missed = list(takewhile(lambda event: event.number > number, reversed(self._ring)))
        return missed[::-1]

    def _cannot_resume(self, last_id: str) -> str | None:
        boot, _, number = last_id.rpartition("-")
        if boot != self._boot or not number.isdecimal() or int(number) > self._number:
            return "restarted" if boot != self._boot else "too_old"
        oldest = self._ring[0].number if self._ring else self._number + 1
        return "too_old" if int(number) < oldest - 1 else None
