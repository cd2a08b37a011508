"""Contacts at agents that an earlier engine left, and what becomes of each, by what the switch tells.

What was kept (`cti.runtime.floor.talks_kept`) is held against two things: whether the caller's run goes on, and where
the agent's leg was found. The contact is at the agent from the start, so nothing else is offered meanwhile; the talk is
put together when both are known, and then told what it has missed, as if it had happened now.

| kept as | leg is | caller goes on | caller is gone |
|---|---|---|---|
| talking, held, conference, ending | bridged with the caller | talking | work; leg let go |
| | bridged with who is consulted | held, consulting | work; both let go |
| | in the conference | conference | work; all let go |
| | parked, as all three of a conference are (another switch made them again) | conference, in a new room | |
| | parked; was held, or talking in a leg of its own | held, with music | work; leg let go |
| | parked; was talking in a permanent leg, or conference | over: work, the flow: `talked` | work; leg let go |
| | bridged with somebody else | work; nobody is cut off; the flow goes on when its caller parks | work; as before |
| | gone | over: work, the flow goes on at `talked` | work |
| | not told in `SETTLE_S` | as gone | as gone |
| | (caller not told in `SETTLE_S`) | work; a talk goes on on the switch alone | |
| offered, telling, joining | bridged with the caller | talking, and the entry is answered | leg let go |
| | anything else | rescinded: the leg is hung up, the caller waits in the old place | leg hung up |
| work | | goes on, to its old deadline | the same |
| consulted | bridged with who consults | as kept | with the first |
| | bridged with the caller | handed over: the caller is theirs | work |
| | anything else | over: let go | over |

Whom an agent calls, or calls back, has no flow behind, and goes on with the agent's leg; while that one rings only,
both are let go.
An agent to whom an earlier leg is not known to be gone is not rung (`Talks.taken`).
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import gevent

from cti.acd import inputs as i
from cti.core import legs as l
from cti.core.errors import CtiError
from cti.runtime.durable.body import Instant
from cti.runtime.floor.adopting import Adopting
from cti.runtime.floor.left_talks import LeftTalk
from cti.runtime.floor.leg_endings import LegEndings
from cti.runtime.floor.rebuilding import Rebuilding

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable

    from cti.core.people import AgentProfile
    from cti.ports import LegControl
    from cti.runtime.floor.callers import Callers
    from cti.runtime.floor.owner import FloorOwner
    from cti.runtime.floor.seats_kept import SeatsKept
    from cti.runtime.floor.talks import Talks
    from cti.runtime.floor.talks_kept import TalksKept
    from cti.runtime.floor.wrapups import WrapUps

log = logging.getLogger("cti.acd")

#: Nobody waits for longer for what a switch, or a call's run, has to say.
SETTLE_S = 30.0


class TalksBack:
    """``find_legs``: of a switch by name; None: it is no longer ours."""

    def __init__(
        self,
        owner: FloorOwner,
        talks: Talks,
        callers: Callers,
        wrapups: WrapUps,
        kept: TalksKept,
        seats: SeatsKept,
        rebuilding: Rebuilding,
        find_legs: Callable[[str], LegControl | None],
    ) -> None:
        self._owner, self._callers = owner, callers
        self._kept, self._rebuilding, self._find_legs = kept, rebuilding, find_legs
        self.adopting, self.endings = Adopting(owner, wrapups), LegEndings(talks, seats)
        self._left: dict[str, LeftTalk] = {}  # by contact, those that are not settled
        self._timers: set[gevent.Greenlet[..., None]] = set()
        #: Told of what was kept beside a contact that is there again (`TalksKept.beside`), and how many seconds ago.
        self.beside: Callable[[dict[str, Any], float], None] = lambda _told, _later_s: None
        #: Told of a callback that nobody has taken: its stay is over.
        self.unmet: Callable[[str], None] = lambda _contact: None
        callers.left_at = self.left_at
        kept.unsettled = lambda contact: contact in self._left
        talks.taken = lambda agent: agent in self.endings.agents()
        talks.leg_listeners.append(self._heard)

    def left_at(self, uuid: str) -> LeftTalk | None:
        return next((one for one in self._left.values() if one.uuid == uuid and not one.talk["of"]), None)

    def restore(
        self, bodies: Iterable[dict[str, Any]], now: Instant, find: Callable[[str], AgentProfile | None]
    ) -> int:
        """``bodies``: as `read` gives them. Before the switches' links come up. How many contacts are at their
        agents."""
        found = 0
        for told in bodies:
            try:
                found += self._restore(told, now.seconds_since(Instant(*told["at"])), find)
            except (CtiError, ValueError, TypeError, KeyError) as error:
                log.warning("a contact that an earlier engine left cannot be gone on with: %s", type(error).__name__)
        for left in self._left.values():
            self.ask(left)
        self.settle_later(self._left.values(), SETTLE_S)
        return found

    def lost(self, calls: Collection[str]) -> None:
        """These calls ended while no engine was there."""
        for left in list(self._left.values()):
            if left.uuid in calls:
                left.caller_left()

    def only(self, mine: Callable[[str], bool], calls: Collection[str]) -> None:
        """On switches that are ``mine``, by name, no other callers than ``calls`` are there any more."""
        for left in list(self._left.values()):
            if left.talk["flow"] and left.uuid not in calls and mine(left.talk["switch"]):
                left.caller_left()

    def lefts(self) -> list[LeftTalk]:
        """Of which it is not yet known what became."""
        return list(self._left.values())

    def add(self, left: LeftTalk) -> None:
        """As `restore`, of a contact that is here: the agent has no other before it is known what became of it."""
        self._left[left.contact] = left
        if not left.connected:
            self.endings.wait(left.talk["leg"], left.agent)

    def settle_later(self, lefts: Collection[LeftTalk], seconds: float) -> None:
        """After so long whoever has said nothing is taken for gone."""
        if lefts:
            timer = gevent.spawn_later(seconds, self.settle, list(lefts))
            self._timers.add(timer)
            timer.rawlink(self._timers.discard)

    def has(self, agent: str) -> bool:
        """Whether this agent is in a talk of which it is not yet known what became."""
        return any(left.agent == agent for left in self._left.values())

    def stop(self) -> None:
        for timer in tuple(self._timers):
            timer.kill(block=False)

    # ---- at the start ------------------------------------------------------------------------------------------------

    def _restore(self, told: dict[str, Any], later_s: float, find: Callable[[str], AgentProfile | None]) -> bool:
        contact, state, talk = told["contact"], told["state"], told["talk"]
        self._kept.restored(contact)
        self._owner.taken(contact)
        legs = None if talk is None else self._find_legs(talk["switch"])
        left = None if talk is None else LeftTalk(self, told, later_s, legs)
        if state == "RESERVED" or (left is not None and not left.connected and state != "WORK"):
            if left is not None:
                self._left[contact] = left
                self.endings.wait(left.talk["leg"], left.agent)
            self._kept.forget(contact)
            return False
        self.adopting.adopt(told, later_s, find)
        if left is not None and state != "WORK":
            self._left[contact] = left
        elif state != "WORK":
            self._owner.tell(i.TalkOver(contact))
        self.beside(told, later_s)
        return True

    def ask(self, left: LeftTalk) -> None:
        """What became of its legs."""
        talk, consult = left.talk, left.talk["consult"]
        for leg in left.wanted:
            phone = consult["phone"] if consult and leg == consult["leg"] else talk["phone"]
            if left.legs is None:
                gevent.spawn(self._heard, l.LegHungUp(leg, ""))
            else:
                left.legs.keep(leg, l.Phone(*phone))

    # ---- what the switch tells ---------------------------------------------------------------------------------------

    def _heard(self, event: l.LegEvent) -> None:
        match event:
            case l.LegFound(leg, state, other):
                self._found(leg, (state, other))
            case l.LegHungUp(leg) | l.LegFailed(leg):
                self._found(leg, ("gone", ""))
                self.endings.gone(leg)
                self._rebuilding.hung_up(leg)

    def _found(self, leg: str, found: tuple[str, str]) -> None:
        for left in [left for left in self._left.values() if leg in left.wanted]:
            left.found[leg] = found
            self.look(left)

    def look(self, left: LeftTalk) -> None:
        """Decide, if all is known."""
        if self._left.get(left.contact) is not left or left.wanted - left.found.keys():
            return
        if left.talk["of"]:
            if left.talk["of"] not in self._left:
                self._settle(left)
            return
        caller_known = not left.talk["flow"] or left.caller_gone or left.party is not None
        if caller_known or (not left.connected and left.at != ("bridged", left.uuid)):
            self._settle(left)

    def settle(self, lefts: Iterable[LeftTalk]) -> None:
        """Whoever has said nothing by now is taken for gone."""
        for left in lefts:
            if self._left.get(left.contact) is left:
                log.error("contact %s: it is not known what became of it, it ends", left.contact)
                self._settle(left)

    def _settle(self, left: LeftTalk) -> None:
        del self._left[left.contact]
        try:
            if left.connected:
                self._rebuilding.connected(left, self)
            else:
                self._offered(left)
        except Exception:
            log.exception("contact %s: a bug where it is taken up, it ends", left.contact)
            self.give_up(left)
        self._kept.change(left.contact)
        for other in list(self._left.values()):
            if other.talk["of"] == left.contact:
                self.look(other)

    def settled(self, contact: str, leg: str) -> None:
        """Who is consulted is settled with who consults (whose leg is ``leg``)."""
        left = self._left.pop(contact, None)
        if left is None:
            return
        if not left.connected and left.at == ("bridged", leg):
            self.adopting.answered(left)
            self.endings.gone(left.talk["leg"])
        self._kept.change(contact)

    def _offered(self, left: LeftTalk) -> None:
        """There was no talk, unless the switch knows better."""
        party, leg = left.party, left.talk["leg"]
        met = party is not None or left.told["medium"] == "callback"  # which has no flow behind
        if met and left.at == ("bridged", left.uuid) and not left.caller_gone:
            self.adopting.answered(left)
            self.endings.gone(leg)
            self._rebuilding.connected(left, self)
            return
        if party is not None and not left.caller_gone:
            self._callers.unknown_again(party.uuid)
        if left.told["medium"] == "callback":
            self.unmet(left.contact)
        self.endings.let_go(left, leg, left.agent)
        if not left.talk["flow"] and not left.talk["of"]:
            self.endings.let_go(left, left.uuid, "")  # whom the agent was calling: that one would answer to nobody

    # ---- endings -----------------------------------------------------------------------------------------------------

    def give_up(self, left: LeftTalk) -> None:
        """The contact ends, and nobody is cut off."""
        self._owner.tell(i.TalkOver(left.contact))
        self.endings.let_go(left, left.talk["leg"], left.agent)
        consult = left.talk["consult"]
        if consult is not None and not consult["agent"]:
            self.endings.let_go(left, consult["leg"], "")
