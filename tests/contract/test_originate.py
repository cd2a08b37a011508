"""Calling out by `originate`: what the job answers, and what becomes of the leg."""

from __future__ import annotations

from uuid import uuid4

import pytest

from .desk import Desk
from .rig import LIMIT_S, Treats, wait_for
from .tap import Tap

PARK = "&park()"


def user(desk: Desk, number: str, **variables: str) -> str:
    pairs = ",".join(f"{name}={value}" for name, value in variables.items())
    return f"{{{pairs}}}user/{number}@{desk.rig.domain}"


def job(tap: Tap, command: str) -> str:
    """The answer of a `bgapi`, word for word but for its line end."""
    since = len(tap.events)
    reply = tap.command(f"bgapi {command}")
    assert reply.startswith("+OK Job-UUID: ")
    number = reply.rpartition(" ")[2]
    while True:
        event = tap.wait("BACKGROUND_JOB", after=since, limit_s=LIMIT_S)
        if event["Job-UUID"] == number:
            return event.body.strip()
        since = tap.events.index(event) + 1


def test_a_phone_answers_and_is_parked(desk: Desk, tap: Tap) -> None:
    phone = desk.rig.phone("1001", Treats.ANSWERS)
    leg = str(uuid4())
    answer = job(tap, f"originate {user(desk, '1001', origination_uuid=leg, mark='x')} {PARK}")
    assert answer == f"+OK {leg}"
    tap.wait("CHANNEL_PARK", leg)
    told = ("CHANNEL_ORIGINATE", "CHANNEL_ANSWER", "CHANNEL_PARK", "CHANNEL_HANGUP")
    assert tap.story({leg: "leg"}, *told) == [("leg", "ORIGINATE"), ("leg", "ANSWER"), ("leg", "PARK")]
    park = tap.wait("CHANNEL_PARK", leg)
    assert park["Call-Direction"] == "outbound"
    assert park["Answer-State"] == "answered"
    assert park.variable("mark") == "x"
    assert park.variable("dialed_user") == "1001"
    phone.hang_up()
    assert tap.wait("CHANNEL_HANGUP_COMPLETE", leg)["Hangup-Cause"] == "NORMAL_CLEARING"


@pytest.mark.parametrize(
    ("treats", "cause"),
    [(Treats.BUSY, "USER_BUSY"), (Treats.RINGS, "NO_ANSWER"), (Treats.ABSENT, "USER_NOT_REGISTERED")],
)
def test_a_phone_that_does_not_answer(desk: Desk, tap: Tap, treats: Treats, cause: str) -> None:
    desk.rig.phone("1002", treats)
    leg = str(uuid4())
    patience = "1" if treats is Treats.RINGS else "30"  # the others are told, however slow the machine
    answer = job(tap, f"originate {user(desk, '1002', origination_uuid=leg, originate_timeout=patience)} {PARK}")
    assert answer == f"-ERR {cause}"
    told = tap.story({leg: "leg"}, "CHANNEL_ORIGINATE", "CHANNEL_ANSWER", "CHANNEL_HANGUP", "CHANNEL_PARK")
    assert told == ([] if treats is Treats.ABSENT else [("leg", "ORIGINATE"), ("leg", "HANGUP", cause)])


@pytest.mark.parametrize(
    ("url", "answer"),
    [
        ("user/4711@{domain}", "-ERR SUBSCRIBER_ABSENT"),
        ("nosuch/1001", "-ERR CHAN_NOT_IMPLEMENTED"),
        ("sofia/gateway/nosuch/1001", "-ERR INVALID_GATEWAY"),
        ("sofia/nosuch/1001@127.0.0.1", "-ERR INVALID_PROFILE"),
        ("error/USER_BUSY", "-ERR USER_BUSY"),
    ],
)
def test_what_cannot_be_dialled(desk: Desk, tap: Tap, url: str, answer: str) -> None:
    assert job(tap, f"originate {url.format(domain=desk.rig.domain)} {PARK}") == answer


@pytest.mark.parametrize("arguments", ["", " user/1001", " a b c d e f g h"])
def test_usage(bare: Tap, arguments: str) -> None:
    assert bare.command(f"api originate{arguments}").startswith(
        "-USAGE: <call url> <exten>|&<application_name>(<app_args>) [<dialplan>] [<context>] [<cid_name>] [<cid_num>]"
    )


def test_a_uuid_is_used_once(desk: Desk, tap: Tap) -> None:
    desk.rig.phone("1001", Treats.ANSWERS)
    leg = str(uuid4())
    assert job(tap, f"originate {user(desk, '1001', origination_uuid=leg)} {PARK}") == f"+OK {leg}"
    again = job(tap, f"originate {user(desk, '1001', origination_uuid=leg)} {PARK}")
    assert again == "-ERR DESTINATION_OUT_OF_ORDER"
    assert desk.api("uuid_exists", leg) == "true"


def test_a_ringing_leg_is_taken_back(desk: Desk, tap: Tap) -> None:
    phone = desk.rig.phone("1003", Treats.RINGS)
    leg, since = str(uuid4()), len(tap.events)
    tap.command(f"bgapi originate {user(desk, '1003', origination_uuid=leg)} {PARK}")
    wait_for(lambda: phone.rung == 1, "it rings")
    desk.settle(0.2)
    assert desk.api("uuid_kill", leg, "ORIGINATOR_CANCEL") == "+OK"
    assert tap.wait("BACKGROUND_JOB", after=since).body.strip() == "-ERR ORIGINATOR_CANCEL"
    wait_for(lambda: phone.ended, "it stops ringing")


def test_who_is_shown_as_calling(desk: Desk, tap: Tap) -> None:
    desk.rig.phone("1001", Treats.ANSWERS)
    leg = str(uuid4())
    shown = {"origination_caller_id_name": "Hotline", "origination_caller_id_number": "95001"}
    job(tap, f"originate {user(desk, '1001', origination_uuid=leg, **shown)} {PARK}")
    create = tap.wait("CHANNEL_CREATE", leg)
    assert create["Caller-Caller-ID-Name"] == "Hotline"
    assert create["Caller-Caller-ID-Number"] == "95001"
    for name in ("Caller-Destination-Number", "Caller-Callee-ID-Number"):
        assert create[name].partition("%")[0] == "1001"  # the shipped configuration dials 1001%<domain>


def test_an_application_without_brackets_and_an_extension(desk: Desk, tap: Tap) -> None:
    desk.rig.phone("1001", Treats.ANSWERS)
    one, two = str(uuid4()), str(uuid4())
    assert job(tap, f"originate {user(desk, '1001', origination_uuid=one)} &park") == f"+OK {one}"
    tap.wait("CHANNEL_PARK", one)
    answer = job(tap, f"originate {user(desk, '1001', origination_uuid=two)} 4000 XML trunks")
    assert answer == f"+OK {two}"
    park = tap.wait("CHANNEL_PARK", two)
    assert park.variable("presence_data") == "0"
    assert park["Caller-Context"] == "trunks"
