"""Handlers under load, alone with their troubles, and at the end."""

from __future__ import annotations

import time
from typing import Any

import gevent
import pytest
from gevent.event import Event as Flag

from cti.esl import encode_event_plain
from cti.switch.links import Link, LinkLost
from tests.switch.links.scripted import (
    GOODBYE,
    LIMIT_S,
    PASSWORD,
    Connection,
    count_of_greenlets,
    eventually,
    link_to,
    reply,
    response,
    scripted,
)


def flood(count: int) -> bytes:
    return b"".join(encode_event_plain([("Event-Name", "DTMF"), ("n", str(n)), ("x", "y" * 500)]) for n in range(count))


def test_a_slow_handler_delays_no_other_and_no_answer() -> None:
    blocked, free = Flag(), Flag()
    slow: list[str] = []
    quick: list[str] = []

    def handle_slowly(event: Any) -> None:
        blocked.set()
        free.wait(LIMIT_S)
        slow.append(event["n"])

    def script(connection: Connection) -> None:
        connection.login()
        while command := connection.command():
            connection.send((flood(500) if command == "api flood" else b"") + response("+OK"))
            if command == "exit":
                return

    with scripted(script) as switch, link_to(switch.port) as link:
        link.register_handle("DTMF", handle_slowly)
        link.register_handle("DTMF", lambda event: quick.append(event["n"]))
        link.send("api flood")
        assert blocked.wait(LIMIT_S)
        eventually(lambda: len(quick) == 500, "the quick handler's last event")
        assert link.send("api status").data == "+OK"
        assert slow == []
        free.set()
        eventually(lambda: len(slow) == 500, "the slow handler's last event")
        assert slow == quick == [str(n) for n in range(500)]


def test_overflow_is_counted_told_in_its_place_and_ends() -> None:
    free = Flag()
    seen: list[str] = []

    def handle(event: Any) -> None:
        free.wait(LIMIT_S)
        seen.append(event["n"])

    def script(connection: Connection) -> None:
        connection.login()
        for _ in range(2):
            connection.command()
            connection.send(flood(50) + response("+OK"))
        connection.command()

    with scripted(script) as switch:
        link = link_to(switch.port, mailbox_limit=10, on_overflow=lambda handler, missing: seen.append(f"-{missing}"))
        with link:
            link.register_handle("DTMF", handle)
            link.send("api flood")
            box = link.mailbox(handle)
            assert (len(box), box.dropped) == (10, 40) or (len(box), box.dropped) == (9, 40)
            free.set()
            eventually(lambda: "-40" in seen, "word of the gap")
            assert seen == [str(n) for n in range(10)] + ["-40"]


def test_a_failing_handler_is_called_again() -> None:
    seen: list[str] = []

    def handle(event: Any) -> None:
        seen.append(event["n"])
        raise RuntimeError("a bug in a handler")

    def script(connection: Connection) -> None:
        connection.login()
        connection.send(flood(3))
        connection.command()

    with scripted(script) as switch:
        link = link_to(switch.port)
        link.register_handle("DTMF", handle)
        link.connect()
        eventually(lambda: len(seen) == 3)
        assert link.connected
        link.stop()


def test_answers_and_timers_are_on_time_in_a_flood() -> None:
    """Loose bounds (the machine is shared); scripts/bench has the figures."""
    count = 6_000

    def script(connection: Connection) -> None:
        connection.login()
        data = flood(count)
        gevent.spawn(connection.send, data)
        while connection.command():
            connection.send(response("pong"))

    handled = 0
    late: list[float] = []

    def handle(event: Any) -> None:
        nonlocal handled
        handled += 1
        until = time.perf_counter() + 0.0001
        while time.perf_counter() < until:
            pass

    def tick() -> None:
        while True:
            due = time.perf_counter() + 0.01
            gevent.sleep(0.01)
            late.append(time.perf_counter() - due)

    with scripted(script) as switch:
        link = link_to(switch.port)
        link.register_handle("DTMF", handle)
        link.connect()
        ticker = gevent.spawn(tick)
        eventually(lambda: handled == count, "the last event")
        ticker.kill()
        link.stop()
    assert len(late) > 10
    assert sorted(late)[len(late) // 2] < 0.02


def test_stop_in_a_handler_does_not_wait_for_itself() -> None:
    def script(connection: Connection) -> None:
        connection.login()
        connection.send(flood(1))
        if connection.command() == "exit":
            connection.send(reply("+OK bye") + GOODBYE)

    with scripted(script) as switch:
        link = link_to(switch.port)
        link.register_handle("DTMF", lambda event: link.stop())
        link.connect()
        assert link.ended.wait(LIMIT_S)
        link.stop()
        assert not link.connected


def test_stop_ends_although_a_handler_does_not() -> None:
    def script(connection: Connection) -> None:
        connection.login()
        connection.send(flood(3))
        connection.command()

    with scripted(script) as switch:
        before = count_of_greenlets()
        link = Link("127.0.0.1", switch.port, PASSWORD, timeout=0.2)
        started = Flag()

        def hang(event: Any) -> None:
            started.set()
            gevent.sleep(1000)

        link.register_handle("DTMF", hang)
        link.connect()
        assert started.wait(LIMIT_S)
        link.stop()
        del link
        eventually(lambda: count_of_greenlets() <= before, "the end of the link's greenlets")


def test_a_link_is_used_once() -> None:
    with scripted(lambda connection: connection.login()) as switch:
        with link_to(switch.port) as link:
            pass
        with pytest.raises(LinkLost):
            link.connect()
