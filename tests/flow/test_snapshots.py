"""A run as JSON text and back: nothing is lost, whatever its variables are, and what was stored does not change."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cti.core import events as e
from cti.flow import Run
from cti.flow.runstate import from_text, to_text
from cti.flow.values import decode, encode
from tests.flow.flowkit import NOW, Call, plan_of, shipped_plan, unproved_plan_of

TABLE: list[Any] = [
    None,
    True,
    False,
    0,
    -(2**63),
    2**63 - 1,
    2**63,
    -(10**30),
    "",
    "王",
    "\ud800 half a pair",
    "\x00\u2028",
    Decimal("88.50"),
    Decimal("-0.000000000001"),
    Decimal("1E+20"),
    date(2026, 3, 2),
    time(9, 30),
    time(9, 30, 0, 1, UTC),
    datetime(2026, 3, 2, 10, 0, 0, 1, timezone(timedelta(hours=8))),
    timedelta(days=999_999_999, microseconds=1),
    timedelta(days=-1, seconds=1),
    (),
    ("a", Decimal("0.1"), (1, None)),
    {},
    {"$": "decimal", "v": "1"},
    {"due": date(2026, 3, 2), "items": ({"n": 2**70},)},
]
SINGLE = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.text(st.characters(exclude_categories=()), max_size=5),
    st.decimals(allow_nan=False, allow_infinity=False),
    st.dates(),
    st.times(),
    st.datetimes(),
    st.timedeltas(),
)
VALUES = st.recursive(
    SINGLE,
    lambda inner: st.one_of(st.lists(inner, max_size=3).map(tuple), st.dictionaries(st.text(max_size=3), inner)),
    max_leaves=5,
)


def same(one: Any, other: Any) -> bool:
    """Equal, of the same types throughout, decimals digit by digit."""
    if type(one) is not type(other):
        return False
    if isinstance(one, tuple):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, dict):
        return list(one) == list(other) and all(map(same, one.values(), other.values()))
    return str(one) == str(other) and bool(one == other)


@pytest.mark.parametrize("value", TABLE)
def test_values(value: Any) -> None:
    assert same(decode(from_text(to_text({"value": encode(value)}))["value"]), value)


@given(VALUES)
def test_any_value(value: Any) -> None:
    text = to_text({"value": encode(value)})
    assert same(decode(from_text(text)["value"]), value)
    assert same(decode(json.loads(text)["value"]), value), "it is JSON to every reader"


@given(st.dictionaries(st.sampled_from(["n", "m"]), VALUES))
def test_a_run_with_any_variables(values: dict[str, Any]) -> None:
    plan = plan_of("a: {type: play, say: 您好。, next: bye}\nbye: {type: end}", 'vars: {n: "int?", m: "text?"}')
    run = Run(plan, {}, now=NOW)
    run.start(NOW)
    for name, value in values.items():
        run.frames[0].set(name, value)
    twin = Run.load(plan, run.dump())
    assert same(twin.frames[0].variables, run.frames[0].variables)
    assert twin.state() == run.state()


def test_what_is_stored_follows_what_is_set() -> None:
    call = Call(
        unproved_plan_of(
            "a: {type: set, set: {n: = n + 1}}\nb: {type: play, say: 您好。, next: a}", "vars: {n: int = 0}"
        )
    )
    call.start()
    for _ in range(3):
        (ref,) = call.run.pending
        call.feed(e.PlayEnded(ref))
    frame = call.run.frames[0]
    assert frame.variables == {"n": 4}
    assert frame.stored == {name: encode(value) for name, value in frame.variables.items()}


def test_a_state_is_a_value_of_its_own() -> None:
    """The run goes on; what was stored of it, and a run restored from that, do not."""
    plan = shipped_plan()
    run = Run(plan, {"caller": "13800000000"}, now=NOW)
    run.start(NOW)
    state = run.state()
    before = json.dumps(state)
    twin = Run.restore(plan, state)
    for event in (e.PlayEnded(2), e.LookupEnded(3, "ok", {"tier": "vip", "balance": 5}), e.DigitPressed("1")):
        run.feed(event, NOW)
    assert json.dumps(state) == before
    twin.feed(e.PlayEnded(2), NOW)
    assert json.dumps(state) == before
    assert Run.restore(plan, state).state() == state


def test_every_attribute_is_stored() -> None:
    """A new one that is forgotten in the snapshot would be lost with the next wait."""
    plan = shipped_plan()
    run = Run(plan, {"caller": "13800000000"}, now=NOW)
    run.start(NOW)
    made_anew = {"plan", "sprint", "unsaid", "thrown"}  # the last: of the event that was fed just now
    assert set(vars(run)) == {*run.state(), *made_anew} - {"format", "version"}
    assert vars(Run.load(plan, run.dump())).keys() == vars(run).keys()


def test_a_paused_run_is_small() -> None:
    run = Run(shipped_plan(), {"caller": "13800000000"}, now=NOW)
    run.start(NOW)
    assert len(run.dump()) < 2_000


@pytest.mark.parametrize("text", [b"", b"{", b"\xff"])
def test_no_json(text: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        Run.load(shipped_plan(), text)
