"""The recordings that the embedded switch is held to, and what happened around each.

docs/embedded-switch.md lists the same files; a test compares the two.
"""

from __future__ import annotations

import re
from urllib.parse import unquote

from tests.switch.embedded.reading import messages
from tests.switch.embedded.replay import Call, Situation
from tests.transcripts import FROM_SWITCH, records, streams


def _uuids(name: str, count: int = 1) -> list[str]:
    """The channels that a recording's events or commands name, in order of appearance."""
    found: list[str] = []
    for number in streams(name):
        for message in messages_of(name, number):
            if message.kind.startswith("text/event-"):
                uuid = dict(message.event()).get("Unique-ID", "")
                if uuid and uuid not in found:
                    found.append(uuid)
    return (found + [""] * count)[:count]


def messages_of(name: str, connection: int) -> list:  # type: ignore[type-arg]
    data = streams(name)[connection]
    if name.startswith("out_"):
        data = data.partition(b"\n\n")[2]
    return list(messages(data))


def _typed(name: str) -> tuple[tuple[float, str, str], ...]:
    """The digits of a recording, each a moment before the switch told of it."""
    found: list[tuple[float, str, str]] = []
    for record in records(name):
        if record.what != "DATA" or record.direction != FROM_SWITCH:
            continue
        for digit, source in re.findall(rb"DTMF-Digit: (\S+)\n.*?DTMF-Source: (\w+)", record.data, re.S):
            found.append((record.at_s - 0.012, unquote(digit.decode()), source.decode()))
    return tuple(found)


RTP = tuple((at, digit, "RTP") for at, digit in ((2.31, "1"), (2.70, "2"), (3.10, "3"), (3.50, "4")))


def situations() -> list[Situation]:
    return [
        Situation("in_auth_ok"),
        Situation("in_auth_refused"),
        Situation("in_acl_rude_rejection", connections=(1, 2), rejected=True),
        Situation("in_auth_before", connections=(1, 2, 3, 4)),
        Situation("in_auth_timeout"),
        Situation("in_crlf", connections=(1, 2)),
        Situation("in_malformed"),
        Situation("in_exit", connections=(1, 2, 3)),
        Situation("in_filter_nix"),
        Situation("in_sendevent_misc"),
        Situation("in_heartbeat"),
        Situation(
            "in_half_command_blocks_events",
            other=(
                (0.003, "sendevent CUSTOM\nEvent-Subclass: probe::one\nn: 1\n\n"),
                (0.6, "sendevent CUSTOM\nEvent-Subclass: probe::one\nn: 2\n\n"),
            ),
            until=2.2061,
        ),
        Situation("in_bgapi", other=((1.317, "bgapi echo from another connection\n\n"),)),
        Situation("in_sendmsg_live", calls=(Call(0.01, "6000", _uuids("in_sendmsg_live")[0]),)),
        Situation("in_sendmsg_unknown_app", calls=(Call(0.01, "6000", _uuids("in_sendmsg_unknown_app")[0]),)),
        Situation("in_uuid_broadcast_break", calls=(Call(0.01, "6000", _uuids("in_uuid_broadcast_break")[0]),)),
        Situation(
            "in_uuid_kill",
            calls=tuple(Call(0.02 * n, "6000", uuid) for n, uuid in enumerate(_uuids("in_uuid_kill", 3), 1)),
        ),
        Situation(
            "in_uuid_transfer",
            calls=tuple(Call(0.02 * n, "6000", uuid) for n, uuid in enumerate(_uuids("in_uuid_transfer", 2), 1)),
        ),
        Situation(
            "in_uuid_bridge",
            calls=tuple(Call(0.02 * n, "6000", uuid) for n, uuid in enumerate(_uuids("in_uuid_bridge", 2), 1)),
        ),
        Situation("in_events_plain_all_ivr_call_2833", calls=(Call(0.1, "5000", keys=RTP),)),
        Situation("in_events_plain_all_ivr_call_timeout", calls=(Call(0.1, "5000"),)),
        Situation("in_events_json_all_ivr_call", calls=(Call(0.1, "5000", keys=RTP),)),
        Situation("in_bridge_native", calls=(Call(0.1, "1001", hangup_at=2.16), Call(3.28, "1004"))),
        Situation(
            "in_dtmf_events",
            calls=(
                Call(0.1, "6000", _uuids("in_dtmf_events", 2)[0], keys=RTP),
                Call(
                    6.71,
                    "6000",
                    _uuids("in_dtmf_events", 2)[1],
                    keys=((8.38, "1", "ENDPOINT"), (8.55, "2", "ENDPOINT")),
                ),
            ),
            other=((9.62, "api hupall\n\n"),),
        ),
        Situation(
            "in_detect_speech",
            calls=(Call(0.002, "6000", _uuids("in_detect_speech")[0], hangup_at=8.9935, says=((0.5315, 0.6),)),),
        ),
        Situation("in_originate", skip=lambda record: b"loopback/" in record.data, until=8.47),
        Situation("in_originate", skip=lambda record: 0.0025 < record.at_s < 10.0, since=10.0),
        Situation("in_record", calls=(Call(0.01, "6000", _uuids("in_record")[0]),)),
        Situation("in_events_caller_cancel", calls=(Call(0.1, "1003", hangup_at=1.5),)),
        Situation("out_event_lock", calls=(Call(0.01, "9001", _uuids("out_event_lock")[0]),), outbound=True),
        Situation(
            "out_bridge_busy", calls=(Call(0.01, "9001", _uuids("out_bridge_busy")[0]),), outbound=True, until=2.7
        ),
        Situation(
            "out_bridge_unregistered",
            calls=(Call(0.01, "9001", _uuids("out_bridge_unregistered")[0]),),
            outbound=True,
        ),
        Situation(
            "out_bridge_callee_hangup",
            calls=(Call(0.01, "9001", _uuids("out_bridge_callee_hangup")[0]),),
            outbound=True,
        ),
        Situation(
            "out_bridge_noanswer",
            calls=(Call(0.01, "9001", _uuids("out_bridge_noanswer")[0]),),
            outbound=True,
        ),
        *[
            Situation(name, calls=(Call(0.01, "9001", _uuids(name)[0], keys=keys),), outbound=True)
            for name, keys in (
                ("out_ivr_timeout", ()),
                ("out_ivr_invalid", _typed("out_ivr_invalid")),
                ("out_ivr_partial", _typed("out_ivr_partial")),
                ("out_ivr_digits", _typed("out_ivr_digits")),
                ("out_ivr_digits_2833", _typed("out_ivr_digits_2833")),
                ("out_read", _typed("out_read")),
                ("out_playback_missing", ()),
                ("out_playback_terminator", _typed("out_playback_terminator")),
                ("out_unknown_app", ()),
                ("out_hangup_app", ()),
                ("out_session_basic", ()),
                ("out_unanswered", ()),
            )
        ],
        Situation(
            "out_caller_hangup_linger",
            outbound=True,
            calls=(Call(0.01, "9001", _uuids("out_caller_hangup_linger")[0], hangup_at=1.655),),
        ),
        Situation(
            "out_caller_hangup_pagd",
            outbound=True,
            calls=(Call(0.01, "9001", _uuids("out_caller_hangup_pagd")[0], hangup_at=1.655),),
        ),
        Situation(
            "out_record",
            calls=(Call(0.01, "9001", _uuids("out_record")[0], keys=_typed("out_record")),),
            outbound=True,
            replies=False,
        ),
        Situation(
            "out_record_silence",
            calls=(Call(0.01, "9001", _uuids("out_record_silence")[0], speaking_s=0.0),),
            outbound=True,
            replies=False,
        ),
        Situation(
            "in_uuid_hold",
            races=frozenset({"CHANNEL_UNHOLD"}),
            calls=(Call(0.01, "1001", _uuids("in_uuid_hold", 2)[0]),),
        ),
        Situation(
            "in_myevents", held=True, connections=(1, 2, 3), calls=(Call(0.01, "6000", _uuids("in_myevents")[0]),)
        ),
        Situation("in_events_no_route", calls=(Call(0.1, "777"),), until=0.9),
        Situation(
            "in_events_plain_all_ivr_call", calls=(Call(0.1, "5000", keys=_typed("in_events_plain_all_ivr_call")),)
        ),
        Situation(
            "in_events_xml_all_ivr_call", calls=(Call(0.1, "5000", keys=_typed("in_events_plain_all_ivr_call")),)
        ),
        Situation(
            "in_hangup_complete",
            calls=(
                Call(
                    0.1,
                    "5000",
                    keys=tuple((at, d, "RTP") for at, d in ((1.3, "1"), (1.5, "2"), (1.7, "3"), (1.9, "4"))),
                ),
                Call(2.09, "6000", hangup_at=3.1),
                Call(3.26, "1001", hangup_at=5.31),
                Call(5.42, "1002"),
                Call(6.4, "5003"),
            ),
        ),
        Situation(
            "out_bridge_answered",
            outbound=True,
            calls=(Call(0.01, "9001", _uuids("out_bridge_answered")[0], hangup_at=3.66),),
        ),
        Situation(
            "out_record_unwritable", outbound=True, calls=(Call(0.01, "9001", _uuids("out_record_unwritable")[0]),)
        ),
        Situation(
            "out_kill_from_elsewhere",
            outbound=True,
            calls=(Call(0.01, "9001", _uuids("out_kill_from_elsewhere")[0]),),
            other=((0.176, f"api uuid_kill {_uuids('out_kill_from_elsewhere')[0]}\n\n"),),
        ),
    ]
