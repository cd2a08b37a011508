"""What a flow sees of queues that another process has.

While nobody leads callers wait on, with music; the next leader lets them in at their place, with the time that they
have waited. Talks go on meanwhile: `cti.runtime.cluster.unled_talks`.
"""

from __future__ import annotations

from dataclasses import replace
from time import monotonic
from typing import TYPE_CHECKING, Any

import gevent

from cti.acd.states import Outcome
from cti.core import events as ev
from cti.runtime import messages as msg
from cti.runtime.cluster.caller_news import CallerNews
from cti.runtime.cluster.codec import unpack
from cti.runtime.cluster.leading import CALL
from cti.runtime.cluster.unled_talks import UnledTalks
from cti.runtime.cluster.waiting import WaitingCallers
from cti.runtime.floor.comfort import MUSIC
from cti.runtime.floor.stays import Stay

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from cti.ports.cluster import Message
    from cti.runtime.cluster.following import Following
    from cti.runtime.cluster.waiting import Waiting
    from cti.runtime.queues import Entrant


class RemoteQueues:
    """`cti.runtime.queues.EngineQueues`. ``screen``: what agents' clients are shown of a call. ``music``: by queue,
    while nobody leads."""

    def __init__(self, following: Following, screen: Callable[[str], dict[str, Any]], music: Mapping[str, str]) -> None:
        self._following, self._music = following, music
        self._callers = WaitingCallers()
        self.news = CallerNews(following, screen)
        self.talks = UnledTalks(following, self._callers, self.news)
        #: Agents in talks that an earlier engine of this worker left.
        self.left_talking: Callable[[], Collection[str]] = tuple
        #: Calls that may be this worker's, and that the switch has not told of yet.
        self.unheard: Callable[[], Collection[str]] = tuple
        #: Whether this process still has its calls: it may have been stopped while another one took them.
        self.sure: Callable[[], bool] = lambda: True
        following.bus.listen(CALL, self._heard)
        following.found.append(self._led)
        following.lost.append(self._leader_lost)

    # ---- what a run asks ----------------------------------------------------------------------------------------

    def enter(self, who: Entrant) -> None:
        self.gone(who.uuid, Outcome.FLOW_OUT)
        one = self._callers.add(who)
        one.stay = replace(one.stay, agent="")
        self._play(one)
        if who.wish.max_wait_s is not None:
            left_s = max(0.0, one.stay.since + who.wish.max_wait_s - monotonic())
            one.timer = gevent.spawn_later(left_s, self._waited, one)
        self.news.enter(one)

    def take_back(self, who: Entrant, *, talking: bool, connected: bool) -> bool:
        """Whoever leads is asked, and until then it stays as the switch has it."""
        if not (talking or connected):
            return False
        one = self._callers.add(who)
        if not talking:
            self._play(one)
        self.talks.found(one, talking=talking, connected=connected)
        return True

    def leave(self, uuid: str, ref: int, *, keep_place: bool) -> None:
        one = self._callers.find(uuid)
        if one is None or one.who.wish.ref != ref:
            return
        if not keep_place:
            self.gone(uuid, Outcome.FLOW_OUT)
            return
        one.aside = True
        one.who.switch.stop_music(uuid)
        self.news.leave(one)

    def gone(self, uuid: str, outcome: Outcome = Outcome.ABANDONED) -> None:
        one = self._callers.forget(uuid)
        if one is not None:
            one.who.switch.stop_music(uuid)
            if one.leg:
                one.who.post(msg.LegLeft(one.leg, ""))
            self.talks.caller_gone(one)
        self.news.gone(uuid, outcome)

    def stay(self, uuid: str) -> Stay | None:
        one = self._callers.find(uuid)
        return None if one is None else one.stay

    # ---- what an engine tells ------------------------------------------------------------------------------------

    def lost(self, calls: Collection[str]) -> None:
        self.news.lost(calls)

    def there(self, switch: str, calls: Collection[str]) -> None:
        """The leader hears at each greeting which calls there are."""

    # ---- looking -------------------------------------------------------------------------------------------------

    def idle(self) -> bool:
        return not self._callers

    def waiting(self) -> dict[str, int]:
        """Callers not connected yet, by queue."""
        found: dict[str, int] = {}
        for one in self._callers.all():
            if not one.connected:
                found[one.stay.queue] = found.get(one.stay.queue, 0) + 1
        return found

    def has(self, uuid: str) -> bool:
        """Whether the distribution may do something with this caller."""
        one = self._callers.find(uuid)
        return one is not None and not one.aside

    def talking(self) -> list[Waiting]:
        return [one for one in self._callers.all() if one.connected]

    # ---- what the leader says ------------------------------------------------------------------------------------

    def _heard(self, message: Message) -> None:
        body = message.body
        one = self._callers.find(body["uuid"])
        if one is None or one.number != body["number"] or one.orphaned or not self._following.from_leader(message):
            return
        match message.kind.removeprefix(CALL):
            case "music" if not one.aside:
                one.who.switch.start_music(one.uuid, body["audio"])
            case "quiet":
                one.who.switch.stop_music(one.uuid)
            case "taken":
                self.talks.answered(one, body["ours"], body["leg"])
            case "stay" if body["stay"] is not None:
                one.stay = Stay.of(body["stay"], monotonic())
                one.who.post(msg.StayChanged())
            case "post":
                self._posted(one, unpack(body["event"]), body.get("done"))

    def _posted(self, one: Waiting, event: Any, done: str | None) -> None:
        match event:
            case ev.QueueConnected(ref, agent) if ref == one.who.wish.ref:
                one.connected, one.stay = True, replace(one.stay, agent=agent)
                one.untime()
            case ev.QueueEnded():
                self._callers.forget(one.uuid)
            case msg.LegJoined(leg):
                one.leg = leg.partition("~")[0]
            case msg.LegLeft(leg) if leg.partition("~")[0] == one.leg:
                one.leg = ""
            case msg.RecordTalk() if done is not None:
                event = replace(event, done=lambda ok: self._following.answer(done, ok))
        one.who.post(event)

    # ---- leaders come and go ---------------------------------------------------------------------------------------

    def _led(self) -> None:
        if not self.sure():
            return  # another process has the calls
        self.news.hello({*self.left_talking()} - {""}, {*(one.uuid for one in self._callers.all()), *self.unheard()})
        for one in sorted(self._callers.all(), key=lambda one: one.stay.place):
            one.back = True
            self._callers.renew(one)
            if self.talks.has(one):
                self.talks.ask(one)
                continue
            self.news.enter(one)
            if one.aside:
                self.news.leave(one)

    def _leader_lost(self) -> None:
        for one in self._callers.all():
            if self.talks.has(one):
                self.talks.leader_lost(one)
                continue
            one.asked = False
            if not one.aside:
                self._play(one)

    # ---- inside ------------------------------------------------------------------------------------------------------

    def _play(self, one: Waiting) -> None:
        one.who.switch.start_music(one.uuid, [self._music.get(one.who.wish.queue, MUSIC)])

    def _waited(self, one: Waiting) -> None:
        """The leader sees to the longest wait; where there is none, this does."""
        if self._callers.has(one) and not self._following.led and not one.connected:
            self._callers.forget(one.uuid)
            one.who.switch.stop_music(one.uuid)
            one.who.post(ev.QueueEnded(one.who.wish.ref, "timeout"))
