"""Flows that somebody broke at random: the checker never raises, and what it passes never raises or hangs."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from cti.core.issue import Severity
from cti.flow import check_closure, compile_plan, load_flow
from cti.flow.explore import explore
from cti.flow.explore_walk import Budget
from tests.flow.checkkit import AROUND
from tests.flow.flowkit import FLOWS, calendars, shipped

FIXTURES = Path(__file__).parent / "fixtures"
GOOD = [
    *(FLOWS / f"{name}.yaml" for name in ("hotline", "csat", "fixed_line", "busy")),
    *(file for file in sorted(FIXTURES.glob("*.yaml"))),
]
TEXTS = {file.name: file.read_text(encoding="utf-8").partition("\ntests:")[0] + "\n" for file in GOOD}
WORD = re.compile(r"[A-Za-z_][\w.-]*|[0-9]+|[{}\[\]:,=#'\"]")
CALLED = {name: shipped(name) for name in ("hotline", "csat", "fixed_line", "busy")} | {
    file.stem: flow
    for file in FIXTURES.glob("other.yaml")
    if (flow := load_flow(file.read_bytes(), file.name, catalog=AROUND).flow) is not None
}
few = settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@st.composite
def broken(draw: st.DrawFn) -> str:
    """A good flow with up to four deletions, renames, swaps and doublings of words and lines."""
    text = TEXTS[draw(st.sampled_from(sorted(TEXTS)))]
    for _ in range(draw(st.integers(1, 4))):
        text = _change(draw, text)
    return text


def _change(draw: st.DrawFn, text: str) -> str:
    what = draw(
        st.sampled_from(("delete word", "rename word", "swap words", "delete line", "swap lines", "double line"))
    )
    if what.endswith(("line", "lines")):
        lines = text.splitlines(keepends=True)
        one, other = (draw(st.integers(0, len(lines) - 1)) for _ in range(2))
        if what == "delete line":
            del lines[one]
        elif what == "double line":
            lines.insert(other, lines[one])
        else:
            lines[one], lines[other] = lines[other], lines[one]
        return "".join(lines) or text
    words = list(WORD.finditer(text))
    if not words:
        return text
    one, other = (words[draw(st.integers(0, len(words) - 1))] for _ in range(2))
    if what == "delete word":
        return text[: one.start()] + text[one.end() :]
    if what == "rename word":
        new = draw(st.sampled_from((other.group(), "z", "0", "''", "[]", "{}", "=x", "12s")))
        return text[: one.start()] + new + text[one.end() :]
    if one.start() > other.start():
        one, other = other, one
    if one.end() > other.start():
        return text
    between = text[one.end() : other.start()]
    return text[: one.start()] + other.group() + between + one.group() + text[other.end() :]


@few
@given(text=broken())
@example(text="flow: t\nstart: a\nnodes: {}\n")
def test_the_checker_never_raises_and_places_what_it_finds(text: str) -> None:
    loaded = load_flow(text, "flow", catalog=AROUND)
    assert (loaded.flow is None) == bool(loaded.errors)
    for issue in loaded.issues:
        assert issue.code
        assert issue.place.line >= 1
        assert issue.place.col >= 1
    if loaded.flow is not None:
        check_closure({**CALLED, loaded.flow.id: loaded.flow}, calendars(), loaded.flow.id)


@few
@given(text=broken())
def test_what_it_passes_never_raises_or_hangs(text: str) -> None:
    loaded = load_flow(text, "flow", catalog=AROUND)
    if loaded.flow is None:
        return
    flows = {**CALLED, loaded.flow.id: loaded.flow}
    found = check_closure(flows, calendars(), loaded.flow.id)
    if any(issue.severity is Severity.ERROR for issue in found):
        return
    walk = explore(compile_plan(flows, calendars(), loaded.flow.id), Budget(states=400))
    wrong = [trouble for trouble in walk.troubles.values() if not trouble.handled and trouble.code not in OUTSIDE]
    assert [f"{one.node}: {one.code} {one.message}" for one in wrong] == []


#: Failures of what is outside, or of values that no check can know.
OUTSIDE = {"bad-value", "record-failed"}


@pytest.mark.parametrize("name", sorted(TEXTS))
def test_they_are_good_before_they_are_broken(name: str) -> None:
    assert [str(issue) for issue in load_flow(TEXTS[name], "flow", catalog=AROUND).errors] == []
