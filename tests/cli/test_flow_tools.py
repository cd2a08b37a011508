"""`cti flow test|explore|call --at`, and the pytest plugin, as authors meet them."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest

from cti.cli import main
from cti.cli.junit import NOT_XML
from tests.cli.test_cli import at_root, lines_of

pytest_plugins = ("pytester",)
__all__ = ["at_root"]

ENTRY = "entries: [{name: all, medium: voice, flow: line}]\n"
BUSY = "flow: busy\nstart: bye\nnodes:\n  bye: {type: end}\n"
LINE = """\
flow: line
start: a
nodes:
  a: {type: menu, say: "请按1", wait: 5s, keys: {1: b, 2: z}, to: {else: z}}
  b: {type: voicemail, say: "请留言", to: {else: z}}
  z: {type: end, outcome: done}
tests:
  - name: one presses 1
    script: [press: 1, hear: 请留言]
    expect: {at: b}
"""
FAILING = """\
  - name: two hears <nothing>
    script: [press: 2, hear: 再见]
    expect: {outcome: done}
"""


@pytest.fixture
def flows(tmp_path: Path) -> Path:
    for name, text in (("entry", ENTRY), ("busy", BUSY), ("line", LINE)):
        (tmp_path / f"{name}.yaml").write_text(text, encoding="utf-8")
    return tmp_path


def said(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    status = main(["flow", *arguments])
    return status, capsys.readouterr().out


# ---- test ------------------------------------------------------------------------------------------------------


def test_a_failure_is_a_call_in_two_columns_with_a_mark(flows: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (flows / "line.yaml").write_text(LINE + FAILING, encoding="utf-8")
    status, out = said(capsys, "test", "line", "--flows", str(flows))
    assert status == 1
    place = f"{flows}/line.yaml:12:24"
    assert out.splitlines() == [
        "ok     line: one presses 1",
        "FAILED line: two hears <nothing>",
        f"       {place} [test-failed] never heard '再见', but: 请按1",
        "     0.0s  请按1",
        "     0.0s  " + " " * 48 + "presses 2",
        "     0.0s  (the call is hung up)",
        f"> expected here: hear: 再见  ({place})",
        "2 test(s), 1 failed",
    ]


def test_coverage_names_what_no_test_takes(flows: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, out = said(capsys, "test", "line", "--cover", "--flows", str(flows))
    assert status == 0
    file = f"{flows}/line.yaml"
    assert [line for line in out.splitlines() if line[0] not in "o1"] == [
        f"{file}:4:57 [not-covered] no test takes exit '2' of 'a'",
        f"{file}:4:72 [not-covered] no test takes exit 'no_input' of 'a'",
        f"{file}:4:72 [not-covered] no test takes exit 'no_match' of 'a'",
        f"{file}:5:47 [not-covered] no test takes exit 'done' of 'b'",
        f"{file}:5:47 [not-covered] no test takes exit 'silence' of 'b'",
        f"{file}:5:47 [not-covered] no test takes exit 'too_short' of 'b'",
        f"{file}:6:3 [not-covered] no test takes node 'z'",
        " 30.0 %  line: 3 of 10 nodes and exits",
    ]


@pytest.mark.parametrize(("least", "status"), [("30", 0), ("30.1", 1)])
def test_coverage_can_be_demanded(flows: Path, capsys: pytest.CaptureFixture[str], least: str, status: int) -> None:
    assert said(capsys, "test", "line", "--cover", "--fail-under", least, "--flows", str(flows))[0] == status


def test_results_as_junit(flows: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (flows / "line.yaml").write_text(LINE + FAILING, encoding="utf-8")
    file = flows / "out" / "junit.xml"
    assert said(capsys, "test", "--junit", str(file), "--flows", str(flows))[0] == 1
    root = ElementTree.parse(file).getroot()
    assert (root.get("tests"), root.get("failures")) == ("2", "1")
    assert [suite.get("name") for suite in root] == ["busy", "line"]
    good, bad = root[1]
    assert (good.get("name"), good.get("line"), list(good)) == ("one presses 1", "8", [])
    assert bad.get("name") == "two hears <nothing>"
    assert "never heard '再见'" in (bad[0].get("message") or "")
    assert "presses 2" in (bad[0].text or "")


def test_what_xml_cannot_hold_is_replaced() -> None:
    assert NOT_XML.sub("?", "a\x00b\x1b[1m\ud800\ufffe好\U0001f600\t") == "a?b?[1m??好\U0001f600\t"


def test_a_report_that_cannot_be_written(flows: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["flow", "test", "--junit", str(flows / "line.yaml" / "x.xml"), "--flows", str(flows)]) == 1
    assert "[unwritable-file]" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [
        ["test", "--fail-under", "101"],
        ["test", "--fail-under", "x"],
        ["explore", "--budget", "soon"],
        ["explore", "--budget", "0"],
        ["call", "hotline", "--at", "2026-11-25"],
    ],
)
def test_wrong_usage(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main(["flow", *arguments])
    assert left.value.code == 2
    assert "usage: cti flow" in capsys.readouterr().err


@pytest.mark.parametrize("verb", ["test", "explore"])
def test_an_unknown_flow(verb: str, flows: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["flow", verb, "lin", "--flows", str(flows)]) == 2
    assert "did you mean 'line'?" in capsys.readouterr().err


# ---- explore ---------------------------------------------------------------------------------------------------


def test_exploring_tells_what_is_wrong_with_a_test_for_it(flows: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The printed test, pasted under `tests:`, fails and shows the finding."""
    status, out = said(capsys, "explore", "line", "--flows", str(flows))
    assert status == 1
    assert f"{flows}/line.yaml:5:3 [raises] 'b' fails (record-failed" in out
    pasted = out[out.index("      - name:") :].replace("      ", "  ", 4).splitlines()[:4]
    test = "\n".join("  " + line.removeprefix("      ").removeprefix("  ") for line in pasted) + "\n"
    (flows / "line.yaml").write_text(LINE + test, encoding="utf-8")
    status, out = said(capsys, "test", "line", "--flows", str(flows))
    assert status == 1
    assert "error is record-failed, expected none" in out


def test_exploring_as_data(flows: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, out = said(capsys, "explore", "--format", "json", "--flows", str(flows))
    busy, line = json.loads(out)
    assert status == 1
    assert (busy["flow"], busy["complete"], busy["findings"]) == ("busy", True, [])
    assert [finding["cause"] for finding in line["findings"]] == ["record-failed"]


def test_a_budget_that_is_reached_is_said(at_root: None, capsys: pytest.CaptureFixture[str]) -> None:
    status, out = said(capsys, "explore", "hotline", "--budget", "40", "--no-tests")
    assert status == 0
    assert "the bound of 40 states was reached: not everything was walked" in out
    assert "never-reached" not in out
    assert "- name" not in out


# ---- call --at -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("at", "heard"), [("2026-11-25T23:00+08:00", True), ("2026-11-25T11:00+08:00", False)])
def test_what_callers_hear_at_night(at_root: None, capsys: pytest.CaptureFixture[str], at: str, heard: bool) -> None:
    """Who reports a fault at night is asked to leave a message; by day people are there."""
    arguments = ["call", "fixed_line", "--at", at, "--caller", "01088880001", "--keys", "1s,3,1s,h", "--json"]
    status, out = said(capsys, *arguments)
    assert status == 0
    texts = [line["text"] for line in lines_of(out) if line["event"] == "heard"]
    assert any("留言" in text for text in texts) is heard


# ---- pytest ----------------------------------------------------------------------------------------------------


def test_pytest_runs_the_tests_of_flows(pytester: pytest.Pytester, flows: Path) -> None:
    folder = pytester.mkdir("ivr_flows")
    for file in flows.glob("*.yaml"):
        (folder / file.name).write_text(file.read_text(encoding="utf-8"), encoding="utf-8")
    (folder / "line.yaml").write_text(LINE + FAILING, encoding="utf-8")
    result = pytester.runpytest_subprocess("-v", "ivr_flows")
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(
        [
            "*line.yaml::one presses 1 PASSED*",
            "*line.yaml::two hears <nothing> FAILED*",
            "ivr_flows/line.yaml:12:24 [[]test-failed[]] never heard '再见', but: 请按1",
            "> expected here: hear: 再见*",
        ]
    )


def test_pytest_takes_the_folder_from_its_settings(pytester: pytest.Pytester, flows: Path) -> None:
    folder = pytester.mkdir("dialogues")
    for file in flows.glob("*.yaml"):
        (folder / file.name).write_text(file.read_text(encoding="utf-8"), encoding="utf-8")
    pytester.makeini("[pytest]\ncti_flows = dialogues\ntestpaths = dialogues\n")
    pytester.runpytest_subprocess().assert_outcomes(passed=1)


def test_pytest_tells_of_flows_that_do_not_load(pytester: pytest.Pytester, flows: Path) -> None:
    folder = pytester.mkdir("ivr_flows")
    for file in flows.glob("*.yaml"):
        (folder / file.name).write_text(file.read_text(encoding="utf-8").replace("outcome", "outcom"), encoding="utf-8")
    result = pytester.runpytest_subprocess("ivr_flows")
    result.assert_outcomes(errors=2)
    result.stdout.fnmatch_lines(["*line.yaml:6:* [[]unknown-option[]] 'outcom'*"])
