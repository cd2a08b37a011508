"""API replies, word for word those of in_api_misc, in its situation: one parked call, then none."""

from __future__ import annotations

import re

import pytest

from cti.switch.embedded.phones import ANSWERS, BUSY, NO_ANSWER, UNREGISTERED, PhoneBehaviour, VirtualPhone
from tests.switch.embedded.lab import CONFIG, START, Lab, Wire
from tests.switch.embedded.reading import messages, plain
from tests.transcripts import FROM_SWITCH, TO_SWITCH, records

UUID = "446ef8ca-338a-46a9-8a37-6245fc885568"
NOT_COVERED = re.compile(
    r"api (user_data|uuid_media|uuid_displace|uuid_audio|uuid_phone_event|uuid_simplify|load|unload|regex|hash|db"
    r"|callcenter_config|conference|fifo|valet_info|list_users|say_string|nat_map|acl|tone_detect|show codec"
    r"|sofia status profile|eval uuid:)"
)
"""Modules and commands that the embedded switch does not have; docs/embedded-switch.md says so."""
VARIES = re.compile(
    r"api (status|strftime|uptime|sofia status|sofia xmlstatus|show registrations|uuid_dump|global_getvar domain)"
)
"""Their shape is compared by other tests; the figures belong to the machine."""


def exchanges(until: float = 1e9) -> list[tuple[str, str]]:
    """(command, reply) pairs of the recording."""
    commands = [
        record.data.decode() for record in records("in_api_misc") if record.direction == TO_SWITCH and record.data
    ]
    data = b"".join(record.data for record in records("in_api_misc") if record.direction == FROM_SWITCH)
    answers = [m.body or dict(m.headers).get("Reply-Text", "") for m in messages(data)][1:]
    return list(zip(commands, answers, strict=False))


def lab_with_call() -> tuple[Lab, Wire]:
    phones = (
        VirtualPhone("1001", ANSWERS, contact="1001@127.0.0.1:5081"),
        VirtualPhone("1002", BUSY),
        VirtualPhone("1003", NO_ANSWER),
        VirtualPhone("1004", PhoneBehaviour(hangup_after=3.0)),
        VirtualPhone("1009", UNREGISTERED),
    )
    lab = Lab(CONFIG.__class__(**{**CONFIG.__dict__, "phones": phones}))
    lab.call("6000", UUID)
    wire = lab.open()
    lab.clock.run_until(START + 1.005)
    return lab, wire


def test_every_api_reply_word_for_word() -> None:
    _, wire = lab_with_call()
    wire.take()
    differences, compared = [], 0
    for command, expected in exchanges():
        if command.startswith("exit"):
            break
        after_hupall = "no call up" if command.startswith("api hupall") else ""
        actual = wire.send(command, 1.0 if after_hupall else 0.02)
        if NOT_COVERED.match(command) or VARIES.match(command):
            continue
        compared += 1
        body = next(iter(messages(actual))).body or "+OK accepted"
        if plain(body) != plain(expected):
            differences.append((command, body, expected))
    assert differences == []
    assert compared > 70


@pytest.mark.parametrize("command", ["show nosuch", "fsctl nosuch", "uuid_kill", "originate"])
def test_usage_texts_are_recorded_ones(command: str) -> None:
    expected = dict(exchanges())[f"api {command}\n\n"]
    assert Lab().api(command) == expected


def test_unknown_command_and_empty_reply() -> None:
    lab = Lab()
    assert lab.api("nosuch a b") == "-ERR nosuch Command not found!\n"
    assert lab.api("global_getvar nosuch") == "-ERR no reply\n"


def test_scheduler_by_id_and_group() -> None:
    lab = Lab()
    lab.call("6000", UUID)
    assert lab.api("sched_api +30 none echo hi") == "+OK Added: 4\n"
    assert lab.api(f"sched_hangup +60 {UUID} ALLOTTED_TIMEOUT") == "+OK\n"
    assert lab.api(f"sched_transfer +60 {UUID} 5001") == "+OK\n"
    assert lab.api("sched_del 4") == "+OK Deleted: 1\n"
    assert lab.api(f"sched_del {UUID}") == "+OK Deleted: 2\n"
    assert lab.api(f"sched_del {UUID}") == "+OK Deleted: 0\n"
    lab.clock.run_for(90)
    assert lab.api(f"uuid_exists {UUID}") == "true"


def test_liveness_flag_ends_by_itself() -> None:
    lab = Lab()
    lab.api("global_setvar cti_alive_1=1")
    lab.api("sched_api +5 cti_alive_1 global_setvar cti_alive_1=0")
    lab.clock.run_for(4.5)
    assert lab.api("global_getvar cti_alive_1") == "1"
    lab.clock.run_for(1.0)
    assert lab.api("global_getvar cti_alive_1") == "0"


def test_sched_hangup_hangs_up_with_its_cause() -> None:
    lab = Lab()
    caller = lab.call("6000", UUID)
    lab.api(f"sched_hangup +3 {UUID} USER_BUSY")
    lab.clock.run_for(4)
    assert caller.cause == "USER_BUSY"


def test_channels_end_their_scheduled_tasks() -> None:
    lab = Lab()
    lab.call("6000", UUID)
    lab.api(f"sched_transfer +60 {UUID} 9999 XML emergency")
    lab.api(f"uuid_kill {UUID}")
    lab.clock.run_for(1)
    assert lab.core.tasks.tasks == {}
