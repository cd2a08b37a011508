"""Legs that an earlier engine left and that nobody goes on with, until they are gone: their agents are not rung."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection

    from cti.runtime.floor.left_talks import LeftTalk
    from cti.runtime.floor.seats_kept import SeatsKept
    from cti.runtime.floor.talks import Talks


class LegEndings:
    def __init__(self, talks: Talks, seats: SeatsKept) -> None:
        self._talks, self._seats = talks, seats
        self._agents: dict[str, str] = {}  # leg -> whose

    def agents(self) -> Collection[str]:
        """The end of whose legs is awaited."""
        return self._agents.values()

    def wait(self, leg: str, agent: str) -> None:
        self._agents[leg] = agent
        self._seats.hold(agent, leg)

    def gone(self, leg: str) -> None:
        """It is, or it is with nobody: its agent is free."""
        agent = self._agents.pop(leg, None)
        if agent is not None:
            self._seats.over(agent, leg)

    def let_go(self, left: LeftTalk, leg: str, agent: str) -> None:
        """This leg is nobody's; its agent is free when it is gone. ``agent`` empty: it is no agent's."""
        state, _ = left.found.get(leg, ("gone", ""))
        if left.talk["permanent"] and leg == left.talk["leg"]:
            self._talks.give_back(leg)
            self.gone(leg)
        elif state == "gone" or left.legs is None:
            self.gone(leg)
            if left.legs is not None:
                left.legs.let_be(leg)
        else:
            if agent:
                self.wait(leg, agent)
            if state == "bridged":
                left.legs.let_be(leg)
            else:
                left.legs.hang_up(leg)
