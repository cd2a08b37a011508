"""The switch's own scheduler: what is to happen to a call, or at all, later on. Whole seconds."""

from __future__ import annotations

import pytest

from .desk import Call, Desk
from .rig import wait_for
from .tap import Tap

DEAD = "00000000-dead-4bad-8bad-000000000000"  # a constant: it stands in the names of tests


@pytest.fixture
def call(desk: Desk) -> Call:
    arrived = desk.arrive()
    arrived.answer()
    return arrived


def is_added(reply: str) -> bool:
    head, _, number = reply.partition(": ")
    return head == "+OK Added" and number.isdigit()


def value(tap: Tap, name: str) -> str:
    return tap.command(f"api global_getvar {name}")


def test_a_call_is_ended_later(call: Call, bare: Tap) -> None:
    assert bare.command(f"api sched_hangup +1 {call.uuid} CALL_REJECTED") == "+OK"
    assert bare.command(f"api uuid_exists {call.uuid}") == "true"
    assert call.wait("CHANNEL_HANGUP_COMPLETE")["Hangup-Cause"] == "CALL_REJECTED"


def test_the_cause_when_none_is_named(call: Call, bare: Tap) -> None:
    bare.command(f"api sched_hangup +1 {call.uuid}")
    assert call.wait("CHANNEL_HANGUP_COMPLETE")["Hangup-Cause"] == "ALLOTTED_TIMEOUT"


def test_a_call_is_ended_at_once(call: Call, bare: Tap) -> None:
    bare.command(f"api sched_hangup +0 {call.uuid} USER_BUSY")
    assert call.wait("CHANNEL_HANGUP_COMPLETE", 1.0)["Hangup-Cause"] == "USER_BUSY"


def test_what_is_due_to_a_call_is_taken_back_by_its_uuid(call: Call, bare: Tap) -> None:
    """The dialplan's guard is one of them."""
    bare.command(f"api sched_hangup +1 {call.uuid}")
    bare.command(f"api sched_transfer +1 {call.uuid} 9999 XML emergency")
    assert bare.command(f"api sched_del {call.uuid}") == "+OK Deleted: 3"
    assert bare.command(f"api sched_del {call.uuid}") == "+OK Deleted: 0"
    call.desk.settle(2.2)
    call.do("set", "x=1")
    assert bare.command(f"api uuid_getvar {call.uuid} cti_emergency") == "_undef_"


def test_a_call_is_transferred_later(call: Call, tap: Tap) -> None:
    assert tap.command(f"api sched_transfer +1 {call.uuid} 4001 XML trunks") == "+OK"
    park = tap.wait("CHANNEL_PARK", call.uuid)
    assert park["Caller-Destination-Number"] == "4001"


def test_by_applications(call: Call, tap: Tap) -> None:
    call.do("sched_transfer", "+1 4001 XML trunks")
    assert tap.wait("CHANNEL_PARK", call.uuid)["Caller-Destination-Number"] == "4001"
    call.do("sched_hangup", "+1 CALL_REJECTED")
    assert call.wait("CHANNEL_HANGUP_COMPLETE")["Hangup-Cause"] == "CALL_REJECTED"


def test_a_command_later(bare: Tap) -> None:
    bare.command("api global_setvar contract_s=")
    assert is_added(bare.command("api sched_api +1 contract global_setvar contract_s=done"))
    assert value(bare, "contract_s") == "-ERR no reply"
    wait_for(lambda: value(bare, "contract_s") == "done", "it was set")
    assert bare.command("api sched_del contract") == "+OK Deleted: 0"


def test_a_command_again_and_again(bare: Tap) -> None:
    assert is_added(bare.command("api sched_api @1 contract global_setvar contract_s=again"))
    for _ in range(2):
        bare.command("api global_setvar contract_s=")
        wait_for(lambda: value(bare, "contract_s") == "again", "it was set")
    assert bare.command("api sched_del contract") == "+OK Deleted: 1"


def test_a_command_is_taken_back_by_group_and_by_number(bare: Tap) -> None:
    bare.command("api global_setvar contract_s=")
    added = [bare.command("api sched_api +1 contract global_setvar contract_s=x") for _ in range(3)]
    assert [is_added(reply) for reply in added] == [True] * 3
    assert bare.command(f"api sched_del {added[0].rpartition(' ')[2]}") == "+OK Deleted: 1"
    assert bare.command("api sched_del contract") == "+OK Deleted: 2"


@pytest.mark.parametrize(
    ("command", "reply"),
    [
        ("sched_api", "-ERR Invalid syntax. USAGE: [+@]<time> <group_name> <command_string>[&]"),
        ("sched_api +1 group", "-ERR Invalid syntax. USAGE: [+@]<time> <group_name> <command_string>[&]"),
        ("sched_del nosuch", "+OK Deleted: 0"),
        ("sched_del 999999", "+OK Deleted: 0"),
        ("sched_del", "+OK Deleted: 0"),
        ("sched_hangup", "-USAGE: [+]<time> <uuid> [<cause>]"),
        (f"sched_hangup +1 {DEAD}", "-ERR No such channel!"),
        ("sched_transfer", "-USAGE: [+]<time> <uuid> <extension> [<dialplan>] [<context>]"),
        (f"sched_transfer +1 {DEAD} 9999", "-ERR No such channel!"),
    ],
)
def test_what_cannot_be_scheduled(bare: Tap, command: str, reply: str) -> None:
    assert bare.command(f"api {command}") == reply
