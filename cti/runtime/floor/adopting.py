"""Contacts that an earlier engine left, put at their agents in the distribution again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cti.acd import inputs as i
from cti.acd.model import Wish
from cti.acd.states import ContactState, Outcome
from cti.core.wrapups import WrapUp
from cti.runtime.floor.handling import Handling
from cti.runtime.floor.seats import working_profile

if TYPE_CHECKING:
    from collections.abc import Callable

    from cti.acd.model import Profile
    from cti.core.people import AgentProfile
    from cti.runtime.floor.left_talks import LeftTalk
    from cti.runtime.floor.owner import FloorOwner
    from cti.runtime.floor.wrapups import WrapUps


class Adopting:
    def __init__(self, owner: FloorOwner, wrapups: WrapUps) -> None:
        self._owner, self._wrapups = owner, wrapups
        #: Whether the stay of a contact is open on record: if they talk, it was answered. It is counted once.
        self.waits: Callable[[str], bool] = lambda _contact: False

    def adopt(self, told: dict[str, Any], later_s: float, find: Callable[[str], AgentProfile | None]) -> None:
        """``told``: as it was kept, so long ago. Raises KeyError: nobody is this agent."""
        state = ContactState(told["state"])
        self._adopt(told, later_s, state, find, entered=state is not ContactState.WORK and self.waits(told["contact"]))

    def answered(self, left: LeftTalk) -> None:
        """It was kept as an offer, and they talk: since then, as nearly as is known."""
        floor = self._owner.acd.floor
        if left.agent in floor.desks:
            if left.contact in floor.cases:  # it stands in line again
                self._owner.tell(i.Leave(left.contact, Outcome.FLOW_OUT))
            told = {**left.told, "since_s": 0.0, "talk_s": 0.0, "hold_s": 0.0}
            entered = self.waits(left.contact)
            self._adopt(told, left.later_s, ContactState.TALKING, lambda _agent: None, entered=entered)

    def _adopt(
        self,
        told: dict[str, Any],
        later_s: float,
        state: ContactState,
        find: Callable[[str], AgentProfile | None],
        *,
        entered: bool,
    ) -> None:
        wish = Wish(told["contact"], told["queue"], told["medium"], priority=told["priority"], counted=told["counted"])
        self._owner.ask(
            i.Adopt(
                wish,
                self._profile(told["agent"], find),
                state,
                told["since_s"] + later_s,
                told["began_s"] + later_s,
                told["talk_s"],
                told["hold_s"],
                told["work_s"] - later_s,
                told["waited_s"] if entered else None,
            )
        )
        if (written := told["wrapup"]) is not None:
            handling = Handling(
                told["contact"], told["agent"], told["queue"], told["medium"], handling_id=written["id"]
            )
            handling.wrapup = WrapUp(**{name: value for name, value in written.items() if name != "id"})
            self._wrapups.restore(handling)

    def _profile(self, agent: str, find: Callable[[str], AgentProfile | None]) -> Profile:
        desk = self._owner.acd.floor.desks.get(agent)
        if desk is not None:
            return desk.profile
        profile = find(agent)
        if profile is None:
            raise KeyError(agent)
        return working_profile(profile)
