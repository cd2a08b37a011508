"""The pair of links in use: up, reconciled, filtered, too slow a sink, stopped."""

from __future__ import annotations

from typing import Any

import gevent
import pytest
from gevent.event import Event as Flag

from cti.core.errors import ConfigError
from cti.esl import Event
from cti.switch.links import LinkSettings, LinkState, SwitchLinks
from cti.switch.links.ahead import Reader, Standing
from tests.switch.links.scripted import (
    CORE,
    LIMIT_S,
    PASSWORD,
    Connection,
    eventually,
    good_switch,
    reply,
    response,
    scripted,
)
from tests.switch.links.supervised import Sink, event, links_to


def test_up_subscribed_and_reconciled() -> None:
    sink = Sink()
    states: list[LinkState] = []
    with good_switch() as switch:
        switch.channels = '{"row_count":1,"rows":[{"uuid":"u1","name":"x"}]}'
        with links_to(switch, sink, worker="w1", states=states) as links:
            eventually(lambda: links.connected)
            switch.fire(event(1))
            eventually(lambda: len(sink.told) == 2)
            assert links.core_uuid == CORE
            assert links.stats()["connects"] == 1
        assert [c.commands for c in switch.connections] == [
            [
                f"auth {PASSWORD}",
                "filter Channel-Presence-Data w1",
                "filter Event-Name HEARTBEAT",
                "filter Event-Name BACKGROUND_JOB",
                "event plain CHANNEL_PARK DTMF HEARTBEAT BACKGROUND_JOB",
                "exit",
            ],
            [f"auth {PASSWORD}", "api global_getvar core_uuid", "api show channels as json", "exit"],
        ]
    assert sink.told == [("up", CORE, False, ["u1"]), ("event", "DTMF", "1"), ("down",)]
    assert states == [LinkState.CONNECTING, LinkState.UP, LinkState.STOPPED]


def test_events_that_come_during_reconciliation_follow_it() -> None:
    sink = Sink()
    with good_switch() as switch:

        def snapshot(connection: Connection, command: str) -> bytes:
            switch.fire(event(1) + event(2))
            eventually(lambda: links.stats()["waiting_events"] == 2)
            return response('{"row_count":0}')

        switch.answers["api show channels"] = snapshot
        with links_to(switch, sink) as links:
            eventually(lambda: len(sink.told) == 3)
    assert sink.told[:3] == [("up", CORE, False, []), ("event", "DTMF", "1"), ("event", "DTMF", "2")]


def test_events_as_early_as_the_subscription_wait_for_the_reconciliation() -> None:
    sink = Sink()
    with good_switch() as switch:
        switch.answers["event "] = event(1) + reply("+OK event listener enabled plain")
        with links_to(switch, sink):
            eventually(lambda: len(sink.told) == 2)
    assert sink.told[:2] == [("up", CORE, False, []), ("event", "DTMF", "1")]


def test_a_sink_that_is_too_slow_is_told_anew_what_is_there() -> None:
    free, busy = Flag(), Flag()

    class SlowSink(Sink):
        def on_event(self, event: Event) -> None:
            busy.set()
            free.wait(LIMIT_S)
            super().on_event(event)

    sink = SlowSink()
    with good_switch() as switch, links_to(switch, sink, mailbox_limit=10) as links:
        eventually(lambda: links.connected)
        switch.fire(b"".join(event(n) for n in range(50)))
        assert busy.wait(LIMIT_S)
        eventually(lambda: links.stats()["dropped_events"] >= 39)
        switch.channels = '{"rows":[{"uuid":"u1"}]}'
        free.set()
        eventually(lambda: sink.kinds().count("up") == 2)
        switch.fire(event(99))
        eventually(lambda: ("event", "DTMF", "99") in sink.told)
        assert links.connected
        assert links.stats()["resyncs"] == 1
    events = [told for told in sink.told if told[0] == "event"]
    assert [told for told in sink.told if told[0] == "up"] == [("up", CORE, False, []), ("up", CORE, False, ["u1"])]
    assert events == [("event", "DTMF", str(n)) for n in range(len(events) - 1)] + [("event", "DTMF", "99")]


def test_a_sink_with_a_bug_does_not_take_the_links_down() -> None:
    class Broken(Sink):
        def on_up(self, core_uuid: str, restarted: bool, channels: Any) -> None:
            super().on_up(core_uuid, restarted, channels)
            raise RuntimeError("a bug in on_up")

        def on_event(self, event: Event) -> None:
            super().on_event(event)
            raise RuntimeError("a bug in on_event")

    sink = Broken()
    with good_switch() as switch, links_to(switch, sink) as links:
        eventually(lambda: links.connected)
        switch.fire(event(1) + event(2))
        eventually(lambda: len(sink.told) == 3)
        assert links.connected


def test_the_sink_may_use_the_links_while_it_is_told_of_them() -> None:
    answers: list[str] = []

    class Asking(Sink):
        def on_up(self, core_uuid: str, restarted: bool, channels: Any) -> None:
            answers.append(links.dump("u1").variable("presence_data") or "")

    with good_switch() as switch:
        switch.answers["api uuid_dump u1"] = response("Event-Name: CHANNEL_DATA\nvariable_presence_data: w%201\n\n")
        links = SwitchLinks("fs1", LinkSettings("127.0.0.1", switch.port, PASSWORD, ("DTMF",)), Asking())
        links.start()
        eventually(lambda: answers)
        links.stop()
    assert answers == ["w 1"]


def test_filters_added_later_are_there_after_a_reconnect() -> None:
    with good_switch() as switch, links_to(switch, Sink(), worker="w1") as links:
        eventually(lambda: links.connected)
        links.add_filter("Channel-Presence-Data", "w2").wait(LIMIT_S)
        links.add_filter("Channel-Presence-Data", "w3").wait(LIMIT_S)
        links.remove_filter("Channel-Presence-Data", "w2").wait(LIMIT_S)
        switch.of("event ").close()
        eventually(lambda: len(switch.connections) == 4 and links.connected)
        filters = [c for c in switch.of("event ").commands if c.startswith("filter")]
    assert filters == [
        "filter Channel-Presence-Data w1",
        "filter Event-Name HEARTBEAT",
        "filter Event-Name BACKGROUND_JOB",
        "filter Channel-Presence-Data w3",
    ]


@pytest.mark.parametrize("phase", ["connecting", "waiting", "up"])
def test_stop_is_quick_whatever_goes_on(phase: str) -> None:
    def mute(connection: Connection) -> None:
        gevent.sleep(60)

    if phase == "up":
        with good_switch() as switch:
            with links_to(switch, Sink()) as links:
                eventually(lambda: links.connected)
            assert links.state is LinkState.STOPPED
        return
    with scripted(mute) as silent:
        if phase == "waiting":
            silent.refuse()
        with links_to(silent, Sink(), backoff_first_s=60, backoff_max_s=60) as links:
            eventually(lambda: links.state is (LinkState.WAITING if phase == "waiting" else LinkState.CONNECTING))
            with gevent.Timeout(3, AssertionError("stop took too long")):
                links.stop()
        assert links.state is LinkState.STOPPED


@pytest.mark.parametrize("password", ["ClueCon", ""])
def test_well_known_passwords_are_refused(password: str) -> None:
    with pytest.raises(ConfigError) as refused:
        LinkSettings("127.0.0.1", 8021, password, ("DTMF",))
    assert refused.value.code == "default-password"


def test_worker_names_are_checked() -> None:
    with pytest.raises(ConfigError):
        LinkSettings("127.0.0.1", 8021, PASSWORD, ("DTMF",), worker="a b\n\nexit")


@pytest.mark.parametrize(
    ("standing", "says"),
    [
        (Standing.FORBIDDEN, ["the switch is on this machine, but we may not"]),
        (Standing.UNKNOWN, ["which of its threads reads our commands"]),
        (Standing.ELSEWHERE, []),
    ],
)
def test_commands_that_wait_for_calls_are_told_once(
    standing: Standing, says: list[str], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(Reader, "look", lambda _ports: Reader(standing))
    with good_switch() as switch, links_to(switch, Sink(), backoff_first_s=0.001) as links:
        for connects in (1, 2):
            eventually(lambda: links.connected and links.stats()["connects"] == connects)  # noqa: B023
            switch.connections[-1].close()
        eventually(lambda: links.stats()["connects"] == 3)
        assert links.stats()["ahead"] is False
    told = [record.getMessage() for record in caplog.records if "our commands" in record.getMessage()]
    assert len(told) == len(says)
    assert all(said in one for one, said in zip(told, says, strict=True))
