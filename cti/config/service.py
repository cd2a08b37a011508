"""How customers are served: queues, callbacks, calls of agents, parking, conversations."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from cti.config.words import Digits, Level, Name, Seconds, Skill
from cti.core.wrapups import CODE
from cti.validating import Section


class OverflowSettings(Section):
    """Where a contact goes on to when one of the conditions that are given holds."""

    to: Name
    after_s: Seconds | None = Field(None, description="it has waited so long here")
    length: Annotated[int, Field(ge=0)] | None = Field(None, description="so many wait already when it comes")
    wait_s: Seconds | None = Field(None, description="the expected wait is longer when it comes")
    no_agents: bool = Field(False, description="nobody who could serve it is signed in, or the queue is closed")


Code = Annotated[str, Field(pattern=CODE)]
Title = Annotated[str, Field(min_length=1, max_length=100, pattern=r"^[^\x00-\x1f\x7f]+$")]


class WrittenUp(Section):
    """What agents are to say of their contacts."""

    dispositions: dict[Code, Title] = Field(
        default_factory=dict, description="code -> title: what an agent can say came of a contact; none: nothing"
    )
    disposition_required: bool = Field(False, description="the work after a contact is not finished without one")

    @model_validator(mode="after")
    def _can_be_given(self) -> Self:
        if self.disposition_required and not self.dispositions:
            raise ValueError("a disposition is required, and `dispositions` has none")
        return self


class QueueSettings(WrittenUp):
    agents: tuple[Digits, ...] = Field(
        (), description="a hunt group: extensions that are rung although nobody has signed in; no skill is asked"
    )
    skills: dict[Skill, Level] = Field(
        default_factory=dict, description="skills with least levels that every contact of the queue asks for"
    )
    priority: Annotated[int, Field(ge=-100, le=100)] = Field(0, description="added to each contact's")
    limit: Annotated[int, Field(ge=0)] = Field(100, description="how many wait; the next hear the exit `full`")
    calendar: Name | None = Field(
        None, description="it takes nobody while this calendar is closed, and serves who waits; default: always open"
    )
    ring_s: Annotated[float, Field(ge=1, le=300)] = Field(20.0, description="how long an offer stays open")
    rest_s: Seconds = Field(10.0, description="how long a phone of a hunt group rests that was not answered")
    wrapup_s: Seconds = Field(0.0, description="time for work after a contact; agents end or extend it")
    select: Literal["longest_idle", "best_skill"] = Field(
        "longest_idle", description="which of several free agents gets a contact"
    )
    overflow: tuple[OverflowSettings, ...] = ()
    wait_unstaffed: bool = Field(False, description="wait although nobody who could serve is signed in")
    unstaffed_s: Seconds = Field(60.0, description="how long contacts wait on after the last such agent has gone")
    after_work_ready: bool = Field(True, description="READY at the end of the work timer, unless the agent chose")
    record: bool = Field(False, description="record talks with agents, both sides; agents can pause it")
    record_days: Annotated[int, Field(ge=0, le=36500)] | None = Field(
        None, description="days until what was recorded of the queue is deleted, in the place of `recording`; 0: never"
    )
    service_level_s: Annotated[int, Field(ge=1, le=3600)] = Field(20, description="the N of the service level")
    music: Annotated[str, Field(pattern=r"^[^\s!{}]{1,200}$")] = Field(
        "tone_stream://%(300,9700,350,440)", description="played again and again, so it must end; no blanks"
    )


class CallbackSettings(Section):
    """How people are called back."""

    calendar: Name | None = Field(None, description="nobody is called while this calendar is closed; default: any time")
    ring_s: Annotated[float, Field(ge=5, le=120)] = Field(30.0, description="how long the phone of the person rings")
    pause_s: Annotated[float, Field(ge=0, le=86400)] = Field(300.0, description="between two attempts")
    limit: Annotated[int, Field(ge=0)] = Field(1000, description="how many may be open; the next are declined")
    at_once: Annotated[int, Field(ge=1, le=1000)] = Field(10, description="phones that ring for flows at the same time")


class OutboundSettings(WrittenUp):
    """Calls that agents place. They stand in no queue, so what queues have of these is theirs."""

    ring_s: Annotated[float, Field(ge=5, le=120)] = Field(45.0, description="how long the other phone rings")
    wrapup_s: Seconds = Field(0.0, description="after-contact work; 0: that of the agent's profile")
    record: bool = Field(False, description="record what is said")


Sound = Annotated[str, Field(pattern=r"^[^\s!{}]{1,200}$")]


class PermanentLegSettings(Section):
    """Legs that stay open between contacts, to phones with `remote_answer: permanent_leg`."""

    idle: Sound | None = Field(
        None,
        description="heard between contacts, again and again: `silence_stream://-1` where a trunk ends calls without "
        "sound; default: nothing is sent",
    )
    alert: Sound | None = Field(
        None, description="heard while a contact is offered; default: a short tone every four seconds"
    )


class ParkingSettings(Section):
    """Contacts that agents park."""

    park_s: Annotated[float, Field(ge=5, le=3600)] = Field(
        120.0, description="how long one is parked before who parked it is asked to take it back"
    )
    parker_s: Annotated[float, Field(ge=0, le=600)] = Field(
        30.0, description="for how long that agent alone is asked; then anybody of the contact's queue"
    )


class MessageSettings(Section):
    """How texts go out. outbox: each becomes a file in `data`/outbox/<channel>, for a gateway to take from there, which
    deletes it when it is sent. `key` in it is one of this message: whoever finds a file again knows it by that."""

    sms: Literal["log", "outbox"] = Field("log", description="log: nothing is sent, only counted")
    chat: Literal["log", "outbox"] = "log"


Silence = Annotated[float, Field(ge=30, le=604800)]


class ConversationSettings(Section):
    """Conversations of customers with agents by text: when nobody writes any more. In seconds."""

    sms_customer_s: Silence = Field(3600.0, description="SMS: after the agent's last message the customer has left")
    sms_agent_s: Silence = Field(
        1800.0, description="SMS: after the customer's last message another agent gets it, and this one is NOT_READY"
    )
    chat_customer_s: Silence = Field(600.0, description="the same of a chat: the customer has left")
    chat_agent_s: Silence = Field(300.0, description="the same of a chat: another agent gets it")
