"""Variables of calls and of the switch, and what is answered about calls that are not there."""

from __future__ import annotations

import pytest

from .desk import Call, Desk
from .tap import Tap

DEAD = "00000000-dead-4bad-8bad-000000000000"  # a constant: it stands in the names of tests


@pytest.fixture
def call(desk: Desk) -> Call:
    return desk.arrive()


def test_variables(call: Call, bare: Tap) -> None:
    uuid = call.uuid
    for command, arguments, reply in (
        ("uuid_getvar", f"{uuid} fresh", "_undef_"),
        ("uuid_setvar", f"{uuid} fresh one two", "+OK"),
        ("uuid_getvar", f"{uuid} fresh", "one two"),
        ("uuid_setvar", f"{uuid} fresh", "+OK"),
        ("uuid_getvar", f"{uuid} fresh", "_undef_"),
        ("uuid_setvar", f"{uuid} fresh ${{uuid}}", "+OK"),
        ("uuid_getvar", f"{uuid} fresh", "${uuid}"),
        ("uuid_setvar_multi", f"{uuid} a=1;b=two words;c=", "+OK"),
        ("uuid_getvar", f"{uuid} a", "1"),
        ("uuid_getvar", f"{uuid} b", "two words"),
        ("uuid_getvar", f"{uuid} c", "_undef_"),
        ("uuid_setvar_multi", f"{uuid} b;a=", "+OK"),
        ("uuid_getvar", f"{uuid} b", "_undef_"),
        ("uuid_getvar", f"{uuid} a", "_undef_"),
        ("uuid_getvar", f"{uuid} destination_number", "4000"),
        ("uuid_getvar", f"{uuid} presence_data", "0"),
        ("uuid_getvar", f"{uuid} cti_alive_0", "1"),  # a global variable
    ):
        assert (command, arguments, bare.command(f"api {command} {arguments}")) == (command, arguments, reply)


@pytest.mark.parametrize(
    ("command", "reply"),
    [
        (f"uuid_getvar {DEAD} x", "-ERR No such channel!"),
        (f"uuid_setvar {DEAD} x 1", "-ERR No such channel!"),
        (f"uuid_setvar {DEAD}", "-USAGE: <uuid> <var> [value]"),
        (f"uuid_getvar {DEAD}", "-USAGE: <uuid> <var>"),
        (f"uuid_dump {DEAD}", "-ERR No such channel!"),
        (f"uuid_exists {DEAD}", "false"),
        (f"uuid_kill {DEAD}", "-ERR No such channel!"),
        ("uuid_kill", "-USAGE: <uuid> [cause]"),
        (f"uuid_answer {DEAD}", "-ERROR"),
        (f"uuid_park {DEAD}", "-ERR No such channel!"),
        (f"uuid_send_dtmf {DEAD} 1", "-ERR Cannot locate session!"),
        (f"uuid_recv_dtmf {DEAD} 1", "-ERR Cannot locate session!"),
        (f"uuid_flush_dtmf {DEAD}", "-ERR No such session"),
        ("global_getvar nosuch", "-ERR no reply"),
        ("global_setvar", "-USAGE: <var>=<value> [=<value2>]"),
    ],
)
def test_commands_about_nobody(bare: Tap, command: str, reply: str) -> None:
    assert bare.command(f"api {command}") == reply


def test_global_variables(bare: Tap) -> None:
    for command, reply in (
        ("global_setvar contract_x=1", "+OK"),
        ("global_getvar contract_x", "1"),
        ("global_setvar contract_x=2=3", "+OK"),  # only if it is 3, which it is not
        ("global_getvar contract_x", "1"),
        ("global_setvar contract_x=2=1", "+OK"),
        ("global_getvar contract_x", "2"),
        ("global_setvar contract_x=${x}", "+OK"),
        ("global_getvar contract_x", "%{x}"),
        ("global_setvar contract_x=", "+OK"),
        ("global_getvar contract_x", "-ERR no reply"),
    ):
        assert (command, bare.command(f"api {command}")) == (command, reply)
