"""Calls placed by SIPp through a real FreeSWITCH: shown, replayed exactly, the difference read, a test made of one."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from .engine import ROOT, EngineProcess
from .sipp import HangUp, Pause, Press, may_press, run_callers
from .switch import RealSwitch
from .test_load import NEEDS_RAW

pytestmark = pytest.mark.real

OLD, NEW = "欢迎致电。", "您好，欢迎来电。"

#: Few prompts: what is asked here does not depend on how many there are, and each takes time to render.
FLOWS = {
    "entry": "entries: [{name: all, medium: voice, flow: hotline}]",
    "busy": """\
flow: busy
start: sorry
nodes:
  sorry: {type: play, say: "请稍后再拨。"}
  bye: {type: end, outcome: busy}
""",
    "hotline": """\
flow: hotline
start: welcome
inputs: {caller: "phone?!"}
vars: {balance: "decimal?"}
nodes:
  welcome: {type: play, say: "欢迎致电。"}
  who: {type: lookup, ask: subscriber.get, with: {msisdn: =caller}, save: {balance: =result.balance}, to: {else: main}}
  main:
    type: menu
    say: "查话费请按1，结束请按0。"
    wait: 20s
    keys: {1: known, 0: bye}
    to: {else: bye}
  known: {type: branch, cases: [{when: given(balance), to: tell}], default: main}
  tell: {type: play, say: "您有余额。", next: main}
  bye: {type: end, outcome: done}
tests:
  - name: nobody says anything
    given: {now: 2026-03-02T10:00+08:00, caller: "13800000000", subscriber.get: timeout}
    script: [hear: 查话费]
    expect: {outcome: done}
""",
}


@pytest.fixture(scope="module")
def engine(real_switch: RealSwitch, tmp_path_factory: pytest.TempPathFactory) -> Iterator[EngineProcess]:
    folder = tmp_path_factory.mktemp("replay")
    (folder / "flows" / "calendars").mkdir(parents=True)
    for name, text in FLOWS.items():
        (folder / "flows" / f"{name}.yaml").write_text(text, encoding="utf-8")
    running = EngineProcess(real_switch, folder)
    running.start()
    yield running
    running.stop()


def cti(engine: EngineProcess, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "cti", "call", *arguments, "--config", str(engine.config)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)


def test_a_real_call_is_replayed_and_the_difference_read(
    engine: EngineProcess, real_switch: RealSwitch, sipp: Path, tmp_path: Path
) -> None:
    if not may_press():
        pytest.skip(NEEDS_RAW)
    result = run_callers(
        sipp, tmp_path / "sipp", real_switch.conf.trunks_port, "4000",
        [Pause(4), Press("1"), Pause(6), HangUp()],
        calls=2, per_second=1, callers=["13800000000", "13800000001"],
    )  # fmt: skip
    assert (result.successful, result.failed) == (2, 0), result.errors
    call_ids = [found["call_id"] for found in engine.finished(2, 30)]

    shown = cti(engine, "show", call_ids[0])
    assert shown.returncode == 0, shown.stderr
    assert OLD in shown.stdout
    assert "> presses 1" in shown.stdout
    assert "= subscriber.get: ok after" in shown.stdout
    assert "1380000000" not in shown.stdout

    for call_id in call_ids:
        same = cti(engine, "replay", call_id)
        assert same.returncode == 0, same.stdout + same.stderr
        assert same.stdout.startswith("the same against the recorded version")

    changed = tmp_path / "hotline.yaml"
    text = (engine.folder / "flows" / "hotline.yaml").read_text(encoding="utf-8")
    assert OLD in text
    changed.write_text(text.replace(OLD, NEW), encoding="utf-8")
    different = cti(engine, "replay", call_ids[0], "--flow", str(changed))
    assert different.returncode == 1, different.stdout + different.stderr
    assert different.stdout.startswith(f"[prompt] at hotline.welcome: another text is said: then “{OLD}”, now “{NEW}”")
    marked = [line for line in different.stdout.splitlines() if line.startswith("> ")]
    assert len(marked) == 1
    assert OLD in marked[0]
    assert NEW in marked[0]

    period = cti(engine, "replay", "--since", "1h", "--flow", str(changed))
    assert period.returncode == 1
    assert "2 calls replayed: 0 the same, 2 different" in period.stdout
    assert "hotline.welcome" in period.stdout

    made = cti(engine, "to-test", call_ids[0])
    assert made.returncode == 0, made.stderr
    own = engine.folder / "flows" / "hotline.yaml"
    own.write_text(own.read_text(encoding="utf-8").rstrip() + "\n" + made.stdout, encoding="utf-8")
    tested = subprocess.run(
        [sys.executable, "-m", "cti", "flow", "test", "hotline", "--flows", str(engine.folder / "flows")],
        cwd=ROOT, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert tested.returncode == 0, tested.stdout + tested.stderr
