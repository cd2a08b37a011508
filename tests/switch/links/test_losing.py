"""A link lost in the middle of everything."""

from __future__ import annotations

from typing import Any

import pytest

from cti.esl import FrameParser, api
from cti.switch.links import LinkLost
from tests.switch.links.scripted import (
    GOODBYE,
    LIMIT_S,
    Connection,
    link_to,
    reply,
    response,
    scripted,
)

ANSWER = response("a long answer " * 50)


@pytest.mark.parametrize("sent", [0, 1, 10, 30, 48, 49, 50, 100, len(ANSWER) - 1])
def test_closing_in_the_middle_of_an_answer_fails_every_command(sent: int) -> None:
    def script(connection: Connection) -> None:
        connection.login()
        for _ in range(3):
            connection.command()
        connection.send(ANSWER + ANSWER[:sent])

    with scripted(script) as switch:
        link = link_to(switch.port)
        link.connect()
        first, second, third = [link.submit(api("status")) for _ in range(3)]
        assert first.wait(LIMIT_S).text == "a long answer " * 50
        for pending in (second, third):
            with pytest.raises(LinkLost) as lost:
                pending.wait(LIMIT_S)
            assert ("middle of a message" in str(lost.value)) == (sent > 0)
        assert link.ended.is_set()
        link.stop()


def test_a_reset_fails_every_command() -> None:
    import socket
    import struct

    def script(connection: Connection) -> None:
        connection.login()
        connection.command()
        connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    with scripted(script) as switch:
        link = link_to(switch.port)
        link.connect()
        with pytest.raises(LinkLost):
            link.request(api("status"), LIMIT_S)
        link.stop()


@pytest.mark.parametrize(
    ("bytes_sent", "says"),
    [
        (b"Content-Length: -1\n\n", "bad-content-length"),
        (b"Content-Length: 9000000000000000000\n\n", "bad-content-length"),
        (b"Content-Length: 1\nContent-Length: 2\n\n", "bad-content-length"),
        (b"Content-Type: api/response\nContent-Length: 5000\n\n", "frame-too-large"),
        (b"no protocol\n\n", "bad-header"),
        (response("one") + response("two"), "not given"),
        (reply("+OK") * 2, "not given"),
        (GOODBYE, "goodbye"),
    ],
)
def test_what_is_no_protocol_ends_the_link(bytes_sent: bytes, says: str) -> None:
    def script(connection: Connection) -> None:
        connection.login()
        connection.command()
        connection.send(bytes_sent)
        connection.command()

    with scripted(script) as switch:
        link = link_to(switch.port, parser=FrameParser(max_frame=4096))
        link.connect()
        pending = link.submit(api("status"))
        assert link.ended.wait(LIMIT_S)
        assert says in str(link.reason)
        assert pending.done
        link.stop()


def test_frames_of_no_known_kind_are_counted_and_passed_over() -> None:
    odd = b"X: no type\n\n" + b"Content-Type: text/event-json\nContent-Length: 1\n\n{" + b"Content-Type: new/kind\n\n"

    def script(connection: Connection) -> None:
        connection.login()
        connection.command()
        connection.dribble(odd + response("fine"))
        connection.command()

    with scripted(script) as switch, link_to(switch.port) as link:
        assert link.request(api("status"), LIMIT_S).text == "fine"
        assert link.strays == 3


def test_disconnect_handlers_hear_of_a_bare_end_once() -> None:
    heard: list[Any] = []
    with scripted(lambda connection: connection.login()) as switch:
        link = link_to(switch.port)
        link.register_handle("DISCONNECT", heard.append)
        link.connect()
        assert link.ended.wait(LIMIT_S)
        link.stop()
        link.stop()
    assert [frame.headers["Content-Type"] for frame in heard] == ["text/disconnect-notice"]
