"""The link keeps greenswitch's names and manners."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import greenswitch
import pytest
from gevent.event import Event as Flag
from greenswitch.esl import NotConnectedError

from cti.esl import encode_event_json, encode_event_plain
from cti.switch.links import Link
from tests.switch.links.scripted import (
    GOODBYE,
    LIMIT_S,
    OK,
    PASSWORD,
    Connection,
    link_to,
    reply,
    response,
    scripted,
)


def test_the_names_of_greenswitch_are_kept() -> None:
    base = greenswitch.InboundESL
    assert issubclass(Link, base)
    public = {name for name in dir(base) if not name.startswith("_")}
    assert public == {
        "authenticate", "connect", "handle_event", "process_events", "receive_events", "register_handle", "send",
        "start_event_handlers", "stop", "unregister_handle",
    }, "greenswitch has changed: look at what is new before using it"  # fmt: skip
    replaced = {name for name in public if name in vars(Link)}
    assert replaced == public
    link = Link("127.0.0.1", 8021, PASSWORD)
    plain = base("127.0.0.1", 8021, PASSWORD)
    assert set(vars(plain)) <= set(vars(link))
    assert (link.host, link.port, link.password, link.timeout, link.connected) == (
        "127.0.0.1",
        8021,
        PASSWORD,
        5,
        False,
    )


def test_send_returns_what_greenswitch_returns() -> None:
    def script(connection: Connection) -> None:
        connection.login()
        assert connection.command() == "api status"
        connection.send(response("UP"))
        assert connection.command() == "event plain ALL"
        connection.send(reply("+OK event listener enabled plain"))
        connection.command()

    with scripted(script) as switch, link_to(switch.port) as link:
        assert link.send("api status").data == "UP"
        answer = link.send("event plain ALL")
        assert answer.headers["Reply-Text"] == answer.data == "+OK event listener enabled plain"
    assert not link.connected
    with pytest.raises(NotConnectedError):
        link.send("api status")


def test_handlers_by_name_subclass_star_log_and_disconnect() -> None:
    seen: list[tuple[str, str]] = []

    def note(kind: str) -> Callable[[Any], None]:
        return lambda event: seen.append((kind, event.data or event.headers.get("Event-Name", "")))

    def script(connection: Connection) -> None:
        connection.login()
        connection.send(encode_event_plain([("Event-Name", "DTMF")]))
        connection.send(encode_event_plain([("Event-Name", "CUSTOM"), ("Event-Subclass", "sofia::register")]))
        connection.send(encode_event_json([("Event-Name", "HEARTBEAT")]))
        connection.send(b"Content-Type: log/data\nContent-Length: 4\n\nline")
        connection.send(GOODBYE)

    with scripted(script) as switch:
        link = link_to(switch.port)
        hooks: list[str] = []
        link.before_handle = lambda event: hooks.append("before")
        link.after_handle = lambda event: hooks.append("after")
        for name in ("DTMF", "sofia::register", "log", "DISCONNECT", "*"):
            link.register_handle(name, note(name))
        link.connect()
        link.ended.wait(LIMIT_S)
        link.stop()
    assert sorted(seen) == [
        ("*", "HEARTBEAT"),
        ("DISCONNECT", "Disconnected, goodbye.\nSee you at ClueCon! http://www.cluecon.com/\n"),
        ("DTMF", "DTMF"),
        ("log", "line"),
        ("sofia::register", "CUSTOM"),
    ]
    assert hooks.count("before") == hooks.count("after") == 5


def test_unregistered_handlers_hear_nothing_and_unknown_ones_are_an_error() -> None:
    seen: list[str] = []
    more = Flag()

    def script(connection: Connection) -> None:
        connection.login()
        for number in range(2):
            connection.command()
            connection.send(encode_event_plain([("Event-Name", "DTMF"), ("n", str(number))]) + OK)
        connection.command()

    def handle(event: Any) -> None:
        seen.append(event["n"])
        more.set()

    with scripted(script) as switch, link_to(switch.port) as link:
        link.register_handle("DTMF", handle)
        link.register_handle("DTMF", handle)  # twice is once
        link.send("api one")
        assert more.wait(LIMIT_S)
        link.unregister_handle("DTMF", handle)
        link.send("api two")
        with pytest.raises(ValueError, match="DTMF"):
            link.unregister_handle("DTMF", handle)
    assert seen == ["0"]
