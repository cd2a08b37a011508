"""An agent's part of a contact, from the connection to the end of the work, and what the agent writes about it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from cti.core.wrapups import WrapUp

if TYPE_CHECKING:
    from cti.acd.outputs import Handled


@dataclass(slots=True, eq=False)
class Handling:
    """``handling_id`` is empty until something of it was kept (`cti.runtime.floor.ledger`)."""

    contact: str
    agent: str
    queue: str
    medium: str
    wrapup: WrapUp = field(default_factory=WrapUp)
    handling_id: str = ""


def handling_of(fact: Handled) -> Handling:
    """Of a contact about which nothing was written."""
    return Handling(fact.contact, fact.agent, fact.queue, fact.medium)
