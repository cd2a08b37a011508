"""The broken flows of ``bad/``: each ends with the findings that it must have, and no others.

``# With: name`` names flows of ``bad/called`` that it calls; the findings across flows are then meant, too.
"""

from __future__ import annotations

import ast
import re
from collections import Counter
from functools import cache
from pathlib import Path

import pytest

from cti.core.issue import Issue
from cti.flow import check_closure, load_flow
from tests.flow.checkkit import AROUND, CODES, NOT_OF_FLOWS
from tests.flow.flowkit import calendars

BAD = Path(__file__).parent / "bad"
FILES = sorted(BAD.glob("*.yaml"))
SOURCES = Path(__file__).parents[2] / "cti" / "flow"
EMITTING = ("Issue", "report", "fault", "_refusal")
ELSEWHERE = ("explore", "replay", "to_test")  # modules whose findings are about calls, not about files


@cache
def findings(file: Path) -> list[Issue]:
    text = file.read_text(encoding="utf-8")
    loaded = load_flow(text, file.name, catalog=AROUND)
    called = re.search(r"^# With: (.*)$", text, re.MULTILINE)
    if called is None or loaded.flow is None:
        return loaded.issues
    flows = {loaded.flow.id: loaded.flow}
    for name in called.group(1).split(", "):
        other = load_flow((BAD / "called" / f"{name}.yaml").read_bytes(), f"called/{name}.yaml", catalog=AROUND).flow
        assert other is not None, name
        flows[name] = other
    return [*loaded.issues, *check_closure(flows, calendars(), loaded.flow.id)]


def expected(file: Path) -> list[str]:
    return [line.removeprefix("# ") for line in file.read_text(encoding="utf-8").split("# Expected:\n")[1].splitlines()]


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_exactly_these_findings(file: Path) -> None:
    assert [str(issue) for issue in findings(file)] == expected(file)


def test_there_are_many_and_every_code_of_flows_comes_twice() -> None:
    assert len(FILES) >= 80
    counted = Counter(code for file in FILES for code in {issue.code for issue in findings(file)})
    assert {code for code in CODES if counted[code] < 2} == NOT_OF_FLOWS


def test_every_finding_has_a_place() -> None:
    for file in FILES:
        assert all(issue.place.line and issue.place.col for issue in findings(file)), file.name


def test_the_list_of_codes_is_that_of_the_source() -> None:
    found: set[str] = set()
    for source in SOURCES.rglob("*.py"):
        if source.name.startswith(ELSEWHERE):
            continue
        for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", getattr(node.func, "attr", "")) in EMITTING:
                found |= {text for argument in node.args[:2] for text in _texts(argument)}
            if isinstance(node, ast.Assign) and isinstance(node.value, ast.IfExp):
                found |= set(_texts(node.value))
    assert found == set(CODES)


def _texts(node: ast.AST) -> list[str]:
    parts = [node.body, node.orelse] if isinstance(node, ast.IfExp) else [node]
    texts = [part.value for part in parts if isinstance(part, ast.Constant) and isinstance(part.value, str)]
    return [text for text in texts if re.fullmatch(r"[a-z]+(-[a-z]+)+", text)]
