"""What agents do with contacts that are written: no phone is in it, so everything is done at once.

What the state does not allow raises FloorRefused with the error id of the published table.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from cti.acd import inputs as i
from cti.acd.model import SLOTS, Slot, Wish
from cti.acd.states import ContactState
from cti.core.errors import CtiError
from cti.runtime.floor.desk import Desk
from cti.runtime.floor.owner import FloorRefused
from cti.runtime.floor.thirds import CONSULT_RING_S

if TYPE_CHECKING:
    from cti.core.transcripts import Line
    from cti.runtime.floor.callers import Callers
    from cti.runtime.floor.lines import Lines
    from cti.runtime.floor.owner import FloorOwner
    from cti.runtime.floor.talks import Talks
    from cti.runtime.floor.texts import Texts
    from cti.runtime.floor.writers import Writer

TEXT_TARGETS = ("agent", "queue")


class TextDesk(Desk):
    """Commands that need a phone never come here: the table (`text_actions`) refuses them."""

    def __init__(self, owner: FloorOwner, lines: Lines, talks: Talks, callers: Callers, texts: Texts) -> None:
        super().__init__(owner, lines, talks, callers, "")
        self._texts = texts

    def answer(self, agent: str, contact: str) -> None:
        """Take the offer: from now on agent and customer write to each other."""
        case = self.find(agent, contact)
        if case.state is not ContactState.RESERVED:
            raise FloorRefused(f"contact '{contact}' is not offered", code="not-offered")
        self._texts.accept(case)

    def reject(self, agent: str, contact: str) -> None:
        case = self.find(agent, contact)
        if case.offer is None:
            raise FloorRefused(f"contact '{contact}' is not offered", code="offer-over")
        self._owner.ask(i.Reject(case.offer.number))

    def hang_up(self, agent: str, contact: str) -> None:
        """End the conversation; the customer's flow goes on."""
        self._texts.end(self._talking(agent, contact))

    def send(self, agent: str, contact: str, text: str) -> Line:
        """Returns when the text was taken for delivery. Raises FloorRefused, CtiError: message-too-long,
        message-not-sent."""
        writer = self._talking(agent, contact)
        if writer.send is None:
            raise FloorRefused(f"contact '{contact}' is a fax", code="not-by-text")
        return writer.send(text, agent)

    def transfer(self, agent: str, contact: str, kind: str, target: str) -> None:
        """To another agent, or to a queue, with all that was written. An agent who does not take it in time is one of
        many: then whoever serves the queue may."""
        writer = self._talking(agent, contact)
        if kind not in TEXT_TARGETS:
            raise CtiError(f"a conversation cannot be given to a {kind[:40]}", code="bad-target")
        self._check(kind, target)
        case = self._owner.acd.floor.cases[contact]
        if kind == "queue":
            wish = Wish(contact, target, priority=case.priority, rank_at=case.began_at)
        else:
            slot = SLOTS[case.wish.medium]
            if not self._owner.acd.floor.desks[target].profile.capacity.get(slot, 0):
                raise FloorRefused(f"agent '{target}' takes no {_NAMES[slot]}", code="agent-not-free")
            wish = replace(case.wish, queue=case.queue.config.name, prefer=target, prefer_s=CONSULT_RING_S)
        self._texts.hand_over(writer, wish)

    def _talking(self, agent: str, contact: str) -> Writer:
        case, writer = self.find(agent, contact), self._texts.find(contact)
        if case.state is not ContactState.TALKING or writer is None:
            over = case.state is ContactState.WORK
            raise FloorRefused(f"contact '{contact}' is {case.state}", code="contact-over" if over else "not-talking")
        return writer


_NAMES = {Slot.CHAT: "chats", Slot.SMS: "SMS", Slot.FAX: "faxes", Slot.CALL: "calls"}
