"""Numbers of one kind of line: `phone(fixed)` and `phone(mobile)`."""

from __future__ import annotations

import pytest

from cti.core import commands as c
from cti.core import events as e
from cti.flow import load_flow
from cti.flow import types as t
from tests.flow.flowkit import CATALOG, Call, flow_text, plan_of


@pytest.mark.parametrize(
    ("line", "typed", "outcome"),
    [
        ("fixed", "01088880000#", "filled"),
        ("fixed", "075588880000", "filled"),
        ("fixed", "88880000#", "filled"),
        ("fixed", "13800000000#", "no_match"),
        ("fixed", "110#", "no_match"),
        ("mobile", "13800000000", "filled"),
        ("mobile", "01088880000", "no_match"),
        ("mobile", "12800000000", "no_match"),
    ],
)
def test_what_is_taken_follows_from_the_type(line: str, typed: str, outcome: str) -> None:
    nodes = """
    a: {type: collect, say: "x", save: number, reprompt: {no_match: 0}, to: {filled: yes_, else: no_}}
    yes_: {type: end, outcome: filled}
    no_: {type: end, outcome: no_match}
    """
    call = Call(plan_of(nodes, f"vars: {{number: 'phone({line})?'}}"))
    call.start()
    ended = call.feed(*map(e.DigitPressed, typed))[-1]
    assert isinstance(ended, c.RunEnded)
    assert ended.outcome == outcome


@pytest.mark.parametrize(
    ("expected", "actual", "fits"),
    [
        ("phone", "phone(fixed)", True),
        ("text", "phone(fixed)", True),
        ("phone(fixed)", "phone(fixed)", True),
        ("phone(fixed)", "phone", False),
        ("phone(fixed)", "phone(mobile)", False),
        ("phone(fixed)", "text", False),
    ],
)
def test_what_fits(expected: str, actual: str, fits: bool) -> None:
    one, other = t.parse_type(expected), t.parse_type(actual)
    assert isinstance(one, t.Type)
    assert isinstance(other, t.Type)
    assert t.fits(one, other) is fits


def test_a_number_of_the_other_kind_is_told_before_any_call() -> None:
    text = flow_text("a: {type: set, set: {line: '13800000000'}}\nb: {type: end}", "vars: {line: 'phone(fixed)?'}")
    loaded = load_flow(text, "t.yaml", catalog=CATALOG)
    assert [issue.code for issue in loaded.errors] == ["type-mismatch"]
