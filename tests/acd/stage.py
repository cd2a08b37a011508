"""A small floor for directed tests: short words for what is told, and a witness that looks at every step."""

from __future__ import annotations

from typing import Any

from cti.acd import Distribution, Profile, QueueConfig, Slot, Wish
from cti.acd import inputs as i
from cti.acd import outputs as o
from cti.acd.states import ContactState, Presence
from tests.acd.floorwatch import Witness, facts_of

K = 10.0


class Stage:
    """``now`` is seconds from the start; ``facts``: everything that became true, in order."""

    def __init__(self, *queues: QueueConfig) -> None:
        self.acd = Distribution(ageing_s=K)
        self.witness = Witness(self.acd)
        self.now = 0.0
        self.facts: list[o.Output] = []
        for queue in queues or (QueueConfig("q"),):
            self.tell(i.SetQueue(queue))

    def tell(self, told: i.Input) -> list[o.Output]:
        made = self.witness.feed(told, self.now)
        self.witness.check()
        self.facts += made
        return made

    def later(self, seconds: float) -> list[o.Output]:
        """What becomes due until then."""
        self.now += seconds
        return self.tell(i.Tick())

    # ---- agents ----------------------------------------------------------------------------------------------------

    def sign_in(self, agent: str, *, ready: bool = True, beside: frozenset[Slot] = frozenset(), **more: Any) -> None:
        """``more``: skills, or capacity by the names of slots."""
        capacity = {Slot(name): most for name, most in more.items() if name in list(Slot)}
        skills = {name: level for name, level in more.items() if name not in list(Slot)}
        self.tell(i.SignIn(Profile(agent, skills, capacity or {Slot.CALL: 1}, beside)))
        if ready:
            self.tell(i.SetReady(agent))

    def ready(self, agent: str) -> list[o.Output]:
        return self.tell(i.SetReady(agent))

    def presence(self, agent: str) -> tuple[Presence, str]:
        desk = self.acd.floor.desks[agent]
        return desk.presence, desk.reason

    # ---- contacts --------------------------------------------------------------------------------------------------

    def enter(self, contact: str, queue: str = "q", **wish: Any) -> list[o.Output]:
        return self.tell(i.Enter(Wish(contact, queue, **wish)))

    def talk(self, contact: str) -> None:
        """Accept what is offered, and connect."""
        self.tell(i.Accept(self.offer(contact)))
        self.tell(i.Connect(contact))

    def over(self, contact: str) -> list[o.Output]:
        return self.tell(i.TalkOver(contact))

    def state(self, contact: str) -> ContactState:
        case = self.acd.floor.cases.get(contact)
        return ContactState.CLOSED if case is None else case.state

    def agent(self, contact: str) -> str:
        """Who has it, or is offered it; empty: nobody."""
        case = self.acd.floor.cases.get(contact)
        return case.desk.agent if case is not None and case.desk is not None else ""

    def offer(self, contact: str) -> int:
        found = self.acd.floor.cases[contact].offer
        assert found is not None, f"{contact} is offered to nobody"
        return found.number

    def queue(self, contact: str) -> str:
        return self.acd.floor.cases[contact].queue.config.name

    def waiting(self, queue: str = "q") -> list[str]:
        return [case.contact for case in self.acd.floor.queues[queue].line if case.state is ContactState.QUEUED]

    # ---- what became true --------------------------------------------------------------------------------------------

    def of(self, kind: type[Any]) -> list[Any]:
        return facts_of(self.facts, kind)

    def served(self) -> list[str]:
        """Contacts in the order in which they were offered."""
        return [fact.contact for fact in self.of(o.OfferMade)]

    def ended(self, contact: str) -> list[tuple[str, str, str]]:
        """Of each of its entries: queue, outcome, reason."""
        return [
            (fact.queue, str(fact.outcome), fact.reason) for fact in self.of(o.EntryEnded) if fact.contact == contact
        ]

    def exit(self, contact: str) -> str:
        """By which the queue gave it back; empty: it did not."""
        return next((fact.exit for fact in self.of(o.Dismissed) if fact.contact == contact), "")


def refusal(made: list[o.Output]) -> str:
    """The error id of the one refusal, empty without one."""
    found = facts_of(made, o.Refused)
    return found[0].error if found else ""
