"""What of talks is recorded, by the policy of the queue: each agent's talk with a customer is a recording of its own.

| what happens | the recording |
|---|---|
| the two are connected | begins, if the queue of the contact records |
| the customer is on hold, the agent consults | paused: nothing that is said meanwhile is in it |
| retrieved; conference | goes on; whoever joins is on record as heard in it |
| transfer, blind or warm; a supervisor takes over | ends; the next agent's talk is another recording |
| a transfer to a phone outside | ends; that talk is no queue's, and is not recorded |
| the agent hangs up, the customer goes on in the flow | ends |

A recording that the flow has begun itself goes on through all of it, with the same pauses. What is recorded is the
customer's side: what the customer says and hears. Whispers, and a supervisor who only listens, are not in it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cti.runtime.floor.talk import Stage
from cti.runtime.messages import RecordTalk

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from cti.runtime.floor.talk import Talk

#: Whose pause it is.
HOLD = "hold"


class TalkRecording:
    """``recorded``: queues whose talks are recorded. ``team_of``: of an agent, at present; may be empty."""

    def __init__(self, recorded: Collection[str], team_of: Callable[[str], str]) -> None:
        self._recorded, self._team_of = recorded, team_of
        self._on: dict[str, Stage] = {}  # leg of the agent -> what its talk's recording was told last

    def part(self, talk: Talk) -> None:
        """Its caller's run may be another one when it goes on: what is recorded begins again."""
        self._on.pop(talk.leg, None)

    def moved(self, talk: Talk) -> None:
        """The stage of a talk has changed, or who takes part in it."""
        if talk.of is not None:
            return  # a consultation: the customer is not in it
        before, leg = self._on.get(talk.leg), talk.leg
        match talk.stage:
            case Stage.TALKING | Stage.CONFERENCE if before is None:
                self._on[leg] = talk.stage
                self._begin(talk)
            case Stage.TALKING | Stage.CONFERENCE if before is not talk.stage:
                self._on[leg] = talk.stage
                talk.party.record(RecordTalk("resume", HOLD))
                if talk.stage is Stage.CONFERENCE and talk.consult is not None:
                    talk.party.record(RecordTalk("joined", agents=self._who(talk.consult)))
            case Stage.HOLDING | Stage.HELD if before is not None and before is not Stage.HELD:
                self._on[leg] = Stage.HELD
                talk.party.record(RecordTalk("pause", HOLD))
            case Stage.OVER if before is not None or talk.offer < 0:  # or an earlier owner of the talk had it recorded
                self._on.pop(leg, None)
                talk.party.record(RecordTalk("stop"))

    def _begin(self, talk: Talk) -> None:
        policy = talk.queue in self._recorded
        who = self._who(talk)
        talk.party.record(RecordTalk("start" if policy else "joined", queue=talk.queue, agents=who))
        talk.party.record(RecordTalk("resume", HOLD))

    def _who(self, talk: Talk) -> tuple[tuple[str, str], ...]:
        return ((talk.agent, self._team_of(talk.agent)),) if talk.agent else ()
