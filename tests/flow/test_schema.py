"""The editors' schemas: everything that the checker takes is taken, and what is surely wrong is not."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator

from cti.flow import load_calendar, load_entry, load_flow
from cti.flow.load import TOP
from cti.flow.load_entry import CALLER, OPTIONS, WHEN
from cti.flow.load_tests import EXPECT, SCRIPT, TEST
from cti.flow.registry import COMMON, REGISTRY
from cti.flow.schema import SCHEMAS
from cti.flow.yamlio import Mapping, Node, Scalar, read_yaml

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs" / "schema"
FLOWS = sorted(file for file in (ROOT / "ivr_flows").glob("*.yaml") if file.stem not in ("entry", "queues"))
CALENDARS = sorted((ROOT / "ivr_flows" / "calendars").glob("*.yaml"))
FIXTURES = sorted((ROOT / "tests" / "flow" / "fixtures").glob("*.yaml"))
FLOW, ENTRY, CALENDAR = (Draft7Validator(SCHEMAS[kind]()) for kind in ("flow", "entry", "calendar"))


def as_an_editor_reads(text: str | bytes) -> Any:
    """By the core schema of YAML 1.2, as yaml-language-server does: `no` is a text, 1 a number, a date a text."""
    root, issues = read_yaml(text, "t.yaml")
    assert root is not None, issues
    return _value(root)


def _value(node: Node) -> Any:
    if isinstance(node, Mapping):
        return {key.text: _value(value) for key, value in node}
    if not isinstance(node, Scalar):
        return [_value(item) for item in node.items]
    text = node.text
    if node.style in ("'", '"'):
        return text
    if text in ("", "~", "null", "Null", "NULL"):
        return None
    if text in ("true", "True", "TRUE", "false", "False", "FALSE"):
        return text.lower() == "true"
    if re.fullmatch(r"[-+]?[0-9]+", text):
        return int(text)
    return float(text) if re.fullmatch(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?", text) else text


def findings(validator: Draft7Validator, text: str | bytes) -> list[str]:
    errors = validator.iter_errors(as_an_editor_reads(text))
    return [f"{'.'.join(map(str, error.absolute_path))}: {error.message}" for error in errors]


@pytest.mark.parametrize("kind", sorted(SCHEMAS))
def test_a_schema_is_one(kind: str) -> None:
    Draft7Validator.check_schema(json.loads(json.dumps(SCHEMAS[kind]())))


@pytest.mark.parametrize("file", [*FLOWS, *FIXTURES], ids=lambda file: file.stem)
def test_every_flow_is_taken(file: Path) -> None:
    assert findings(FLOW, file.read_bytes()) == []


@pytest.mark.parametrize("file", CALENDARS, ids=lambda file: file.stem)
def test_every_calendar_is_taken(file: Path) -> None:
    assert findings(CALENDAR, file.read_bytes()) == []


def test_the_entry_table_is_taken() -> None:
    assert findings(ENTRY, (ROOT / "ivr_flows" / "entry.yaml").read_bytes()) == []


def test_what_the_page_shows_is_taken() -> None:
    page = (ROOT / "docs" / "flow-language.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)
    by_start = {"flow:": FLOW, "entries:": ENTRY, "calendar:": CALENDAR}
    told = [(block, check) for block in blocks for start, check in by_start.items() if block.startswith(start)]
    assert len(told) >= len(by_start)
    assert [finding for block, check in told for finding in findings(check, block)] == []


@pytest.mark.parametrize("name", sorted(REGISTRY))
def test_the_example_of_a_type_is_taken(name: str) -> None:
    nodes = "".join(f"  {line}\n" for line in REGISTRY[name].example.strip().splitlines())
    assert findings(FLOW, f"flow: t\nstart: a\nnodes:\n{nodes}") == []


NODE = "flow: t\nstart: a\nnodes:\n  a: {}\n"
BROKEN: list[tuple[str, str]] = [
    ("title: no id, no start, no nodes", "'flow' is a required property"),
    (NODE.format("{type: end}") + "wat: 1", "'wat' was unexpected"),
    (NODE.format("{say: hello}"), "'type' is a required property"),
    (NODE.format("{type: pley, say: hello}"), "'pley' is not one of"),
    (NODE.format("{type: play, sey: hello}"), "'sey' was unexpected"),
    (NODE.format("{type: play, say: hello, to: {next: b}}"), "'to' was unexpected"),
    (NODE.format("{type: menu, keys: {1: a}}"), "'say' is a required property"),
    (NODE.format("{type: menu, say: x, keys: {11: a}}"), "'11' does not match"),
    (NODE.format("{type: menu, say: x, keys: {1: [a]}}"), "is not valid under any"),
    (NODE.format("{type: menu, say: x, keys: {1: a}, wait: 5}"), "5 is not of type 'string'"),
    (NODE.format("{type: menu, say: x, keys: {1: a}, wait: 5 s}"), "'5 s' does not match"),
    (NODE.format("{type: menu, say: x, keys: {1: a}, reprompt: {no_input: 12}}"), "is not valid under any"),
    (NODE.format("{type: menu, say: x, keys: {1: a}, to: {no_imput: a}}"), "'no_imput' was unexpected"),
    (NODE.format("{type: branch, cases: [{when: given(x)}], default: a}"), "'to' is a required property"),
    (NODE.format("{type: play, say: x, barge_in: maybe}"), "'maybe' is not one of"),
    (NODE.format("{type: end}") + "media: telegraph", "is not valid under any"),
    (NODE.format("{type: end}") + "tests: [{script: [hangup]}]", "'expect' is a required property"),
    (NODE.format("{type: end}") + "tests: [{script: [{speak: x}], expect: {at: a}}]", "is not valid under any"),
]


@pytest.mark.parametrize(("text", "expected"), BROKEN)
def test_a_broken_flow_is_marked(text: str, expected: str) -> None:
    found = findings(FLOW, text)
    assert any(expected in finding for finding in found), found
    assert load_flow(text, "t.yaml").errors, "the checker takes it: the schema must not refuse it"


@pytest.mark.parametrize(
    ("validator", "loads", "text", "expected"),
    [
        (ENTRY, load_entry, "entries: [{medium: voice}]", "'flow' is a required property"),
        (ENTRY, load_entry, "entries: [{flow: t, callled: 1}]", "'callled' was unexpected"),
        (ENTRY, load_entry, "entries: [{flow: t, when: {days: mon-xxx}}]", "does not match"),
        (CALENDAR, load_calendar, "calendar: x\ntimezone: UTC\nweek: {mon: 8-20}", "is not valid under any"),
        (CALENDAR, load_calendar, "calendar: x\nweek: {mon: open}", "'timezone' is a required property"),
        (CALENDAR, load_calendar, "calendar: x\ntimezone: UTC\nweek: {day: open}", "does not match"),
    ],
)
def test_a_broken_table_or_calendar_is_marked(
    validator: Draft7Validator, loads: Callable[..., Any], text: str, expected: str
) -> None:
    found = findings(validator, text)
    assert any(expected in finding for finding in found), found
    assert loads(text, "t.yaml").issues


def test_every_type_and_option_stands_in_the_schema_with_its_words_and_default() -> None:
    by_type = SCHEMAS["flow"]()["properties"]["nodes"]["additionalProperties"]["allOf"]
    nodes = {part["if"]["properties"]["type"]["const"]: part["then"] for part in by_type}
    assert sorted(nodes) == sorted(REGISTRY)
    for name, kind in REGISTRY.items():
        properties = nodes[name]["properties"]
        for option, of in {**kind.options, **COMMON}.items():
            assert of.kind.schema, f"{name}.{option}: {type(of.kind).__name__} has no schema"
            assert properties[option]["description"].startswith(of.doc)
            shown = of.kind.written(of.default)
            assert properties[option].get("default") == shown
            check = Draft7Validator(properties[option])
            assert shown is None or check.is_valid(shown), f"{name}.{option}: its default {shown!r} is not valid"
    assert nodes["menu"]["properties"]["wait"]["default"] == "5s"
    assert nodes["menu"]["properties"]["wait"]["description"].endswith('unless said: "5s"')
    assert nodes["menu"]["properties"]["reprompt"]["default"] == {"no_input": 1, "no_match": 1}


def test_every_word_of_the_files_is_described() -> None:
    flow, entry = SCHEMAS["flow"](), SCHEMAS["entry"]()["properties"]["entries"]["items"]
    test = flow["properties"]["tests"]["items"]["properties"]
    steps = test["script"]["items"]["anyOf"][1]["properties"]
    told = [
        (TOP, flow["properties"]),
        (TEST, test),
        (SCRIPT, steps),
        (EXPECT, test["expect"]["properties"]),
        (OPTIONS, entry["properties"]),
        (CALLER, entry["properties"]["caller"]["properties"]),
        (WHEN, entry["properties"]["when"]["properties"]),
    ]
    for words, described in told:
        assert [word for word in words if "description" not in described.get(word, {})] == []


@pytest.mark.parametrize("kind", sorted(SCHEMAS))
def test_the_schema_files_are_current(kind: str) -> None:
    """Mend with: scripts/docs"""
    written = (DOCS / f"{kind}.schema.json").read_text(encoding="utf-8")
    assert json.loads(written) == SCHEMAS[kind]()
