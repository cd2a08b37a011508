"""The interpreter's bounds: errors, loops and limits end a call, and what it must not do is refused."""

from __future__ import annotations

from datetime import timedelta

import pytest

from cti.core import commands as c
from cti.core import events as e
from cti.flow import Run, RunMisuse
from tests.flow.flowkit import NOW, Call, plan_of, say, shipped_plan, unproved_plan_of
from tests.flow.test_run import ask, at_main


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        ([e.PlayEnded(99)], []),
        ([e.PlayEnded(5), e.PlayEnded(5)], [c.StartTimer(6, 5.0)]),
        ([e.TimerFired(5)], []),  # the ref of a prompt
        ([e.LookupEnded(3, "ok", {})], []),  # ended before
        ([e.LookupEnded(5, "ok", {}), e.QueueEnded(5, "talked"), e.RecordEnded(5, 1.0, "done")], []),
        ([e.TransferEnded(1, "talked"), e.CallbackEnded(1, "accepted"), e.MessageEnded(1, "sent")], []),
        ([e.QueueAnnounced(5, 1, None)], []),
        ([e.DigitPressed("A"), e.DigitPressed(""), e.DigitPressed("12")], []),
        ([e.PlayEnded(5, ok=False)], [c.StartTimer(6, 5.0)]),
    ],
)
def test_late_and_foreign_events(events: list[e.Event], expected: c.Sprint) -> None:
    assert at_main(caller="13800000000").feed(*events) == expected


def test_hangup_before_the_start() -> None:
    call = Call(shipped_plan(), caller="13800000000")
    assert call.feed(e.DigitPressed("1"), e.HungUp("X"), e.HungUp("X")) == []
    assert call.start() == [c.RunEnded("", "hangup")]
    assert call.run.ended


def test_ten_thousand_digits_are_harmless() -> None:
    call = Call(shipped_plan(), caller="13800000000")
    call.start()
    call.feed(e.PlayEnded(2))
    for _ in range(10_000):
        assert call.run.feed(e.DigitPressed("9"), NOW) == []
    assert len(call.run.keys) == 64
    entered = [work.node for work in call.feed(e.LookupEnded(3, "timeout")) if isinstance(work, c.NodeEntered)]
    assert entered == ["open", "main", "agent"]  # three wrong keys, then a person


ERRORS = """
a: {type: set, set: {x: =1 / n}}
b: {type: end}
sorry: {type: play, say: "对不起", next: again}
again: {type: set, set: {x: =1 / n}, next: b}
"""


def test_the_second_error_ends_the_call() -> None:
    plan = plan_of(ERRORS, 'inputs: {n: int}\nvars: {x: "decimal?"}\non: {error: sorry}')
    call = Call(plan, n=0)
    message = "division by zero (t.yaml:7: 1 / n)"
    assert call.start() == [
        c.Answer(),
        c.StartTimer(1, 900.0),
        c.NodeEntered("t", "a", "set", 1),
        c.NodeLeft("t", "a", 1, "error", "bad-value"),
        c.FlowError("t", "a", "bad-value", message),
        c.NodeEntered("t", "sorry", "play", 1),
        ask(2, (say("对不起"),)),
    ]
    assert call.feed(e.PlayEnded(2)) == [
        c.NodeLeft("t", "sorry", 1, "next"),
        c.NodeEntered("t", "again", "set", 1),
        c.NodeLeft("t", "again", 1, "error", "bad-value"),
        c.FlowError("t", "again", "bad-value", message.replace(":7:", ":10:")),
        c.CancelTimer(1),
        c.Hangup(),
        c.RunEnded("", "system_error"),
    ]


def test_a_loop_without_waiting_is_cut() -> None:
    plan = unproved_plan_of(
        "a: {type: branch, cases: [{when: n > 0, to: a}], default: b}\nb: {type: end}", "inputs: {n: int}"
    )
    sprint = Call(plan, n=1).start()
    assert [work for work in sprint if isinstance(work, c.FlowError | c.RunEnded | c.Hangup)] == [
        c.FlowError("t", "a", "too-many-steps", "200 nodes without waiting for anything"),
        c.Hangup(),
        c.RunEnded("", "system_error"),
    ]


LIMITED = """
a: {type: menu, say: "?", keys: {1: q}, to: {else: bye}}
q: {type: queue, queue: service, to: {else: a}}
late: {type: play, say: "时间到", next: bye}
bye: {type: end, outcome: done}
"""


def test_the_limit_counts_ivr_time_only() -> None:
    call = Call(plan_of(LIMITED, "limits: {ivr_seconds: 60}\non: {limit: late}"))
    call.start()
    later = NOW + timedelta(seconds=20)
    assert call.feed(e.DigitPressed("1"), at=later) == [
        c.StopPlay(2),
        c.NodeLeft("t", "a", 1, "1", "1"),
        c.NodeEntered("t", "q", "queue", 1),
        c.CancelTimer(1),
        c.EnterQueue(3, "service"),
    ]
    assert call.feed(e.QueueEnded(3, "talked"), at=later + timedelta(hours=1)) == [
        c.StartTimer(4, 40.0),
        c.NodeLeft("t", "q", 1, "talked", "talked"),
        c.NodeEntered("t", "a", "menu", 2),
        ask(5, (say("?"),)),
    ]
    assert call.feed(e.TimerFired(4)) == [
        c.StopPlay(5),
        c.NodeLeft("t", "a", 2, "limit"),
        c.StartTimer(6, 60.0),
        c.NodeEntered("t", "late", "play", 1),
        ask(7, (say("时间到"),)),
    ]
    assert call.feed(e.PlayEnded(7))[-2:] == [c.Hangup(), c.RunEnded("done", "limit")]


def test_a_flow_that_ignores_its_limit_is_ended() -> None:
    nodes = LIMITED.replace('late: {type: play, say: "时间到", next: bye}', "")
    call = Call(plan_of(nodes, "limits: {ivr_seconds: 60}\non: {limit: a}"))
    call.start()
    call.feed(e.TimerFired(1))
    assert call.feed(e.TimerFired(3)) == [
        c.StopPlay(4),
        c.NodeLeft("t", "a", 2, "limit"),
        c.Hangup(),
        c.RunEnded("", "limit"),
    ]


def test_contract_of_the_caller() -> None:
    plan = plan_of("a: {type: end}", 'inputs: {n: int, caller: "phone?"}')
    with pytest.raises(RunMisuse, match="needs a fitting input 'n'"):
        Run(plan, {"n": "x"}, now=NOW)
    with pytest.raises(RunMisuse, match="offset"):
        Run(plan, {"n": 1}, now=NOW.replace(tzinfo=None))
    run = Run(plan, {"n": 1, "caller": "x%0AEvent"}, now=NOW, language="fr-FR")
    assert (run.frames[0].variables, run.language) == ({"n": 1, "caller": None}, "zh-CN")
    run.start(NOW)
    with pytest.raises(RunMisuse, match="started before"):
        run.start(NOW)
    with pytest.raises(RunMisuse, match="another version"):
        Run.restore(shipped_plan(), run.state())
