"""Body codecs: what is written is read; each kind of wrong body has its name."""

from __future__ import annotations

import contextlib
from datetime import date, time
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cti.boss.codecs import BodyOptions, CodecError, make_codec, prove_body

TYPED = [
    "msisdn",
    {"name": "balance", "type": "decimal", "scale": 2},
    {"name": "count", "type": "int"},
    {"name": "open", "type": "bool", "yes": "Y", "no": "N"},
    {"name": "since", "type": "date"},
    {"name": "at", "type": "time", "required": False},
]
VALUES = {
    "msisdn": "0013800138000",
    "balance": Decimal("-123.45"),
    "count": 42,
    "open": True,
    "since": date(2026, 2, 28),
    "at": time(23, 59, 58),
}
SIZES, TAGS = [15, 10, 6, 1, 8, 6], [f"0x000{at}" for at in range(6)]


def fields_for(codec: str) -> list[Any]:
    whole = [{"name": field} if isinstance(field, str) else field for field in TYPED]
    if codec == "fixed":
        return [{**field, "size": size} for field, size in zip(whole, SIZES, strict=True)]
    return [{**field, "tag": tag} for field, tag in zip(whole, TAGS, strict=True)] if codec == "tlv" else whole


def make(codec: str, charset: str = "gb18030", **options: Any) -> Any:
    parsed = BodyOptions.model_validate({"codec": codec, "fields": fields_for(codec), **options})
    assert list(prove_body(parsed, ())) == []
    return make_codec(parsed, charset)


ALL = ["delimited", "fixed", "keyvalue", "mml", "json", "tlv", "xml", "soap", "form"]


@pytest.mark.parametrize("codec", ALL)
def test_what_is_written_is_read(codec: str) -> None:
    made = make(codec, **({"command": "QRYBAL"} if codec == "mml" else {}))
    found = made.decode(made.encode(VALUES))
    assert {name: found[name] for name in VALUES} == VALUES
    left_out = {**VALUES, "at": None}
    assert made.decode(made.encode(left_out)).get("at") is None


@pytest.mark.parametrize("codec", ALL)
@given(noise=st.binary(max_size=120))
def test_nonsense_raises_nothing_else(codec: str, noise: bytes) -> None:
    with contextlib.suppress(CodecError):
        make(codec).decode(noise)


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=12), min_size=2, max_size=2))
def test_an_escape_carries_anything(texts: list[str]) -> None:
    made = make("delimited", "utf-8", fields=["a", "b"], escape="\\", rows="\n")
    rows = {"rows": [dict(zip("ab", texts, strict=True)), {"a": "x", "b": "y"}]}
    assert made.decode(made.encode(rows)) == rows


@pytest.mark.parametrize(
    ("codec", "body", "reason"),
    [
        ("delimited", b"1|2", "missing-field"),
        ("delimited", b"1|12345|3|Y|20260228||more", "extra-field"),
        ("delimited", b"1|123.45|3|Y|20260228|", "bad-field"),
        ("delimited", b"1|NaN|3|Y|20260228|", "bad-field"),
        ("delimited", b"1||3|Y|20260228|", "missing-field"),
        ("delimited", b"1|1|3|maybe|20260228|", "bad-field"),
        ("delimited", b"1|1|3|Y|20260230|", "bad-field"),
        ("delimited", b"\xff\xff|1|3|Y|20260228|", "bad-encoding"),
        ("fixed", b"138", "missing-field"),
        ("keyvalue", b"msisdn=1&msisdn=2", "duplicate-field"),
        ("keyvalue", b"msisdn", "bad-body"),
        ("mml", b"ACK:QRYBAL:RETN=0,RETN=1", "duplicate-field"),
        ("mml", b'ACK:QRYBAL:RETN="0', "bad-body"),
        ("json", b'{"msisdn": "1", "msisdn": "2"}', "duplicate-field"),
        ("json", b'{"balance": NaN}', "bad-body"),
        ("json", b'{"balance": 1e999999}', "bad-body"),
        ("json", b"<html></html>", "bad-body"),
        ("json", b"[1]", "bad-body"),
        ("json", b"[" * 100_000, "bad-body"),
        ("json", b'{"msisdn": 13800138000}', "bad-field"),
        ("json", b'{"msisdn": "1"}', "missing-field"),
        ("tlv", b"\0\0\0\x09short", "bad-body"),
        ("tlv", b"\0\0\0\1a\0\0\0\1b", "duplicate-field"),
    ],
)
def test_a_wrong_body_has_a_name(codec: str, body: bytes, reason: str) -> None:
    with pytest.raises(CodecError) as caught:
        make(codec).decode(body)
    assert caught.value.reason == reason


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"msisdn": "1|2"}, "bad-value"),
        ({"msisdn": None}, "missing-field"),
        ({"balance": Decimal("1.234")}, "bad-value"),
        ({"balance": float("nan")}, "bad-value"),
        ({"more": "1"}, "unknown-field"),
        ({"msisdn": ["1"]}, "bad-value"),
    ],
)
def test_a_value_that_has_no_spelling_is_refused(values: dict[str, Any], reason: str) -> None:
    with pytest.raises(CodecError) as caught:
        make("delimited").encode({**VALUES, **values})
    assert caught.value.reason == reason


def test_mml_with_columns() -> None:
    made = make("mml", fields=[{"name": "BALANCE", "type": "decimal", "scale": 2}], command="Q", columns={})
    text = 'ACK:Q:RETN=0000,DESC="余额, 元",ATTR=MSISDN&BALANCE,RESULT="0138|100&0139|200"'
    found = made.decode(text.encode("gb18030"))
    assert (found["RETN"], found["BALANCE"], found["ack"], found["command"]) == ("0000", Decimal(1), True, "Q")
    assert found["rows"] == [{"MSISDN": "0138", "BALANCE": "100"}, {"MSISDN": "0139", "BALANCE": "200"}]
    with pytest.raises(CodecError, match="wrong-command"):
        made.decode(b"ACK:OTHER:RETN=0")


def test_json_paths_and_decimals() -> None:
    fields = [{"name": "account.balance", "type": "decimal"}]
    made = make("json", "utf-8", fields=fields)
    assert made.decode(b'{"account": {"balance": 0.10}}') == {"account": {"balance": Decimal("0.10")}}
    assert made.encode({"account.balance": Decimal("0.10")}) == b'{"account":{"balance":"0.10"}}'
