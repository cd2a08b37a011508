"""The example of the language reference: it loads without errors, hangs together, and its own tests pass."""

from __future__ import annotations

from pathlib import Path

import pytest

from cti.core.issue import Severity
from cti.flow import compile_plan, list_fixed_prompts, load_calendar, load_entry, load_flow
from cti.flow.flowtests import run_tests
from tests.flow.flowkit import CATALOG, FLOWS, calendars, shipped, shipped_plan

NAMES = sorted(file.stem for file in FLOWS.glob("*.yaml") if file.stem not in ("entry", "queues"))


@pytest.mark.parametrize("name", NAMES)
def test_loads_without_errors(name: str) -> None:
    loaded = load_flow((FLOWS / f"{name}.yaml").read_bytes(), f"{name}.yaml", catalog=CATALOG)
    assert [str(issue) for issue in loaded.issues if issue.severity is Severity.ERROR] == []


@pytest.mark.parametrize("name", NAMES)
def test_own_tests_pass(name: str) -> None:
    results = run_tests(shipped_plan(name))
    assert results, f"{name} has no tests"
    assert {result.name: [str(failure) for failure in result.failures] for result in results} == {
        result.name: [] for result in results
    }


def test_it_stands_in_the_reference_word_for_word() -> None:
    reference = Path(__file__).parents[2] / "docs" / "flow-language.md"
    example = reference.read_text(encoding="utf-8").split("```yaml\n", 1)[1].split("```", 1)[0]
    assert (FLOWS / "hotline.yaml").read_text(encoding="utf-8") == example


def test_fixed_prompts_are_listed_once_and_without_values() -> None:
    texts = [(say.text, say.language) for say in list_fixed_prompts(shipped_plan())]
    assert len(texts) == len(set(texts))
    assert ("欢迎致电客户服务热线。", "zh-CN") in texts
    assert ("One moment please.", "en-US") in texts  # inside `interim`
    assert ("坐席正忙，请您稍候。", "zh-CN") in texts  # built in, for the queue
    assert ("感谢您的评价，再见。", "zh-CN") in texts  # of the subflow
    assert {("您的余额是", "zh-CN"), ("八十八", "zh-CN"), ("Chinese yuan", "en-US")} <= set(texts)  # of a value
    assert not [text for text, _ in texts if "${" in text or "{" in text or "88" in text]


def test_version_follows_the_closure_and_nothing_else() -> None:
    texts = {name: (FLOWS / f"{name}.yaml").read_text(encoding="utf-8") for name in ("hotline", "csat")}

    def version(**changes: str) -> str:
        flows = {}
        for name, text in {**texts, **changes}.items():
            loaded = load_flow(text, f"{name}.yaml", catalog=CATALOG).flow
            assert loaded is not None
            flows[name] = loaded
        return compile_plan(flows, calendars(), "hotline").version

    assert version() == version()
    assert version(hotline="# a remark\n" + texts["hotline"].replace("within: 40s", "within: 41s")) == version()
    assert version(csat=texts["csat"].replace("再见", "回头见")) != version()
    assert version(hotline=texts["hotline"].replace("wait: 5s", "wait: 6s")) != version()


def test_the_examples_of_the_docs_load() -> None:
    text = (Path(__file__).parents[2] / "docs" / "flow-language.md").read_text(encoding="utf-8")
    blocks = [block.split("```", 1)[0] for block in text.split("```yaml\n")[1:]]
    entry = next(block for block in blocks if block.startswith("entries:\n  - name: fixed lines"))
    calendar = next(block for block in blocks if block.startswith("calendar:"))
    flows = {name: shipped(name) for name in NAMES}
    assert load_entry(entry, "entry.yaml", flows=flows, calendars=calendars()).issues == []
    assert load_calendar(calendar, "hotline.yaml").issues == []
