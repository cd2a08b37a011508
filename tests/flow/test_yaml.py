"""YAML's traps, each with the line, what YAML made of it, and the quoted form; and files that are no flows at all."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cti.flow import load_flow
from cti.flow.yamlio import MAX_BYTES, Mapping, Scalar, Sequence, read_yaml
from tests.flow.flowkit import flow_text


def first(text: str | bytes) -> str:
    tree, issues = read_yaml(text, "f.yaml")
    assert tree is None
    return str(issues[-1])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("say: Note: press 1\n", "f.yaml:1:6 [bad-yaml] ': ' made YAML read 'Note' as a key; write \"Note: press 1\""),
        ("n: {zh: a: b}\n", "f.yaml:1:9 [bad-yaml] ': ' made YAML read 'a' as a key; write \"a: b\""),
        (
            "a: {zh-CN: x${money(b)}。, e: f}\n",
            "f.yaml:1:12 [bad-yaml] ${…} inside {…} needs quotes: YAML read 'x$' and then a new bracket; "
            'write "x${money(b)}。"',
        ),
        (
            "a: {l: enum[a, b]?}\n",
            "f.yaml:1:8 [bad-yaml] '[' inside {…} needs quotes: YAML read 'enum' and then a new bracket; "
            'write "enum[a, b]?"',
        ),
        (
            "set: {y: =default(x, 'z')}\n",
            "f.yaml:1:10 [bad-yaml] ',' ended the value: YAML read '=default(x'; write \"=default(x, 'z')\"",
        ),
        ("i: {a: phone?}\n", "f.yaml:1:8 [bad-yaml] a '?' inside {…} needs quotes; write \"phone?\""),
        ("k: {*: x}\n", "f.yaml:1:5 [bad-yaml] YAML reads '*' as an alias; the star key is written 'star'"),
        ("k: {1: a, *: b}\n", "f.yaml:1:11 [bad-yaml] YAML reads '*' as an alias; the star key is written 'star'"),
        (
            "k: {1: a, #: b}\n",
            "f.yaml:1:11 [bad-yaml] YAML reads '#' as the beginning of a comment; the hash key is written 'hash'",
        ),
        (
            "say: {zh-CN: 按1 # 结束, en-US: x}\n",
            "f.yaml:1:17 [bad-yaml] YAML takes everything from '#' on for a comment: '# 结束, en-US: x}'; "
            'write "按1 # 结束"',
        ),
        (
            "n: {a: |\n x}\n",
            "f.yaml:1:8 [bad-yaml] '|' begins a block text, which cannot stand inside {…} or […]; "
            'write the text in one line in quotes: "…"',
        ),
        (
            "n: {a: - b}\n",
            "f.yaml:1:8 [bad-yaml] a '- ' list cannot stand inside {…}; write [item, item], or the whole node in lines "
            "below each other",
        ),
        ("a: @x\n", "f.yaml:1:4 [bad-yaml] '@' is reserved in YAML; write \"@x\""),
        ("a: `x`\n", 'f.yaml:1:4 [bad-yaml] a back-quote is reserved in YAML; write "`x`"'),
        ("a:\n\t- b\n", "f.yaml:2:1 [bad-yaml] YAML does not take tabs for indentation; use spaces"),
        ('a: "x\n', "f.yaml:1:4 [bad-yaml] the quote that begins here is never closed"),
        (
            "a: b\n  c: d\n",
            "f.yaml:2:4 [bad-yaml] a 'key: value' cannot stand here; check the indentation of this line",
        ),
        (
            "a: *b\n",
            "f.yaml:1:4 [bad-yaml] YAML reads '*' as an alias, and flows have none; for a text write \"*b\"",
        ),
        (
            "a: &x b\n",
            "f.yaml:1:4 [bad-yaml] YAML reads '&x' as an anchor, and flows have none; for a text write \"&x b\"",
        ),
        (
            "a: !!python/object:os.system x\n",
            "f.yaml:1:4 [bad-yaml] YAML tags (!!python/object:os.system) are refused; a text that begins with '!' "
            "needs quotes",
        ),
        ("<<: a\n", "f.yaml:1:1 [bad-yaml] merge keys ('<<') are not used here; write the options out"),
        ("--- a\n--- b\n", "f.yaml:2:1 [bad-yaml] '---' begins a second document; a file holds one"),
        ("", "f.yaml:1:1 [bad-yaml] the file is empty"),
        ("# only\n", "f.yaml:1:1 [bad-yaml] the file has only comments"),
        (b"\x7fELF\x00\x01", "f.yaml:1:1 [bad-yaml] character 0x7f does not belong in a text file"),
        (b"a: b\nc: \xff\xfe", "f.yaml:2:1 [bad-yaml] this is not UTF-8 text; save the file as UTF-8"),
        ("{" * 30, "f.yaml:1:25 [bad-yaml] nested more than 24 deep"),
    ],
)
def test_traps(text: str | bytes, expected: str) -> None:
    assert first(text) == expected


def test_both_places_of_a_duplicate_key() -> None:
    _, issues = read_yaml("a: 1\nb: 2\na: 3\n", "f.yaml")
    assert [str(issue) for issue in issues] == [
        "f.yaml:3:1 [duplicate-key] 'a' is given twice; the first is at line 1, column 1"
    ]


BOMB = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{chr(98 + i)}: &{chr(98 + i)} [{', '.join(['*' + chr(97 + i)] * 9)}]\n" for i in range(8)
)


@pytest.mark.parametrize(
    "text",
    ["[" * 100_000, "a: [" * 20_000, "- " * 100_000, BOMB, "x" * 10_000_000, b"\x00" * 10_000_000, "a: 1\n" * 60_000],
    ids=["brackets", "nested", "dashes", "alias bomb", "10 MB", "10 MB binary", "60,000 lines"],
)
def test_hostile_files_end_soon_with_an_issue(text: str | bytes) -> None:
    started = time.process_time()
    loaded = load_flow(text, "t.yaml")
    assert loaded.flow is None
    assert loaded.errors
    assert time.process_time() - started < 10


def test_size_is_named() -> None:
    told = first("x" * (MAX_BYTES + 1))
    assert told == "f.yaml:1:1 [bad-yaml] the file is larger than 1,048,576 bytes; no more are read"


def test_scalars_stay_as_written() -> None:
    tree, issues = read_yaml("on: no\nn: 012\nt: 1:20\nf: 1e3\nd: 2026-03-02\nx: ~\n", "f.yaml")
    assert issues == []
    assert isinstance(tree, Mapping)
    found = {key.text: value.text for key, value in tree if isinstance(value, Scalar)}
    assert found == {"on": "no", "n": "012", "t": "1:20", "f": "1e3", "d": "2026-03-02", "x": "~"}


PLAY = """
a:
  type: play
  say: {say}
  next: b
b: {{type: end}}
"""


@pytest.mark.parametrize(
    ("say", "expected"),
    [
        (
            "Press the # key",
            "t.yaml:7:10 [bad-yaml] YAML takes '# key' for a comment and reads only 'Press the'; "
            'write "Press the # key", or "Press the" before the comment',
        ),
        (
            "{zh-CN: 您好, 请按1}",
            "t.yaml:7:22 [bad-yaml] ',' ended the text before '请按1'; put quotes around the whole text",
        ),
        ("{zh-CN: [a]}", "t.yaml:7:18 [bad-option] play.say in zh-CN is one value; here is a list"),
        (
            "{en-US: x}",
            "t.yaml:7:10 [missing-prompt] play.say has no text in zh-CN; a missing language would be silence",
        ),
    ],
)
def test_texts(say: str, expected: str) -> None:
    assert expected in [str(issue) for issue in load_flow(flow_text(PLAY.format(say=say)), "t.yaml").issues]


MENU = """
a:
  type: menu
  say: "?"
  wait: {wait}
  barge_in: {flag}
  reprompt: {{no_input: {count}}}
  keys: {{{key}: b}}
  to: {{else: b}}
b: {{type: end}}
"""


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"wait": "1:20"}, "'1:20' is none; write 1m20s"),
        ({"wait": "5"}, "'5' is none; write 5s"),
        ({"count": "012"}, "not '012'; write 12"),
        ({"count": "1e3"}, "is a number from 0 to 9, not '1e3'"),
        ({"flag": "on"}, "is true or false, not 'on'"),
        ({"key": "12"}, "'12' is no key; keys are 0 to 9, star, hash"),
        ({"key": "'*'"}, "'*' is no key; keys are 0 to 9, star, hash; write star"),
        ({"key": "hsh"}, "'hsh' is no key; keys are 0 to 9, star, hash; did you mean 'hash'?"),
    ],
)
def test_scalars_are_typed_by_the_schema(changes: dict[str, str], expected: str) -> None:
    values = {"wait": "5s", "flag": "true", "count": "1", "key": "1"} | changes
    messages = [issue.message for issue in load_flow(flow_text(MENU.format(**values)), "t.yaml").issues]
    assert [message for message in messages if expected in message], messages


FRAGMENTS = st.sampled_from(
    [
        *"{}[]:,#&*!|>'\"%@`-?=$ \n\t",
        "flow: t\n",
        "start: a\n",
        "nodes:\n",
        "  a:\n",
        "    type: menu\n",
        "    keys: {1: a, star: b}\n",
        "    say: ${x}\n",
        "inputs: {x: phone?!}\n",
        "vars:\n  y: enum[a, b] = a\n",
        "tests:\n  - {name: x, script: [hear: y], expect: {at: a}}\n",
        "  b: {type: branch, cases: [{when: given(x), to: a}], default: b}\n",
        "  c: {type: set, set: {y: =x}}\n",
        "语音",
        "\u2028",
        "\x85",
    ]
)


@given(st.one_of(st.lists(FRAGMENTS, max_size=40).map("".join), st.text(max_size=200), st.binary(max_size=200)))
def test_nothing_but_issues_comes_out(text: str | bytes) -> None:
    loaded = load_flow(text, "t.yaml")
    assert loaded.flow is not None or loaded.errors


@given(
    st.recursive(
        st.text("ab ${}:#,'\"*&!\n", max_size=8),
        lambda inner: st.lists(inner) | st.dictionaries(st.text("xy", min_size=1), inner),
    )
)
def test_every_place_lies_in_the_file(value: object) -> None:
    import yaml

    text = yaml.safe_dump(value, allow_unicode=True)
    tree, _ = read_yaml(text, "f.yaml")
    lines = text.count("\n") + 1
    todo = [tree] if tree else []
    while todo:
        node = todo.pop()
        assert 1 <= node.place.line <= lines
        if isinstance(node, Sequence):
            todo += node.items
        elif isinstance(node, Mapping):
            todo += [part for entry in node for part in entry]
