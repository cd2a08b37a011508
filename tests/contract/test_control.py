"""A call in our hands: broadcast, break, hold, transfer, kill, digits."""

from __future__ import annotations

from uuid import uuid4

import pytest

from .conftest import Tone
from .desk import Call, Desk
from .rig import Treats, wait_for
from .tap import Tap

PLAYS = ("CHANNEL_EXECUTE", "CHANNEL_EXECUTE_COMPLETE", "PLAYBACK_START", "PLAYBACK_STOP")
DEAD = "00000000-dead-4bad-8bad-000000000000"  # a constant: it stands in the names of tests
LONG = "tone_stream://%(10000,0,440)"
SHORT = "tone_stream://%(200,0,440)"


@pytest.fixture
def call(desk: Desk) -> Call:
    arrived = desk.arrive()
    arrived.answer()
    return arrived


# ---- broadcast and break -------------------------------------------------------------------------------------------


def test_a_broadcast_to_a_parked_call(call: Call, tap: Tap) -> None:
    assert call.desk.api("uuid_broadcast", call.uuid, SHORT) == "+OK Message sent"
    tap.wait("CHANNEL_EXECUTE_COMPLETE", call.uuid)
    assert tap.story({call.uuid: "c"}, *PLAYS) == [
        ("c", "EXECUTE", "playback"),
        ("c", "PLAYBACK_START", SHORT),
        ("c", "PLAYBACK_STOP", SHORT, "done"),
        ("c", "EXECUTE_COMPLETE", "playback", "FILE PLAYED"),
    ]


def test_a_broadcast_of_an_application(call: Call, tap: Tap) -> None:
    assert call.desk.api("uuid_broadcast", call.uuid, "set::told=yes") == "+OK Message sent"
    tap.wait("CHANNEL_EXECUTE_COMPLETE", call.uuid)
    assert call.desk.api("uuid_getvar", call.uuid, "told") == "yes"


def test_a_broadcast_of_a_missing_file(call: Call, tap: Tap) -> None:
    assert call.desk.api("uuid_broadcast", call.uuid, "/nowhere/none.wav") == "+OK Message sent"
    assert tap.wait("CHANNEL_EXECUTE_COMPLETE", call.uuid)["Application-Response"] == "FILE NOT FOUND"
    assert call.desk.api("uuid_exists", call.uuid) == "true"


def test_a_broadcast_that_ends_the_call(call: Call, tap: Tap) -> None:
    assert call.desk.api("uuid_broadcast", call.uuid, f"playback!user_busy::{SHORT}") == "+OK Message sent"
    assert tap.wait("CHANNEL_HANGUP_COMPLETE", call.uuid)["Hangup-Cause"] == "USER_BUSY"
    assert tap.wait("PLAYBACK_STOP", call.uuid)["Playback-Status"] == "done"


def test_a_broadcast_to_nobody(desk: Desk) -> None:
    assert desk.api("uuid_broadcast", DEAD, SHORT) == "-ERR invalid uuid"
    assert desk.api("uuid_broadcast", DEAD).startswith("-USAGE: <uuid> <path> [aleg|bleg|holdb|both]")


def test_a_break_is_told_as_one(call: Call, tap: Tap, tone: Tone) -> None:
    path = tone(5.0)
    token = call.run("playback", path)
    call.desk.settle(0.3)
    assert call.cut() == "+OK"
    call.done(token)
    stop = tap.wait("PLAYBACK_STOP", call.uuid)
    assert (stop["Playback-File-Path"], stop["Playback-Status"]) == (path, "break")


def test_a_break_of_all_drops_what_waits(call: Call) -> None:
    first = call.run("playback", LONG, lock=True)
    call.run("playback", LONG, lock=True)
    call.desk.settle(0.3)
    assert call.desk.api("uuid_break", call.uuid, "all") == "+OK"
    call.done(first)
    call.desk.settle(0.3)
    call.do("set", "x=1", "set.1")
    assert [line[:3] for line in call.story()[3:]] == [
        ("COMPLETE", "playback", first),
        ("COMPLETE", "set", "set.1"),
    ]


def test_a_break_of_nobody(desk: Desk) -> None:
    assert desk.api("uuid_break", DEAD) == "-ERR No such channel!"
    assert desk.api("uuid_break").startswith("-USAGE: <uuid> [all]")


# ---- hold ----------------------------------------------------------------------------------------------------------


def test_hold_and_back(desk: Desk, call: Call, tap: Tap) -> None:
    """`uuid_hold off` waits until the music has ended; before it has begun, that takes five seconds: not tried here."""
    desk.rig.phone("1001", Treats.ANSWERS)
    agent = str(uuid4())
    call.run("bridge", f"[origination_uuid={agent}]user/1001@{desk.rig.domain}")
    call.wait("CHANNEL_BRIDGE")
    desk.settle(0.2)
    since = len(tap.events)
    assert desk.api("uuid_hold", agent) == "+OK Success"
    tap.wait("CHANNEL_HOLD", agent)
    tap.wait("PLAYBACK_START", call.uuid)
    assert desk.api("uuid_hold", "off", agent) == "+OK Success"
    tap.wait("CHANNEL_UNHOLD", agent)
    tap.wait("CHANNEL_CALLSTATE", agent, nth=3, after=since)  # ACTIVE again, in a thread of its own
    assert desk.api("uuid_hold", "toggle", agent) == "+OK Success"
    tap.wait("CHANNEL_HOLD", agent, nth=2)
    states = tap.story({agent: "agent"}, "CHANNEL_CALLSTATE", after=since)
    assert [line[2] for line in states] == ["HELD", "UNHELD", "ACTIVE", "HELD"]
    # Their place among the states is a race: another thread of the switch tells of the latter.
    holds = tap.story({agent: "agent"}, "CHANNEL_HOLD", "CHANNEL_UNHOLD", after=since)
    assert [line[1] for line in holds] == ["HOLD", "UNHOLD", "HOLD"]
    wait_for(
        lambda: [row["callstate"] for row in desk.rows() if row["uuid"] == agent] == ["HELD"],
        "the list of channels, which another thread of the switch keeps, says so",
    )


def test_hold_of_nobody(desk: Desk) -> None:
    assert desk.api("uuid_hold", DEAD) == "+OK Success"
    assert desk.api("uuid_hold").endswith("-ERR Operation failed")


# ---- transfer ------------------------------------------------------------------------------------------------------


def test_a_transfer_starts_the_dialplan_anew(call: Call, tap: Tap) -> None:
    assert call.desk.api("uuid_transfer", call.uuid, "4001", "XML", "trunks") == "+OK"
    park = tap.wait("CHANNEL_PARK", call.uuid)
    assert park["Caller-Destination-Number"] == "4001"
    assert park["Caller-RDNIS"] == "4000"
    assert park["Caller-Context"] == "trunks"
    assert park.variable("presence_data") == "0"
    assert park.variable("park_after_bridge") == "true"
    told = tap.story({call.uuid: "c"}, "CHANNEL_PARK", "CHANNEL_UNPARK", "CHANNEL_HANGUP")
    assert told == [("c", "UNPARK"), ("c", "PARK")]


def test_a_transfer_ends_a_playback(call: Call, tap: Tap) -> None:
    token = call.run("playback", LONG)
    call.desk.settle(0.3)
    assert call.desk.api("uuid_transfer", call.uuid, "4001") == "+OK"
    assert call.done(token)["Application-Response"] == "PLAYBACK ERROR"
    assert tap.wait("CHANNEL_PARK", call.uuid)["Caller-Destination-Number"] == "4001"


@pytest.mark.parametrize(
    ("where", "cause"),
    [(("4000", "XML", "nosuch"), "NO_ROUTE_DESTINATION"), (("nosuch", "XML", "trunks"), "UNALLOCATED_NUMBER")],
)
def test_a_transfer_to_nowhere(call: Call, where: tuple[str, ...], cause: str) -> None:
    assert call.desk.api("uuid_transfer", call.uuid, *where) == "+OK"
    assert call.wait("CHANNEL_HANGUP_COMPLETE")["Hangup-Cause"] == cause


def test_a_transfer_of_nobody(desk: Desk) -> None:
    assert desk.api("uuid_transfer", DEAD, "4000") == "-ERR No such channel!"
    assert desk.api("uuid_transfer", DEAD).startswith("-USAGE: <uuid> [-bleg|-both] <dest-exten>")


# ---- ends ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "cause"),
    [
        ("", "NORMAL_CLEARING"),
        (" USER_BUSY", "USER_BUSY"),
        (" user_busy", "USER_BUSY"),
        (" 21", "CALL_REJECTED"),
        (" NO_SUCH_CAUSE", "NORMAL_CLEARING"),
        (" MANAGER_REQUEST", "MANAGER_REQUEST"),
    ],
)
def test_causes(call: Call, bare: Tap, said: str, cause: str) -> None:
    assert bare.command(f"api uuid_kill {call.uuid}{said}") == "+OK"
    gone = call.wait("CHANNEL_HANGUP_COMPLETE")
    assert gone["Hangup-Cause"] == cause
    assert gone.variable("hangup_cause") == cause
    wait_for(lambda: bare.command(f"api uuid_exists {call.uuid}") == "false", "it is gone")
    assert bare.command(f"api uuid_kill {call.uuid}") == "-ERR No such channel!"


def test_hangup_as_an_application(call: Call) -> None:
    call.run("hangup", "CALL_REJECTED")
    assert call.wait("CHANNEL_HANGUP_COMPLETE")["Hangup-Cause"] == "CALL_REJECTED"


def test_all_are_hung_up(desk: Desk, call: Call, bare: Tap) -> None:
    other = desk.arrive("13800138002")
    assert bare.command("api hupall NORMAL_TEMPORARY_FAILURE") == (
        "+OK hangup all channels with cause NORMAL_TEMPORARY_FAILURE"
    )
    for one in (call, other):
        assert one.wait("CHANNEL_HANGUP_COMPLETE")["Hangup-Cause"] == "NORMAL_TEMPORARY_FAILURE"


# ---- digits --------------------------------------------------------------------------------------------------------


def test_keys_by_command(call: Call, bare: Tap) -> None:
    uuid = call.uuid
    assert bare.command(f"api uuid_recv_dtmf {uuid} 12#") == f"+OK {uuid} received DTMF 12#."
    wait_for(lambda: call.keys() == "12#", "three keys")
    assert [line[2] for line in call.story()[3:]] == ["APP", "APP", "APP"]
    assert bare.command(f"api uuid_send_dtmf {uuid} 12") == f"+OK {uuid} sent DTMF 12."
    assert bare.command(f"api uuid_flush_dtmf {uuid}") == "+OK"


def test_digits_read_by_the_switch(call: Call) -> None:
    token = call.run("read", f"1 4 {SHORT} pin 2000 #")
    call.desk.settle(0.1)
    call.caller.press("42#")
    done = call.done(token)
    assert (done.variable("pin"), done.variable("read_result")) == ("42", "success")
    assert done.variable("read_terminator_used") == "#"


def test_no_digits_for_the_switch(call: Call) -> None:
    done = call.do("read", f"1 4 {SHORT} pin 500 #")
    assert (done.variable("pin"), done.variable("read_result")) == (None, "failure")
