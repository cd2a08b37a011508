"""The frame parser: any pieces, any bytes, one error, bounded."""

from __future__ import annotations

import contextlib
import itertools
import random
from collections.abc import Iterable

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from cti.esl import EslError, FrameParser, encode_event_json, encode_event_plain, encode_frame
from cti.esl.frame import Frame

Seen = list[tuple[str, bytes]]


def seen(frames: Iterable[Frame]) -> Seen:
    return [(frame.content_type, bytes(frame.body)) for frame in frames]


def feed(pieces: Iterable[bytes], **bounds: int) -> tuple[Seen, str | None, int]:
    """(frames, code of the error, bytes left) after all pieces."""
    parser = FrameParser(**bounds)
    frames: list[Frame] = []
    for piece in pieces:
        if parser.error is None:
            with contextlib.suppress(EslError):  # the parser keeps it
                frames += parser.feed(piece)
    return seen(frames), parser.error.code if parser.error else None, parser.buffered


def cut(data: bytes, at: Iterable[int]) -> list[bytes]:
    edges = [0, *sorted(at), len(data)]
    return [data[a:b] for a, b in itertools.pairwise(edges)]


MESSAGES = st.sampled_from(
    [
        b"Content-Type: auth/request\n\n",
        encode_frame([("Content-Type", "command/reply"), ("Reply-Text", "+OK accepted")]),
        encode_frame([("Content-Type", "api/response")], "+OK\n\nContent-Length: 7\n\n"),
        encode_frame([("Content-Type", "api/response")], ""),
        encode_frame([("Content-Type", "api/response")], b"\xff\xfe\n\n"),
        encode_frame([("Content-Type", "text/disconnect-notice"), ("Content-Disposition", "linger")], ""),
        encode_event_plain([("Event-Name", "BACKGROUND_JOB"), ("x", "a\nb")], "two\n\nparts"),
        encode_event_json([("Event-Name", "DTMF"), ("DTMF-Digit", "1")]),
        b"Content-Type: text/plain\r\nContent-Length: 3\r\n\r\nabc",
        b"\n\r\nX: no type\n\n",
        b"content-length: 1\ncontent-type: log/data\n\nx",
    ]
)


@given(st.lists(MESSAGES, max_size=6), st.randoms(use_true_random=False))
def test_pieces_make_no_difference(messages: list[bytes], rng: random.Random) -> None:
    data = b"".join(messages)
    whole = feed([data])
    assert whole[1:] == (None, 0)
    assert len(whole[0]) == len(messages)
    assert feed(cut(data, range(1, len(data)))) == whole
    assert feed(cut(data, rng.sample(range(len(data) + 1), min(len(data), 5)))) == whole
    assert feed(memoryview(message) for message in messages)[0] == whole[0]  # type: ignore[misc]


WORDS = [
    b"Content-Length: ",
    b"Content-Type: x",
    b"\n",
    b"\n\n",
    b"\r",
    b"\r\n\r\n",
    b":",
    b"5",
    b"-1",
    b"hello",
    b"\0",
    b" ",
]


@settings(max_examples=500)
@given(st.lists(st.sampled_from(WORDS) | st.binary(max_size=4), max_size=14), st.randoms(use_true_random=False))
@example([b"Content-Length: ", b"5", b"\r", b"\n", b"\n", b"hello"], random.Random(1))
@example([b"Content-Length: 1\n\r\n\n"], random.Random(1))
@example([b"a:\n\r\n\n"], random.Random(1))
@example([b"a:" + b"x" * 38, b"\n\n"], random.Random(1))
def test_garbage_gives_frames_or_the_one_error_in_any_pieces(words: list[bytes], rng: random.Random) -> None:
    data = b"".join(words)
    bounds = {"max_frame": 40, "max_headers": 3}
    frames, code, _ = feed([data], **bounds)
    # Of two things that are wrong with a frame, the pieces may decide which is told.
    for pieces in (cut(data, range(1, len(data))), cut(data, rng.sample(range(len(data) + 1), min(len(data), 3)))):
        frames_in_pieces, code_in_pieces, _ = feed(pieces, **bounds)
        assert (frames_in_pieces, code_in_pieces is None) == (frames, code is None)


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"Content-Length: -1\n\n", "bad-content-length"),
        (b"Content-Length: 9000000000000000000\n\n", "bad-content-length"),
        (b"Content-Length: 9e18\n\n", "bad-content-length"),
        (b"Content-Length: \n\n", "bad-content-length"),
        (b"Content-Length: 0x10\n\n", "bad-content-length"),
        (b"Content-Length: +5\n\n", "bad-content-length"),
        ("Content-Length: ٣\n\n".encode(), "bad-content-length"),
        (b"Content-Length: 1\nContent-Length: 2\n\n", "bad-content-length"),
        (b"Content-Length: 1\ncontent-length: 2\n\n", "bad-content-length"),
        (b"Content-Length: 16777216\n\n", "frame-too-large"),
        (b"Content-Length: 100000000000\n\n", "frame-too-large"),
        (b"no header\n\n", "bad-header"),
        (b": no name\n\n", "bad-header"),
        (b"Content-Type: command/reply\rReply-Text: +OK\r\r", "bad-header"),
        (b"a: b\n" * 10_001 + b"\n", "too-many-headers"),
        (encode_event_plain([("a", "b")] * 10_001), "too-many-headers"),
        (b"x: " + b"y" * (16 * 2**20 + 1), "frame-too-large"),
    ],
)
def test_bad_input(data: bytes, code: str) -> None:
    parser = FrameParser()
    for _ in range(3):  # and it stays broken
        with pytest.raises(EslError) as refused:
            parser.feed(data)
        assert refused.value.code == code
        data = b"Content-Type: auth/request\n\n"
    assert parser.buffered == 0


def test_content_length_twice_the_same_is_one() -> None:
    assert feed([b"Content-Length: 2\nContent-Length: 2\n\nok"]) == ([("", b"ok")], None, 0)


def test_what_was_complete_before_the_error_is_not_lost() -> None:
    parser = FrameParser()
    good = b"Content-Type: auth/request\n\n"
    assert seen(parser.feed(good + good + b"Content-Length: -1\n\n" + good)) == [("auth/request", b"")] * 2
    assert parser.error is not None
    with pytest.raises(EslError):
        parser.feed(good)


def test_a_frame_of_exactly_the_bound_passes() -> None:
    head = b"Content-Length: %d"
    size = 1000 - len(head % 999)
    data = head % size + b"\n\n" + b"x" * size
    assert feed([data], max_frame=1000) == ([("", b"x" * size)], None, 0)
    assert feed([data], max_frame=999)[1] == "frame-too-large"


def test_a_dribble_is_linear(monkeypatch: pytest.MonkeyPatch) -> None:
    """One byte at a time: every byte is looked at a few times, not once for each byte after it."""
    import cti.esl.parser as module

    looked_at = 0
    original = module._find_blank

    def counting(data: bytes | bytearray, at: int) -> tuple[int, int]:
        nonlocal looked_at
        looked_at += len(data) - at
        return original(data, at)

    monkeypatch.setattr(module, "_find_blank", counting)
    head = b"".join(b"X-%d: value\n" % number for number in range(2000))
    body = b"y" * 50_000
    data = head + b"Content-Length: 50000\n\n" + body
    assert feed(data[i : i + 1] for i in range(len(data))) == ([("", body)], None, 0)
    assert looked_at < 6 * len(data)


def test_half_a_frame_is_reported_as_buffered() -> None:
    assert feed([b"Content-Length: 10\n\nhalf"]) == ([], None, 24)
    assert feed([b"Content-Le"]) == ([], None, 10)


def test_frames_tell_their_headers_and_answers() -> None:
    data = (
        b"Content-Type: command/reply\nReply-Text: -ERR no\nmore\n\n"
        b"Content-Type: api/response\nContent-Length: 3\n\n+OK"
        b"Content-Type: log/data\nContent-Length: 2\nLog-Level: 5\nUser-Data: a%20b\n\n\xffx"
        b"Content-Type: command/reply\nEvent-Name: CHANNEL_DATA\nChannel-Name: a%40b\n\n"
    )
    reply, api, log, connect = FrameParser().feed(data)
    assert [reply.reply, reply.data, reply.headers["reply-text"]] == ["-ERR no\nmore"] * 3
    assert [api.reply, api.data, api.text, api.body] == ["+OK", "+OK", "+OK", b"+OK"]
    assert [log.data, log.get("log-level"), log.get("User-Data"), log.get("none"), log.get("none", "d")] == [
        "\ufffdx", "5", "a%20b", None, "d",
    ]  # fmt: skip
    assert (connect.event().name, connect.event()["Channel-Name"]) == ("CHANNEL_DATA", "a@b")


def test_events_in_xml_are_refused() -> None:
    (frame,) = FrameParser().feed(b"Content-Type: text/event-xml\nContent-Length: 8\n\n<event/>")
    with pytest.raises(EslError, match="unsupported-format"):
        frame.event()


def test_an_event_without_content_length_is_its_own_headers() -> None:
    (frame,) = FrameParser().feed(b"Content-Type: text/event-plain\nEvent-Name: HEARTBEAT\n\n")
    assert frame.event().name == "HEARTBEAT"
