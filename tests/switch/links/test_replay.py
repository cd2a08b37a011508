"""A link in the place of the recorded client: the real switch's bytes, in the pieces they came in."""

from __future__ import annotations

from typing import Any

import pytest

from cti.esl import FrameParser
from cti.switch.links import Link
from tests.switch.links.scripted import LIMIT_S, Connection, scripted
from tests.transcripts import FROM_SWITCH, TO_SWITCH, Record, records, streams

RECORDED_PASSWORD = "ClueCon"


def play(recording: list[Record], connection: Connection) -> None:
    """Send what the switch sent, when the client has sent what it had sent by then."""
    for record in recording:
        if record.direction == TO_SWITCH and record.what == "DATA":
            got = b""
            while len(got) < len(record.data):
                got += connection.sock.recv(len(record.data) - len(got))
            assert got == record.data
        elif record.direction == FROM_SWITCH and record.what == "DATA":
            connection.send(record.data)


@pytest.mark.parametrize("name", ["in_bgapi", "in_malformed", "in_api_misc", "in_api_long_output", "in_filter_nix"])
def test_a_recorded_conversation(name: str) -> None:
    recording = [record for record in records(name) if record.connection == 1]
    frames = FrameParser().feed(streams(name)[1])
    answers = [f.reply for f in frames if f.content_type in ("command/reply", "api/response")]
    names = [f.event().name for f in frames if f.content_type == "text/event-plain"]
    commands = [r.data for r in recording if r.direction == TO_SWITCH and r.what == "DATA"][1:]
    heard: list[Any] = []
    with scripted(lambda connection: play(recording, connection)) as switch:
        link = Link("127.0.0.1", switch.port, RECORDED_PASSWORD)
        link.register_handle("*", heard.append)
        link.register_handle("DISCONNECT", lambda frame: None)
        link.connect()
        got = ["+OK accepted"]
        for command in commands:
            # One at a time: the recorded switch had answered before it was asked again.
            got.append(link.submit(command).wait(LIMIT_S).reply)
        assert link.ended.wait(LIMIT_S)
        link.stop()
    assert got == answers
    assert [event.name for event in heard if event.name][: len(names)] == names
