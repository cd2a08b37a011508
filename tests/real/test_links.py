"""The links and the escaping against a real switch: what the models in tests/esl claim about it is true."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gevent
import pytest

from cti.core.errors import CommandRefused
from cti.esl import Event, padded
from cti.switch.conf import slot_name, slot_variable
from cti.switch.links import AccessRefused, Link, LinkSettings, LinkState, SwitchLinks
from cti.switch.links.ahead import Standing

from .switch import RealSwitch
from .ua import Phone

pytestmark = pytest.mark.real

LIMIT_S = 30.0
EVENTS = ("CHANNEL_PARK", "CHANNEL_EXECUTE", "CHANNEL_EXECUTE_COMPLETE", "CHANNEL_HANGUP", "CHANNEL_HANGUP_COMPLETE")


class Sink:
    def __init__(self) -> None:
        self.events: list[Event] = []
        self.ups: list[tuple[str, bool, int]] = []
        self.downs: list[str] = []

    def on_event(self, event: Event) -> None:
        self.events.append(event)

    def on_up(self, core_uuid: str, restarted: bool, channels: Any) -> None:
        self.ups.append((core_uuid, restarted, len(channels)))

    def on_down(self, reason: str) -> None:
        self.downs.append(reason)

    def wait(self, name: str, **headers: str) -> Event:
        wanted = {key.replace("_", "-"): value for key, value in headers.items()}
        with gevent.Timeout(LIMIT_S, AssertionError(f"no {name} with {wanted}")):
            while True:
                for event in self.events:
                    if event.name == name and all(event.get(key) == value for key, value in wanted.items()):
                        return event
                gevent.sleep(0.005)


@pytest.fixture
def sink() -> Sink:
    return Sink()


@pytest.fixture
def links(real_switch: RealSwitch, sink: Sink) -> Iterator[SwitchLinks]:
    conf = real_switch.conf
    settings = LinkSettings(conf.host, conf.port, conf.password, EVENTS, worker=slot_name(0))
    links = SwitchLinks("real", settings, sink)
    links.start()
    with gevent.Timeout(LIMIT_S, AssertionError("the links did not come up")):
        while not links.connected:
            gevent.sleep(0.005)
    yield links
    links.api("global_setvar", f"{slot_variable(0)}=0")
    links.stop()
    assert links.state is LinkState.STOPPED


@pytest.fixture
def parked(real_switch: RealSwitch, links: SwitchLinks, sink: Sink) -> Iterator[str]:
    """The uuid of a call of ours, answered and parked."""
    links.api("global_setvar", f"{slot_variable(0)}=1")
    with Phone("13800138000") as caller:
        caller.call("4000", real_switch.conf.trunks_port)
        uuid = sink.wait("CHANNEL_PARK")["Unique-ID"]
        links.execute(uuid, "answer", event_uuid="answer")
        sink.wait("CHANNEL_EXECUTE_COMPLETE", Application_UUID="answer")
        yield uuid
        links.hangup(uuid, "NORMAL_CLEARING")
        sink.wait("CHANNEL_HANGUP_COMPLETE", Unique_ID=uuid)


def test_up_and_asked(links: SwitchLinks, sink: Sink) -> None:
    assert sink.ups == [(links.core_uuid, False, 0)]
    assert links.api("global_getvar", "core_uuid") == links.core_uuid
    assert "is ready" in links.job("status", timeout_s=LIMIT_S)
    with pytest.raises(CommandRefused):
        links.api("uuid_break", "00000000-dead-beef-0000-000000000000")
    with pytest.raises(CommandRefused):
        links.job("originate", "user/0000@nowhere", "&park()", timeout_s=LIMIT_S)


def test_a_call_of_ours_is_heard_and_dumped(links: SwitchLinks, sink: Sink, parked: str) -> None:
    dump = links.dump(parked)
    assert (dump["Unique-ID"], dump.variable("presence_data")) == (parked, slot_name(0))
    assert {event["Unique-ID"] for event in sink.events if "Unique-ID" in event} == {parked}


@pytest.mark.parametrize(
    "text",
    [
        "Bob\n\napi system id",
        "${system(id)}",
        "$${hostname}",
        "\\${hostname}",
        "\\\\${uuid} $ $$ \\n",
        "${uuid",
        "$\\{uuid}",
        "it\\'s 5$ {a} \\\\ C:\\new",
        "${a${uuid}b} }",
        "call-command: hangup\r\n\r\n",
    ],
)
def test_foreign_text_in_an_argument_is_literal(links: SwitchLinks, sink: Sink, parked: str, text: str) -> None:
    links.execute(parked, "log", f"DEBUG {text}", event_uuid="text")
    event = sink.wait("CHANNEL_EXECUTE", Application_UUID="text")
    assert event["Application-Data"] == f"DEBUG {text}"
    sink.wait("CHANNEL_EXECUTE_COMPLETE", Application_UUID="text")
    assert links.api("uuid_exists", parked) == "true"


def test_a_wrong_password_is_told_apart(real_switch: RealSwitch) -> None:
    link = Link(real_switch.conf.host, real_switch.conf.port, "not-the-password")
    with pytest.raises(AccessRefused) as refused:
        link.connect()
    assert refused.value.code == "password-refused"


def priorities(switch: RealSwitch) -> dict[int, int]:
    """Thread -> priority; {} where the switch has no real-time one."""
    if os.sched_getscheduler(switch.pid) != os.SCHED_FIFO:
        return {}
    threads = (int(name) for name in os.listdir(f"/proc/{switch.pid}/task"))
    return {thread: os.sched_getparam(thread).sched_priority for thread in threads}


def needs_real_time(switch: RealSwitch) -> None:
    if not priorities(switch):
        pytest.skip("the switch may not have a real-time priority here: run as root, or with `ulimit -r 99`")


def test_commands_are_read_before_calls_are_served(real_switch: RealSwitch, links: SwitchLinks, parked: str) -> None:
    """One thread of the switch is a step ahead while the links live, also after they were lost with a call up."""
    needs_real_time(real_switch)
    assert links.standing is Standing.AHEAD
    first = {thread for thread, priority in priorities(real_switch).items() if priority == 2}
    assert len(first) == 1
    assert links._pair is not None
    links._pair.commands.stop()
    with gevent.Timeout(LIMIT_S, AssertionError("they did not come back")):
        while links.stats()["connects"] < 2 or not links.connected:
            gevent.sleep(0.005)
        # The old thread ends when it finds its connection closed.
        while first & {thread for thread, priority in priorities(real_switch).items() if priority == 2}:
            gevent.sleep(0.005)
    second = {thread for thread, priority in priorities(real_switch).items() if priority == 2}
    assert links.standing is Standing.AHEAD
    assert len(second) == 1


def test_it_is_the_thread_that_reads_the_commands(real_switch: RealSwitch, links: SwitchLinks) -> None:
    needs_real_time(real_switch)
    (thread,) = (thread for thread, priority in priorities(real_switch).items() if priority == 2)

    def used() -> int:
        return int(Path(f"/proc/{real_switch.pid}/task/{thread}/schedstat").read_text().split()[0])

    idle = used()
    for _ in range(20):
        links.submit(padded(4096)).wait(LIMIT_S)
    assert used() - idle > 20 * 300_000  # ns; its 20 ms of waiting between two polls cost some 10,000


STRANGER = """
import os, socket, sys
from cti.switch.links.ahead import Reader
ours = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
ours.recv(1)
os.setgid(65534), os.setuid(65534)
print(Reader.look((ours.getpeername()[1], ours.getsockname()[1])).standing.value)
"""


def test_who_is_not_the_switch_s_user_may_not(real_switch: RealSwitch) -> None:
    needs_real_time(real_switch)
    if os.geteuid():
        pytest.skip("only root can try what another user may: run as root")
    command = [sys.executable, "-c", STRANGER, str(real_switch.conf.port)]
    told = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT_S, check=True)
    assert told.stdout == "forbidden\n"
