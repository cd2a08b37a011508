"""Talks of callers here of which no leader knows, or is not known to.

A leader that is new is asked about each: it goes on with the talk, or knows nothing of it. Meanwhile the talk goes on
on the switch alone, and who is on hold stays there. Here it is seen that it ends before, and the flow goes on; so it is
for a talk that the leader knows nothing of. A talk that an earlier run of a worker left is asked about in the same way.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import gevent

from cti.core import events as ev
from cti.core import legs as l
from cti.runtime import messages as msg
from cti.runtime.floor.talks import PARTING_S

if TYPE_CHECKING:
    from collections.abc import Callable

    from cti.runtime.cluster.caller_news import CallerNews
    from cti.runtime.cluster.following import Following
    from cti.runtime.cluster.waiting import Waiting, WaitingCallers

log = logging.getLogger("cti.queue")

#: How long what a leader, or a worker, has left waits for whoever leads.
ALONE_S = 30.0


class UnledTalks:
    def __init__(self, following: Following, callers: WaitingCallers, news: CallerNews) -> None:
        self._following, self._callers, self._news = following, callers, news
        #: Told of a call whose talk the leader goes on with.
        self.taken: Callable[[str], None] = lambda _uuid: None
        #: Told of a talk that is left to the two alone: nobody who leads goes on with it.
        self.left_alone: Callable[[Waiting], None] = lambda _one: None
        #: Hangs a leg up.
        self.hang_up: Callable[[str, str], None] = lambda _switch, _leg: None
        #: With which leg a caller talks, or in which conference, as the switch told it last; empty: with nobody.
        self.partner: Callable[[str], str] = lambda _uuid: ""

    # ---- leaders come and go ---------------------------------------------------------------------------------------

    def found(self, one: Waiting, *, talking: bool, connected: bool) -> None:
        """An earlier run of a worker left it; it stays as the switch has it."""
        one.back = one.left = True
        one.talking, one.connected = talking, connected
        gevent.spawn_later(ALONE_S, self._nobody_led, one)
        if self._following.led:
            self.ask(one)

    def has(self, one: Waiting) -> bool:
        """Whether this caller talks, perhaps without the present leader knowing of it."""
        return one.connected or one.left or bool(self.partner(one.uuid))

    def ask(self, one: Waiting) -> None:
        """Does who leads go on with the talk?"""
        talking = bool(self.partner(one.uuid)) or (one.left and one.talking)
        one.orphaned, one.asked = False, True
        self._news.back(one, talking=talking)

    def answered(self, one: Waiting, ours: bool, leg: str) -> None:
        """``ours``: who leads goes on with it; ``leg``: the agent's."""
        one.asked = False
        if ours:
            one.left, one.leg = False, one.leg or leg
            self.taken(one.uuid)
        else:
            self._alone(one)

    def leader_lost(self, one: Waiting) -> None:
        """Nobody goes on with it, for now."""
        one.asked, one.orphaned = False, one.orphaned or not one.left

    # ---- the ends of talks -----------------------------------------------------------------------------------------

    def leg_event(self, event: l.LegEvent) -> None:
        """A talk that no leader knows is over when the switch says so."""
        for one in [one for one in self._callers.all() if one.orphaned or one.asked]:
            match event:
                case l.LegHungUp(leg, cause) if leg == one.leg:
                    self._talked(one, cause)
                case l.LegsUnbridged(a, b) | l.BridgeFailed(a, b) if {a, b} == {one.uuid, one.leg}:
                    gevent.spawn_later(PARTING_S, self._talked, one, "")  # a hang-up tells who ended it

    def inherit(self, one: Waiting, leg: str, cause: str) -> None:
        """The agent has left a conference, and somebody else has the caller."""
        one.who.post(msg.LegLeft(one.leg, cause))
        one.leg = leg

    def caller_gone(self, one: Waiting) -> None:
        if one.orphaned or one.asked:
            self._let_go(one)

    def _talked(self, one: Waiting, cause: str) -> None:
        if self._callers.has(one):
            self._callers.forget(one.uuid)
            one.who.post(msg.LegLeft(one.leg, cause))
            one.who.post(ev.QueueEnded(one.who.wish.ref, "talked"))
            self._let_go(one)

    def _let_go(self, one: Waiting) -> None:
        self.hang_up(one.who.switch.name, one.leg)
        self._news.talk_over(one.stay.agent)

    # ---- talks that nobody goes on with ------------------------------------------------------------------------------

    def _alone(self, one: Waiting) -> None:
        """Who leads knows nothing of the talk."""
        if one.left:
            self._as_found(one)
            return
        if not one.connected and not self.partner(one.uuid):  # it had hardly begun, and is over
            self._callers.renew(one)
            self._news.enter(one)
            return
        if not one.connected:
            one.connected, one.leg = True, self.partner(one.uuid)
            one.untime()
            one.who.post(ev.QueueConnected(one.who.wish.ref, ""))
        one.orphaned = True
        self.left_alone(one)

    def _nobody_led(self, one: Waiting) -> None:
        if self._callers.has(one) and one.left and not one.talking:
            log.warning("call %s: nobody knows of the talk that it was on hold in, it is over", one.uuid)
            self._as_found(one)

    def _as_found(self, one: Waiting) -> None:
        """A talk that an earlier run left, and nobody's: its end is told by the switch (`CameBack`)."""
        self._callers.forget(one.uuid)
        if not one.talking:
            one.who.switch.stop_music(one.uuid)
            one.who.post(msg.CameBack())
        elif not one.connected:
            one.who.post(ev.QueueConnected(one.who.wish.ref, ""))
