"""Input that is meant to hurt: refused with a place, and soon."""

from __future__ import annotations

import pytest

from cti.flow import load_flow
from tests.flow.checkkit import AROUND
from tests.flow.flowkit import flow_text

Z = "z: {type: end}"
MEGA = "x" * 1_000_000


def first(text: str) -> tuple[str, int, bool]:
    """(code, line, short?) of the first finding."""
    loaded = load_flow(text, "t.yaml", catalog=AROUND)
    assert loaded.flow is None
    issue = loaded.issues[0]
    assert all(issue.place.line >= 1 and issue.place.col >= 1 for issue in loaded.issues)
    return issue.code, issue.place.line, all(len(str(issue)) < 500 for issue in loaded.issues)


@pytest.mark.parametrize(
    ("nodes", "code"),
    [
        (f'a: {{type: play, say: "{MEGA}", next: z}}\n{Z}', "bad-option"),
        (f'a: {{type: end, note: "{MEGA}"}}', "bad-option"),
        (f"a: {{type: end, {MEGA}: 1}}", "bad-yaml"),  # YAML's keys have at most 1024 characters
        (f"a: {{type: end, ? {MEGA}\n  : 1}}", "unknown-option"),
        (f"a: {{type: set, set: {{n: ={MEGA}}}, next: z}}\n{Z}", "bad-option"),
        (f"a: {{type: play, say: 您好, next: {'x' * 9000}}}\n{Z}", "no-end"),
        (f"a: {{type: {'x' * 9000}}}", "unknown-type"),
        (f"a: {'{a: ' * 20_000}", "bad-yaml"),
        (f"a: {'[' * 100_000}", "bad-yaml"),
        ("a: {type: set, set: {n: '=" + "(" * 249 + "1" + ")" * 249 + "'}, next: z}\n" + Z, "bad-expression"),
        ("a: {type: set, set: {n: '=" + "not " * 120 + "1'}, next: z}\n" + Z, "bad-expression"),
        ("a: {type: set, set: {n: =99999999999999999999}, next: z}\n" + Z, "bad-expression"),
        ("a: {type: set, set: {n: =9 ** 9 ** 9}, next: z}\n" + Z, "bad-expression"),
        ('a: {type: play, say: "${(1).__class__}", next: z}\n' + Z, "bad-expression"),
        ('a: {type: play, say: "\\u202e", next: z}\n' + Z, "bad-option"),
        ('a: {type: play, say: "\\x00", next: z}\n' + Z, "bad-option"),
        ('a: {type: menu, say: "?", keys: {"\\e[2J": z}, to: {else: z}}\n' + Z, "bad-option"),
    ],
    ids=range(17),
)
def test_refused_with_a_place(nodes: str, code: str) -> None:
    assert first(flow_text(nodes)) == (code, 5, True)


@pytest.mark.parametrize(
    "text", ["\x00", "\x1b[31mflow: t", "", "# nothing", "- 1", "flow", "flow: [1]\nnodes: 2\nstart: {}"]
)
def test_no_flow_at_all(text: str) -> None:
    assert first(text)[2]


def test_what_is_printed_is_no_command_to_a_terminal() -> None:
    text = flow_text('a: {type: menu, say: "?", "\\e[2J": 1, keys: {1: z}, to: {else: z}}\n' + Z)
    found = [str(issue) for issue in load_flow(text, "t.yaml", catalog=AROUND).issues]
    assert found
    assert all(line.isprintable() for line in found)


@pytest.mark.parametrize("pattern", ["(a+)+$", "(a|aa)+", "(.*)*x", "(x+x+)+y"])
def test_patterns_that_would_backtrack_elsewhere_are_harmless(pattern: str) -> None:
    """RE2 has no backtracking, so they are accepted; what needs it is refused (see ``bad/pattern_*``)."""
    text = flow_text(
        f"a: {{type: branch, cases: [{{when: \"matches(language, '{pattern}')\", to: z}}], default: z}}\n{Z}"
    )
    assert load_flow(text, "t.yaml", catalog=AROUND).issues == []
