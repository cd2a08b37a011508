"""Checks of a flow's tests that need no run: the names in ``given`` and ``expect``."""

from __future__ import annotations

from cti.core.issue import Issue
from cti.flow.model import Flow, FlowTest, builtin_types
from cti.flow.stubs import NAMES
from cti.flow.suggest import did_you_mean


def check_tests(flow: Flow, issues: list[Issue]) -> None:
    for test in flow.tests:
        _check_given(flow, test, issues)
        for name in ("at", "visited", "not_visited"):
            wanted = test.expect.get(name, ())
            for node in wanted if isinstance(wanted, tuple) else (wanted,):
                if "." not in str(node) and node not in flow.nodes:
                    message = f"test '{test.name}': there is no node '{node}'{did_you_mean(str(node), flow.nodes)}"
                    issues.append(Issue(test.place, "unknown-node", message))


def _check_given(flow: Flow, test: FlowTest, issues: list[Issue]) -> None:
    """A subflow may ask sources of its own, so any name with a point in it may be one."""
    inputs = [name for name, variable in flow.variables.items() if variable.is_input]
    asked = [str(node.get("ask")) for node in flow.nodes.values() if node.type == "lookup"]
    known = (*inputs, *builtin_types(()), *NAMES, *asked)
    for name in test.given:
        if name not in known and "." not in name:
            message = f"test '{test.name}': nothing is called '{name}'{did_you_mean(name, known)}"
            issues.append(Issue(test.place, "unknown-option", message))
