"""What the proofs accept. What they refuse is in ``bad/``; that they do refuse it is what makes these tests mean
something."""

from __future__ import annotations

import pytest

from cti.flow import load_flow
from tests.flow.checkkit import AROUND
from tests.flow.flowkit import flow_text

Z = "z: {type: end}"
ASK = 'm: {type: menu, say: "?", keys: {1: z}, to: {no_input: BACK, no_match: z}}'
LOOK = 'l: {type: lookup, ask: subscriber.get, with: {msisdn: "10086"}, to: {ok: z, else: BACK}}'


def codes(nodes: str, head: str = "") -> set[str]:
    loaded = load_flow(flow_text(nodes, head), "t.yaml", catalog=AROUND)
    return {issue.code for issue in loaded.issues} - {"unused-variable"}


@pytest.mark.parametrize(
    "nodes",
    [
        'a: {type: menu, say: "?", keys: {1: a, 2: z}, to: {else: z}}',
        'a: {type: menu, say: "?", keys: {2: z}, to: {no_match: a, no_input: z}}',
        "a: {type: queue, queue: service, to: {talked: a, timeout: a, else: z}}",
        'a: {type: transfer, dial: {extension: "1"}, to: {no_answer: a, else: z}}',
        "a: {type: voicemail, to: {too_short: a, else: z}}",
        "a: {type: repeat, max: 2, body: m, to: {done: z}}\n" + ASK.replace("BACK", "a"),
        "a: {type: repeat, max: 2, body: b, to: {done: z}}\n"
        "b: {type: repeat, max: 3, body: l, to: {done: a}}\n" + LOOK.replace("BACK", "b"),
        "a: {type: set, set: {n: =n + 1}, next: b}\nb: {type: branch, cases: [{when: n < 3, to: a}], default: z}",
        "a: {type: set, set: {n: =1 + n}, next: b}\nb: {type: branch, cases: [{when: 3 > n, to: a}], default: z}",
        "a: {type: set, set: {n: =n + 1}, next: b}\nb: {type: branch, cases: [{when: n >= 3, to: z}], default: a}",
        "a: {type: set, set: {n: =n - 1}, next: b}\nb: {type: branch, cases: [{when: not n < 0, to: a}], default: z}",
        "a: {type: set, set: {n: =n + 1}, next: l}\n"
        + LOOK.replace("BACK", "b")
        + "\nb: {type: branch, cases: [{when: n < 3 and weekday(now) == 1, to: a}], default: z}",
    ],
)
def test_circles_that_end(nodes: str) -> None:
    assert codes(f"{nodes}\n{Z}", "vars: {n: int = 0}") <= {"human-unreachable"}


@pytest.mark.parametrize(
    ("limit", "nodes"),
    [
        (0, 'a: {type: menu, say: "?", keys: {1: z}, to: {no_input: agent, no_match: z}}'),
        (1, 'a: {type: menu, say: "?", keys: {0: agent}, to: {else: z}}'),
        (0, "a: {type: hours, calendar: hotline, to: {open: agent, closed: z, holiday: z}}"),
        (1, 'a: {type: menu, say: "?", keys: {1: a, 0: agent}, to: {else: z}}'),
        (
            2,
            "a: {type: branch, cases: [{when: weekday(now) == 1, to: agent}], default: b}\n"
            'b: {type: menu, say: "?", keys: {1: c}, to: {else: z}}\n'
            'c: {type: menu, say: "?", keys: {1: agent}, to: {else: z}}',
        ),
    ],
)
def test_a_person_within_so_many_keys(limit: int, nodes: str) -> None:
    agent = f"agent: {{type: queue, queue: service, to: {{else: z}}}}\n{Z}"
    assert codes(f"{nodes}\n{agent}", f"limits: {{human_within_keys: {limit}}}") == set()
    if limit:
        found = codes(f"{nodes}\n{agent}", f"limits: {{human_within_keys: {limit - 1}}}")
        assert found == {"human-within-keys"}


COLLECT = "a: {type: collect, say: 请输入。, save: x, to: {filled: b, else: z}}\n"


@pytest.mark.parametrize(
    ("kind", "node"),
    [
        ("phone?!", "b: {type: play, say: \"${default(x, '10')}\", next: z}"),
        ("text?", "b: {type: play, say: \"${default(x, '10')}\", next: z}"),
        ("text?!", "b: {type: branch, cases: [{when: \"default(x, '0') == '1'\", to: z}], default: z}"),
        ("text?!", "b: {type: play, say: \"${len(default(x, '0'))}\", next: z}"),
        ("text?!", "b: {type: play, say: \"${'好' if given(x) else ''}\", next: z}"),
        ("phone?!", "b: {type: message, recipient: =x, text: \"${default(x, '10')}\", to: {else: z}}"),
        ("phone?!", "b: {type: transfer, dial: {number: \"=default(x, '10')\"}, to: {else: z}}"),
        ("text?!", "b: {type: set, set: {x: none}, next: c}\nc: {type: play, say: 谢谢。, next: z}"),
    ],
)
def test_no_leaks(kind: str, node: str) -> None:
    assert "sensitive-leak" not in codes(f"{COLLECT}{node}\n{Z}", f'vars: {{x: "{kind}"}}')


@pytest.mark.parametrize(
    "condition",
    [
        "medium == 'voice'",
        "medium in ['voice', 'video']",
        "medium != 'sms'",
        "not (medium == 'sms')",
        "'1' == '2' or medium == 'voice'",
    ],
)
def test_media_are_narrowed_by_branches(condition: str) -> None:
    branch = f'a: {{type: branch, cases: [{{when: "{condition}", to: b}}], default: z}}'
    nodes = f"{branch}\nb: {{type: voicemail, to: {{else: z}}}}\n{Z}"
    assert ("medium-mismatch" in codes(nodes, "media: [voice, sms]")) == (" or " in condition)
