"""The end of an agent's side, as the switch tells it: for commands that give the customer away."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cti.core import legs as l
from cti.runtime.floor.confirming import confirm
from cti.runtime.floor.talk import Stage

if TYPE_CHECKING:
    from cti.runtime.floor.talk import Talk
    from cti.runtime.floor.talks import Talks

_JOINED = (Stage.TALKING, Stage.HOLDING, Stage.CONFERENCE)


class Parting:
    """``over``: agent and customer are parted."""

    def __init__(self, talk: Talk, over: bool) -> None:
        self.talk, self.over = talk, over

    def confirm(self) -> None:
        """Raises Unconfirmed."""
        confirm(self.talk, lambda: self.over, outlives=True)


class Partings:
    def __init__(self, talks: Talks) -> None:
        self._of: dict[str, Parting] = {}  # by the agent's leg
        talks.leg_listeners.append(self._heard)

    def of(self, talk: Talk) -> Parting:
        """Before the order is given. A permanent leg that is with nobody has nobody to be parted from."""
        found = Parting(talk, talk.permanent and talk.stage not in _JOINED)
        if not found.over:
            self._of[talk.leg] = found
        return found

    def _heard(self, event: l.LegEvent) -> None:
        match event:
            case l.LegHungUp(leg) | l.ConferenceLeft(_, leg):
                self._over(leg)
            case l.LegsUnbridged(one, other):
                self._over(one)
                self._over(other)

    def _over(self, leg: str) -> None:
        parting = self._of.pop(leg, None)
        if parting is not None:
            parting.over = True
            parting.talk.changed.set()
