"""Every node type has a fixture that takes each of its exits, and an example that loads."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from cti.flow import Plan, compile_plan, load_flow
from cti.flow.flowtests import run_tests
from cti.flow.registry import REGISTRY
from tests.flow.flowkit import CATALOG, calendars, flow_text, load

FIXTURES = Path(__file__).parent / "fixtures"
TYPES = sorted(REGISTRY)


def fixture_plan(name: str) -> Plan:
    flows = {file: load((FIXTURES / f"{file}.yaml").read_bytes(), f"{file}.yaml") for file in (name, "other")}
    return compile_plan(flows, calendars(), name)


def test_no_fixture_without_a_type() -> None:
    assert {file.stem for file in FIXTURES.glob("*.yaml")} == {*TYPES, "other"}


@pytest.mark.parametrize("name", TYPES)
def test_fixture(name: str) -> None:
    plan = fixture_plan(name)
    results = run_tests(plan)
    failures = {result.name: [str(failure) for failure in result.failures] for result in results if result.failures}
    assert failures == {}
    flow = plan.flows[name]
    nodes = {node.name: node for node in flow.nodes.values() if node.type == name}
    taken = {exit for result in results for where, node, exit in result.taken if where == name and node in nodes}
    kind = REGISTRY[name]
    wanted = {edge.exit for node in nodes.values() for edge in kind.ways(node)}
    for node in nodes.values():
        exits = kind.exits_of(node, CATALOG)
        wanted |= set(exits) if kind.exits_known(node, CATALOG) else {exit for exit in node.exits if exit != "else"}
    assert wanted - taken == set(), "exits that no test of the fixture takes"


@pytest.mark.parametrize("name", TYPES)
def test_example_loads(name: str) -> None:
    """The example stands first in a flow that has everything it may name."""
    kind = REGISTRY[name]
    example = kind.example.strip()
    named = set(
        re.findall(
            r"(?:to|next|else|default|ok|open|filled|talked|sent|accepted|no_input|done|body|\d|star): (\w+)", example
        )
    )
    first = example.split(":", 1)[0]
    ends = "\n".join(
        f"{node}: {{type: end}}" for node in sorted(named - {first}) if not node.isdigit() and node not in ("none",)
    )
    variables = {"caller": "phone?!", "balance": "decimal = 1", "msisdn": "phone?", "ticket": "text?"}
    head = "languages: {default: zh-CN, also: [en-US]}\nvars: " + json.dumps(variables)
    text = flow_text(f"{example}\n{ends or 'over: {type: end}'}", head).replace("start: a", f"start: {first}")
    loaded = load_flow(text, "t.yaml", catalog=CATALOG)
    assert [str(issue) for issue in loaded.errors if issue.code != "unreachable-node"] == []
