"""A page for every code: its bad example yields exactly that code, with the words of the page; its good one nothing."""

from __future__ import annotations

import re

import pytest

from cti.core.issue import Issue
from cti.flow import check_closure, compile_plan, load_entry, load_flow
from cti.flow.flowtests import run_tests
from cti.flow.notices import load_notices
from tests.flow.checkkit import AROUND, CODES, PAGES
from tests.flow.flowkit import calendars, shipped


def findings(text: str, run: bool) -> list[Issue]:
    """By what the example is: an entry table, notices, or a flow ``t``; ``run``: its tests, too."""
    if text.startswith("entries:"):
        return load_entry(
            text, "entry.yaml", flows={name: shipped(name) for name in ("hotline", "busy")}, calendars=calendars()
        ).issues
    if text.startswith("notices:"):
        return load_notices(text, "notices.yaml").issues
    loaded = load_flow(text, "t.yaml", catalog=AROUND)
    if loaded.flow is None:
        return loaded.issues
    found = [*loaded.issues, *check_closure({"t": loaded.flow}, calendars(), "t")]
    if run:
        results = run_tests(compile_plan({"t": loaded.flow}, calendars(), "t"))
        found += [failure for result in results for failure in result.failures]
    return found


@pytest.mark.parametrize("code", CODES)
def test_examples(code: str) -> None:
    page = (PAGES / f"{code}.md").read_text(encoding="utf-8")
    assert page.startswith(f"# {code}\n")
    bad, good = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)
    (told,) = re.findall(r"```text\n(.*?)\n```", page, re.DOTALL)
    found = findings(bad, code == "test-failed")
    assert {issue.code for issue in found} == {code}
    assert "\n".join(map(str, found)) == told
    assert findings(good, code == "test-failed") == []


def test_the_index_names_every_page() -> None:
    index = (PAGES / "index.md").read_text(encoding="utf-8")
    assert re.findall(r"^\| \[([a-z-]+)\]\(\1\.md\) \|", index, re.MULTILINE) == CODES
