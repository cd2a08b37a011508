"""The ``tests:`` of a flow: their form. The simulator gives the values their types."""

from __future__ import annotations

from typing import Any

from cti.flow.model import FlowTest, ScriptStep
from cti.flow.readers import KEYS
from cti.flow.reading import Reading
from cti.flow.yamlio import Mapping, Node, Scalar, Sequence

SCRIPT = ("hear", "not_hear", "press", "say", "text", "silence", "wait", "hangup", "limit")
BARE = ("hangup", "limit")  # steps without a value
EXPECT = (
    "at",
    "queue",
    "within",
    "outcome",
    "reason",
    "goals",
    "visited",
    "not_visited",
    "transfer",
    "message",
    "variables",
    "language",
    "error",
)
TEST = ("name", "given", "script", "expect", "strict")


def read_tests(node: Node | None, reading: Reading) -> tuple[FlowTest, ...]:
    sequence = reading.sequence(node, "tests") if node is not None else None
    tests = [_test(item, number, reading) for number, item in enumerate(sequence.items if sequence else (), 1)]
    return tuple(test for test in tests if test is not None)


def _test(node: Node, number: int, reading: Reading) -> FlowTest | None:
    mapping = reading.mapping(node, f"test {number}")
    if mapping is None:
        return None
    for key, _ in mapping:
        if key.text not in TEST:
            reading.unknown_key(key, "a test", TEST)
    name = mapping.get("name")
    title = reading.text(name, "a test's name") if name is not None else None
    given, expect, strict = mapping.get("given"), mapping.get("expect"), mapping.get("strict")
    expected = reading.mapping(expect, "expect") if expect is not None else None
    for key, _ in expected or ():
        if key.text not in EXPECT:
            reading.unknown_key(key, "expect", EXPECT)
    if expect is None:
        reading.report(mapping.place, "missing-option", "a test that expects nothing proves nothing: expect: {at: …}")
    stubs = reading.mapping(given, "given") if given is not None else None
    return FlowTest(
        title or f"test {number}",
        plain(stubs) if stubs else {},
        _script(mapping.get("script"), reading),
        plain(expected) if expected else {},
        mapping.place,
        strict is not None and reading.flag(strict, "strict") is True,
    )


def _script(node: Node | None, reading: Reading) -> tuple[ScriptStep, ...]:
    sequence = reading.sequence(node, "script") if node is not None else None
    steps: list[ScriptStep] = []
    for item in sequence.items if sequence else ():
        if isinstance(item, Scalar) and item.text in BARE:
            steps.append(ScriptStep(item.text, None, item.place))
            continue
        mapping = reading.mapping(item, "a step of the script")
        for key, value in mapping or ():
            step = _step(key, value, reading)
            if step is not None:
                steps.append(step)
    return tuple(steps)


def _step(key: Scalar, node: Node, reading: Reading) -> ScriptStep | None:
    if key.text not in SCRIPT:
        reading.unknown_key(key, "a script", SCRIPT)
        return None
    value: Any = None
    match key.text:
        case "hear" | "not_hear" | "say" | "text":
            value = reading.text(node, key.text)
        case "silence" | "wait":
            value = reading.duration(node, key.text)
        case "press":
            value = _keys(node, reading)
        case _:
            return ScriptStep(key.text, None, key.place)
    return ScriptStep(key.text, value, key.place) if value is not None else None


def _keys(node: Node, reading: Reading) -> str | None:
    """``1``, ``star``, ``"13800#"``, or several words: ``1 star 2``."""
    text = reading.word(node, "press")
    if text is None:
        return None
    signs = ""
    for word in text.split():
        if word in KEYS:
            signs += KEYS[word]
        elif all(char in "0123456789*#" for char in word):
            signs += word
        else:
            reading.report(node.place, "unknown-key", f"'{word[:20]}' are no keys; write digits, star, hash")
            return None
    return signs


def plain(node: Node) -> Any:
    """Texts, tuples and dicts, without places."""
    if isinstance(node, Scalar):
        return node.text
    if isinstance(node, Sequence):
        return tuple(plain(item) for item in node.items)
    assert isinstance(node, Mapping)
    return {key.text: plain(value) for key, value in node}
