"""Every finding with its place, code and words; all of them in one run."""

from __future__ import annotations

import pytest

from cti.flow import check_closure, load_flow
from tests.flow.flowkit import CATALOG, calendars, flow_text, load

END = "z: {type: end}"


def findings(nodes: str, head: str = "") -> list[str]:
    return [str(issue) for issue in load_flow(flow_text(nodes, head), "t.yaml", catalog=CATALOG).issues]


@pytest.mark.parametrize(
    ("nodes", "expected"),
    [
        (
            f'a: {{type: menu, say: "?", timout: 5s, keys: {{1: z}}, to: {{else: z}}}}\n{END}',
            [
                "t.yaml:5:29 [unknown-option] 'timout' is not an option of menu; known are say, wait, reprompt, barge_in, "  # noqa: E501
                "type_ahead, keys, words, save, achieves, note, type, to"
            ],
        ),
        (
            f'a: {{type: menu, say: "?", repromt: {{no_input: 1}}, keys: {{1: z}}, to: {{else: z}}}}\n{END}',
            ["t.yaml:5:29 [unknown-option] 'repromt' is not an option of menu; did you mean 'reprompt'?"],
        ),
        (
            f'a: {{type: play, say: "x", to: {{next: z}}}}\n{END}',
            ["t.yaml:5:29 [unknown-option] 'to' is not an option of play; its exits are wired with next: node"],
        ),
        (
            f"a: {{type: hours, calendar: hotline, open: z, to: {{else: z}}}}\n{END}",
            ["t.yaml:5:39 [unknown-option] 'open' is an exit of hours; write it under to: {open: node}"],
        ),
        (
            f"a: {{type: plya, say: x}}\n{END}",
            ["t.yaml:5:13 [unknown-type] 'plya' is no node type; did you mean 'play'?"],
        ),
        (
            f'a: {{type: play, say: "x", next: zz}}\n{END}',
            [
                "t.yaml:5:3 [no-end] from 'a' no way leads to an end",
                "t.yaml:5:35 [unknown-node] there is no node 'zz'; did you mean 'z'?",
                "t.yaml:6:3 [unreachable-node] no way leads to 'z'",
            ],
        ),
        (
            'a: {type: play, say: "x", next: a}\n' + END,
            [
                "t.yaml:5:3 [no-end] from 'a' no way leads to an end",
                "t.yaml:6:3 [unreachable-node] no way leads to 'z'",
            ],
        ),
        (
            'a: {type: play, say: "x"}',
            [
                "t.yaml:5:3 [missing-exit] 'a' is the last node and has no 'next'",
                "t.yaml:5:3 [no-end] from 'a' no way leads to an end",
            ],
        ),
        (
            f"a: {{type: hours, calendar: hotline, to: {{open: z}}}}\n{END}",
            ["t.yaml:5:3 [missing-exit] 'a' leaves closed, holiday open; wire them under to:, or else: …"],
        ),
        (
            f"a: {{type: hours, calendar: hotlin, to: {{opne: z, else: z}}}}\n{END}",
            [
                "t.yaml:5:30 [unknown-calendar] there is no calendar 'hotlin'; did you mean 'hotline'?",
                "t.yaml:5:49 [unknown-exit] hours has no exit 'opne'; did you mean 'open'?",
            ],
        ),
        (
            f'a: {{type: lookup, ask: subscriber.get, with: {{msisdn: "10086"}}, to: {{ok: z}}}}\n{END}',
            [
                "t.yaml:5:3 [lookup-without-failure-path] 'a' says nothing about not_found, timeout, error, throttled; "
                "wire them, or else: …",
                "t.yaml:5:3 [missing-exit] 'a' leaves locked open; wire them under to:, or else: …",
            ],
        ),
        (
            f"a: {{type: lookup, ask: subscribr.get, to: {{else: z}}}}\n{END}",
            [
                "t.yaml:5:26 [unknown-source] there is no source 'subscribr.get' for a lookup; "
                "did you mean 'subscriber.get'?"
            ],
        ),
        (
            f"a: {{type: lookup, ask: subscriber.get, with: {{msisd: x}}, to: {{else: z}}}}\n{END}",
            [
                "t.yaml:5:3 [missing-option] subscriber.get needs 'msisdn': with: {msisdn: …}",
                "t.yaml:5:49 [unknown-option] subscriber.get takes no 'msisd'; did you mean 'msisdn'?",
            ],
        ),
        (
            f"a: {{type: queue, queue: servce, to: {{else: z}}}}\n{END}",
            ["t.yaml:5:27 [unknown-queue] there is no queue 'servce'; did you mean 'service'?"],
        ),
        (
            f"a: {{type: subflow, flow: cast, to: {{else: z}}}}\n{END}",
            ["t.yaml:5:28 [unknown-flow] there is no flow 'cast'; did you mean 'csat'?"],
        ),
        (
            f"a: {{type: subflow, flow: t, to: {{else: z}}}}\n{END}",
            ["t.yaml:5:28 [recursive-subflow] t would call itself"],
        ),
        (
            f"a: {{type: play, file: ../../etc/passwd, next: z}}\n{END}",
            ["t.yaml:5:25 [bad-option] '../../etc/passwd' leaves the prompts folder; write a name inside it"],
        ),
        (
            f'a: {{type: play, say: "x${{system(1)}}", next: z}}\n{END}',
            ["t.yaml:5:28 [bad-expression] there is no function 'system'"],
        ),
        (
            f'a: {{type: play, say: "x${{", next: z}}\n{END}',
            ["t.yaml:5:28 [bad-expression] '${' is never closed with '}'; write '$${' for the signs"],
        ),
        (
            "a: {type: end}\na: {type: end}",
            ["t.yaml:6:3 [duplicate-key] 'a' is given twice; the first is at line 5, column 3"],
        ),
        (f"a:\n  type: branch\n  cases: [{{when: tier == vip, to: z}}]\n  default: z\n{END}", None),
    ],
)
def test_findings(nodes: str, expected: list[str] | None) -> None:
    if expected is None:
        head = 'vars: {tier: "enum[standard, vip] = standard"}'
        expected = [
            "t.yaml:7:28 [undefined-variable] 'vip' is no variable of this flow; did you mean the text 'vip'? "
            "Texts stand in quotes"
        ]
        assert findings(nodes, head) == expected
        return
    assert findings(nodes) == expected


DECLARED = """
inputs:
  caller: phone?!
  language: text
vars:
  n: int
  m: int = x
  d: decimale
  e: enum[]
  balance: decimal?
"""


def test_declarations() -> None:
    assert [line for line in findings("a: {type: end}", DECLARED) if "unused" not in line] == [
        "t.yaml:5:3 [bad-option] 'language' cannot be declared: every flow has it",
        "t.yaml:7:6 [missing-default] 'n' always exists, so it needs a value: int = …, or 'int?' if it may be absent",
        "t.yaml:8:6 [type-mismatch] 'x' is no int",
        "t.yaml:9:6 [bad-type] 'decimale' is no type; types are text, int, decimal, bool, phone, date, time, datetime, "
        "duration, enum, list, record, with '?' (may be absent) and '!' (sensitive); did you mean 'decimal'?",
        "t.yaml:10:6 [bad-type] an enum lists its different values: enum[mobile, fixed]",
    ]


SPEAK = """
a:
  type: branch
  cases: [{when: WHEN, to: tell}]
  default: z
tell: {type: play, say: "${money(balance)}", next: again}
again: {type: play, say: "${money(balance)}", next: z}
z: {type: end}
"""


@pytest.mark.parametrize(
    ("when", "absent"),
    [
        ("given(balance)", False),
        ("given(balance) and balance > 0", False),
        ("now > now()", True),
        ("not given(balance)", True),
        ("given(balance) or weekday(now) == 1", True),
    ],
)
def test_absence_is_followed_along_the_ways(when: str, absent: bool) -> None:
    found = findings(SPEAK.replace("WHEN", when), 'vars: {balance: "decimal?"}')
    assert ([line.split(" ", 1)[1].split("]")[0] for line in found] == ["[absent-value", "[absent-value"]) == absent
    assert bool(found) == absent


@pytest.mark.parametrize(
    ("middle", "absent"),
    [
        ("b: {type: set, set: {x: 5}, next: c}", False),
        ("b: {type: set, set: {x: =y}, next: c}", True),
        ('b: {type: set, set: {x: "=default(y, 1)"}, next: c}', False),
        ('b: {type: collect, say: "?", save: x, to: {filled: c, else: z}}', False),
        ('b: {type: collect, say: "?", save: x, to: {else: c}}', True),
        ('b: {type: menu, say: "?", save: x, keys: {1: {to: c, value: 1}}, to: {else: z}}', False),
        ('b: {type: menu, say: "?", save: x, keys: {1: {to: c, value: 1}}, to: {else: c}}', True),
    ],
)
def test_what_gives_a_value(middle: str, absent: bool) -> None:
    nodes = f'a: {{type: branch, cases: [{{when: weekday(now) == 1, to: b}}], default: b}}\n{middle}\nc: {{type: play, say: "${{x}}", next: z}}\nz: {{type: end}}'  # noqa: E501
    found = findings(nodes, 'vars: {x: "int?", y: "int?"}')
    assert any("absent-value" in line for line in found) == absent, found


def test_an_error_handler_knows_only_what_is_always_known() -> None:
    nodes = """
a: {type: set, set: {x: 5}, next: b}
b: {type: play, say: "${x}", next: z}
oops: {type: play, say: "${x}", next: z}
z: {type: end}
"""
    assert findings(nodes, 'vars: {x: "int?"}\non: {error: oops}') == [
        "t.yaml:8:30 [absent-value] 'x' may be absent when this is said; ask given(x) before, or use default(x, …)".replace(  # noqa: E501
            "8:28", "9:30"
        )
    ]


def test_calls_of_other_flows() -> None:
    other = load(
        "flow: other\nstart: a\ninputs: {n: int}\nnodes:\n"
        "  a: {type: branch, cases: [{when: n > 1, to: big}], default: small}\n"
        "  big: {type: end, outcome: big, returns: {x: =n}}\n  small: {type: end}\n",
        "other.yaml",
    )
    caller = load(
        flow_text(
            """
            a: {type: subflow, flow: other, with: {m: 1}, save: {v: =result.y}, to: {big: z, bigg: z}}
            z: {type: end}
            """,
            'vars: {v: "int?"}',
        )
    )
    assert [str(issue) for issue in check_closure({"t": caller, "other": other}, calendars(), "t")] == [
        "t.yaml:5:45 [unknown-option] flow other has no input 'm'; did you mean 'n'?".replace(
            "; did you mean 'n'?", ""
        ),
        "t.yaml:5:3 [missing-option] flow other needs the input 'n': with: {n: …}",
        "t.yaml:5:3 [missing-exit] flow other can end with 'done', which leads nowhere here",
        "t.yaml:5:90 [unknown-exit] flow other never ends with 'bigg'; did you mean 'big'?",
        "t.yaml:5:55 [undefined-variable] v: flow other returns no 'y'",
    ]


def test_circles_of_flows() -> None:
    one = load(flow_text("a: {type: subflow, flow: other, to: {else: z}}\nz: {type: end}"))
    two = load(
        "flow: other\nstart: a\nnodes:\n  a: {type: subflow, flow: t, to: {else: z}}\n  z: {type: end}\n", "other.yaml"
    )
    assert [str(issue) for issue in check_closure({"t": one, "other": two}, {}, "t")] == [
        "other.yaml:4:28 [recursive-subflow] a flow would call itself: t -> other -> t"
    ]


def test_everything_is_found_in_one_run() -> None:
    nodes = """
a: {type: menu, say: "?", keys: {x: z, 1: nowhere}, wait: 5, to: {no_input: z}}
b: {type: play, say: "${nix}", nxt: z}
z: {type: end, returns: {r: =mony(1)}}
"""
    codes = [line.split("[")[1].split("]")[0] for line in findings(nodes)]
    assert codes == [
        "missing-exit",
        "unknown-key",
        "unknown-node",
        "bad-option",
        "unreachable-node",
        "undefined-variable",
        "unknown-option",
        "bad-expression",
    ]


def test_file_name_and_id_agree() -> None:
    text = "flow: t\nstart: a\nnodes:\n  a: {type: end}\n"
    assert [str(issue) for issue in load_flow(text, "ivr_flows/s.yaml").issues] == [
        "ivr_flows/s.yaml:1:1 [file-name] the flow 't' stands in s.yaml; id and file name must be the same"
    ]
    assert load_flow(text, "ivr_flows/t.yaml").issues == []
