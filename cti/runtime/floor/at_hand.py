"""What every command of an agent begins with: which contact, and whether it is in a talk."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cti.acd.states import ContactState
from cti.runtime.floor.owner import FloorRefused
from cti.runtime.floor.partings import Partings
from cti.runtime.floor.talk import Stage

if TYPE_CHECKING:
    from cti.acd.cases import Case
    from cti.runtime.floor.callers import Callers
    from cti.runtime.floor.lines import Lines
    from cti.runtime.floor.owner import FloorOwner
    from cti.runtime.floor.talk import Talk
    from cti.runtime.floor.talks import Talks


class AtHand:
    """``music``: what somebody on hold hears; it must end by itself."""

    def __init__(self, owner: FloorOwner, lines: Lines, talks: Talks, callers: Callers, music: str) -> None:
        self._owner, self._lines, self._talks, self._callers, self._music = owner, lines, talks, callers, music
        self._partings = Partings(talks)

    def find(self, agent: str, contact: str) -> Case:
        """The contact, if it is at this agent. Raises FloorRefused (unknown-contact)."""
        case = self._owner.acd.floor.cases.get(contact)
        if case is None or case.desk is None or case.desk.agent != agent:
            raise FloorRefused(f"contact '{contact[:64]}' is not at this agent", code="unknown-contact")
        return case

    def _talk(self, agent: str, contact: str) -> Talk:
        case, talk = self.find(agent, contact), self._talks.find(contact)
        if talk is None or talk.agent != agent:
            over = case.state is ContactState.WORK
            raise FloorRefused(f"contact '{contact}' is {case.state}", code="contact-over" if over else "not-talking")
        return talk

    def _connected(self, agent: str, contact: str) -> Talk:
        talk = self._talk(agent, contact)
        if talk.stage not in (Stage.TALKING, Stage.HELD, Stage.CONFERENCE):
            raise FloorRefused(f"the contact is {talk.stage.value}", code="not-talking")
        return talk

    def _in(self, agent: str, contact: str, stage: Stage, code: str) -> Talk:
        talk = self._talk(agent, contact)
        if talk.stage is not stage:
            raise FloorRefused(f"the contact is {talk.stage.value}", code=code)
        return talk

    def _consulting(self, agent: str, contact: str) -> tuple[Talk, Talk]:
        talk = self._connected(agent, contact)
        if talk.consult is None:
            raise FloorRefused("the agent consults nobody", code="not-consulting")
        return talk, talk.consult
