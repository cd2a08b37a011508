"""Frames: any pieces give the same frames, what is made is read, nonsense has a name; and what the proof refuses."""

from __future__ import annotations

import itertools
import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cti.boss.way import Carried
from cti.boss.ways.socket import KIND
from cti.boss.ways.socket.addresses import BackOff
from cti.boss.ways.socket.checksum import CHECKSUMS
from cti.boss.ways.socket.frame import Frame, FrameCodec
from cti.boss.ways.socket.frame_options import FrameOptions
from cti.boss.ways.socket.header import FrameError
from cti.boss.ways.socket.matching import Ordered, Sequenced
from cti.boss.ways.socket.options import SocketBackend, SocketTarget
from cti.validating import validate
from tests.boss.ways.socketkit import FRAMES, MESSAGES

MOST = 200
NAMED = {"bad-constant", "bad-length", "bad-header", "bad-checksum", "bad-encoding", "too-long"}
ESCAPED = {
    "header": [{"name": "code", "type": "str", "size": 4}, {"name": "seq", "type": "bcd", "size": 2}],
    "delimiter": {"start": "0x02", "end": "0x03", "escape": "0x1b"},
    "trailer": [{"name": "sum", "type": "uint", "size": 1}],
    "checksum": {"alg": "lrc", "field": "sum", "from": "code"},
}
LITTLE = {
    "header": [
        {"name": "len", "type": "uint", "size": 2, "order": "little"},
        {"name": "seq", "type": "hex", "size": 4},
    ],
    "length": {"field": "len", "counts": "body", "adjust": 3},
}
ALL = {**FRAMES, "escaped": ESCAPED, "little": LITTLE}
names = st.sampled_from(sorted(ALL))


def codec(name: str, most: int = MOST) -> FrameCodec:
    return FrameCodec(FrameOptions.model_validate({**ALL[name], "max_bytes": most}))


def made(name: str, body: bytes, number: int) -> bytes:
    header: dict[str, Any] = {"seq": number} if name != "lines" else {}
    if any(field["name"] == "code" for field in ALL[name]["header"]):
        header["code"] = 7
    return codec(name).encode(header, body)


def in_pieces(name: str, data: bytes, cuts: list[int]) -> tuple[list[Frame], str | None]:
    parser, found = codec(name).parser(), []
    edges = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})
    for begin, end in itertools.pairwise(edges):
        found += parser.feed(data[begin:end])
        assert parser.held <= MOST + (end - begin)
    return found, parser.failed.reason if parser.failed else None


bodies = st.binary(max_size=60).map(lambda raw: raw.replace(b"\r\n", b"--").rstrip(b"\r "))
cuts = st.lists(st.integers(0, 2000), max_size=12)


@given(names, st.lists(bodies, min_size=1, max_size=4), cuts)
def test_what_is_made_is_read_in_any_pieces(name: str, wanted: list[bytes], at: list[int]) -> None:
    data = b"".join(made(name, body, number) for number, body in enumerate(wanted))
    frames, failed = in_pieces(name, data, at)
    assert failed is None
    assert [frame.body for frame in frames] == wanted
    if name != "lines":
        assert [frame.header["seq"] for frame in frames] == list(range(len(wanted)))


@given(names, st.binary(max_size=600), st.lists(bodies, max_size=2), cuts)
def test_nonsense_has_one_name_however_it_comes(name: str, noise: bytes, good: list[bytes], at: list[int]) -> None:
    data = b"".join(made(name, body, 1) for body in good) + noise
    whole = in_pieces(name, data, [])
    assert in_pieces(name, data, at) == whole
    assert in_pieces(name, data, list(range(len(data)))) == whole
    assert whole[1] is None or whole[1] in NAMED


@given(names, bodies, st.data())
def test_one_byte_changed_never_raises(name: str, body: bytes, data: st.DataObject) -> None:
    raw = bytearray(made(name, body, 3))
    raw[data.draw(st.integers(0, len(raw) - 1))] ^= data.draw(st.integers(1, 255))
    frames, failed = in_pieces(name, bytes(raw), [])
    assert len(frames) <= 2
    assert failed is None or failed in NAMED


def test_the_length_is_judged_as_soon_as_it_is_there() -> None:
    parser = codec("binary").parser()
    assert parser.feed(struct.pack(">I", 1 << 30)) == []
    assert parser.failed is not None
    assert parser.failed.reason == "too-long"


def test_zeros_of_a_code_stay() -> None:
    frame = codec("ascii").encode({"code": "0042", "seq": 1, "rc": "0000"}, b"")
    assert codec("ascii").parser().feed(frame)[0].header == {"code": "0042", "seq": 1, "rc": "0000"}


@pytest.mark.parametrize("header", [{"seq": 10**10}, {"code": "ninechars"}, {"seq": -1}, {"seq": "x"}])
def test_values_that_do_not_fit_are_refused(header: dict[str, Any]) -> None:
    with pytest.raises(FrameError, match="bad-value"):
        codec("ascii").encode(header, b"")


@pytest.mark.parametrize(
    ("name", "value"),
    [("crc32", 0xCBF43926), ("sum8", 0xDD), ("sum16", 0x01DD), ("xor8", 0x31), ("lrc", 0x23)],
)
def test_checksums_of_the_customary_nine_digits(name: str, value: int) -> None:
    assert CHECKSUMS[name][1](b"123456789") == value


def test_not_xor32() -> None:
    assert CHECKSUMS["not_xor32"][1](b"\0\0\0\1\xf0\0\0\2") == 0x0FFFFFFC


def test_numbers_go_round_and_none_is_used_twice_at_a_time() -> None:
    table: Sequenced[str] = Sequenced(6, 100)
    numbers = [table.add(str(at)) for at in range(5)]
    assert numbers == [1, 2, 3, 4, 5]
    assert not table.room()
    assert table.answer(3).item == "2"
    assert table.room()
    assert table.add("again") == 3
    assert not table.give_up(2, sent=True)
    assert table.answer(4).item == "3"
    assert table.add("x") == 4
    assert [table.answer(2).kind, table.answer(2).kind, table.answer(77).kind] == ["late", "twice", "stray"]
    table.give_up(1, sent=True)
    table.give_up(3, sent=True)
    assert table.give_up(4, sent=True), "too many numbers are blocked: begin anew"


def test_in_order_only_what_nobody_waits_for_may_be_left_out() -> None:
    queue: Ordered[str] = Ordered(100, 10)
    first, second, third = (queue.add(name) for name in "abc")
    assert queue.answer(second).kind == "wrong"
    assert not queue.give_up(first, sent=True)
    assert queue.answer(second).item == "b"
    assert queue.answer(second).kind == "twice"
    assert queue.answer(third).item == "c"
    assert Ordered[str](None, 10).answer(None).kind == "stray"


def test_back_off_grows_with_chance_to_a_bound() -> None:
    back_off = BackOff(lambda: 0.5)
    waits = []
    for _ in range(12):
        back_off.failed(100.0, "refused")
        waits.append(back_off.until - 100.0)
    assert waits[0] == pytest.approx(0.075)
    assert waits[1] == pytest.approx(0.15)
    assert waits[-1] == pytest.approx(7.5)


# ---- the proof ----------------------------------------------------------------------------------------------------

GOOD: dict[str, Any] = {
    "addresses": [{"host": "10.0.0.8", "port": "9001"}],
    "mode": "multiplex",
    "frame": FRAMES["ascii"],
    "correlate": {"request": "header.seq", "response": "header.seq"},
    "messages": MESSAGES["ascii"],
}


def changed(path: str, value: Any) -> dict[str, Any]:
    import copy

    found = copy.deepcopy(GOOD)
    at: Any = found
    *outer, last = [int(step) if step.isdigit() else step for step in path.split("/")]
    for step in outer:
        at = at[step]
    at[last] = value
    return found


@pytest.mark.parametrize(
    ("path", "value", "where", "code"),
    [
        ("frame/length", {"field": "size"}, "frame/length/field", "unknown-field"),
        ("frame/length", {"field": "code"}, "frame/length/field", "bad-option"),
        ("frame/header/1/size", 4, "frame/length/field", "bad-option"),
        ("frame/header/3/size", None, "frame/header/3", "missing-option"),
        ("frame/header/0/value", "0xzz", "frame/header/0", "bad-option"),
        ("frame/header/4/name", "seq", "frame/header/4/name", "duplicate-key"),
        ("frame/delimiter", "\n", "frame", "missing-option"),
        ("frame/charset", "gb9999", "frame/charset", "unknown-charset"),
        ("frame/charset", "hex", "frame/charset", "unknown-charset"),
        ("frame/trailer/0/size", 4, "frame/checksum/field", "bad-option"),
        ("frame/checksum", {"alg": "crc32", "field": "crc"}, "frame/checksum/field", "unknown-field"),
        ("frame/checksum", {"alg": "crc32", "field": "sum", "from": "no"}, "frame/checksum/from", "unknown-field"),
        ("correlate", None, "mode", "missing-option"),
        ("correlate", {"request": "header.no", "response": "header.seq"}, "correlate/request", "unknown-field"),
        ("correlate", {"request": "header.seq", "response": "body.x"}, "correlate/response", "bad-option"),
        ("message_field", "kind", "message_field", "unknown-field"),
        ("login", {"send": "HELLO"}, "login/send", "unknown-message"),
        ("heartbeat", {"send": "PING"}, "heartbeat/send", "unknown-message"),
        ("messages/HB", {"header": {"no": "1"}}, "messages/HB/header/no", "unknown-field"),
        ("messages/HB", {"body": {"codec": "delimited"}}, "messages/HB/body", "missing-option"),
        ("messages/HB", {"body": {"codec": "json", "sep": ","}}, "messages/HB/body/sep", "bad-option"),
        (
            "messages/HB",
            {"reply": {"codec": "json", "fields": ["header"]}},
            "messages/HB/reply/fields/0",
            "bad-name",
        ),
    ],
)
def test_finding(path: str, value: Any, where: str, code: str) -> None:
    assert list(KIND.prove_backend(SocketBackend.model_validate(GOOD))) == []
    found = list(KIND.prove_backend(SocketBackend.model_validate(changed(path, value))))
    assert ("/".join(map(str, found[0].path)), found[0].code) == (where, code), found


@pytest.mark.parametrize(
    ("target", "where", "code"),
    [
        ({"message": "QRYBALL"}, "message", "unknown-message"),
        ({"message": "QRYBAL", "send": {"msisdn": "m", "no": "m"}}, "send/no", "unknown-field"),
        ({"message": "QRYBAL", "send": {"cycle": "m"}}, "send", "missing-field"),
        ({"message": "QRYBAL", "take": {"x": "nothing"}}, "take/x", "unknown-field"),
        ({"message": "QRYBAL", "code": "header.nothing"}, "code", "unknown-field"),
    ],
)
def test_finding_in_a_target(target: dict[str, Any], where: str, code: str) -> None:
    carried = Carried(frozenset(target.get("send", {"msisdn"})), write=False)
    found = list(KIND.prove_target(SocketBackend.model_validate(GOOD), SocketTarget.model_validate(target), carried))
    assert [("/".join(map(str, one.path)), one.code) for one in found] == [(where, code)]


def test_a_delimiter_that_is_half_a_character() -> None:
    frame = {"delimiter": "|", "charset": "gb18030"}
    raw = {"addresses": GOOD["addresses"], "frame": frame, "messages": {"Q": {}}}
    assert [one.path for one in KIND.prove_backend(SocketBackend.model_validate(raw))] == [
        ("frame", "delimiter", "end")
    ]


def test_unknown_options_have_their_line() -> None:
    from cti.flow.yamlio import read_yaml

    text = "addresses: [{host: a, port: 1}]\nframe: {length: {field: n, count: all}}\nmessages: {Q: {}}\n"
    tree, _ = read_yaml(text, "crm.yaml")
    assert tree is not None
    issues = validate(SocketBackend, tree)[1]
    assert [(issue.place.line, issue.code) for issue in issues] == [(2, "unknown-option")]


def test_a_sequence_in_a_json_body() -> None:
    from cti.boss.ways.socket.messages import Messages

    message = {"body": {"codec": "json"}, "reply": {"codec": "json", "fields": [{"name": "balance", "type": "int"}]}}
    options = SocketBackend.model_validate(
        {
            "addresses": GOOD["addresses"],
            "mode": "multiplex",
            "frame": {"delimiter": "\n"},
            "correlate": {"request": "body.id", "response": "body.id"},
            "messages": {"BAL": message},
        }
    )
    assert list(KIND.prove_backend(options)) == []
    messages = Messages(options)
    assert messages.request("BAL", {"msisdn": "1"})(42) == b'{"msisdn":"1","id":"42"}\n'
    frame = messages.frames.parser().feed(b'{"id":"42","balance":7}\n')[0]
    assert messages.number_of(frame) == 42
    assert messages.decode("BAL", frame)["balance"] == 7
