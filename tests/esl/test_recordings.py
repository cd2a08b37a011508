"""Every recorded conversation of a real switch is read to its last byte, and written again to the same bytes."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from cti.esl import FrameParser, decode_value, encode_event_json, encode_event_plain, encode_value, event_block
from cti.esl.frame import JSON, PLAIN, Frame
from tests.esl.switch_model import read_packets
from tests.transcripts import FROM_SWITCH, TO_SWITCH, paths, records, streams

KINDS = {
    "api/response", "auth/request", "command/reply", "log/data", "text/disconnect-notice", "text/event-json",
    "text/event-plain", "text/event-xml", "text/rude-rejection",
}  # fmt: skip


def frames_of(path: Path) -> list[Frame]:
    found: list[Frame] = []
    for stream in streams(path).values():
        parser = FrameParser()
        found += parser.feed(stream)
        assert parser.buffered == 0
    return found


def test_the_recordings_are_here() -> None:
    assert len(paths()) >= 88


@pytest.mark.parametrize("path", paths(), ids=lambda path: path.stem)
def test_every_byte_is_read(path: Path) -> None:
    for connection, stream in streams(path).items():
        parser = FrameParser()
        frames = parser.feed(stream)
        assert parser.buffered == 0
        # Only the reply to `connect` may be of no kind: an event-shaped block.
        assert {frame.content_type for frame in frames} <= KINDS
        again = FrameParser()
        pieces = [r.data for r in records(path) if r.connection == connection and r.direction == FROM_SWITCH]
        assert [f.body for f in itertools.chain.from_iterable(map(again.feed, pieces))] == [f.body for f in frames]
        assert again.buffered == 0


@pytest.mark.parametrize("path", [p for p in paths() if p.stat().st_size < 20_000], ids=lambda path: path.stem)
def test_byte_by_byte(path: Path) -> None:
    for stream in streams(path).values():
        parser = FrameParser()
        frames = [frame for at in range(len(stream)) for frame in parser.feed(stream[at : at + 1])]
        whole = FrameParser().feed(stream)
        assert [(f.content_type, f.body, f.headers.pairs()) for f in frames] == [
            (f.content_type, f.body, f.headers.pairs()) for f in whole
        ]


@pytest.mark.parametrize("path", paths(), ids=lambda path: path.stem)
def test_events_are_written_as_the_switch_writes_them(path: Path) -> None:
    for frame in frames_of(path):
        if frame.content_type == PLAIN:
            event = frame.event()
            pairs = event.pairs()
            if event.body:
                assert pairs.pop() == ("Content-Length", str(len(event.body.encode())))
            assert encode_event_plain(pairs, event.body) == frame._raw
        elif frame.content_type == JSON:
            event = frame.event()
            pairs = event.pairs()
            if event.body:
                pairs.pop()
            assert encode_event_json(pairs, event.body) == frame._raw


@pytest.mark.parametrize("path", paths(), ids=lambda path: path.stem)
def test_recorded_values_survive_decoding_and_encoding(path: Path) -> None:
    for frame in frames_of(path):
        if frame.content_type == PLAIN:
            for line in frame.body.partition(b"\n\n")[0].splitlines():
                value = line.partition(b": ")[2]
                assert encode_value(decode_value(value)) == value


def test_the_reply_to_connect_is_an_event() -> None:
    (reply, *_) = frames_of(next(path for path in paths() if path.stem == "out_nomyevents"))
    event = reply.event()
    assert event.name == "CHANNEL_DATA"
    assert event["Channel-Channel-Name"] == "sofia/internal/2000@127.0.0.1:15250"
    assert event_block(event.pairs()) == reply._raw


def test_what_clients_sent_is_what_the_model_of_the_switch_reads() -> None:
    """Trust in the oracle of the other tests: it splits the recorded commands as the real switch did."""
    sent = streams("in_sendmsg_live", TO_SWITCH)[1]
    packets = read_packets(sent)
    replies = [f for f in FrameParser().feed(streams("in_sendmsg_live")[1]) if f.content_type in
               ("command/reply", "api/response")]  # fmt: skip
    assert len(packets) == len(replies)
    assert b"foo=set from a body" in [body for _, _, body in packets]
