"""Every event of ``/v1/events``: which fields it has, what they mean, who may see it, and a sample."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cti.core.access import Permission

_AT = "2026-03-02T10:00:00.000+00:00"


@dataclass(frozen=True, slots=True)
class Kind:
    """``fields``: name -> meaning, all of which are there whenever the event is sent. ``permission``: what is needed
    for the object beside `Permission.EVENTS_READ`. ``versioned``: it is about one contact, and carries its version."""

    what: str
    fields: Mapping[str, str]
    sample: Mapping[str, Any]
    permission: Permission = Permission.EVENTS_READ
    versioned: bool = False


_CONTACT = {
    "contact": "id of the contact",
    "call_id": "the call that it is part of; a call that is transferred is several contacts",
    "queue": "the queue that it came through; empty: none",
    "medium": "voice, video, callback, outbound (an agent dialled), chat, sms, fax",
}
_SAMPLE = {"contact": "6b1f", "call_id": "6b1f", "queue": "service", "medium": "voice"}
_AGENT = {"agent": "id of the agent"}
_SCREEN: dict[str, Any] = {
    "caller": "138****1234", "caller_name": "W**", "called": "10086", "flow": "hotline", "language": "zh-CN",
    "path": [{"flow": "hotline", "node": "menu"}], "variables": {"kind": "bill", "number": "138****1234"},
    "identity": {"verified": True},
    "previous": [{"call_id": "5a00", "at": _AT, "flow": "hotline", "outcome": "talked", "goals": [],
                  "disposition": "bill_explained", "notes": ""}],
    "wrapups": [{"contact": "6b1f", "agent": "1002", "queue": "service", "at": _AT, "disposition": None,
                 "notes": "asks for a refund", "variables": {}}],
}  # fmt: skip
_MESSAGE = {"number": 4, "at": _AT, "from": "customer", "agent": "", "text": "Is 138****1234 barred?"}
_WRITTEN = {
    "disposition": "its code; null: the agent gave none",
    "notes": "the agent's, numbers and addresses masked",
    "variables": "values of the flow's variables that the agent put right, masked alike",
}
_WROTE: dict[str, Any] = {"disposition": "bill_explained", "notes": "calls from 138****1234", "variables": {}}
_READ = Permission.CONTACTS_READ

# fmt: off
EVENTS: Mapping[str, Kind] = {
    # ---- agents --------------------------------------------------------------------------------------------------
    "agent.state_changed": Kind(
        "An agent signed in or out, or takes contacts or takes none.",
        {
            **_AGENT, "state": "LOGOUT, READY, NOT_READY", "reason": "of NOT_READY: the agent's own, or the system's",
            "before": "the state before", "lasted_s": "how long that was",
        },
        {"agent": "1001", "state": "NOT_READY", "reason": "break", "before": "READY", "lasted_s": 61.5},
        Permission.AGENTS_READ,
    ),
    "agent.phone_changed": Kind(
        "The permanent leg to an agent's phone is rung, open, lost, or hung up.",
        {
            **_AGENT, "phone": "its address", "state": "opening, open, down, closed",
            "reason": "why it is down: busy, no_answer, rejected, unregistered, failed, hung_up, lost (the switch)",
        },
        {"agent": "1001", "phone": "user/1001", "state": "down", "reason": "hung_up"},
        Permission.AGENTS_READ,
    ),
    # ---- contacts -------------------------------------------------------------------------------------------------
    "contact.queued": Kind(
        "A contact stands in a queue.",
        {**_CONTACT, "entry": "number of this stay", "counted": "false: a callback that keeps a place counted before"},
        {**_SAMPLE, "entry": 17, "counted": True},
        _READ,
        versioned=True,
    ),
    "contact.left_queue": Kind(
        "The stay in a queue has its one ending.",
        {
            **_CONTACT, "entry": "number of the stay", "outcome": "answered, abandoned, flow_out, callback, lost",
            "reason": "connected, hangup, timeout, full, no_agents, closed, overflow, moved, …",
            "wait_s": "seconds in this queue", "agent": "who answered, else empty",
        },
        {**_SAMPLE, "entry": 17, "outcome": "answered", "reason": "connected", "wait_s": 12.2, "agent": "1001"},
        _READ,
        versioned=True,
    ),
    "contact.relaxed": Kind(
        "A contact that waits asks for other skills than before.",
        {**_CONTACT, "skills": "skill -> least level, from now on"},
        {**_SAMPLE, "skills": {"billing": 2}},
        _READ,
        versioned=True,
    ),
    "contact.dismissed": Kind(
        "The queue gives the contact back to its flow.",
        {**_CONTACT, "exit": "timeout, full, no_agents"},
        {**_SAMPLE, "exit": "timeout"},
        _READ,
        versioned=True,
    ),
    "offer.created": Kind(
        "A contact is offered to an agent. Sent before the phone is rung. Personal data is masked; "
        "GET /v1/contacts/{contact}?unmask=true&reason=… shows it to whom it is permitted, and is audited.",
        {
            **_CONTACT, **_AGENT, "offer": "number of the offer", "expires_at": "when it is timed out",
            "why": "why this agent, in words",
            "screen": "what is known of the caller; `previous` is null until read; `wrapups`: what other agents wrote "
            "in the same call",
        },
        {
            **_SAMPLE, "agent": "1001", "offer": 4, "expires_at": _AT, "screen": _SCREEN,
            "why": "the longest idle (30 s) of those who may serve it when it came; asked: no skill; waited 0 s",
        },
        _READ,
        versioned=True,
    ),
    "offer.ended": Kind(
        "An offer has its one ending.",
        {
            **_CONTACT, **_AGENT, "offer": "number of the offer", "ending": "accepted, rejected, timed_out, rescinded",
            "reason": "the system's reason, if any", "lasted_s": "how long it was open",
        },
        {**_SAMPLE, "agent": "1001", "offer": 4, "ending": "accepted", "reason": "", "lasted_s": 3.1},
        _READ,
        versioned=True,
    ),
    "contact.screen": Kind(
        "More is known of the caller: previous contacts have been read, or another agent has written about the call.",
        {**_CONTACT, "screen": "as in offer.created"},
        {**_SAMPLE, "screen": _SCREEN},
        _READ,
        versioned=True,
    ),
    "contact.state_changed": Kind(
        "A contact at an agent went from one state to another.",
        {
            **_CONTACT, **_AGENT, "state": "RESERVED, TALKING, HOLD, WORK, QUEUED, CLOSED", "before": "before it",
            "lasted_s": "how long that was", "work_until": "of WORK: when the timer ends it",
        },
        {**_SAMPLE, "agent": "1001", "state": "TALKING", "before": "RESERVED", "lasted_s": 3.4, "work_until": None},
        _READ,
        versioned=True,
    ),
    "contact.activity_changed": Kind(
        "What goes on with a contact on the phone: finer than its state, and what commands go by (GET /v1/states).",
        {
            **_CONTACT, **_AGENT, "activity": "parked, ringing, connecting, placing, dialling, talking, holding, held, "
            "consult_ringing, consulting, conference, ending, work",
            "allowed_actions": "the commands that are possible now",
        },
        {**_SAMPLE, "agent": "1001", "activity": "work", "allowed_actions": ["extend", "finish", "wrapup"]},
        _READ,
        versioned=True,
    ),
    "contact.wrapup_changed": Kind(
        "The agent has written about a contact, before being done with it. "
        "GET /v1/me/contacts/{contact}/wrapup?unmask=true&reason=… shows it in clear, and is audited.",
        {**_CONTACT, **_AGENT, "wrapup_version": "counts how often the agent wrote", **_WRITTEN},
        {**_SAMPLE, "agent": "1001", "wrapup_version": 2, **_WROTE},
        _READ,
        versioned=True,
    ),
    "contact.closed": Kind(
        "The agent is done with a contact.",
        {
            **_CONTACT, **_AGENT, "talk_s": "seconds", "hold_s": "seconds", "work_s": "seconds",
            "ended_by": "agent, timer, sign_out", **_WRITTEN,
        },
        {
            **_SAMPLE, "agent": "1001", "talk_s": 95.0, "hold_s": 12.0, "work_s": 20.1, "ended_by": "agent", **_WROTE,
        },
        _READ,
        versioned=True,
    ),
    "message.received": Kind(
        "The customer of a contact by SMS or chat wrote something.",
        {**_CONTACT, **_AGENT, "message": "number in the conversation, time, from, and the text with numbers masked; "
         "GET /v1/me/contacts/{contact}/messages?unmask=true&reason=… shows it whole, and is audited"},
        {**_SAMPLE, "medium": "chat", "agent": "1001", "message": _MESSAGE},
        _READ,
        versioned=True,
    ),
    "message.sent": Kind(
        "Something was written to the customer of a contact by SMS or chat: by the agent, or by the flow.",
        {**_CONTACT, **_AGENT, "message": "as in message.received; `from` is agent or flow"},
        {**_SAMPLE, "medium": "chat", "agent": "1001",
         "message": {**_MESSAGE, "number": 5, "from": "agent", "agent": "1001", "text": "It is."}},
        _READ,
        versioned=True,
    ),
    "contact.parked": Kind(
        "A contact is parked: nobody is offered it for a while, and who may can pick it up "
        "(POST /v1/contacts/{contact}/pick-up). Sent to who parked it as well.",
        {
            **_CONTACT, "parked_by": "id of the agent", "until": "then that agent is offered it, and later everybody "
            "of the queue",
        },
        {**_SAMPLE, "contact": "6b1f~2", "parked_by": "1001", "until": _AT},
        _READ,
        versioned=True,
    ),
    "contact.assist": Kind(
        "An agent asks for help in a talk, or needs it no longer. Supervisors answer with "
        "POST /v1/contacts/{contact}/monitor.",
        {
            **_CONTACT, **_AGENT, "state": "asked, answered (a supervisor is in the talk), cancelled (by the agent), "
            "over (the talk is)", "note": "the agent's words", "supervisor": "of answered: user id",
        },
        {**_SAMPLE, "agent": "1001", "state": "asked", "note": "wants the manager", "supervisor": ""},
        _READ,
        versioned=True,
    ),
    "contact.dialled": Kind(
        "What becomes of a call that an agent places.",
        {
            **_CONTACT, **_AGENT, "state": "placing (the agent's own phone rings), dialling, ringing (the other phone "
            "says so), answered, failed",
            "outcome": "of failed: busy, no_answer, rejected, unregistered, denied, cancelled, failed; own_phone: the "
            "agent's own was not answered, or hung up",
        },
        {**_SAMPLE, "queue": "", "medium": "outbound", "agent": "1001", "state": "failed", "outcome": "busy"},
        _READ,
        versioned=True,
    ),
    "contact.monitored": Kind(
        "A supervisor listens to a contact, speaks to its agent, or no longer does. The agent is not told.",
        {
            **_CONTACT, **_AGENT, "supervisor": "user id", "mode": "listen, whisper, barge, take_over",
            "state": "ringing, on, ended", "reason": "why it ended",
            "taken_as": "the supervisor's own contact after take_over, of an agent at work; else null",
        },
        {
            **_SAMPLE, "agent": "1001", "supervisor": "u-2", "mode": "whisper", "state": "on", "reason": "",
            "taken_as": None,
        },
        Permission.CONTACTS_LISTEN,
        versioned=True,
    ),
    "command.ended": Kind(
        "A command that was answered 202 has its ending. Sent to whoever gave it.",
        {
            "command_id": "as in the answer", "command": "its name",
            "contact": "id of the contact; empty: it was about the agent, and was not on disk yet when it was answered",
            "done": "whether it is done", "activity": "of the contact now; empty: it is gone",
        },
        {"command_id": "c-41", "command": "hold", "contact": "6b1f", "done": True, "activity": "held"},
    ),
    # ---- queues ---------------------------------------------------------------------------------------------------
    "queue.changed": Kind(
        "Something of a queue is different; sent once a second at most, with all figures.",
        {
            "queue": "its name", "opened": "whether it takes contacts", "waiting": "not connected yet",
            "longest_wait_s": "of those", "expected_wait_s": "of one that comes now; null: nobody works for it",
            "expected_wait_error": "how wrong the told waits were: median share of the real one; null: unknown",
            "staffed": "signed in who may serve it", "ready": "of those: free", "talking": "of those: with a contact",
            "work": "of those: in work only", "not_ready": "of those", "service_level": "of the last two intervals",
        },
        {
            "queue": "service", "opened": True, "waiting": 3, "longest_wait_s": 41.0, "expected_wait_s": 60.0,
            "expected_wait_error": 0.18, "staffed": 8, "ready": 0, "talking": 6, "work": 1, "not_ready": 1,
            "service_level": {"within_s": 20, "value": 0.81, "answered": 40, "abandoned": 2, "since": _AT},
        },
        Permission.QUEUES_READ,
    ),
    # ---- webhooks -------------------------------------------------------------------------------------------------
    "webhook.disabled": Kind(
        "Nothing more is sent to a webhook. Told to the user with whose eyes it sees.",
        {"webhook": "its id", "title": "its title", "reason": "failing (no success for long), gone (it answered 410)"},
        {"webhook": "7f3a", "title": "CRM", "reason": "failing"},
    ),
    "webhook.test": Kind(
        "Sent to one webhook by POST /v1/webhooks/{webhook_id}/test, and to no stream.",
        {"webhook": "its id"},
        {"webhook": "7f3a"},
    ),
    # ---- the stream itself ------------------------------------------------------------------------------------------
    "snapshot": Kind(
        "The first event of a stream, and the one after each resync: everything as it is, of what one may see. What "
        "comes after it changes it.",
        {"agents": "as GET /v1/agents", "queues": "as GET /v1/queues", "contacts": "as GET /v1/contacts"},
        {"agents": [], "queues": [], "contacts": []},
    ),
    "resync": Kind(
        "Events have been missed; forget what you know. A snapshot follows.",
        {"reason": "too_old (Last-Event-ID is not kept any more), restarted (of the server), lagging, rights_changed"},
        {"reason": "lagging"},
    ),
    "token_expired": Kind(
        "The stream ends: the session has no valid access token any more. Refresh it and connect again.", {}, {}
    ),
    "session_replaced": Kind("The stream ends: the same user signed in to work from another session.", {}, {}),
}
# fmt: on
#: What is about one stream, or one webhook, and is not published to all.
TO_ONE = frozenset({"snapshot", "resync", "token_expired", "session_replaced", "webhook.test"})
