"""What a flow sees of queues that another process has.

While nobody leads callers wait on, with music; the next leader lets them in at their place, with the time that they
have waited. Talks go on meanwhile, and who is on hold stays there: the next leader goes on with them at their agents.
Here it is seen that one ends before, and the flow goes on; so it is for a talk that the next leader knows nothing of.
A talk that an earlier run of a worker left is asked about in the same way.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from time import monotonic
from typing import TYPE_CHECKING, Any

import gevent

from cti.acd.states import Outcome
from cti.core import events as ev
from cti.core import legs as l
from cti.core.errors import CtiError
from cti.runtime import messages as msg
from cti.runtime.cluster.codec import pack, unpack
from cti.runtime.cluster.leading import CALL
from cti.runtime.cluster.waiting import Waiting
from cti.runtime.floor.comfort import MUSIC
from cti.runtime.floor.stays import Stay
from cti.runtime.floor.talks import PARTING_S

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from cti.core.commands import RequestCallback
    from cti.ports.cluster import Message
    from cti.runtime.cluster.following import Following
    from cti.runtime.queues import Entrant

log = logging.getLogger("cti.queue")

QUEUE = "queue."
#: How long a caller waits for the promise of a callback.
REGISTER_S = 6.0
#: How long what a leader, or a worker, has left waits for whoever leads.
ALONE_S = 30.0


class RemoteQueues:
    """`cti.runtime.queues.EngineQueues`. ``screen``: what agents' clients are shown of a call. ``music``: by queue,
    while nobody leads."""

    def __init__(self, following: Following, screen: Callable[[str], dict[str, Any]], music: Mapping[str, str]) -> None:
        self._following, self._screen, self._music = following, screen, music
        self._callers: dict[str, Waiting] = {}
        self._known: set[str] = set()  # calls of which the leader was told
        self._numbers = 0
        #: Agents in talks that an earlier engine of this worker left.
        self.left_talking: Callable[[], Collection[str]] = tuple
        #: Calls that may be this worker's, and that the switch has not told of yet.
        self.unheard: Callable[[], Collection[str]] = tuple
        #: Whether this process still has its calls: it may have been stopped while another one took them.
        self.sure: Callable[[], bool] = lambda: True
        #: Told of a call whose talk the leader goes on with.
        self.talk_taken: Callable[[str], None] = lambda _uuid: None
        self._took: list[tuple[str, str]] = []  # worker and switch: calls that came to us, of which nobody is told yet
        #: Hangs a leg up.
        self.hang_up: Callable[[str, str], None] = lambda _switch, _leg: None
        #: With which leg a caller talks, or in which conference, as the switch told it last; empty: with nobody.
        self.partner: Callable[[str], str] = lambda _uuid: ""
        #: Told of a talk that is left to the two alone: nobody who leads goes on with it.
        self.left_alone: Callable[[Waiting], None] = lambda _one: None
        following.bus.listen(CALL, self._heard)
        following.found.append(self._led)
        following.lost.append(self._leader_lost)

    # ---- what a run asks ----------------------------------------------------------------------------------------

    def enter(self, who: Entrant) -> None:
        self.gone(who.uuid, Outcome.FLOW_OUT)
        self._numbers += 1
        first, back = who.stay or _begins(who), who.stay is not None
        one = self._callers[who.uuid] = Waiting(who, self._numbers, replace(first, agent=""), back=back)
        self._play(one)
        if who.wish.max_wait_s is not None:
            left_s = max(0.0, first.since + who.wish.max_wait_s - monotonic())
            one.timer = gevent.spawn_later(left_s, self._waited, one)
        self._enter(one)

    def take_back(self, who: Entrant, *, talking: bool, connected: bool) -> bool:
        """Whoever leads is asked, and until then it stays as the switch has it."""
        if not (talking or connected):
            return False
        self._numbers += 1
        one = self._callers[who.uuid] = Waiting(
            who, self._numbers, who.stay or _begins(who), back=True, connected=connected, left=True, talking=talking
        )
        if not talking:
            self._play(one)
        gevent.spawn_later(ALONE_S, self._nobody_led, one)
        if self._following.led:
            self._ask(one)
        return True

    def took(self, worker: str, switch: str) -> None:
        """The calls of a dead worker on this switch are this one's."""
        self._took.append((worker, switch))
        if self._following.led:
            self._tell_taken()

    def leave(self, uuid: str, ref: int, *, keep_place: bool) -> None:
        one = self._callers.get(uuid)
        if one is None or one.who.wish.ref != ref:
            return
        if not keep_place:
            self.gone(uuid, Outcome.FLOW_OUT)
            return
        one.aside = True
        one.who.switch.stop_music(uuid)
        self._tell("leave", uuid, ref=ref)

    def gone(self, uuid: str, outcome: Outcome = Outcome.ABANDONED) -> None:
        one, known = self._forget(uuid), uuid in self._known
        self._known.discard(uuid)
        if one is not None:
            one.who.switch.stop_music(uuid)
            if one.leg:
                one.who.post(msg.LegLeft(one.leg, ""))
            if one.orphaned or one.asked:
                self.hang_up(one.who.switch.name, one.leg)
                self.talk_over(one.stay.agent)
        if known:
            self._tell("gone", uuid, outcome=outcome.value)

    def stay(self, uuid: str) -> dict[str, Any] | None:
        one = self._callers.get(uuid)
        return None if one is None else one.stay.state(monotonic())

    def lost(self, calls: Collection[str]) -> None:
        """These ended while no engine was there."""
        if calls:
            self._following.tell(f"{QUEUE}lost", {"calls": list(calls)})

    def there(self, switch: str, calls: Collection[str]) -> None:
        """The leader hears at each greeting which calls there are."""

    def register(self, call_id: str, wish: RequestCallback) -> str:
        """`cti.ports.CallbackDesk`. Blocks until the leader has kept it; declined where nobody leads."""
        self._known.add(call_id)
        body = {"uuid": call_id, "wish": pack(wish), "screen": self._shown(call_id)}
        try:
            return str(self._following.ask(f"{QUEUE}callback", body, REGISTER_S))
        except CtiError as error:
            log.warning("call %s: callback declined: %s", call_id, error)
            return "declined"

    def talk_over(self, agent: str) -> None:
        """One that was not of the present leader's making."""
        if agent:
            self._following.tell(f"{QUEUE}talked", {"agent": agent})

    # ---- looking -------------------------------------------------------------------------------------------------

    def idle(self) -> bool:
        return not self._callers

    def waiting(self) -> dict[str, int]:
        """Callers not connected yet, by queue."""
        found: dict[str, int] = {}
        for one in self._callers.values():
            if not one.connected:
                found[one.stay.queue] = found.get(one.stay.queue, 0) + 1
        return found

    def has(self, uuid: str) -> bool:
        """Whether the distribution may do something with this caller."""
        one = self._callers.get(uuid)
        return one is not None and not one.aside

    def talking(self) -> list[Waiting]:
        return [one for one in self._callers.values() if one.connected]

    # ---- what the leader says ------------------------------------------------------------------------------------

    def _heard(self, message: Message) -> None:
        body = message.body
        one = self._callers.get(body["uuid"])
        if one is None or one.number != body["number"] or one.orphaned or not self._following.from_leader(message):
            return
        match message.kind.removeprefix(CALL):
            case "music" if not one.aside:
                one.who.switch.start_music(one.uuid, body["audio"])
            case "quiet":
                one.who.switch.stop_music(one.uuid)
            case "taken":
                one.asked = False
                if body["ours"]:
                    one.left, one.leg = False, one.leg or body["leg"]
                    self.talk_taken(one.uuid)
                else:
                    self._alone(one)
            case "stay" if body["stay"] is not None:
                one.stay = Stay.of(body["stay"], monotonic())
            case "post":
                self._posted(one, unpack(body["event"]), body.get("done"))

    def _posted(self, one: Waiting, event: Any, done: str | None) -> None:
        match event:
            case ev.QueueConnected(ref, agent) if ref == one.who.wish.ref:
                one.connected, one.stay = True, replace(one.stay, agent=agent)
                self._untime(one)
            case ev.QueueEnded():
                self._forget(one.uuid)
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
        self._known.clear()
        agents = set(self.left_talking()) - {""}
        calls = sorted({*self._callers, *self.unheard()})
        self._following.tell(f"{QUEUE}hello", {"talking": sorted(agents), "calls": calls})
        self._tell_taken()
        for one in sorted(self._callers.values(), key=lambda one: one.stay.rank_at):
            one.back = True
            self._numbers += 1
            one.number = self._numbers
            if one.connected or one.left or self.partner(one.uuid):
                self._ask(one)
                continue
            self._enter(one)
            if one.aside:
                self._tell("leave", one.uuid, ref=one.who.wish.ref)

    def _leader_lost(self) -> None:
        for one in self._callers.values():
            one.asked = False
            if one.left:
                continue
            if one.connected or self.partner(one.uuid):
                one.orphaned = True
            elif not one.aside:
                self._play(one)

    def inherit(self, one: Waiting, leg: str, cause: str) -> None:
        """The agent has left a conference, and somebody else has the caller."""
        one.who.post(msg.LegLeft(one.leg, cause))
        one.leg = leg

    def leg_event(self, event: l.LegEvent) -> None:
        """A talk that no leader knows is over when the switch says so."""
        for one in [one for one in self._callers.values() if one.orphaned or one.asked]:
            match event:
                case l.LegHungUp(leg, cause) if leg == one.leg:
                    self._talked(one, cause)
                case l.LegsUnbridged(a, b) | l.BridgeFailed(a, b) if {a, b} == {one.uuid, one.leg}:
                    gevent.spawn_later(PARTING_S, self._talked, one, "")  # a hang-up tells who ended it

    def _alone(self, one: Waiting) -> None:
        """Who leads knows nothing of the talk."""
        if one.left:
            self._as_found(one)
            return
        if not one.connected and not self.partner(one.uuid):  # it had hardly begun, and is over
            self._numbers += 1
            one.number = self._numbers
            self._enter(one)
            return
        if not one.connected:
            one.connected, one.leg = True, self.partner(one.uuid)
            self._untime(one)
            one.who.post(ev.QueueConnected(one.who.wish.ref, ""))
        one.orphaned = True
        self.left_alone(one)

    def _nobody_led(self, one: Waiting) -> None:
        if self._callers.get(one.uuid) is one and one.left and not one.talking:
            log.warning("call %s: nobody knows of the talk that it was on hold in, it is over", one.uuid)
            self._as_found(one)

    def _as_found(self, one: Waiting) -> None:
        """A talk that an earlier run left, and nobody's: its end is told by the switch (`CameBack`)."""
        self._forget(one.uuid)
        if not one.talking:
            one.who.switch.stop_music(one.uuid)
            one.who.post(msg.CameBack())
        elif not one.connected:
            one.who.post(ev.QueueConnected(one.who.wish.ref, ""))

    def _talked(self, one: Waiting, cause: str) -> None:
        if self._callers.get(one.uuid) is not one:
            return
        self._forget(one.uuid)
        one.who.post(msg.LegLeft(one.leg, cause))
        one.who.post(ev.QueueEnded(one.who.wish.ref, "talked"))
        self.hang_up(one.who.switch.name, one.leg)
        self.talk_over(one.stay.agent)

    # ---- inside ------------------------------------------------------------------------------------------------------

    def _play(self, one: Waiting) -> None:
        one.who.switch.start_music(one.uuid, [self._music.get(one.who.wish.queue, MUSIC)])

    def _ask(self, one: Waiting) -> None:
        """Does who leads go on with the talk?"""
        talking = bool(self.partner(one.uuid)) or (one.left and one.talking)
        one.orphaned, one.asked = False, True
        self._tell_of(one, "back", {"talking": talking, "connected": one.connected, "agent": one.stay.agent})

    def _tell_taken(self) -> None:
        took, self._took = self._took, []
        for worker, switch in took:
            self._following.tell(f"{QUEUE}took", {"worker": worker, "switch": switch})

    def _enter(self, one: Waiting) -> None:
        stay = one.stay.state(monotonic()) if one.back else None
        self._tell_of(one, "enter", {"returns": one.who.returns, "stay": stay})

    def _tell_of(self, one: Waiting, what: str, told: Mapping[str, Any]) -> None:
        self._known.add(one.uuid)
        body = {
            "uuid": one.uuid, "number": one.number, "switch": one.who.switch.name, "wish": pack(one.who.wish),
            "screen": self._shown(one.uuid), **told,
        }  # fmt: skip
        try:
            self._following.tell(QUEUE + what, body)
        except CtiError as error:
            log.warning("call %s: agents see nothing of its variables: %s", one.uuid, error)
            self._following.tell(QUEUE + what, {**body, "screen": {}})

    def _shown(self, uuid: str) -> dict[str, Any]:
        try:
            return self._screen(uuid)
        except Exception:
            log.exception("call %s cannot be shown", uuid)
            return {}

    def _tell(self, what: str, uuid: str, **body: Any) -> None:
        self._following.tell(QUEUE + what, {"uuid": uuid, **body})

    def _waited(self, one: Waiting) -> None:
        """The leader sees to the longest wait; where there is none, this does."""
        if self._callers.get(one.uuid) is one and not self._following.led and not one.connected:
            self._forget(one.uuid)
            one.who.switch.stop_music(one.uuid)
            one.who.post(ev.QueueEnded(one.who.wish.ref, "timeout"))

    def _forget(self, uuid: str) -> Waiting | None:
        one = self._callers.pop(uuid, None)
        if one is not None:
            self._untime(one)
        return one

    def _untime(self, one: Waiting) -> None:
        if one.timer is not None and one.timer is not gevent.getcurrent():
            one.timer.kill(block=False)
        one.timer = None


def _begins(who: Entrant) -> Stay:
    now = monotonic()
    return Stay(who.uuid, who.wish.queue, now, now, who.wish.priority)
