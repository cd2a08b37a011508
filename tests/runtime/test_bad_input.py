"""What nobody expects: events out of order or about nobody, hostile names, floods, bugs. Other calls notice nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import gevent
import pytest
from gevent import socket as gsocket

from cti.core.events import LookupEnded
from cti.runtime.actor import CallActor
from cti.switch.embedded import Hear, Keys, VirtualCaller
from cti.switch.links.link import Link

from .platform import PASSWORD, Platform, path, summary, uuid_of

STRANGER = "11111111-2222-3333-4444-555555555555"


class Intruder:
    """A second client of the event socket, which makes up events of our worker."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._socket = gsocket.create_connection(("127.0.0.1", platform.switch.port))
        self._socket.settimeout(5)
        self._read = self._socket.makefile("rb")
        self._reply()
        self.say(f"auth {PASSWORD}")

    def say(self, text: str) -> None:
        self._socket.sendall(text.encode() + b"\n\n")
        self._reply()

    def _reply(self) -> None:
        while self._read.readline().strip():
            pass

    def event(self, name: str, uuid: str, **headers: str) -> None:
        lines = {"Unique-ID": uuid, "Channel-Presence-Data": "0", "Call-Direction": "inbound"}
        lines |= {key.replace("_", "-") if not key.startswith("variable") else key: v for key, v in headers.items()}
        self.say("\n".join([f"sendevent {name}", *(f"{key}: {value}" for key, value in lines.items())]))

    def seen(self) -> None:
        """Until the driver has taken what was sent: a heartbeat goes the same way behind it."""
        inbox = self._platform.driver.links._pair
        assert inbox is not None
        before = inbox.events.frames
        self._platform.until(lambda: inbox.events.frames > before or not len(inbox.inbox), "it has arrived")

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def intruder(platform: Platform) -> Iterator[Intruder]:
    client = Intruder(platform)
    yield client
    client.close()


def in_menu(platform: Platform) -> VirtualCaller:
    caller = platform.call("long")
    platform.heard(caller, "on and on")
    return caller


EVENTS: dict[str, Callable[[Intruder, str], None]] = {
    "EXECUTE_COMPLETE for nobody": lambda i, _: i.event("CHANNEL_EXECUTE_COMPLETE", STRANGER, Application_UUID="x"),
    "EXECUTE_COMPLETE of an unknown execution": lambda i, u: i.event(
        "CHANNEL_EXECUTE_COMPLETE", u, Application_UUID="play.1", Application="playback"
    ),
    "EXECUTE_COMPLETE without an id": lambda i, u: i.event("CHANNEL_EXECUTE_COMPLETE", u),
    "a second ANSWER": lambda i, u: i.event("CHANNEL_ANSWER", u),
    "ANSWER of nobody": lambda i, _: i.event("CHANNEL_ANSWER", STRANGER),
    "a second PARK": lambda i, u: i.event("CHANNEL_PARK", u),
    "BRIDGE without a bridge": lambda i, u: i.event("CHANNEL_BRIDGE", u, Other_Leg_Unique_ID=STRANGER),
    "HANGUP of nobody": lambda i, _: i.event("CHANNEL_HANGUP", STRANGER, Hangup_Cause="NORMAL_CLEARING"),
    "HANGUP_COMPLETE of nobody": lambda i, _: i.event("CHANNEL_HANGUP_COMPLETE", STRANGER),
    "keys A to D": lambda i, u: [i.event("DTMF", u, DTMF_Digit=key) for key in "ABCDabcd"] and None,
    "a key that is none": lambda i, u: [i.event("DTMF", u, DTMF_Digit=key) for key in ("", "12", "é", "w")] and None,
    "a key of nobody": lambda i, _: i.event("DTMF", STRANGER, DTMF_Digit="1"),
    "PARK of a strange name": lambda i, _: i.event("CHANNEL_PARK", "../../etc/passwd"),
    "PARK of nothing": lambda i, _: i.event("CHANNEL_PARK", ""),
    "PARK of an agent's leg": lambda i, _: i.event("CHANNEL_PARK", STRANGER, Call_Direction="outbound"),
    "another worker's": lambda i, _: i.event("CHANNEL_PARK", STRANGER, Channel_Presence_Data="2"),
}


@pytest.mark.parametrize("send", EVENTS.values(), ids=list(EVENTS))
def test_events_that_nobody_expects(
    platform: Platform, intruder: Intruder, send: Callable[[Intruder, str], None]
) -> None:
    caller = in_menu(platform)
    send(intruder, uuid_of(caller))
    intruder.seen()
    platform.heard(caller, "Main menu.")
    caller.press("1")
    detail = platform.over(caller)
    assert (*summary(detail), path(detail)) == (
        "flow_end", "done", (), [("talk", "next"), ("main", "1"), ("bye", "end")],
    )  # fmt: skip
    assert platform.application.engine.figures().started == 1
    assert platform.application.store.health().duplicates == 0
    assert len(platform.application.store.list_calls(limit=5)) == 1


def test_a_hang_up_told_before_the_call_and_events_after_its_end(platform: Platform, intruder: Intruder) -> None:
    for name in ("CHANNEL_HANGUP", "CHANNEL_HANGUP_COMPLETE", "CHANNEL_EXECUTE_COMPLETE", "CHANNEL_ANSWER"):
        intruder.event(name, STRANGER, Hangup_Cause="USER_BUSY")
    intruder.seen()
    caller = VirtualCaller("13800000000", "10086", uuid=STRANGER)
    platform.callers.append(caller)
    caller.place(platform.switch.core)
    assert summary(platform.over(caller)) == ("flow_end", "quiet", ())
    for name in ("CHANNEL_PARK", "CHANNEL_ANSWER", "DTMF", "CHANNEL_EXECUTE_COMPLETE", "CHANNEL_HANGUP"):
        intruder.event(name, STRANGER, DTMF_Digit="1", Hangup_Cause="NORMAL_CLEARING")
    intruder.seen()
    assert summary(platform.over(platform.call("menu", number="13800000001"))) == ("flow_end", "quiet", ())
    assert platform.application.engine.figures().started == 2
    assert platform.application.store.health().duplicates == 0


def test_a_call_that_the_switch_does_not_know_is_written_off(platform: Platform, intruder: Intruder) -> None:
    intruder.event("CHANNEL_PARK", STRANGER, Caller_Destination_Number="10086", Caller_Caller_ID_Number="123")
    detail = platform.recorded(STRANGER)
    assert summary(detail) == ("caller_hangup", "", ())
    assert detail.call.answered_at is None


#: Name, and what is on record. Plain events do not tell `%0A` in a value from a line end (switch_url_encode
#: leaves what looks encoded alone); either way it stays one value.
NAMES = {
    "x%0AEvent-Name: CHANNEL_HANGUP": "x\nEvent-Name: CHANNEL_HANGUP",
    "Bob\n\napi system id": "Bob\n\napi system id",
    "${system(id)}": "%{system(id)}",  # the switch disarms it
    "'; DROP TABLE calls; --": "'; DROP TABLE calls; --",
    "\x00\x7f": " \x7f",
}


@contextmanager
def wire(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[bytes]]:
    """Every command on the wire, as bytes."""
    said: list[bytes] = []
    original = Link.submit

    def submit(self: Link, command: bytes) -> object:
        said.append(command)
        return original(self, command)

    monkeypatch.setattr(Link, "submit", submit)
    yield said


@pytest.mark.parametrize(("name", "recorded"), NAMES.items())
def test_a_callers_name_is_text(platform: Platform, monkeypatch: pytest.MonkeyPatch, name: str, recorded: str) -> None:
    with wire(monkeypatch) as said:
        detail = platform.over(platform.call("menu", Hear("Main"), Keys("1"), name=name))
    assert summary(detail) == ("flow_end", "one", ())
    found = platform.application.store.find_call(detail.call.call_id, unmask=True)
    assert found is not None
    assert found.call.caller_name == recorded
    commands = b"".join(said)
    assert not any(word in commands for word in (b"system", b"DROP", b"CHANNEL_HANGUP\n\n", b"Bob"))
    for command in said:
        head, _, body = command.partition(b"\n\n")
        length = [line for line in head.split(b"\n") if line.lower().startswith(b"content-length")]
        assert len(body.rstrip(b"\n")) == 0 or length  # one command each


def test_ten_thousand_keys(platform: Platform, intruder: Intruder) -> None:
    caller, other = in_menu(platform), platform.call("menu", Hear("Main"), Keys("1"), number="13800000001")
    block = "\n\n".join(
        f"sendevent DTMF\nUnique-ID: {uuid_of(caller)}\nChannel-Presence-Data: 0\nDTMF-Digit: 9" for _ in range(10_000)
    )
    reader = gevent.spawn(lambda: [intruder._reply() for _ in range(9_999)])
    intruder.say(block)
    assert summary(platform.over(other)) == ("flow_end", "one", ())
    reader.join(10)
    detail = platform.over(caller, 20)
    assert detail.call.terminal_cause == "flow_end"  # 9 is no key of the menu: it is asked again, and left


def test_a_bug_in_a_call_ends_that_call_only(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
    other = platform.call("menu", Hear("Main"), Keys("1"), number="13800000001")
    caller = in_menu(platform)
    actor = platform.actor(caller)
    original = CallActor._handle

    def broken(self: CallActor, message: object) -> None:
        if self is actor:
            raise ZeroDivisionError("a bug")
        original(self, message)

    monkeypatch.setattr(CallActor, "_handle", broken)
    caller.press("1")
    detail = platform.over(caller)
    assert (summary(detail)[0], detail.call.error) == ("system_error", "ZeroDivisionError in the engine")
    assert caller.cause == "NORMAL_TEMPORARY_FAILURE"
    assert summary(platform.over(other)) == ("flow_end", "one", ())


def test_a_bug_on_the_way_to_the_flow_leaves_a_record(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise KeyError("a bug")

    monkeypatch.setattr(platform.application.engine._library.__class__, "meet", broken)
    caller = platform.call("menu")
    detail = platform.over(caller)
    assert (summary(detail)[0], detail.call.error) == ("system_error", "KeyError before the flow")
    assert caller.cause == "NORMAL_TEMPORARY_FAILURE"


def test_a_prompt_that_cannot_be_had(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
    prompts = platform.application.engine._services.prompts
    monkeypatch.setattr(type(prompts), "find", lambda *_: None)

    def broken(*_: object) -> list[str]:
        raise RuntimeError("a bug in the renderer")

    monkeypatch.setattr(type(prompts), "render", broken)
    caller = platform.call("menu")
    assert summary(platform.over(caller)) == ("flow_end", "quiet", ())
    assert platform.spoken(caller) == []


def test_one_slow_call_delays_no_other(platform: Platform) -> None:
    def slow(deadline_s: float) -> LookupEnded:
        gevent.sleep(deadline_s)
        return LookupEnded(0, "timeout")

    platform.lookups.instead = slow
    slow_ones = [platform.call("balance", number=f"1380000{n:04}") for n in range(20)]
    platform.until(lambda: platform.lookups.asked == 20, "twenty callers wait for the back office")
    quick = platform.call("menu", Hear("Main"), Keys("1"), number="13900000000")
    assert summary(platform.over(quick)) == ("flow_end", "one", ())
    said = {heard.text: heard.at for heard in quick.log}
    assert said["Main menu."] - said["Hello."] < 2.0  # the prompt's own length is 0.42 s; the back office takes longer
    assert {summary(platform.over(caller)) for caller in slow_ones} == {("flow_end", "slow", ())}


def test_three_hundred_calls_leave_nothing_behind(platform: Platform) -> None:
    callers: list[VirtualCaller] = []
    for batch in range(6):
        now = [platform.call("menu", Keys("1"), number=f"138{batch}{n:07}") for n in range(50)]
        for caller in now:
            platform.until(lambda caller=caller: caller.cause, "the end", 20)  # type: ignore[misc]
        callers += now
    platform.until(lambda: not platform.nothing_left(), "nothing is left")
    assert platform.application.store.flush(10)
    rows = platform.application.store.list_calls(limit=500)
    assert [(row.terminal_cause, row.outcome) for row in rows] == [("flow_end", "one")] * 300
    assert len({uuid_of(caller) for caller in callers} & {row.call_id for row in rows}) == 300
    figures = platform.application.engine.figures()
    assert (figures.active, figures.started, dict(figures.ended)) == (0, 300, {"flow_end": 300})
    assert platform.application.store.health().duplicates == 0
