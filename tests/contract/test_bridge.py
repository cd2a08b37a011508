"""Two legs in one conversation: `bridge`, `uuid_bridge`, and what becomes of each."""

from __future__ import annotations

from uuid import uuid4

import pytest

from .desk import Call, Desk
from .rig import Treats, wait_for
from .tap import Tap

TALK = ("CHANNEL_BRIDGE", "CHANNEL_UNBRIDGE", "CHANNEL_PARK", "CHANNEL_HANGUP")


def dial(desk: Desk, number: str, uuid: str, **variables: str) -> str:
    pairs = ",".join(f"{name}={value}" for name, value in {"origination_uuid": uuid, **variables}.items())
    return f"[{pairs}]user/{number}@{desk.rig.domain}"


def answered(desk: Desk) -> Call:
    call = desk.arrive()
    call.answer()
    return call


def of(lines: list[tuple[str, ...]], leg: str) -> list[tuple[str, ...]]:
    return [line[1:] for line in lines if line[0] == leg]


@pytest.mark.parametrize("who", ["caller", "agent"])
def test_a_bridge_to_a_phone_and_its_end(desk: Desk, tap: Tap, who: str) -> None:
    """``park_after_bridge`` is set by the dialplan: the caller stays when the agent hangs up."""
    phone = desk.rig.phone("1001", Treats.ANSWERS)
    call, agent = answered(desk), str(uuid4())
    since = len(tap.events)
    token = call.run("bridge", dial(desk, "1001", agent))
    bridge = call.wait("CHANNEL_BRIDGE")
    assert bridge["Other-Leg-Unique-ID"] == agent
    assert bridge["Bridge-A-Unique-ID"] == call.uuid
    assert desk.api("uuid_getvar", call.uuid, "bridge_uuid") == agent
    desk.settle(0.3)
    (call.caller if who == "caller" else phone).hang_up()
    tap.wait("CHANNEL_HANGUP_COMPLETE", agent)
    names = {call.uuid: "caller", agent: "agent"}
    if who == "caller":
        tap.wait("CHANNEL_HANGUP_COMPLETE", call.uuid)
        assert of(tap.story(names, *TALK, after=since), "caller") == [
            ("BRIDGE", "caller", "agent"),
            ("HANGUP", "NORMAL_CLEARING"),
            ("UNBRIDGE", "caller", "agent"),
        ]
    else:
        done = call.done(token)
        assert done.variable("originate_disposition") == "SUCCESS"
        assert done.variable("bridge_hangup_cause") == "NORMAL_CLEARING"
        assert done.variable("last_bridge_hangup_cause") == "NORMAL_CLEARING"
        tap.wait("CHANNEL_PARK", call.uuid, after=since)
        assert of(tap.story(names, *TALK, after=since), "caller") == [
            ("BRIDGE", "caller", "agent"),
            ("UNBRIDGE", "caller", "agent"),
            ("PARK",),
        ]
        assert desk.api("uuid_exists", call.uuid) == "true"
    assert of(tap.story(names, *TALK, after=since), "agent") == [("HANGUP", "NORMAL_CLEARING")]


@pytest.mark.parametrize(
    ("treats", "disposition"),
    [
        (Treats.BUSY, "USER_BUSY"),
        (Treats.RINGS, "NO_ANSWER"),
        (Treats.ABSENT, "USER_NOT_REGISTERED"),
    ],
)
def test_a_bridge_that_fails_leaves_the_caller(desk: Desk, treats: Treats, disposition: str) -> None:
    desk.rig.phone("1002", treats)
    call, agent = answered(desk), str(uuid4())
    patience = "1" if treats is Treats.RINGS else "30"  # the others are told, however slow the machine
    done = call.do("bridge", dial(desk, "1002", agent, leg_timeout=patience))
    assert done.variable("originate_disposition") == disposition
    assert done.variable("originate_failed_cause") == disposition
    assert done.variable("last_bridge_hangup_cause") == (None if treats is Treats.ABSENT else disposition)
    assert desk.api("uuid_exists", call.uuid) == "true"
    wait_for(lambda: desk.api("uuid_exists", agent) == "false", "no leg is left")
    call.do("set", "x=1")


def test_the_caller_gives_up_while_the_phone_rings(desk: Desk, tap: Tap) -> None:
    phone = desk.rig.phone("1003", Treats.RINGS)
    call, agent = answered(desk), str(uuid4())
    token = call.run("bridge", dial(desk, "1003", agent))
    wait_for(lambda: phone.rung == 1, "it rings")
    desk.settle(0.3)
    call.caller.hang_up()
    assert tap.wait("CHANNEL_HANGUP_COMPLETE", agent)["Hangup-Cause"] == "ORIGINATOR_CANCEL"
    assert call.done(token).variable("originate_disposition") == "ORIGINATOR_CANCEL"
    wait_for(lambda: phone.ended, "it stops ringing")


def test_the_first_of_two_phones_that_answers_wins(desk: Desk, tap: Tap) -> None:
    desk.rig.phone("1003", Treats.RINGS)
    desk.rig.phone("1001", Treats.ANSWERS)
    call, slow, quick = answered(desk), str(uuid4()), str(uuid4())
    call.run("bridge", f"{dial(desk, '1003', slow)},{dial(desk, '1001', quick)}")
    assert call.wait("CHANNEL_BRIDGE")["Other-Leg-Unique-ID"] == quick
    assert tap.wait("CHANNEL_HANGUP_COMPLETE", slow)["Hangup-Cause"] == "LOSE_RACE"


@pytest.fixture
def two(desk: Desk) -> tuple[Call, Call]:
    one, other = desk.arrive("13800138001"), desk.arrive("13800138002")
    for call in (one, other):
        call.answer()
    return one, other


def test_two_parked_calls_meet_and_part(desk: Desk, tap: Tap, two: tuple[Call, Call]) -> None:
    one, other = two
    since = len(tap.events)
    assert desk.api("uuid_bridge", one.uuid, other.uuid) == f"+OK {other.uuid}"
    bridge = one.wait("CHANNEL_BRIDGE")
    assert bridge["Other-Leg-Unique-ID"] == other.uuid
    desk.settle(0.3)
    assert desk.api("uuid_getvar", other.uuid, "bridge_uuid") == one.uuid
    other.caller.hang_up()
    tap.wait("CHANNEL_HANGUP_COMPLETE", other.uuid)
    tap.wait("CHANNEL_PARK", one.uuid, after=since)
    names = {one.uuid: "one", other.uuid: "other"}
    lines = tap.story(names, *TALK, "CHANNEL_UNPARK", after=since)
    assert of(lines, "one") == [("UNPARK",), ("BRIDGE", "one", "other"), ("UNBRIDGE", "one", "other"), ("PARK",)]
    assert of(lines, "other") == [("UNPARK",), ("HANGUP", "NORMAL_CLEARING")]
    one.do("set", "x=1")


def test_keys_in_a_conversation_are_told(desk: Desk, two: tuple[Call, Call]) -> None:
    one, other = two
    desk.api("uuid_bridge", one.uuid, other.uuid)
    one.wait("CHANNEL_BRIDGE")
    one.caller.press("12")
    other.caller.press("3")
    wait_for(lambda: one.keys() == "12" and other.keys() == "3", "three keys")


def test_a_bridge_interrupts_a_playback(desk: Desk, two: tuple[Call, Call]) -> None:
    one, other = two
    token = one.run("playback", "tone_stream://%(10000,0,440)")
    desk.settle(0.2)
    desk.api("uuid_bridge", one.uuid, other.uuid)
    assert one.done(token)["Application-Response"] == "PLAYBACK ERROR"
    one.wait("CHANNEL_BRIDGE")


def test_legs_that_cannot_meet(desk: Desk, two: tuple[Call, Call]) -> None:
    one, _ = two
    dead = str(uuid4())
    assert desk.api("uuid_bridge", one.uuid, dead) == "-ERR Invalid uuid"
    assert desk.api("uuid_bridge", dead, one.uuid) == "-ERR Invalid uuid"
    assert desk.api("uuid_bridge", one.uuid).startswith("-USAGE: ")
    one.do("set", "x=1")


def test_a_conversation_is_taken_apart_by_parking(desk: Desk, tap: Tap, two: tuple[Call, Call]) -> None:
    one, other = two
    desk.api("uuid_bridge", one.uuid, other.uuid)
    one.wait("CHANNEL_BRIDGE")
    desk.settle(0.3)
    since = len(tap.events)
    assert desk.api("uuid_park", one.uuid) == "+OK"
    tap.wait("CHANNEL_PARK", one.uuid, after=since)
    tap.wait("CHANNEL_PARK", other.uuid, after=since)
    for call in two:
        call.do("set", "x=1")


def test_both_sides_are_transferred(desk: Desk, tap: Tap, two: tuple[Call, Call]) -> None:
    one, other = two
    desk.api("uuid_bridge", one.uuid, other.uuid)
    one.wait("CHANNEL_BRIDGE")
    desk.settle(0.3)
    since = len(tap.events)
    assert desk.api("uuid_transfer", one.uuid, "-both", "4002", "XML", "trunks") == "+OK"
    for call in two:
        assert tap.wait("CHANNEL_PARK", call.uuid, after=since)["Caller-Destination-Number"] == "4002"


def test_both_sides_hear_a_broadcast(desk: Desk, tap: Tap, two: tuple[Call, Call]) -> None:
    one, other = two
    desk.api("uuid_bridge", one.uuid, other.uuid)
    one.wait("CHANNEL_BRIDGE")
    desk.settle(0.3)
    since = len(tap.events)
    assert desk.api("uuid_broadcast", one.uuid, "tone_stream://%(300,0,440)", "both") == "+OK Message sent"
    for call in two:
        tap.wait("PLAYBACK_STOP", call.uuid, after=since)
    desk.settle(0.3)
    assert tap.story({one.uuid: "one", other.uuid: "other"}, *TALK, after=since) == []
