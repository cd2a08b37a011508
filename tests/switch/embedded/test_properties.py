"""Whatever is said in whatever order, the switch keeps its rules."""

from __future__ import annotations

import logging
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cti.switch.embedded.caller import VirtualCaller
from tests.switch.embedded.lab import Lab
from tests.switch.embedded.reading import events, messages

COMMANDS = (
    b"auth ClueCon\n\n\r\napi echo one\r\n\r\nevent plain CUSTOM a::b\n\nsendevent CUSTOM\nEvent-Subclass: a::b\n\
Content-Length: 5\n\nhello\n\nbogus\n\napi msleep 30\n\nfilter a b\n\nexit\n\n"
)


@given(st.lists(st.integers(0, len(COMMANDS)), max_size=30))
def test_how_bytes_are_cut_changes_no_reply(cuts: list[int]) -> None:
    def run(pieces: list[bytes]) -> list[tuple[str, str]]:
        lab = Lab()
        wire = lab.open()
        for piece in pieces:
            wire.send(piece)
        lab.clock.run_for(1)
        found = [message for message in messages(bytes(wire.data)) if not message.kind.startswith("text/event")]
        return [(message.kind, message.body) for message in found]

    edges = sorted({0, len(COMMANDS), *cuts})
    pieces = [COMMANDS[start:end] for start, end in pairwise(edges)]
    assert run(pieces) == run([COMMANDS])


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(st.binary(max_size=400))
def test_rubbish_never_breaks_the_switch(data: bytes) -> None:
    lab = Lab()
    wire = lab.login()
    wire.send(data + b"\n\n", 0.1)
    lab.clock.run_for(1)
    assert lab.api("echo alive") == "alive"


A, B = "aaaaaaaa-0000-4000-8000-000000000001", "aaaaaaaa-0000-4000-8000-000000000002"
uuids = st.sampled_from([A, B, "agent-1", "00000000-dead-beef-0000-000000000000"])
apps = st.sampled_from(
    [
        ("answer", ""), ("playback", "tone_stream://%(700,0,300)"), ("playback", "say:cti:zh:你好你好"),
        ("playback", "/missing.wav"), ("set", "a=${b}"), ("sleep", "300"), ("park", ""), ("nosuch", ""),
        ("bridge", "user/1001"), ("bridge", "user/1004"), ("bridge", "[leg_timeout=1]user/1003|user/1002"),
        ("hangup", "USER_BUSY"), ("record", "/tmp/x.wav 1"), ("transfer", "6000 XML public"),
        ("play_and_get_digits", "1 2 1 500 # silence_stream://100 silence_stream://10 d \\d+"),
        ("set", "park_after_bridge=true"), ("set", "hangup_after_bridge=true"), ("hold", ""), ("unhold", ""),
        ("record_session", "/tmp/y.wav"), ("export", "x=1"), ("sched_hangup", "+2"), ("read", "1 2 silence x 300 #"),
    ]
)  # fmt: skip
executes = st.builds(
    lambda uuid, app, lock: (
        f"sendmsg {uuid}\ncall-command: execute\nexecute-app-name: {app[0]}\nexecute-app-arg: {app[1]}\n"
        + ("event-lock: true\n" if lock else "")
        + "\n"
    ),
    uuids, apps, st.booleans(),
)  # fmt: skip
apis = st.one_of(
    st.builds("api uuid_kill {}\n\n".format, uuids),
    st.builds("api uuid_break {} {}\n\n".format, uuids, st.sampled_from(["", "all", "both"])),
    st.builds("api uuid_bridge {} {}\n\n".format, uuids, uuids),
    st.builds("api uuid_transfer {} {} XML public\n\n".format, uuids, st.sampled_from(["5003", "777", "-both 6000"])),
    st.builds("api uuid_broadcast {} {} both\n\n".format, uuids, st.just("tone_stream://%(400,0,300)")),
    st.builds("api uuid_park {}\n\n".format, uuids),
    st.builds("api uuid_hold toggle {}\n\n".format, uuids),
    st.builds("api uuid_recv_dtmf {} 12#\n\n".format, uuids),
    st.builds("api uuid_setvar {} park_after_bridge {}\n\n".format, uuids, st.sampled_from(["true", ""])),
    st.builds("api uuid_answer {}\n\n".format, uuids),
    st.just("bgapi originate {origination_uuid=agent-1}user/1001 &park\n\n"),
    st.just("bgapi originate {originate_timeout=1}user/1003 5003 XML public\n\n"),
)
steps = st.lists(st.tuples(st.one_of(executes, apis), st.sampled_from([0.0, 0.01, 0.05, 0.3, 1.1])), max_size=25)


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
)
@given(steps)
def test_calls_keep_their_order_whatever_is_done_to_them(
    caplog: pytest.LogCaptureFixture, said: list[tuple[str, float]]
) -> None:
    caplog.clear()
    lab = Lab()
    wire = lab.login("event plain ALL\n\n")
    for uuid in (A, B):
        lab.call("6000", caller=VirtualCaller("2000", "6000", context="public", uuid=uuid))
    lab.clock.run_for(0.05)
    for text, seconds in said:
        wire.send(text, seconds)
    lab.core.hangup_all("MANAGER_REQUEST")
    lab.clock.run_for(2)
    lab.core.hangup_all("MANAGER_REQUEST")  # legs that were still on their way
    lab.clock.run_for(2)
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []
    assert lab.core.channels == {}
    lives: dict[str, list[dict[str, str]]] = {}
    for event in events(list(messages(bytes(wire.data)))):
        if event.get("Unique-ID"):
            lives.setdefault(event["Unique-ID"], []).append(event)
    for life in lives.values():
        for one in lifetimes(life):
            check(one)


def lifetimes(life: list[dict[str, str]]) -> list[list[dict[str, str]]]:
    """A uuid may be used again after its channel's end."""
    found: list[list[dict[str, str]]] = [[]]
    for event in life:
        found[-1].append(event)
        if (event["Event-Name"], event["Channel-State"]) == ("CHANNEL_STATE", "CS_DESTROY"):
            found.append([])
    return [one for one in found if one]


def check(life: list[dict[str, str]]) -> None:
    """One channel, from its first event to CS_DESTROY."""
    names = [event["Event-Name"] for event in life]
    for once in ("CHANNEL_CREATE", "CHANNEL_HANGUP", "CHANNEL_HANGUP_COMPLETE", "CHANNEL_DESTROY"):
        assert names.count(once) == 1, (once, names)
    assert names.count("CHANNEL_ANSWER") <= 1
    assert names[-2:] == ["CHANNEL_DESTROY", "CHANNEL_STATE"]
    open_applications: list[str] = []
    for event in life:
        if event["Event-Name"] == "CHANNEL_EXECUTE" and event["Application"] != "uuid_bridge":
            open_applications.append(event["Application-UUID"])
        elif event["Event-Name"] == "CHANNEL_EXECUTE_COMPLETE":
            assert open_applications.pop() == event["Application-UUID"]
    assert open_applications == []
    assert names.count("CHANNEL_BRIDGE") == names.count("CHANNEL_UNBRIDGE")
    assert names.count("CHANNEL_PARK") == names.count("CHANNEL_UNPARK")
    assert names.count("PLAYBACK_START") == names.count("PLAYBACK_STOP")
    assert names.count("RECORD_START") == names.count("RECORD_STOP")
