"""Calls, legs and how they end."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum


class Medium(StrEnum):
    VOICE = "voice"
    VIDEO = "video"
    SMS = "sms"
    CHAT = "chat"
    FAX = "fax"
    TIMER = "timer"  # nobody calls: the clock begins it


class TerminalCause(StrEnum):
    """Who ended a call and why: exactly one per call detail record."""

    CALLER_HANGUP = "caller_hangup"  # the caller put the phone down
    FLOW_END = "flow_end"  # the flow reached an `end` node and we hung up
    TRANSFERRED = "transferred"  # handed over; the far side ended the talk
    LIMIT = "limit"  # a limit of the flow or the platform ended it
    SYSTEM_ERROR = "system_error"  # a second error in the flow, or a bug
    SWITCH_LOST = "switch_lost"  # the switch went away or restarted under the call
    REJECTED = "rejected"  # over capacity or no entry for the number: busy or apology, then hung up
    ENGINE_LOST = "engine_lost"  # the engine died; the switch took the call to the emergency extension
    KILLED = "killed"  # ended from outside (operator, API)


@dataclass(frozen=True, slots=True)
class Caller:
    """What the switch tells of who calls whom. Foreign text: display only, never sent back to the switch."""

    number: str | None  # None: withheld
    name: str
    called: str
    network_addr: str = ""


@dataclass(frozen=True, slots=True)
class NewCall:
    """A channel parked for us by the dialplan."""

    uuid: str
    switch: str
    caller: Caller
    medium: Medium = Medium.VOICE
    attributes: dict[str, str] = field(default_factory=dict)
    answered: bool = False
    answered_at: float | None = None  # wall clock, as the switch tells; None: not answered, or not told
    adopted: bool = False  # found alive at (re)connect instead of announced by CHANNEL_PARK
    talking: bool = False  # adopted, but in a bridge that an earlier engine made: nothing to do until it parks again
    flow: str = ""  # a call that we made, to be met by this flow; ``why`` stands in its record as the entry
    why: str = ""
    trunk: str = ""  # by which it came in, as the switch's settings name it; empty: a phone, or not told
    over: bool = False  # adopted, and its channel was down before: what its flow does after the hang-up is left


@dataclass(frozen=True, slots=True)
class HandOver:
    """What goes with a caller who is handed to another platform, and comes back with one who is handed to us.

    ``path``: the nodes that the call went through, ``flow.node``, the oldest first. ``identity``: what has been proved
    of the caller, empty: nothing; sensitive.
    """

    call: str
    caller: str | None
    called: str
    path: tuple[str, ...] = ()
    identity: str = ""
