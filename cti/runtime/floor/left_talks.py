"""A contact at an agent, as an earlier engine left it."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

import orjson

from cti.runtime.floor.talk import CONNECTED, Party, Stage
from cti.runtime.floor.talks_kept import FORMAT

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cti.ports import LegControl

log = logging.getLogger("cti.acd")


class Looks(Protocol):
    """`cti.runtime.floor.talks_back.TalksBack`."""

    def look(self, left: LeftTalk) -> None:
        """More is known of it."""


@dataclass(eq=False)
class LeftTalk:
    """``told``: as it was kept. ``later_s``: how long ago. ``legs``: None where nobody has them at present. ``found``:
    state and other by leg; `gone` when it is. ``talking``: the caller was found with somebody. ``called``: whom an
    agent has called, where whoever did that is still here."""

    back: Looks
    told: dict[str, Any]
    later_s: float
    legs: LegControl | None
    found: dict[str, tuple[str, str]] = field(default_factory=dict)
    party: Party | None = None
    called: Party | None = None
    talking: bool = False
    caller_gone: bool = False

    @property
    def contact(self) -> str:
        return str(self.told["contact"])

    @property
    def agent(self) -> str:
        return str(self.told["agent"])

    @property
    def talk(self) -> dict[str, Any]:
        return self.told["talk"]  # type: ignore[no-any-return]

    @property
    def uuid(self) -> str:
        return str(self.talk["uuid"])

    @property
    def connected(self) -> bool:
        return Stage(self.talk["stage"]) in CONNECTED and self.told["state"] in ("TALKING", "HOLD")

    @property
    def wanted(self) -> set[str]:
        """Legs of which something has to be known."""
        talk, consult = self.talk, self.talk["consult"]
        own = {talk["leg"]} | ({consult["leg"]} if consult else set())
        return own | (set() if talk["flow"] or talk["of"] else {talk["uuid"]})

    @property
    def at(self) -> tuple[str, str]:
        return self.found.get(self.talk["leg"], ("gone", ""))

    def caller_here(self, party: Party, talking: bool) -> None:
        self.party, self.talking = party, talking
        self.back.look(self)

    def caller_left(self) -> None:
        self.caller_gone = True
        self.back.look(self)


def read(bodies: Iterable[bytes]) -> list[dict[str, Any]]:
    """What was kept; what cannot be read is left out, and said."""
    found = []
    for body in bodies:
        try:
            told = orjson.loads(body)
            if told["format"] == FORMAT:
                found.append(told)
                continue
            reason = f"format {told['format']}"
        except (ValueError, TypeError, KeyError) as error:
            reason = type(error).__name__
        log.warning("a contact that an earlier engine left cannot be read: %s", reason)
    return found


def connected(told: Iterable[dict[str, Any]]) -> tuple[frozenset[str], frozenset[str]]:
    """Of those who talk: agents, and their permanent legs."""
    talks = [one for one in told if one["talk"] is not None and one["state"] in ("TALKING", "HOLD")]
    legs = frozenset(str(one["talk"]["leg"]) for one in talks if one["talk"]["permanent"])
    return frozenset(str(one["agent"]) for one in talks), legs
