"""Events: values are data, whatever they look like, and reading one of them agrees with reading all of them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cti.esl import EslError, Event, FrameParser, ListEvent, PlainEvent, encode_event_json, encode_event_plain

NAMES = st.from_regex(r"[A-Za-z][A-Za-z_-]{0,8}", fullmatch=True)
# A real switch cannot hold a NUL, and writes an empty value as _undef_.
VALUES = st.text(alphabet=st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1, max_size=20)
PAIRS = st.lists(st.tuples(NAMES, VALUES), max_size=12)


def event_of(wire: bytes) -> Event:
    (frame,) = FrameParser().feed(wire)
    return frame.event()


def plain(text: str) -> PlainEvent:
    return PlainEvent(b"\n" + text.encode(), 0)


@pytest.mark.parametrize(
    "caller",
    ["x%0AEvent-Name: CHANNEL_HANGUP", "x\nEvent-Name: CHANNEL_HANGUP", "x\n\nEvent-Name: CHANNEL_HANGUP", "x\r\nA: b"],
)
@pytest.mark.parametrize("encode", [encode_event_plain, encode_event_json])
def test_a_callers_name_forges_no_header(caller: str, encode: object) -> None:
    assert callable(encode)
    pairs = [("Event-Name", "CHANNEL_PARK"), ("Caller-Caller-ID-Name", caller), ("Unique-ID", "u1")]
    event = event_of(encode(pairs))
    # "%0A" and a line feed are one and the same on the plain wire (the switch does not encode what looks encoded).
    seen = caller.replace("%0A", "\n") if encode is encode_event_plain else caller
    assert event.pairs() == [("Event-Name", "CHANNEL_PARK"), ("Caller-Caller-ID-Name", seen), ("Unique-ID", "u1")]
    assert (event.name, event["Unique-ID"], event["Caller-Caller-ID-Name"]) == ("CHANNEL_PARK", "u1", seen)
    assert len(event) == 3


def test_a_body_forges_no_header() -> None:
    event = event_of(
        encode_event_plain([("Event-Name", "BACKGROUND_JOB")], "+OK\n\nUnique-ID: forged\nJob-UUID: j\n\n")
    )
    assert [event.get("Unique-ID"), event.get("unique-id"), "Job-UUID" in event] == [None, None, False]
    assert event.body == event.data == "+OK\n\nUnique-ID: forged\nJob-UUID: j\n\n"
    assert event["Content-Length"] == "36"
    assert event.to_dict() == {"Event-Name": "BACKGROUND_JOB", "Content-Length": "36"}


def test_names_in_any_case_and_repeated() -> None:
    event = plain("Event-Name: A\nHangup-Cause: ONE\nHangup-Cause: TWO\nunique-id: u\nx: 1\nX: 2\n\n")
    assert [event["hangup-cause"], event.getall("HANGUP-CAUSE"), event["Unique-ID"]] == ["ONE", ["ONE", "TWO"], "u"]
    assert [event["x"], event["X"], event.getall("x")] == ["1", "2", ["1", "2"]]
    assert [event.get("none"), event.get("none", "d"), event.getall("none")] == [None, "d", []]
    with pytest.raises(KeyError):
        event["none"]
    assert list(event) == ["Event-Name", "Hangup-Cause", "unique-id", "x", "X"]


def test_arrays_and_variables() -> None:
    event = plain("variable_DP_MATCH: ARRAY%3A%3A9001%7C%3Aa%20b\nvariable_one: 1\n\n")
    assert event.array("variable_DP_MATCH") == ["9001", "a b"]
    assert [event.array("variable_one"), event.array("none")] == [["1"], []]
    assert [event.variable("one"), event.variable("two")] == ["1", None]


@pytest.mark.parametrize(
    ("text", "pairs"),
    [
        ("A: 1\nB: 2\n\n", [("A", "1"), ("B", "2")]),
        ("A: 1\r\nB: 2\r\n\r\nbody", [("A", "1"), ("B", "2")]),
        ("A: 1\nmore of it\nB:2\n\n", [("A", "1\nmore of it"), ("B", "2")]),
        ("A: 1\nB: 2", [("A", "1"), ("B", "2")]),
        ("A:\nB: \nC: _undef_\n\n", [("A", ""), ("B", ""), ("C", "")]),
        ("A: %zz%4\nB: %ff%C3%A9\n\n", [("A", "%zz%4"), ("B", "�é")]),
        ("no header at all\nA: 1\n\n", [("A", "1")]),
        ("", []),
        ("\n\n", []),
    ],
)
def test_odd_blocks(text: str, pairs: list[tuple[str, str]]) -> None:
    event = plain(text)
    assert event.pairs() == pairs
    fresh = plain(text)
    assert [fresh.get(name) for name, _ in pairs] == [value for _, value in pairs]


def test_bytes_that_are_no_utf8() -> None:
    assert PlainEvent(b"\nA: \xff\xfe\n\n", 0)["A"] == "��"
    with pytest.raises(EslError):
        event_of(b"Content-Type: text/event-json\nContent-Length: 2\n\n\xff\xfe")


@given(st.lists(st.sampled_from(["A: 1", "a: 2", "B:", "B: x%0Ay", ":", "", "more", "A", "\r", "C: 3\r"]), max_size=10))
def test_reading_one_header_agrees_with_reading_all(lines: list[str]) -> None:
    text = "\n".join(lines) + "\n\n"
    everything = plain(text).pairs()
    for name in ("A", "a", "B", "b", "C", "more", ""):
        exact = [value for key, value in everything if key == name]
        loose = [value for key, value in everything if key.lower() == name.lower()]
        event = plain(text)
        assert event.get(name) == next(iter(exact or loose), None)
        assert event.getall(name) == loose
        assert (name in event) == bool(loose)


@given(PAIRS, VALUES | st.just(""))
def test_round_trip(pairs: list[tuple[str, str]], body: str) -> None:
    headers = [(name, value) for name, value in pairs if name.lower() not in ("content-length", "_body")]
    length = [("Content-Length", str(len(body.encode())))] if body else []
    by_json = event_of(encode_event_json(headers, body))
    assert (by_json.pairs(), by_json.body) == ([*headers, *length], body)
    # Plain writes cannot tell "%41" from "A", nor _undef_ from nothing.
    if not any("%" in value or value == "_undef_" for _, value in headers):
        by_plain = event_of(encode_event_plain(headers, body))
        assert (by_plain.pairs(), by_plain.body) == ([*headers, *length], body)
        assert by_plain.to_dict() == by_json.to_dict() == dict(reversed([*headers, *length]))


def test_json_of_all_sorts() -> None:
    body = '{"A":"1","A":"2","N":12345678901234567890,"B":true,"Z":null,"L":["x","y"],"O":{"k":1},"_body":"text"}'
    event = event_of(f"Content-Type: text/event-json\nContent-Length: {len(body)}\n\n{body}".encode())
    assert event.pairs() == [
        ("A", "1"),
        ("A", "2"),
        ("N", "12345678901234567890"),
        ("B", "true"),
        ("Z", ""),
        ("L", "ARRAY::x|:y"),
        ("O", '{"k": "1"}'),
    ]
    assert (event.array("L"), event.body, event["a"]) == (["x", "y"], "text", "1")


@pytest.mark.parametrize("body", ["", "[]", "1", "{", '{"a":', "[" * 100_000, '{"a":' * 100_000, "nope"])
def test_json_that_is_no_event(body: str) -> None:
    (frame,) = FrameParser().feed(f"Content-Type: text/event-json\nContent-Length: {len(body)}\n\n{body}".encode())
    with pytest.raises(EslError) as refused:
        frame.event()
    assert refused.value.code == "bad-event"


def test_list_events_are_events() -> None:
    event = ListEvent([("Event-Name", "X"), ("a", "1"), ("A", "2")], "b")
    assert (event.name, event["A"], event["a"], event.getall("A"), event.body) == ("X", "2", "1", ["1", "2"], "b")
