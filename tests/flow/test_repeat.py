"""Loops that are counted end, however they are nested and left; and the counters go with the run."""

from __future__ import annotations

import json

from hypothesis import given, settings
from hypothesis import strategies as st

from cti.core import commands as c
from cti.core import events as e
from cti.flow import Run
from tests.flow.flowkit import NOW, Call, plan_of


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 3), st.integers(0, 3)), min_size=4, max_size=4))
def test_a_flow_whose_circles_all_go_through_a_body_ends(loops: list[tuple[int, int]]) -> None:
    """`done` leads forward only, the bodies anywhere: every circle takes a body."""
    nodes = ["a: {type: play, tone: x, next: r0}"]
    for index, (most, back) in enumerate(loops):
        nodes.append(f"r{index}: {{type: repeat, max: {most}, body: w{index}, to: {{done: r{index + 1}}}}}")
        nodes.append(f"w{index}: {{type: play, tone: x, next: r{back}}}")
    nodes.append("r4: {type: end, outcome: over}")
    plan = plan_of("\n".join(nodes))
    run = Run(plan, {}, now=NOW)
    works = run.start(NOW)
    for _ in range(5**4):
        if run.ended:
            break
        run = Run.restore(plan, json.loads(json.dumps(run.state())))
        ref = next(ref for ref, (kind, _) in run.pending.items() if kind == "play")
        works = run.feed(e.PlayEnded(ref), NOW)
    assert run.ended
    assert isinstance(works[-1], c.RunEnded)
    assert works[-1].outcome == "over"


def test_the_rounds_are_in_the_run() -> None:
    nodes = """
    a: {type: repeat, max: 3, body: ask, to: {done: over}}
    ask: {type: menu, say: "x", keys: {1: a}, to: {else: over}}
    over: {type: end}
    """
    call = Call(plan_of(nodes))
    works = call.start()
    for _ in range(3):
        works += call.feed(e.DigitPressed("1"))
    rounds = [work.note for work in works if isinstance(work, c.NodeLeft) and work.node == "a"]
    assert rounds == ["round 1", "round 2", "round 3", "after 3"]
    assert call.run.ended
