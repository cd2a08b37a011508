"""Whatever happens to a call: nothing raises, it ends after the hang-up, and it can be stored anywhere on the way."""

from __future__ import annotations

import pickle
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cti.core import commands as c
from cti.core import events as e
from cti.flow import Plan, Run
from cti.flow.registry import REGISTRY
from tests.flow.flowkit import NOW, shipped_plan
from tests.flow.test_node_types import fixture_plan

REFS = st.integers(0, 40)
VALUES = st.dictionaries(
    st.sampled_from(["tier", "balance", "name", "due"]),
    st.one_of(st.none(), st.sampled_from(["vip", "88.5", "x", "2026-03-02"]), st.integers(), st.floats(), st.binary()),
)
NOTICES = st.builds(
    e.FoundNotice,
    st.sampled_from(["one", "two"]),
    st.sampled_from([{"zh-CN": "通知"}, {"en-US": "A notice"}, {"zh-CN": "", "en-US": ""}]),
    st.sampled_from([None, "2026-03-02T18:00+08:00"]),
)
EVENTS = st.one_of(
    st.builds(e.DigitPressed, st.sampled_from([*"0123456789*#A", ""])),
    st.builds(e.PlayEnded, REFS, st.booleans()),
    st.builds(e.TimerFired, REFS),
    st.builds(e.LookupEnded, REFS, st.sampled_from(["ok", "not_found", "timeout", "error", "strange"]), VALUES),
    st.builds(
        e.RequestEnded, REFS, st.sampled_from(["done", "rejected", "accepted", "unknown", "error", "strange"]), VALUES
    ),
    st.builds(e.NoticesFound, REFS, st.lists(NOTICES, max_size=3).map(tuple)),
    st.builds(e.TextReceived, st.sampled_from(["1", "CXYE", "", "13800000000", "\x00" * 9, "是" * 2000])),
    st.builds(e.TransferEnded, REFS, st.sampled_from(["talked", "busy", "strange"])),
    st.builds(e.QueueConnected, REFS, st.just("anna")),
    st.builds(e.QueueAnnounced, REFS, st.integers(0, 5), st.one_of(st.none(), st.floats(0, 1e4))),
    st.builds(e.QueueEnded, REFS, st.sampled_from(["talked", "timeout", "full", "no_agents", "strange"])),
    st.builds(e.CallbackEnded, REFS, st.sampled_from(["accepted", "declined", "invalid"])),
    st.builds(e.RecordEnded, REFS, st.floats(0, 100), st.sampled_from(["done", "silence", "failed"])),
    st.builds(e.MessageEnded, REFS, st.sampled_from(["sent", "failed"])),
)
HOTLINE = shipped_plan()
PLANS: dict[str, Plan] = {"hotline": HOTLINE, "fixed_line": shipped_plan("fixed_line")}
PLANS |= {name: fixture_plan(name) for name in REGISTRY}
INPUTS: dict[str, Any] = {"caller": "13800000000", "n": 3, "number": "01088880000", "songs": ["a"], "x": 1}


def stored(plan: Plan, run: Run) -> Run:
    return Run.load(plan, run.dump())


def live_refs(run: Run) -> list[int]:
    return [*run.pending, *([run.limit_ref] if run.limit_ref else [])]


@pytest.mark.parametrize("name", sorted(PLANS))
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_any_events_in_any_order(name: str, data: st.DataObject) -> None:
    plan = PLANS[name]
    run = Run(plan, INPUTS, now=NOW)
    works = run.start(NOW)
    for _ in range(data.draw(st.integers(0, 25))):
        event = data.draw(EVENTS)
        if hasattr(event, "ref") and live_refs(run) and data.draw(st.booleans()):
            event = type(event)(data.draw(st.sampled_from(live_refs(run))), *list(vars_of(event))[1:])
        twin = stored(plan, run)
        sprint = run.feed(event, NOW)
        assert twin.feed(event, NOW) == sprint
        assert twin.state() == run.state()
        works += sprint
    works += run.feed(e.HungUp("NORMAL_CLEARING"), NOW)
    for ref in list(run.pending):  # a message or a request may still be on its way
        works += run.feed(e.TimerFired(ref), NOW)
        works += run.feed(e.RequestEnded(ref, "error"), NOW)
    assert run.ended
    assert run.waiting == {}
    check_story(works)


def vars_of(event: e.Event) -> list[Any]:
    return [getattr(event, name) for name in event.__slots__]


def check_story(works: c.Sprint) -> None:
    """What every story of a call keeps to, whatever happened."""
    ends = [work for work in works if isinstance(work, c.RunEnded)]
    assert len(ends) == 1
    assert works[-1] is ends[0]
    assert len([work for work in works if isinstance(work, c.Hangup)]) <= 1
    refs = [
        work.ref
        for work in works
        if hasattr(work, "ref") and not type(work).__name__.startswith(("Stop", "Cancel", "Leave"))
    ]
    assert refs == sorted(set(refs)), "refs rise and are never used twice"
    entered = [(work.flow, work.node, work.visit) for work in works if isinstance(work, c.NodeEntered)]
    left = [(work.flow, work.node, work.visit) for work in works if isinstance(work, c.NodeLeft)]
    assert len(entered) == len(set(entered))
    assert sorted(entered) == sorted(left), "every visit ends, once"
    started = {work.ref for work in works if isinstance(work, c.StartTimer)}
    assert {work.ref for work in works if isinstance(work, c.CancelTimer)} <= started


@settings(max_examples=50, deadline=None)
@given(st.text(max_size=30), st.text(max_size=30))
def test_any_caller(number: str, called: str) -> None:
    run = Run(HOTLINE, {"caller": number, "called": called, "line": number}, now=NOW)
    run.start(NOW)
    assert not run.ended


def test_a_plan_can_be_sent_to_another_process() -> None:
    plan = pickle.loads(pickle.dumps(HOTLINE))
    assert plan.version == HOTLINE.version
    run = Run(plan, INPUTS, now=NOW)
    twin = Run(HOTLINE, INPUTS, now=NOW)
    assert run.start(NOW) == twin.start(NOW)
    for event in (e.PlayEnded(2), e.LookupEnded(3, "ok", {"tier": "vip", "balance": 5}), e.DigitPressed("1")):
        assert run.feed(event, NOW) == twin.feed(event, NOW)
