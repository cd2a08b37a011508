"""A call comes, is answered, and ends."""

from __future__ import annotations

import pytest

from .conftest import Tone
from .desk import Desk
from .rig import wait_for

PARKED = ("PARK", "0", "inbound", "ringing")
ANSWERED = [("ANSWER", "0", "answered"), ("COMPLETE", "answer", "answer", "_none_")]


def test_a_call_arrives_and_says_who_calls_whom(desk: Desk) -> None:
    call = desk.arrive("13800138000", "4000", name="Li Wei")
    assert {name: call.park.get(name) for name in WHO} == WHO
    assert {name: call.park.variable(name) for name in PREPARED} == PREPARED
    assert call.story() == [PARKED]
    assert not call.caller.answered


WHO = {
    "Caller-Caller-ID-Name": "Li Wei",
    "Caller-Caller-ID-Number": "13800138000",
    "Caller-Destination-Number": "4000",
    "Caller-Direction": "inbound",
    "Caller-Privacy-Hide-Number": "false",
    "Caller-Network-Addr": "127.0.0.1",
    "Caller-Channel-Answered-Time": "0",
    "Caller-Context": "trunks",
    "Caller-Dialplan": "XML",
    "Channel-State": "CS_EXECUTE",
    "Channel-Call-State": "RINGING",
    "Answer-State": "ringing",
    "Call-Direction": "inbound",
}
PREPARED = {
    "presence_data": "0",
    "cti_emergency": None,
    "playback_terminators": "none",
    "park_after_bridge": "true",
    "hangup_after_bridge": "false",
    "continue_on_fail": "true",
    "uuid_bridge_park_on_cancel": "true",
    "current_application": "park",
}


def test_what_the_dialplan_did_before_is_told_in_order(desk: Desk) -> None:
    """The worker is named by the first step, so the filter lets the dialplan's own through as well."""
    call = desk.arrive()
    told = [event for event in desk.heard.events[call.since :] if event.get("Unique-ID") == call.uuid]
    assert [
        (event.name, event.get("Application"), event.get("Application-Data", "").partition("=")[0]) for event in told
    ] == [
        ("CHANNEL_EXECUTE_COMPLETE", "multiset", "presence_data"),
        ("CHANNEL_EXECUTE_COMPLETE", "sched_transfer", "+30 9999 XML emergency"),
        ("CHANNEL_PARK", None, ""),
    ]


def test_answered_once_however_often_it_is_ordered(desk: Desk) -> None:
    call = desk.arrive()
    call.answer()
    call.do("answer", token="again")
    assert call.story() == [PARKED, *ANSWERED, ("COMPLETE", "answer", "again", "_none_")]


@pytest.mark.parametrize("answered", [False, True], ids=["ringing", "answered"])
def test_the_caller_hangs_up(desk: Desk, answered: bool) -> None:
    call = desk.arrive()
    if answered:
        call.answer()
    call.caller.hang_up()
    cause = "NORMAL_CLEARING" if answered else "ORIGINATOR_CANCEL"
    assert call.over() == [
        PARKED,
        *ANSWERED * answered,
        ("HANGUP", cause),
        ("COMPLETE", "park", "-", "_none_"),
        ("GONE", cause, cause),
    ]


def test_the_caller_hangs_up_in_a_playback(desk: Desk, tone: Tone) -> None:
    call = desk.arrive()
    call.answer()
    call.run("playback", tone(5), "play.1")
    desk.settle(0.3)
    call.caller.hang_up()
    assert call.over()[3:] == [
        ("HANGUP", "NORMAL_CLEARING"),
        ("COMPLETE", "playback", "play.1", "PLAYBACK ERROR"),
        ("COMPLETE", "park", "-", "PLAYBACK ERROR"),  # the variable is the last application's
        ("GONE", "NORMAL_CLEARING", "NORMAL_CLEARING"),
    ]


@pytest.mark.parametrize("cause", ["NORMAL_CLEARING", "USER_BUSY", "CALL_REJECTED", "SWITCH_CONGESTION"])
@pytest.mark.parametrize("answered", [False, True], ids=["ringing", "answered"])
def test_we_hang_up_and_say_why(desk: Desk, answered: bool, cause: str) -> None:
    call = desk.arrive()
    if answered:
        call.answer()
    assert desk.api("uuid_kill", call.uuid, cause) == "+OK"
    assert call.over() == [
        PARKED,
        *ANSWERED * answered,
        ("HANGUP", cause),
        ("COMPLETE", "park", "-", "_none_"),
        ("GONE", cause, cause),
    ]
    wait_for(lambda: call.caller.ended, "the caller sees the end")


def test_an_unknown_application_ends_the_call(desk: Desk) -> None:
    call = desk.arrive()
    call.answer()
    call.run("no_such_application", "x", "none.1")
    cause = "DESTINATION_OUT_OF_ORDER"
    assert call.over()[3:] == [("HANGUP", cause), ("COMPLETE", "park", "-", "_none_"), ("GONE", cause, cause)]


@pytest.mark.parametrize(
    ("sent", "told"),
    [
        ("x%0AEvent-Name: CHANNEL_HANGUP", "x\nEvent-Name: CHANNEL_HANGUP"),
        ("${system(id)}", "%{system(id)}"),
        ("$${hostname}", "$%{hostname}"),
        ("Bob\\\\n\\\\napi system id", "Bob\\\\n\\\\napi system id"),
        ("王小明", "王小明"),
    ],
)
def test_a_name_is_only_a_name(desk: Desk, sent: str, told: str) -> None:
    call = desk.arrive(name=sent)
    assert call.park.name == "CHANNEL_PARK"
    assert call.park["Caller-Caller-ID-Name"] == told
    call.answer()
    call.do("set", "x=1", "set.1")
    assert desk.links.dump(call.uuid)["Caller-Caller-ID-Name"] == told
    assert call.story() == [PARKED, *ANSWERED, ("COMPLETE", "set", "set.1", "_none_")]


def test_two_calls_are_told_apart(desk: Desk) -> None:
    one, two = desk.arrive("13800138001"), desk.arrive("13800138002")
    two.answer()
    one.caller.hang_up()
    assert one.over()[1][0] == "HANGUP"
    assert two.story() == [PARKED, *ANSWERED]
    assert one.uuid != two.uuid
