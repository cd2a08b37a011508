"""`cti call show|replay|to-test` over calls on record: what people read, and the exit status."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from random import Random

import pytest

from cti.app import SystemClock, load_flows
from cti.cli import main
from cti.core.calls import TerminalCause
from cti.core.records import CallEnded, CallStarted, JournalPart, NodeVisit
from cti.flow.load_tests import read_tests
from cti.flow.reading import Reading
from cti.flow.yamlio import Mapping, read_yaml
from cti.runtime.library import FlowLibrary
from cti.store import open_store
from tests.cli.test_cli import ROOT, config
from tests.flow.callmaker import CallMaker

CALLER = "13800001234"
CALLS = 30


class Desk:
    """An installation in a folder, with random calls of the hotline on record."""

    def __init__(self, folder: Path) -> None:
        self.flows = folder / "flows"
        shutil.copytree(ROOT / "ivr_flows", self.flows)
        self.config = config(folder, flows=self.flows)
        self.library: FlowLibrary = load_flows(self.flows)
        self.store = open_store(f"sqlite:///{folder / 'data' / 'cti.db'}", folder / "data" / "keys.json")
        self.begun = SystemClock().now() - 3600

    def record(self, call_id: str, seed: int) -> None:
        plan = self.library.plans["hotline"]
        maker = CallMaker(plan, {"caller": CALLER, "line": "mobile"}, Random(seed))
        recording, _ = maker.make()
        entries, _ = maker.recorder.take()
        self.store.record(
            CallStarted(call_id, "fs", "10086", self.begun, caller=CALLER, flow="hotline", flow_version=plan.version)
        )
        for step in recording.steps:
            for item in step.items:
                if item[0] == "enter":
                    self.store.record(
                        NodeVisit(call_id, item[1], item[2], item[3], item[4], self.begun + step.at_us / 1e6)
                    )
        self.store.record(JournalPart(call_id, self.begun, 1, entries))
        self.store.record(CallEnded(call_id, self.begun + 60, TerminalCause.CALLER_HANGUP))

    def run(self, *arguments: str) -> int:
        return main(["call", *arguments, "--config", str(self.config)])

    def change(self, old: str, new: str) -> None:
        file = self.flows / "hotline.yaml"
        text = file.read_text()
        assert old in text
        file.write_text(text.replace(old, new))


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    (tmp_path / "data").mkdir()
    found = Desk(tmp_path)
    for seed in range(CALLS):
        found.record(f"call-{seed:03}", seed)
    assert found.store.close(5.0)
    return found


def call_with(desk: Desk, capsys: pytest.CaptureFixture[str], text: str) -> str:
    """A call in whose story the text stands."""
    for seed in range(CALLS):
        call_id = f"call-{seed:03}"
        desk.run("show", call_id)
        if text in capsys.readouterr().out:
            return call_id
    raise AssertionError(f"no call with {text}")


def test_a_call_is_shown_with_what_was_said_pressed_and_asked(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    call_id = call_with(desk, capsys, "subscriber.get: ok")
    assert desk.run("show", call_id) == 0
    out = capsys.readouterr().out
    assert "欢迎致电" in out
    assert "> presses" in out
    assert "asks subscriber.get msisdn=138****1234" in out
    assert "ms" in out.partition("= subscriber.get: ok after")[2].splitlines()[0]
    assert "hotline.welcome (play)" in out
    assert CALLER not in out


def test_the_story_as_json(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    assert desk.run("show", "call-000", "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert told["story"][0] == {"at_s": 0.0, "side": "flow", "text": "→ welcome (play)", "node": "hotline.welcome"}
    assert CALLER not in json.dumps(told)


def test_against_the_same_files_nothing_differs(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    assert desk.run("replay", "call-000") == 0
    assert capsys.readouterr().out.startswith("the same against the recorded version")
    assert desk.run("replay", "--since", "2h") == 0
    assert capsys.readouterr().out == f"{CALLS} calls replayed: {CALLS} the same, 0 different; 0 without a journal\n"


def test_a_difference_is_read_side_by_side(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    desk.change("欢迎致电客户服务热线。", "您好，欢迎来电。")
    assert desk.run("replay", "call-000") == 1
    out = capsys.readouterr().out
    assert out.startswith(
        "[prompt] at hotline.welcome: another text is said: then “欢迎致电客户服务热线。”, now “您好，欢迎来电。”"
    )
    marked = next(line for line in out.splitlines() if line.startswith("> "))
    assert marked.split("“")[1].startswith("欢迎致电")
    assert marked.split("“")[2].startswith("您好")


def test_differences_of_a_period_are_grouped_by_node(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    desk.change("人工服务请按0", "找人请按0")
    assert desk.run("replay", "--since", "2h", "--json") == 1
    told = json.loads(capsys.readouterr().out)
    groups = {group["node"]: group["calls"] for group in told["differences"]}
    assert {group["kind"] for group in told["differences"]} == {"prompt"}
    assert "hotline.main" in groups
    assert told["same"] + sum(len(calls) for calls in groups.values()) == CALLS
    for node, calls in groups.items():
        assert desk.run("replay", calls[0], "--json") == 1
        assert json.loads(capsys.readouterr().out)["difference"]["node"] == node


def test_another_file_of_choice(desk: Desk, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    other = tmp_path / "other"
    other.mkdir()
    text = (desk.flows / "hotline.yaml").read_text().replace("欢迎致电客户服务热线。", "您好，欢迎来电。")
    (other / "hotline.yaml").write_text(text)
    assert desk.run("replay", "call-000", "--flow", str(other / "hotline.yaml")) == 1
    assert "[prompt] at hotline.welcome" in capsys.readouterr().out
    assert desk.run("replay", "call-000") == 0


def test_the_recorded_version_when_it_is_not_kept(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    desk.change("欢迎致电客户服务热线。", "您好，欢迎来电。")
    assert desk.run("replay", "call-000", "--recorded") == 1
    assert "is not kept; replayed against today's file" in capsys.readouterr().err


def test_the_test_of_a_call_passes_and_tells_nobody_who_called(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    for seed in range(0, CALLS, 5):
        assert desk.run("to-test", f"call-{seed:03}", "--name", f"call {seed}") == 0
        printed = capsys.readouterr().out
        assert CALLER not in printed
        assert "王小明" not in printed
        file = desk.flows / "hotline.yaml"
        file.write_text(file.read_text().rstrip() + "\n" + printed)
    assert main(["flow", "test", "hotline", "--flows", str(desk.flows)]) == 0
    root, issues = read_yaml(file.read_bytes(), "hotline.yaml")
    assert isinstance(root, Mapping)
    names = [test.name for test in read_tests(root.get("tests"), Reading(list(issues)))]
    assert names[-CALLS // 5 :] == [f"call {seed}" for seed in range(0, CALLS, 5)]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("show", "nobody"), "[not-found] no call nobody"),
        (("replay", "nobody"), "[not-found] no call nobody"),
        (("to-test", "nobody"), "[not-found] no call nobody"),
        (("replay",), "[usage] either a call or --since"),
        (("replay", "call-000", "--since", "2h"), "[usage] either a call or --since"),
        (("show", "call"), "[ambiguous]"),
    ],
)
def test_mistakes_are_told(
    desk: Desk, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], said: str
) -> None:
    assert desk.run(*arguments) in (1, 2)
    assert said in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [("--since", "yesterday"), ("x", "--answer", "nothing")])
def test_values_that_cannot_be_read(desk: Desk, arguments: tuple[str, ...]) -> None:
    with pytest.raises(SystemExit) as ended:
        desk.run("replay", *arguments)
    assert ended.value.code == 2
