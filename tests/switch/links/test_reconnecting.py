"""The pair of links lost, refused, silent, restarted; and up again."""

from __future__ import annotations

import itertools
import logging
import random
from collections.abc import Callable
from typing import Any

import pytest

from cti.switch.links import LinkLost, LinkSettings, LinkState, SwitchLinks
from cti.switch.links.transport import open_transport
from tests.switch.links.scripted import (
    CORE,
    GOODBYE,
    PASSWORD,
    REJECTION,
    Connection,
    eventually,
    good_switch,
    response,
    scripted,
)
from tests.switch.links.supervised import Sink, event, links_to

OTHER_CORE = "6654755e-b9dd-4f18-be35-61fb9ef17be4"


def test_events_of_a_link_that_never_came_up_are_not_told() -> None:
    sink = Sink()
    with good_switch() as switch:

        def lose(connection: Connection, command: str) -> bytes:
            switch.fire(event(1))
            eventually(lambda: links.stats()["waiting_events"] == 1)
            switch.of("event ").close()
            eventually(lambda: not links._pair or not links._pair.connected)
            connection.close()
            switch.answers.clear()
            return b""

        switch.answers["api show channels"] = lose
        with links_to(switch, sink) as links:
            eventually(lambda: sink.told)
    assert sink.kinds() == ["up", "down"]


@pytest.mark.parametrize("lost", ["event ", "api global_getvar"])
def test_the_loss_of_either_link_is_down_and_up_again(lost: str) -> None:
    sink = Sink()
    with good_switch() as switch, links_to(switch, sink) as links:
        eventually(lambda: links.connected)
        switch.answers["api never"] = switch.answers["bgapi"] = lambda connection, command: None
        waiting = links.submit_api("never")
        job = links.submit_job("originate", "user/1001", timeout_s=60)
        switch.fire(event(1))
        switch.of(lost).close()
        eventually(lambda: len(switch.connections) == 4 and links.connected)
        for pending in (waiting, job):
            with pytest.raises(LinkLost):
                pending.wait(0)
        assert links.stats()["jobs"] == 0
        told = [t for t in sink.told if t[0] != "event"]
        assert told == [("up", CORE, False, []), ("down",), ("up", CORE, False, [])]


def test_events_before_the_loss_come_before_the_word_of_it() -> None:
    sink = Sink()
    with good_switch() as switch, links_to(switch, sink) as links:
        eventually(lambda: links.connected)
        switch.fire(b"".join(event(n) for n in range(200)) + GOODBYE)
        switch.of("event ").close()
        eventually(lambda: "down" in sink.kinds())
        assert sink.told[1:202] == [*(("event", "DTMF", str(n)) for n in range(200)), ("down",)]


def test_another_core_uuid_is_a_restart() -> None:
    sink = Sink()
    with good_switch() as switch, links_to(switch, sink) as links:
        eventually(lambda: links.connected)
        switch.core = OTHER_CORE
        switch.of("event ").close()
        eventually(lambda: len(sink.told) == 3)
        switch.of("event ").close()
        eventually(lambda: len(sink.told) == 5)
    assert sink.told[:5] == [
        ("up", CORE, False, []),
        ("down",),
        ("up", OTHER_CORE, True, []),
        ("down",),
        ("up", OTHER_CORE, False, []),
    ]


COMMANDS = ["auth", "filter Channel", "event ", "api global_getvar", "api show channels"]


@pytest.mark.parametrize(
    "sent", [b"", b"Content-Type: api/resp", b"Content-Type: api/response\nContent-Length: 9\n\n+O"]
)
@pytest.mark.parametrize("at", COMMANDS)
def test_a_switch_that_goes_in_the_middle_of_any_command_is_connected_again(at: str, sent: bytes) -> None:
    sink = Sink()
    with good_switch() as switch:

        def go(connection: Connection, command: str) -> bytes:
            del switch.answers[at]
            connection.send(sent)
            connection.close()
            return b""

        switch.answers[at] = go
        with links_to(switch, sink, worker="w1") as links:
            eventually(lambda: links.connected)
            assert at not in switch.answers
    assert sink.told == [("up", CORE, False, []), ("down",)]


@pytest.mark.parametrize(
    ("at", "answer", "says"),
    [
        ("event ", b"Content-Type: command/reply\nReply-Text: -ERR no keywords supplied\n\n", "subscription"),
        ("api global_getvar", response("-ERR command not found"), "core_uuid"),
        ("api show", response("-ERR show Command not found!"), "show channels"),
        ("api show", response("[]"), "show channels"),
        ("api show", response('{"rows":[1]}'), "show channels"),
        ("api show", b"Content-Type: api/response\nContent-Length: 16777217\n\n", "frame-too-large"),
    ],
)
def test_answers_that_make_no_sense_are_told_and_tried_again(at: str, answer: bytes, says: str) -> None:
    sink = Sink()
    with good_switch() as switch:
        switch.answers[at] = answer
        with links_to(switch, sink) as links:
            eventually(lambda: says in links.reason)
            assert sink.told == []
            switch.answers.clear()
            eventually(lambda: links.connected)


def test_a_switch_that_is_not_there_yet() -> None:
    sink = Sink()
    states: list[LinkState] = []
    with good_switch() as switch:
        switch.refuse()
        with links_to(switch, sink, states=states) as links:
            eventually(lambda: states.count(LinkState.WAITING) >= 3)
            assert "cannot connect" in links.reason
            with pytest.raises(LinkLost, match="cannot connect"):
                links.submit_api("status")
            switch.listen_again()
            eventually(lambda: links.connected)


@pytest.mark.parametrize(
    ("script", "says"),
    [
        (lambda c: (c.send(b"Content-Type: auth/request\n\n"), c.command(),
                    c.send(b"Content-Type: command/reply\nReply-Text: -ERR invalid\n\n" + GOODBYE)), "password"),
        (lambda c: c.send(REJECTION + GOODBYE), "apply-inbound-acl"),
    ],
)  # fmt: skip
def test_being_refused_is_told_once_and_not_hammered(
    script: Callable[[Connection], object], says: str, caplog: pytest.LogCaptureFixture
) -> None:
    states: list[LinkState] = []
    options: dict[str, Any] = {"states": states, "refused_retry_s": 0.1, "backoff_first_s": 0.001}
    with caplog.at_level(logging.WARNING), scripted(script) as switch, links_to(switch, Sink(), **options) as links:
        eventually(lambda: states.count(LinkState.REFUSED) == 3)
        assert says in links.reason
        opened = [connection.opened_s for connection in switch.connections]
    assert all(later - earlier >= 0.1 for earlier, later in itertools.pairwise(opened))
    errors = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert [record.levelname for record in errors] == ["ERROR"]
    assert says in errors[0].getMessage()
    assert PASSWORD not in caplog.text


def test_a_corrected_password_is_noticed_without_a_restart() -> None:
    with good_switch() as switch:
        switch.password_ok = False
        with links_to(switch, Sink()) as links:
            eventually(lambda: links.state is LinkState.REFUSED)
            switch.password_ok = True
            eventually(lambda: links.connected)


def test_back_off_doubles_to_its_bound_with_half_of_it_left_to_chance() -> None:
    settings = LinkSettings("127.0.0.1", 1, PASSWORD, ("DTMF",), backoff_first_s=0.25, backoff_max_s=15)
    waits = []
    for seed in range(2):
        links = SwitchLinks("fs1", settings, Sink(), rng=random.Random(seed))
        waits.append([links._delay_s(False) for _ in range(10)])
    whole = [0.25, 0.5, 1, 2, 4, 8, 15, 15, 15, 15]
    for delays in waits:
        assert all(most / 2 <= delay <= most for delay, most in zip(delays, whole, strict=True))
    assert waits[0] != waits[1]
    assert 60 <= SwitchLinks("fs1", settings, Sink())._delay_s(True) <= 66


def test_a_network_that_swallowed_everything_for_long_is_noticed_soon_after_it_is_whole(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """An attempt that nobody answers and the wait after it: 3 s together at most, after however many."""
    asked: list[float] = []

    def swallow(_address: object, timeout: float) -> None:
        asked.append(timeout)
        raise TimeoutError("timed out")

    monkeypatch.setattr("cti.switch.links.transport.socket.create_connection", swallow)
    settings = LinkSettings("127.0.0.1", 1, PASSWORD, ("DTMF",))
    links = SwitchLinks("fs1", settings, Sink(), rng=random.Random(1))
    with pytest.raises(LinkLost, match="cannot connect"):
        open_transport("127.0.0.1", 1, settings.connect_timeout_s)
    assert asked[0] + max(links._delay_s(False) for _ in range(50)) <= 3.0


@pytest.mark.parametrize("mute", ["event ", "api global_getvar"])
def test_a_silent_link_is_probed_and_given_up(mute: str) -> None:
    sink = Sink()
    with good_switch() as switch, links_to(switch, sink, quiet_s=0.1, probe_timeout_s=0.1) as links:
        eventually(lambda: links.connected)
        eventually(lambda: any("api uptime" in c.commands for c in switch.connections))
        assert sink.kinds() == ["up"]  # quiet, but it answers
        victim = switch.of(mute)

        def ignore(connection: Connection, command: str) -> bytes | None:
            return None if connection is victim else response("1")

        switch.answers["api uptime"] = ignore
        eventually(lambda: len(sink.told) == 3)
    assert sink.kinds()[:3] == ["up", "down", "up"]
