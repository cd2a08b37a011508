"""The tests that authors write must be able to fail, and must say how."""

from __future__ import annotations

import pytest

from cti.flow import load_flow
from cti.flow.flowtests import run_tests
from tests.flow.flowkit import CATALOG, flow_text, plan_of

NODES = """
a: {type: menu, say: "请按1", wait: 5s, keys: {1: b}, to: {else: z}}
b: {type: play, say: "谢谢", achieves: thanked, next: z}
z: {type: end, outcome: done}
"""


def failures(test: str) -> list[str]:
    plan = plan_of(NODES, f'inputs: {{caller: "phone?"}}\ntests:\n  - {{name: x, {test}}}')
    (result,) = run_tests(plan)
    return [failure.message for failure in result.failures]


@pytest.mark.parametrize(
    ("test", "expected"),
    [
        ("script: [press: 1], expect: {outcome: done}", []),
        ("script: [hear: 再见], expect: {outcome: done}", ["never heard '再见', but: 请按1; 请按1"]),
        ("script: [press: 1, hear: 请按1], strict: true, expect: {outcome: done}", []),
        ("strict: true, script: [press: 1, hear: 谢谢], expect: {outcome: done}", ["heard '请按1' instead of '谢谢'"]),
        ("script: [not_hear: 请按], expect: {outcome: done}", ["did hear '请按1'"]),
        ("script: [press: 1], expect: {outcome: lost}", ["outcome is done, expected lost"]),
        ("script: [press: 1], expect: {goals: [thanked]}", ["goals is none, expected thanked"]),
        ("script: [press: 1, silence: 1s], expect: {goals: [thanked]}", []),
        ("script: [press: 1], expect: {at: a}", ["at is b, expected a"]),
        ("script: [press: 1], expect: {at: t.b}", []),
        ("script: [silence: 5s], expect: {at: z}", ["at is a, expected z"]),
        ("script: [silence: 5s, silence: 4s], expect: {at: a}", []),
        (
            "script: [silence: 5s, silence: 5s], expect: {outcome: done, within: 11s}",
            ["it took 11s200ms, expected within 11s"],
        ),
        ("script: [hangup], expect: {outcome: done}", ["outcome is , expected done"]),
        ("script: [hangup, press: 1], expect: {reason: hangup}", ["the call had ended when 1 was to be pressed"]),
        ("script: [press: 1], expect: {visited: b, not_visited: [z]}", []),
        ("script: [press: 1], expect: {visited: [z], not_visited: b}", ["'z' was not visited", "'b' was visited"]),
        ("given: {now: yesterday}, expect: {at: a}", ["given.now is a moment with offset: 2026-03-02T10:00+08:00"]),
        ("expect: {variables: {caller: '138'}}", ["caller is None, expected 138"]),
        ("expect: {within: soon}", ["within is a duration, not 'soon'"]),
    ],
)
def test_results(test: str, expected: list[str]) -> None:
    assert failures(test) == expected


def test_what_a_test_forgot_to_give() -> None:
    nodes = "a: {type: lookup, ask: subscriber.get, with: {msisdn: '10086'}, to: {else: z}}\nz: {type: end}"
    (result,) = run_tests(plan_of(nodes, "tests: [{name: x, expect: {at: z}}]"))
    assert [str(failure) for failure in result.failures] == [
        "t.yaml:3:9 [test-failed] at is a, expected z",
        "t.yaml:3:9 [test-failed] the flow asks subscriber.get; say under given: what it answers",
    ]


def test_the_transcript_has_two_columns() -> None:
    (result,) = run_tests(
        plan_of(NODES, "tests: [{name: x, script: [silence: 2s, press: 1], expect: {outcome: done}}]")
    )
    assert result.table(20).splitlines() == [
        "     0.0s  请按1",
        "     2.6s                        presses 1",
        "     2.6s  谢谢",
        "     3.0s  (the call is hung",
        "           up)",
    ]
    assert result.taken == {("t", "a", "1"), ("t", "b", "next"), ("t", "z", "end")}


def test_findings_about_tests() -> None:
    head = """
    tests:
      - {name: one, given: {calle: x}, script: [hera: x, press: A, silence: 1:20, {hear: }], expect: {att: a}}
      - {name: two, script: hangup, expect: {at: nowhere, visited: [a, b]}}
      - {name: three}
    """
    found = load_flow(flow_text("a: {type: end}", head), "t.yaml", catalog=CATALOG).issues
    assert [str(issue) for issue in found] == [
        "t.yaml:4:5 [unknown-option] test 'one': nothing is called 'calle'; did you mean 'called'?",
        "t.yaml:4:45 [unknown-option] 'hera' is not an option of a script; did you mean 'hear'?",
        "t.yaml:4:61 [unknown-key] 'A' are no keys; write digits, star, hash",
        "t.yaml:4:73 [bad-option] silence is a duration such as 800ms, 5s, 1m30s; '1:20' is none; write 1m20s",
        "t.yaml:4:85 [bad-option] hear has no value",
        "t.yaml:4:99 [unknown-option] 'att' is not an option of expect; did you mean 'at'?",
        "t.yaml:5:5 [unknown-node] test 'two': there is no node 'nowhere'",
        "t.yaml:5:5 [unknown-node] test 'two': there is no node 'b'",
        "t.yaml:5:25 [bad-option] script is a list [… , …]; here is 'hangup'",
        "t.yaml:6:5 [missing-option] a test that expects nothing proves nothing: expect: {at: …}",
    ]
