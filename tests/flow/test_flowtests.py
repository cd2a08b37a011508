"""The tests that authors write must be able to fail, and must say how."""

from __future__ import annotations

import pytest

from cti.flow import load_flow
from cti.flow.flowtests import run_tests
from cti.flow.transcript import Line, table
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
        ("script: [hangup], expect: {outcome: done}", ["outcome is none, expected done"]),
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


HOURS = """
a: {type: hours, calendar: office, to: {open: b, closed: c, holiday: h}}
b: {type: hours, calendar: office, to: {open: o, else: c}}
c: {type: end, outcome: closed}
h: {type: end, outcome: holiday}
o: {type: end, outcome: open}
"""


@pytest.mark.parametrize(
    ("given", "outcome", "expected"),
    [
        ("hours.office: closed", "closed", []),
        ("hours.office: holiday", "holiday", []),
        ("hours.office: open, now: 2026-03-01T03:00+08:00", "open", []),
        ("hours.office: [open, closed]", "closed", []),
        ("hours.office: shut", "open", ["given: hours.office is open, closed, holiday, or a list of such"]),
        ("hours.office: {state: open}", "open", ["given: hours.office is open, closed, holiday, or a list of such"]),
        ("hours.ofice: open", "open", ["given: there is no calendar 'ofice'; did you mean 'office'?"]),
    ],
)
def test_a_calendar_is_as_the_test_says(given: str, outcome: str, expected: list[str]) -> None:
    plan = plan_of(HOURS, f"tests: [{{name: x, given: {{{given}}}, expect: {{outcome: {outcome}}}}}]")
    (result,) = run_tests(plan)
    assert [failure.message for failure in result.failures] == expected


@pytest.mark.parametrize(
    ("test", "expected"),
    [
        ("script: [limit], expect: {reason: limit, outcome: over}", []),
        (
            "script: [press: 1, silence: 1s, limit], expect: {reason: limit}",
            ["no time limit runs when it was to be reached"],
        ),
        ("script: [press: 1], expect: {error: none}", []),
        ("script: [press: 1], expect: {error: bad-value}", ["error is none, expected bad-value"]),
    ],
)
def test_the_time_limit_and_errors(test: str, expected: list[str]) -> None:
    nodes = NODES + "over: {type: end, outcome: over}"
    (result,) = run_tests(plan_of(nodes, f"on: {{limit: over}}\ntests:\n  - {{name: x, {test}}}"))
    assert [failure.message for failure in result.failures] == expected


def test_recordings_one_after_the_other() -> None:
    """What stands for the second time is not taken for the first, also where a key ends the recording."""
    nodes = """
    a: {type: voicemail, to: {done: b, else: z}}
    b: {type: voicemail, to: {too_short: y, else: z}}
    y: {type: end, outcome: short}
    z: {type: end, outcome: else}
    """
    given = "{record: [done, {outcome: done, lasts: 1s}]}"
    script = "[hear: tone, wait: 2s, press: hash, hear: tone, wait: 2s, press: hash]"
    (result,) = run_tests(
        plan_of(nodes, f"tests: [{{name: x, given: {given}, script: {script}, expect: {{outcome: short}}}}]")
    )
    assert [str(failure) for failure in result.failures] == []


@pytest.mark.parametrize(
    ("test", "marked"),
    [
        ("strict: true, script: [press: 1, hear: 谢谢], expect: {at: a}", "> expected here: hear: 谢谢  (t.yaml:5:48)"),
        ("script: [silence: 5s, not_hear: 请按1], expect: {at: a}", "> expected here: not_hear: 请按1  (t.yaml:5:37)"),
    ],
)
def test_the_expected_line_is_marked_where_something_else_was_said(test: str, marked: str) -> None:
    plan = plan_of(NODES, f'inputs: {{caller: "phone?"}}\ntests:\n  - {{name: x, {test}}}')
    (result,) = run_tests(plan)
    lines = result.table().splitlines()
    assert lines[0] == marked
    assert lines[1] == "     0.0s  请按1"


def test_unmet_expectations_are_marked_at_the_end() -> None:
    (result,) = run_tests(plan_of(NODES, "tests: [{name: x, script: [press: 1], expect: {outcome: lost, at: b}}]"))
    assert result.table().splitlines()[-1] == "> at the end: outcome is done, expected lost"


@pytest.mark.parametrize(
    ("text", "width", "rows"),
    [
        ("一二三四五", 4, ["一二", "三四", "五"]),
        ("a long one", 6, ["a long", "one"]),
        ("unbreakable", 4, ["unbr", "eaka", "ble"]),
        ("一", 1, ["一"]),
        ("", 5, [""]),
    ],
)
def test_columns_count_cells(text: str, width: int, rows: list[str]) -> None:
    shown = table([Line(1.0, "flow", text)], width=width).splitlines()
    assert [row[11:].rstrip() for row in shown] == rows


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
