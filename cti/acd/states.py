"""The states of agents, contacts and offers as tables: every (state, command) has an answer.

Two axes (DESIGN 2): *presence* is what the agent chose, *contact state* is where each contact is. The tables are
published by the API and drawn in docs/distribution.md; the distribution looks up here and nowhere else.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Presence(StrEnum):
    LOGOUT = "LOGOUT"
    READY = "READY"
    NOT_READY = "NOT_READY"


class ContactState(StrEnum):
    """``QUEUED``: no agent has it. ``RESERVED``: offered, not connected. The rest as KPIS names them."""

    QUEUED = "QUEUED"
    RESERVED = "RESERVED"
    TALKING = "TALKING"
    HOLD = "HOLD"
    WORK = "WORK"
    CLOSED = "CLOSED"


class OfferState(StrEnum):
    PENDING = "pending"
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    TIMED_OUT = "timed_out"
    RESCINDED = "rescinded"


class SystemReason(StrEnum):
    """Reasons of NOT_READY that the platform gives, beside those that agents choose."""

    RING_NO_ANSWER = "ring_no_answer"
    REJECTED = "rejected"
    CONNECTION_DOWN = "connection_down"
    PHONE_DOWN = "phone_down"
    WORK_TIMER_EXPIRED = "work_timer_expired"
    FAILOVER = "failover"


class Outcome(StrEnum):
    """How a queue entry ends: exactly one (KPIS)."""

    ANSWERED = "answered"
    ABANDONED = "abandoned"
    FLOW_OUT = "flow_out"
    CALLBACK = "callback"
    LOST = "lost"


@dataclass(frozen=True, slots=True)
class Cell:
    """The answer to a command in a state: the state after it, or the stable id of the refusal."""

    to: str = ""
    error: str = ""


Table = Mapping[tuple[str, str], Cell]


def _table(rows: Mapping[str, Mapping[str, str]]) -> Table:
    """``rows``: state -> command -> new state, or ``!error-id``."""
    return {
        (state, command): Cell(error=answer[1:]) if answer.startswith("!") else Cell(to=answer)
        for state, answers in rows.items()
        for command, answer in answers.items()
    }


#: presence × command. ``lose``: connection or phone is down. ``expire``: an offer was missed or rejected. ``dial`` and
#: ``pick_up`` take a free hand besides.
PRESENCE: Table = _table(
    {
        "LOGOUT": {
            "sign_in": "NOT_READY",
            "ready": "!agent-not-signed-in",
            "not_ready": "!agent-not-signed-in",
            "sign_out": "LOGOUT",
            "lose": "LOGOUT",
            "expire": "LOGOUT",
            "dial": "!agent-not-signed-in",
            "pick_up": "!agent-not-signed-in",
        },
        "READY": {
            "sign_in": "!already-signed-in",
            "ready": "READY",
            "not_ready": "NOT_READY",
            "sign_out": "LOGOUT",
            "lose": "NOT_READY",
            "expire": "NOT_READY",
            "dial": "READY",
            "pick_up": "READY",
        },
        "NOT_READY": {
            "sign_in": "!already-signed-in",
            "ready": "READY",
            "not_ready": "NOT_READY",
            "sign_out": "LOGOUT",
            "lose": "NOT_READY",
            "expire": "NOT_READY",
            "dial": "NOT_READY",
            "pick_up": "NOT_READY",
        },
    }
)

#: contact state × what happens. ``offer``: proposed to an agent; ``back``: the offer ended without a talk;
#: ``connect``: agent and customer are joined; ``over``: the talk ended; ``done``: the work is done;
#: ``leave``: the contact goes (hang-up, key, time-out, overflow).
CONTACT: Table = _table(
    {
        "QUEUED": {
            "offer": "RESERVED",
            "back": "QUEUED",
            "connect": "!not-offered",
            "hold": "!not-talking",
            "retrieve": "!not-talking",
            "over": "CLOSED",
            "done": "!not-in-work",
            "leave": "CLOSED",
        },
        "RESERVED": {
            "offer": "!already-offered",
            "back": "QUEUED",
            "connect": "TALKING",
            "hold": "!not-talking",
            "retrieve": "!not-talking",
            "over": "CLOSED",
            "done": "!not-in-work",
            "leave": "CLOSED",
        },
        "TALKING": {
            "offer": "!already-connected",
            "back": "!already-connected",
            "connect": "TALKING",
            "hold": "HOLD",
            "retrieve": "TALKING",
            "over": "WORK",
            "done": "!not-in-work",
            "leave": "WORK",
        },
        "HOLD": {
            "offer": "!already-connected",
            "back": "!already-connected",
            "connect": "TALKING",
            "hold": "HOLD",
            "retrieve": "TALKING",
            "over": "WORK",
            "done": "!not-in-work",
            "leave": "WORK",
        },
        "WORK": {
            "offer": "!contact-over",
            "back": "!contact-over",
            "connect": "!contact-over",
            "hold": "!contact-over",
            "retrieve": "!contact-over",
            "over": "WORK",
            "done": "CLOSED",
            "leave": "WORK",
        },
        "CLOSED": dict.fromkeys(
            ("offer", "back", "connect", "hold", "retrieve", "over", "done", "leave"), "!unknown-contact"
        ),
    }
)

#: offer × what happens. What comes after an ending is refused. Between an accepted offer and the connection (the
#: agent hears who it is) the contact is RESERVED still, and may yet leave or go back.
_LATE = {"accept": "!offer-over", "reject": "!offer-over", "time_out": "!offer-over", "rescind": "!offer-over"}
OFFER: Table = _table(
    {
        "pending": {"accept": "accepted", "reject": "rejected", "time_out": "timed_out", "rescind": "rescinded"},
        "accepted": _LATE,
        "rejected": _LATE,
        "timed_out": _LATE,
        "rescinded": _LATE,
    }
)
