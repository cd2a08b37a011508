"""What must hold, looked at while a run goes on and at its end."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import gevent

from cti.acd.states import ContactState
from cti.flow.replay import replay
from cti.flow.replay_recording import NoRecording, read_recording
from cti.switch.reconcile import EMERGENCY

if TYPE_CHECKING:
    from cti.runtime.floor import Floor
    from cti.switch.embedded.core import Core

    from .callers import Callers
    from .engines import Engines
    from .office import Office
    from .switches import Switches
    from .virtual_time import VirtualTime
    from .witness import Witness

LOOK_S = 0.5
#: An agent is free so long after the channel has gone, a channel has an owner so long after it came, both counted
#: while the engine has its links. ``MARGIN_S``: of our own looking.
AGENT_S, OWNER_S, MARGIN_S = 5.0, 10.0, 1.0
#: What was told so long before a kill is on disk: the writer gathers for 0.1 s.
FLUSHED_S = 1.0
#: Agents give no orders so long after an engine has begun: whoever ends a bridge then is the engine.
QUIET_S = 5.0
#: Calls that are replayed at the end of a run.
REPLAYED = 8
#: What an engine without a lease may say to the switch: who it is, and questions. Then it claims its slot.
_ASKED = (b"auth ", b"userauth ", b"exit", b"filter ", b"event ", b"api global_getvar ", b"api show ", b"api uptime")
#: A claim begins so; where the slot still is its own it puts off the end of its life first.
_CLAIM = (b"api global_setvar cti_holder_", b"api sched_del cti_alive_0_claim")


class Invariants:
    """``wrong``: one line each, the same only once. ``looked``: how often there was something to look at, by kind."""

    def __init__(
        self, time: VirtualTime, engines: Engines, switches: Switches, callers: Callers, witness: Witness
    ) -> None:
        self._time, self._engines, self._switches = time, engines, switches
        self._callers, self._witness = callers, witness
        self.wrong: list[str] = []
        self.looked: Counter[str] = Counter()
        self._stuck: dict[str, float] = {}  # agent and leg, or channel -> seconds
        self._protected: dict[str, str] = {}  # bridged when an engine died -> with whom
        self._places: dict[str, tuple[int, float]] = {}  # contact -> place, since when, before a kill
        self._ended: dict[str, tuple[float, str]] = {}  # committed records
        self._fenced: set[int] = set()
        engines.network.heard = self._said

    def main(self) -> None:
        while True:
            gevent.sleep(LOOK_S)
            if self._engines.up:
                self._look(self._engines.application.floor, self._switches.core)
            else:
                self._stuck.clear()

    # ---- while it goes on --------------------------------------------------------------------------------------------

    def _look(self, floor: Floor, core: Core) -> None:
        self._offers(floor)
        found = {f"agent {agent} holds leg {leg}": AGENT_S for agent, leg in self._legs_gone(floor, core)}
        found |= {f"channel {uuid} has no owner": OWNER_S for uuid in core.channels if not self._owned(uuid, core)}
        self._stuck = {what: self._stuck.get(what, -LOOK_S) + LOOK_S for what in found}
        for what, most_s in found.items():
            if self._stuck[what] > most_s + MARGIN_S:
                self.say(f"{what} for more than {most_s:g} s")

    def _offers(self, floor: Floor) -> None:
        offers = [offer for offer in floor.owner.acd.floor.offers.values() if offer.pending]
        live = Counter((offer.desk.agent, offer.case.wish.medium) for offer in offers)
        self.looked["offers"] += bool(live)
        for (agent, medium), count in live.items():
            if count > 1:  # everybody has hands for one of each
                self.say(f"agent {agent} has {count} live offers of {medium}")

    def _legs_gone(self, floor: Floor, core: Core) -> list[tuple[str, str]]:
        gone = []
        for agent, desk in floor.owner.acd.floor.desks.items():
            for contact in desk.contacts:
                talk, case = floor.talks.find(contact), floor.owner.acd.floor.cases.get(contact)
                if case is None or case.state is ContactState.WORK or case.wish.medium != "voice":
                    continue
                self.looked["agents at a contact"] += 1
                if talk is None or (talk.leg and talk.leg not in core.channels):
                    gone.append((agent, "" if talk is None else talk.leg))
        return gone

    def _owned(self, uuid: str, core: Core) -> bool:
        if uuid not in self._witness.parked or core.channels[uuid].getvar(EMERGENCY) == "true":
            return True  # not given to an engine, or taken from it: apology and emergency group of the switch
        self.looked["channels"] += 1
        driver = self._engines.application.switches_by_name["fs"]
        known = self._engines.application.engine._actors, driver.leg_control.own, driver.legs
        partner = core.channels[uuid].partner_uuid()
        return any(uuid in these or partner in these for these in known) or partner in core.channels

    # ---- an engine is stopped, and goes on -------------------------------------------------------------------------

    def fenced(self, engine: int, *, taken_over: bool) -> None:
        """It was stopped for longer than its lease, and goes on: it may ask, and say nothing, until it has its slot
        anew; ``taken_over``: never again, to nobody."""
        self._fenced.add(engine)
        if taken_over:
            self._engines.database.taken_over.add(engine)
        self.looked["engines fenced off"] += 1

    def _stale(self, engine: int, data: bytes) -> None:
        for said in filter(None, data.split(b"\n\n")):
            self.looked["words of engines fenced off"] += 1
            if said.startswith(_CLAIM) and engine not in self._engines.database.taken_over:
                self._fenced.discard(engine)
            if engine in self._fenced and not said.startswith(_ASKED):
                self.say(f"an engine that was fenced off says {said[:100].decode(errors='replace')!r}")
                self._fenced.discard(engine)  # what follows is of no interest

    # ---- an engine dies, and the next one begins ---------------------------------------------------------------------

    def engine_goes(self, ordered: frozenset[str] = frozenset()) -> None:
        """``ordered``: phones whose agents gave an order that may be on its way: it may well end their talks."""
        core = self._switches.core
        spared = {uuid for uuid, one in core.channels.items() if ordered and one.profile.destination in ordered}
        self._protected = {
            uuid: partner
            for uuid, one in core.channels.items()
            if (partner := one.partner) and partner in core.channels and not spared & {uuid, partner}
        }
        self.looked["bridges over an engine's end"] += len(self._protected) // 2
        self._places = self._waiting() if self._engines.up else {}
        self._witness.unwritten_since = float("inf")
        self._ended = self._records()

    def engine_came(self) -> None:
        """Waits for a moment: the places of callers are given anew, and nobody else ends a talk meanwhile."""
        gevent.sleep(2.0)
        if self._engines.up:
            self._compare(self._waiting())
        gevent.sleep(QUIET_S - 2.0)
        self._protected = {}
        after = self._records()
        self.looked["records over an engine's end"] += len(self._ended)
        for call, record in self._ended.items():
            if after.get(call) != record:
                self.say(f"the committed record of {call} was {record}, is {after.get(call)}")

    def _waiting(self) -> dict[str, tuple[int, float]]:
        """Of callers in queues: place, and since when they wait (of the run's clock, which nobody sets)."""
        floor = self._engines.application.floor.owner
        cases = [one for one in floor.acd.floor.cases.values() if one.state is ContactState.QUEUED]
        cases = [one for one in cases if floor.now() - one.ranked_at > FLUSHED_S]
        since = self._time.now - floor.now()
        cases.sort(key=lambda one: one.ranked_at)
        return {one.contact: (at, since + one.ranked_at) for at, one in enumerate(cases)}

    def _compare(self, after: dict[str, tuple[int, float]]) -> None:
        written = [contact for contact, (_, since) in self._places.items() if since < self._witness.unwritten_since]
        both = [contact for contact in written if contact in after]
        self.looked["places over an engine's end"] += len(both)
        if sorted(both, key=lambda one: after[one][0]) != both:
            self.say(f"places in queues have changed: {both}")
        for contact in both:
            if abs(self._places[contact][1] - after[contact][1]) > FLUSHED_S:
                self.say(f"{contact} waited since {self._places[contact][1]}, now since {after[contact][1]}")

    def bridge_ends(self, uuid: str) -> None:
        """The switch has told it: whoever is left may be sent elsewhere."""
        partner = self._protected.pop(uuid, None)
        if partner is not None:
            self._protected.pop(partner, None)

    def _said(self, engine: int, data: bytes) -> None:
        """To the switch, by an engine."""
        if engine in self._fenced:
            self._stale(engine, data)
        if self._protected and (b"uuid_kill" in data or b"uuid_transfer" in data or b"uuid_park" in data):
            for uuid, partner in self._protected.items():
                both = uuid in self._switches.core.channels and partner in self._switches.core.channels
                if both and uuid.encode() in data:
                    self.say(f"the next engine ends a talk: {data.decode(errors='replace')[:100]!r}")

    def _records(self) -> dict[str, tuple[float, str]]:
        found = self._engines.database.raw.execute("select call_id, ended_at, terminal_cause from call_records")
        return {call: (ended, cause) for call, ended, cause in found.fetchall()}

    def _texts(self) -> Counter[str]:
        """Of customers, by conversation."""
        query = "select call_id, count(*) from call_messages where author = 'customer' group by call_id"
        return Counter(dict(self._engines.database.raw.execute(query).fetchall()))

    # ---- at the end --------------------------------------------------------------------------------------------------

    def wrong_at_end(self, office: Office) -> list[str]:
        application, core = self._engines.application, self._switches.core
        engine, store = application.engine, application.store
        left: dict[str, Any] = {
            "channels without an owner": core.channels,
            "calls the engine still has": engine._actors,
            "legs the driver still has": application.switches_by_name["fs"].legs,
            "legs of agents the engine still has": application.switches_by_name["fs"].leg_control.own,
        }
        for what, found in left.items():
            if found:
                self.say(f"{what}: {sorted(map(str, found))}")
        if not store.flush(60.0):
            self.say(f"the store does not write: {store.health().error}")
        records = self._records()
        texts = self._witness.texts
        self.looked["records of conversations"] += len(texts)
        kept = self._texts()
        for conversation, taken in sorted(texts.items()):
            if kept[conversation] < taken:
                self.say(f"{kept[conversation]} of {taken} texts that were taken are in {conversation}")
        for uuid in sorted(self._witness.met & self._callers.uuids | texts.keys()):
            self.looked["records"] += 1
            if uuid not in records:
                self.say(f"no terminal record of {uuid}")
        for written in office.repeated:
            self.say(f"written more than once: {written}")
        for changed in self._engines.database.stale:
            self.say(f"an engine that was taken over has changed the database: {changed[:200]!r}")
        self.looked["writes"] += len(office.sent)
        self.looked["writes asked for again"] += sum(times > 1 for times in office.sent.values())
        self._replay(sorted(self._witness.met & self._callers.uuids & records.keys()))
        return self.wrong

    def _replay(self, calls: list[str]) -> None:
        application = self._engines.application
        for uuid in self._time.chance.sample(calls, min(REPLAYED, len(calls))):
            journal = application.store.find_journal(uuid)
            detail = application.store.find_call(uuid)
            if journal is None or detail is None or detail.gaps:
                continue  # what was decided while nobody wrote is not in it
            try:
                recording = read_recording(journal.entries, journal.secrets)
            except NoRecording:
                continue
            plan = application.library.plans[recording.flow]
            if recording.lost_secrets:
                continue
            found = replay(recording, plan)
            self.looked["replays"] += 1
            if not found.same:
                self.say(f"the replay of {uuid} decides otherwise: {found.difference}")

    def say(self, what: str) -> None:
        if what not in self.wrong:
            self.wrong.append(what)
