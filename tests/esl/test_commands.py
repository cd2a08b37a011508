"""Whatever text goes in, the wire holds exactly one command and nothing in it comes to life."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cti import esl
from cti.esl import EslError
from tests.esl.switch_model import expand_variables, read_packets

UUID = "0c416f32-f595-4310-9ad8-3696fbf3cc86"
NASTY = st.text(alphabet=st.sampled_from(list("\r\n\0 :{}$\\'%,=|&^[]()abc-0é")), max_size=30)
TEXT = st.one_of(st.text(max_size=60), NASTY)


def test_commands_word_for_word() -> None:
    assert [
        esl.api("uuid_kill", UUID, "USER_BUSY"),
        esl.api("status"),
        esl.bgapi("originate", "user/1001", "&park()", job_uuid="my-own-job-id-1"),
        esl.execute(UUID, "answer"),
        esl.execute(UUID, "playback", "a é\nb", event_uuid="play.1", event_lock=True, loops=2),
        esl.execute(UUID, "playback", "/a.b", event_uuid="play.2", during={"playback_terminators": "1*#"}),
        esl.hangup(UUID, "NORMAL_CLEARING"),
        esl.events("plain", ["CUSTOM", "sofia::register", "CHANNEL_PARK", "DTMF"]),
        esl.events("json", ["HEARTBEAT"]),
        esl.channel_event(UUID, "cti::eavesdrop", "eavesdrop-command", "*"),
        esl.filter_add("Channel-Presence-Data", "w1"),
        esl.filter_add("Event-Subclass", "/^(a::b|c-d::e.f)$/"),
        esl.filter_delete("Event-Name", "HEARTBEAT"),
        esl.filter_delete("Channel-Presence-Data"),
        esl.auth("s3cret!"),
        esl.exit_(),
    ] == [
        f"api uuid_kill {UUID} USER_BUSY\n\n".encode(),
        b"api status\n\n",
        b"bgapi originate user/1001 &park()\nJob-UUID: my-own-job-id-1\n\n",
        f"sendmsg {UUID}\ncall-command:execute\nexecute-app-name:answer\n\n".encode(),
        f"sendmsg {UUID}\ncall-command:execute\nexecute-app-name:playback\nevent-uuid:play.1\nevent-lock:true\n"
        "loops:2\ncontent-type:text/plain\ncontent-length:6\n\na é\nb".encode(),
        f"sendmsg {UUID}\ncall-command:execute\nexecute-app-name:playback\nevent-uuid:play.2\n"
        "content-type:text/plain\ncontent-length:31\n\n%[playback_terminators=1*#]/a.b".encode(),
        f"api uuid_kill {UUID}\n\n".encode(),
        b"event plain CHANNEL_PARK DTMF CUSTOM sofia::register\n\n",
        b"event json HEARTBEAT\n\n",
        f"sendevent CUSTOM\nEvent-Subclass: cti::eavesdrop\nunique-id: {UUID}\neavesdrop-command: *\n\n".encode(),
        b"filter Channel-Presence-Data w1\n\n",
        b"filter Event-Subclass /^(a::b|c-d::e.f)$/\n\n",
        b"filter delete Event-Name HEARTBEAT\n\n",
        b"filter delete Channel-Presence-Data\n\n",
        b"auth s3cret!\n\n",
        b"exit\n\n",
    ]


@given(TEXT)
@example("Bob\n\napi system id")
@example("${system(id)}")
@example("x%0AEvent-Name: CHANNEL_HANGUP")
@example("a\r\n\r\nexit\r\n\r\n")
@example("\ncontent-length: 3\n\n")
def test_an_argument_is_one_command_and_arrives_as_it_is(text: str) -> None:
    if "\0" in text or re.match(r"%.?\[", text, re.DOTALL):
        with pytest.raises(EslError, match="unsafe-text"):
            esl.execute(UUID, "playback", text, event_uuid="play.1")
        return
    wire = esl.execute(UUID, "playback", text, event_uuid="play.1")
    packets = read_packets(wire)
    assert len(packets) == 1
    command, headers, body = packets[0]
    assert command == f"sendmsg {UUID}"
    names = [name for name, _ in headers]
    assert names[:3] == ["call-command", "execute-app-name", "event-uuid"]
    assert names[3:] == (["content-type", "content-length"] if text else [])
    assert expand_variables((body or b"").decode()) == text


BUILDERS: list[Callable[[str], bytes]] = [
    lambda text: esl.api("uuid_setvar", UUID, "name", text),
    lambda text: esl.api(text),
    lambda text: esl.bgapi("originate", text, job_uuid="j"),
    lambda text: esl.bgapi("status", job_uuid=text),
    lambda text: esl.execute(text, "answer", event_uuid="e"),
    lambda text: esl.execute(UUID, text, event_uuid="e"),
    lambda text: esl.execute(UUID, "answer", event_uuid=text),
    lambda text: esl.execute(UUID, "set", text, event_uuid="e"),
    lambda text: esl.hangup(text),
    lambda text: esl.hangup(UUID, text),
    lambda text: esl.events("plain", [text]),
    lambda text: esl.events(text, ["DTMF"]),
    lambda text: esl.filter_add(text, "x"),
    lambda text: esl.filter_add("x", text),
    lambda text: esl.filter_delete("x", text),
    esl.auth,
    esl.single,
]


@pytest.mark.parametrize("build", BUILDERS)
@given(text=TEXT)
@example("a\n\napi system id")
@example("a\r\n\r\napi system id")
@example("a\0b")
@example("${system(id)}")
@example("$${x}")
@example("$\\{x}")
def test_every_builder_makes_one_command_or_refuses(build: Callable[[str], bytes], text: str) -> None:
    try:
        wire = build(text)
    except EslError:
        return
    packets = read_packets(wire)
    assert len(packets) == 1
    assert "\0" not in wire.decode()
    if build not in (esl.single, esl.auth):  # a programmer's own; a password is compared and nothing else
        command, headers, body = packets[0]
        for part in (command, *(value for _, value in headers)):
            assert "${" not in part
        if body is not None:
            assert expand_variables(body.decode()) == text


@pytest.mark.parametrize(
    ("build", "code"),
    [
        (lambda: esl.api("uuid_setvar", UUID, "a", "two words"), "unsafe-text"),
        (lambda: esl.api("uuid_setvar", UUID, "a", ""), "unsafe-text"),
        (lambda: esl.api("system id"), "bad-name"),
        (lambda: esl.execute("all", "a b", event_uuid="e"), "bad-name"),
        (lambda: esl.execute("a b", "answer", event_uuid="e"), "bad-uuid"),
        (lambda: esl.execute(UUID, "playback", "a\0b", event_uuid="e"), "unsafe-text"),
        (lambda: esl.execute(UUID, "playback", "\ud800", event_uuid="e"), "unsafe-text"),
        (lambda: esl.execute(UUID, "playback", "x" * 1_000_001, event_uuid="e"), "unsafe-text"),
        (lambda: esl.execute(UUID, "playback", event_uuid="e", loops=-1), "bad-number"),
        (lambda: esl.events("plain", []), "bad-name"),
        (lambda: esl.events("xml", ["DTMF"]), "bad-name"),
        (lambda: esl.auth("two words"), "unsafe-text"),
        (lambda: esl.single("status\n\nexit"), "unsafe-text"),
        (lambda: esl.single("sendmsg x\ncontent-length: 5"), "unsafe-text"),
        (lambda: esl.single(" \n"), "unsafe-text"),
    ],
)
def test_refusals_have_stable_codes(build: Callable[[], bytes], code: str) -> None:
    with pytest.raises(EslError) as refused:
        build()
    assert refused.value.code == code


def test_a_refused_password_is_not_shown() -> None:
    with pytest.raises(EslError) as refused:
        esl.auth("top secret")
    assert "top" not in str(refused.value)


def test_channel_variables() -> None:
    assert esl.channel_variables({}) == ""
    assert esl.channel_variables({"presence_data": "w1", "origination_uuid": UUID}) == (
        f"{{presence_data=w1,origination_uuid={UUID}}}"
    )


@pytest.mark.parametrize(
    "value", ["", "a,b", "a b", "a'b", 'a"b', "a}b", "a{b", "${x}", "a\\b", "a\nb", "^^:x", "é", "[x"]
)
def test_channel_variables_that_could_mean_more_are_refused(value: str) -> None:
    with pytest.raises(EslError) as refused:
        esl.channel_variables({"name": value})
    assert refused.value.code == "bad-variable"


def test_dial_strings() -> None:
    assert esl.gateway_dial("carrier-1", "+4930123456") == "sofia/gateway/carrier-1/+4930123456"
    assert esl.user_dial("1001", "pbx.example.com") == "user/1001@pbx.example.com"
    for gateway, number in (("a/b", "123"), ("ok", "12a"), ("ok", "1|sofia/x/2"), ("", "1"), ("ok", "")):
        with pytest.raises(EslError):
            esl.gateway_dial(gateway, number)
