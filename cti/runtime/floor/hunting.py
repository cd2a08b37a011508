"""Queues that list phones: a hunt group, for which nobody signs in.

Each phone is an agent who is always there and takes whatever the queue has. One that was not answered, or could not be
reached, rests for a while.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import gevent

from cti.acd.inputs import SetReady
from cti.acd.model import Profile
from cti.acd.outputs import PresenceChanged
from cti.acd.states import Presence
from cti.core.legs import Phone

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cti.acd.outputs import Output
    from cti.runtime.floor.lines import Lines

log = logging.getLogger("cti.acd")


#: What everybody has who signed in, and no phone of a hunt group has.
PERSON = {"person": 1}


def membership(queue: str) -> str:
    """The skill that stands for being a member of a queue."""
    return f"queue.{queue}"


class Hunting:
    """``queues``: those that are hunt groups."""

    def __init__(self, lines: Lines) -> None:
        self.queues: set[str] = set()
        self._lines = lines
        self._phones: dict[str, list[str]] = {}  # extension -> its queues
        self._rest_s: dict[str, float] = {}
        self._resting: dict[str, gevent.Greenlet[..., None]] = {}

    def add(self, queue: str, phones: Sequence[str], rest_s: float) -> None:
        self.queues.add(queue)
        for phone in phones:
            self._phones.setdefault(phone, []).append(queue)
            self._rest_s[phone] = rest_s

    def start(self) -> None:
        self._lines.owner.listeners.append(self._heard)
        for extension, queues in self._phones.items():
            skills = {membership(queue): 1 for queue in queues}
            self._lines.sign_in(Profile(extension, skills), Phone(f"user/{extension}"), f"phone {extension}")
            self._lines.set_ready(extension)

    def stop(self) -> None:
        for resting in self._resting.values():
            resting.kill(block=False)

    def _heard(self, fact: Output) -> None:
        if not isinstance(fact, PresenceChanged) or fact.agent not in self._phones:
            return
        if fact.presence is Presence.NOT_READY and fact.reason != "sign_in":
            rest_s = self._rest_s[fact.agent]
            log.info("phone %s rests for %g s: %s", fact.agent, rest_s, fact.reason)
            self._resting[fact.agent] = gevent.spawn_later(rest_s, self._rested, fact.agent)

    def _rested(self, agent: str) -> None:
        self._resting.pop(agent, None)
        self._lines.owner.tell(SetReady(agent))
