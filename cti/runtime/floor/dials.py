"""Agents dial: an agent's own phone rings, then whom the agent wants; each contact so made is the agent's own.

A command is done when the other phone says that it rings, or was answered; not sooner.
"""

from __future__ import annotations

import logging
import uuid as uuids
from typing import TYPE_CHECKING

from cti.runtime.floor.confirming import confirm
from cti.runtime.floor.errands import Errand
from cti.runtime.floor.outcalls import ANSWERED
from cti.runtime.floor.owner import FloorRefused

if TYPE_CHECKING:
    from collections.abc import Callable

    from cti.core.legs import Phone
    from cti.runtime.floor.lines import Lines
    from cti.runtime.floor.outcalls import OutCalls
    from cti.runtime.floor.publisher import Publisher

log = logging.getLogger("cti.acd")


class Dials:
    """``ring_s``: how long the other phone rings."""

    def __init__(self, lines: Lines, calls: OutCalls, publisher: Publisher, ring_s: float) -> None:
        self._lines, self._calls, self._publisher, self._ring_s = lines, calls, publisher, ring_s

    def check(self, phone: Phone) -> None:
        """May it be dialled? Raises CtiError: destination-denied, switch-unavailable."""
        self._calls.check(phone)

    def dial(self, agent: str, phone: Phone, began: Callable[[str], None] = lambda _contact: None) -> str:
        """The contact, once the other phone rings. ``began``: told the contact before anything rings.

        Raises FloorRefused (agent-not-signed-in, agent-busy, not-reached), CtiError (destination-denied,
        switch-unavailable), Unconfirmed."""
        line = self._lines.find(agent)
        if line is None or line.phone is None:
            raise FloorRefused(f"agent '{agent}' is not signed in with a phone", code="agent-not-signed-in")
        self.check(phone)
        contact = str(uuids.uuid4())

        def tell(state: str, outcome: str = "") -> None:
            self._publisher.about(contact, "contact.dialled", {"agent": agent, "state": state, "outcome": outcome})

        call = self._calls.place(
            Errand(
                phone.target,
                phone,
                f"dialled by {agent}",
                self._ring_s,
                placed=True,
                began=lambda _leg: tell("dialling"),
                rang=lambda: tell("ringing"),
                ended=lambda how, _agent: tell("answered") if how == ANSWERED else tell("failed", how),
            ),
            contact,
            agent,
            line.phone,
        )
        assert call.talk is not None
        began(contact)
        tell("placing")
        log.info("agent %s dials a %s as contact %s", agent, phone.kind, contact)
        confirm(call.talk, lambda: call.rang or call.over, lambda: call.rang or call.connected)
        if call.over and not call.connected and not call.rang:
            who = "the other phone" if call.dialled else "your own phone"
            raise FloorRefused(f"{who} was not reached: {call.how}", code="not-reached")
        return contact
