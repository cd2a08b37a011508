"""A witness of the distribution: it believes nothing, keeps its own books from the facts alone, and compares."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from cti.acd import outputs as o
from cti.acd.model import SLOTS, Slot
from cti.acd.states import ContactState, OfferState, Outcome, Presence

if TYPE_CHECKING:
    from cti.acd import Distribution, Profile
    from cti.acd import inputs as i
    from cti.acd.cases import Case


class Witness:
    """Books of offers, entries and agents, built from outputs."""

    def __init__(self, distribution: Distribution) -> None:
        self.distribution = distribution
        self.pending: dict[int, o.OfferMade] = {}
        self.accepted: dict[str, o.OfferMade] = {}  # contact -> the offer taken
        self.endings: Counter[int] = Counter()
        self.offers = 0
        self.entries: dict[int, o.EntryBegan] = {}
        self.ended: Counter[Outcome] = Counter()
        self.began = 0
        self.presence: dict[str, Presence] = {}
        self.at_agent: dict[str, tuple[str, ContactState]] = {}  # contact -> agent, state
        self.handled: Counter[str] = Counter()
        self.connected: Counter[str] = Counter()

    def feed(self, told: i.Input, now: float) -> list[o.Output]:
        """Feed, and believe nothing of what comes back."""
        waited = {case.contact: _stands(case) for case in self._queued()}
        facts = self.distribution.feed(told, now)
        self.read(facts)
        for fact in facts_of(facts, o.OfferMade):
            self._check_order(fact, waited)
        return facts

    def _queued(self) -> list[Case]:
        return [case for case in self.distribution.floor.cases.values() if case.state is ContactState.QUEUED]

    def _check_order(self, fact: o.OfferMade, waited: dict[str, tuple[object, ...]]) -> None:
        """An agent who became free took the first, by rank, of all that waited and that this agent may serve; so what
        came later went before by at most K × the difference of the priorities."""
        floor = self.distribution.floor
        desk = floor.desks[fact.agent]
        if fact.why.cause != "agent_free":
            return
        for case in self._queued():
            same_slot = case.slot is SLOTS[fact.medium] and case.waits_for is None
            if not same_slot or case.suspended or waited.get(case.contact) != _stands(case) or case.since > fact.at:
                continue
            if all(desk.profile.skills.get(name, 0) >= level for name, level in case.asked().items()):
                assert case.rank >= fact.why.rank, f"{case.contact} should have come before {fact.contact}"

    def read(self, facts: list[o.Output]) -> None:
        for fact in facts:
            reader = getattr(self, f"_{type(fact).__name__}", None)
            if reader is not None:
                reader(fact)

    def _OfferMade(self, fact: o.OfferMade) -> None:
        by_hand = fact.why.cause == "picked_up"
        assert self.presence[fact.agent] in (Presence.READY, Presence.NOT_READY if by_hand else Presence.READY)
        assert fact.contact not in {offer.contact for offer in self.pending.values()}, "offered twice at once"
        assert fact.contact not in self.at_agent, "offered while another agent has it"
        self.pending[fact.offer] = fact
        self.offers += 1

    def _OfferEnded(self, fact: o.OfferEnded) -> None:
        made = self.pending.pop(fact.offer)
        assert (made.contact, made.agent) == (fact.contact, fact.agent)
        self.endings[fact.offer] += 1
        assert self.endings[fact.offer] == 1
        assert fact.ending is not OfferState.PENDING

    def _ContactMoved(self, fact: o.ContactMoved) -> None:
        was = self.at_agent.get(fact.contact)
        if was is not None:
            assert was == (fact.agent, fact.before), (was, fact)
        if fact.state in (ContactState.QUEUED, ContactState.CLOSED):
            self.at_agent.pop(fact.contact, None)
        else:
            self.at_agent[fact.contact] = (fact.agent, fact.state)
        if fact.state is ContactState.TALKING and fact.before is ContactState.RESERVED:
            self.connected[fact.contact] += 1

    def _EntryBegan(self, fact: o.EntryBegan) -> None:
        assert fact.entry not in self.entries
        self.entries[fact.entry] = fact
        self.began += 1

    def _EntryEnded(self, fact: o.EntryEnded) -> None:
        began = self.entries.pop(fact.entry)
        assert (began.contact, began.queue) == (fact.contact, fact.queue)
        assert fact.wait_s >= 0
        self.ended[fact.outcome] += 1

    def _PresenceChanged(self, fact: o.PresenceChanged) -> None:
        assert self.presence.get(fact.agent, Presence.LOGOUT) is fact.before
        self.presence[fact.agent] = fact.presence

    def _Handled(self, fact: o.Handled) -> None:
        self.handled[fact.contact] += 1
        assert self.handled[fact.contact] == self.connected[fact.contact]

    # ---- invariants ------------------------------------------------------------------------------------------------

    def check(self) -> None:
        floor = self.distribution.floor
        self._check_capacity()
        self._check_work_conserving()
        for case in floor.cases.values():
            assert case.in_line == (case.entry != 0), "an entry is open as long as the contact stands in the line"
            assert case.entry == 0 or case.entry in self.entries
            held = self.at_agent.get(case.contact)
            assert (case.desk is None) == (held is None)
            if held is not None and case.desk is not None:
                assert held == (case.desk.agent, case.state)
                assert case.desk.contacts[case.contact] is case
        open_entries = {case.entry for case in floor.cases.values() if case.entry}
        assert open_entries == set(self.entries)
        assert self.began == sum(self.ended.values()) + len(self.entries), "counts do not reconcile"
        queues = (floor.direct, *floor.queues.values())
        in_lines = sum(len(queue.line) + len(queue.parked) for queue in queues)
        for case in floor.cases.values():
            assert not case.parked or (case.suspended and case.in_line)
        assert in_lines == len(open_entries)
        live_offers = {offer.number for offer in floor.offers.values() if offer.pending}
        assert live_offers == set(self.pending)

    def _check_capacity(self) -> None:
        for desk in self.distribution.floor.desks.values():
            load: Counter[Slot] = Counter(case.slot for case in desk.contacts.values())
            assert dict(load) == desk.load

    def within(self, profile: Profile) -> bool:
        """No more at hand than the profile allows; false only after the profile was made smaller."""
        desk = self.distribution.floor.desks[profile.agent]
        load = Counter(case.slot for case in desk.contacts.values())
        return all(load[slot] <= profile.capacity.get(slot, 0) for slot in load)

    def _check_work_conserving(self) -> None:
        """By looking at every pair, which the distribution never does."""
        floor = self.distribution.floor
        for case in floor.cases.values():
            if case.state is not ContactState.QUEUED or case.suspended:
                continue
            asked = case.asked()
            for desk in floor.desks.values():
                if case.waits_for is not None and case.waits_for is not desk:
                    continue
                able = case.waits_for is desk or all(
                    desk.profile.skills.get(name, 0) >= level for name, level in asked.items()
                )
                assert not (able and desk.open(case.slot)), f"{case.contact} waits though {desk.agent} is free"


def _stands(case: Case) -> tuple[object, ...]:
    """Who changed in this during a step (relaxed, no longer kept for one agent) may have done so after the offer."""
    return case.number, case.step, case.waits_for, case.entry, case.rank


def facts_of(facts: list[o.Output], kind: type[Any]) -> list[Any]:
    return [fact for fact in facts if isinstance(fact, kind)]
