"""Our words and theirs."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from cti.boss.mapping import Mapped, Sent, UnknownCode, bind, incoming, outcome_of, outgoing
from cti.boss.paths import MISSING, FieldPath, parse_path
from cti.flow.catalog import LookupSignature
from cti.flow.types import BadValue

SIGNATURE = LookupSignature.parse(
    {"msisdn": "phone", "cycle": "text?"}, {"balance": "decimal", "points": "int?", "name": "text!"}
)


def path(text: str) -> FieldPath:
    found = parse_path(text)
    assert isinstance(found, FieldPath)
    return found


@pytest.mark.parametrize(
    ("text", "fields", "found"),
    [
        ("BALANCE[0]", {"BALANCE": ["12.5", "0"]}, "12.5"),
        ("BALANCE[2]", {"BALANCE": ["12.5", "0"]}, MISSING),
        ("body.account.balance", {"body": {"account": {"balance": 1}}}, 1),
        ("body.lines[1].amount", {"body": {"lines": [{}, {"amount": 7}]}}, 7),
        ("body.account", {"body": None}, MISSING),
        ("body.account", {"body": "account"}, MISSING),
        ("余额", {"余额": 3}, 3),
    ],
)
def test_paths_lead_into_answers(text: str, fields: dict[str, Any], found: Any) -> None:
    assert path(text).find(fields) is found or path(text).find(fields) == found


@pytest.mark.parametrize("text", ["", "[0]", "a..b", "a[", "a[-1]", "a[x]", ".a", "a.", "a b", "a[99999]"])
def test_what_is_no_path(text: str) -> None:
    assert "is no path into an answer" in str(parse_path(text))


def test_inputs_are_bound_by_their_types() -> None:
    assert bind(SIGNATURE, {"msisdn": "+86 138-0000-1234"}) == {"msisdn": "13800001234", "cycle": None}
    with pytest.raises(BadValue, match="msisdn: "):
        bind(SIGNATURE, {"msisdn": "x'; DROP TABLE"})
    with pytest.raises(BadValue, match="pin is not among its inputs"):
        bind(SIGNATURE, {"msisdn": "13800001234", "pin": "1"})


def test_their_fields_are_inputs_constants_and_the_key() -> None:
    mapped = Mapped(send=(Sent("MSISDN", "msisdn"), Sent("CHANNEL", constant="IVR"), Sent("SERIAL", "key")))
    assert outgoing(mapped, {"msisdn": "138", "cycle": None}, "c1/f.n.1") == {
        "MSISDN": "138",
        "CHANNEL": "IVR",
        "SERIAL": "c1/f.n.1",
    }
    assert outgoing(Mapped(), {"msisdn": "138"}, "k") == {"msisdn": "138", "key": "k"}
    assert outgoing(Mapped(), {"msisdn": "138"}, None) == {"msisdn": "138"}


CODED = Mapped(code=path("header.rc"), good=frozenset({"0000"}), errors={"1001": "not_found"})


def coded(code: Any) -> dict[str, Any]:
    return {"header": {"rc": code}}


def test_codes_become_outcomes_and_are_never_shortened_to_numbers() -> None:
    assert outcome_of(CODED, coded("0000")) == "ok"
    assert outcome_of(CODED, coded("1001 ")) == "not_found"
    for code in ("0", "9999", "", None):
        with pytest.raises(UnknownCode):
            outcome_of(CODED, coded(code))
    with pytest.raises(UnknownCode):
        outcome_of(CODED, {})


def test_without_good_codes_all_but_the_errors_are_good() -> None:
    mapped = Mapped(code=path("rc"), errors={"NOUSER": "not_found"})
    assert [outcome_of(mapped, {"rc": code}) for code in ("NOUSER", "", 0)] == ["not_found", "ok", "ok"]


def test_outputs_are_taken_where_they_stand() -> None:
    mapped = Mapped(take={"balance": path("BALANCE[0]"), "points": path("POINTS")})
    fields = {"BALANCE": ["12.50"], "POINTS": "", "name": "王伟"}
    assert incoming(mapped, SIGNATURE, fields) == {"balance": Decimal("12.50"), "points": None, "name": "王伟"}
    assert incoming(mapped, SIGNATURE, {**fields, "POINTS": Decimal("7.0")})["points"] == 7


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"name": "x"}, "the answer has no balance for 'balance'"),
        ({"balance": "geheim", "name": "x"}, "balance: "),
        ({"balance": "NaN", "name": "x"}, "balance: "),
        ({"balance": float("nan"), "name": "x"}, "balance: "),
        ({"balance": {"amount": 1}, "name": "x"}, "balance: "),
        ({"balance": "", "name": "x"}, "balance: "),
        ({"balance": "1", "name": ["x"]}, "name: "),
    ],
)
def test_an_answer_that_does_not_keep_to_its_types_is_refused_without_its_values(
    fields: dict[str, Any], said: str
) -> None:
    with pytest.raises(BadValue) as refused:
        incoming(Mapped(), SIGNATURE, fields)
    assert said in str(refused.value)
    assert "geheim" not in str(refused.value)
