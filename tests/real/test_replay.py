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

OLD, NEW = "欢迎致电客户服务热线。", "您好，这里是客户服务热线。"


@pytest.fixture(scope="module")
def engine(real_switch: RealSwitch, tmp_path_factory: pytest.TempPathFactory) -> Iterator[EngineProcess]:
    running = EngineProcess(real_switch, tmp_path_factory.mktemp("replay"))
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
        [Pause(4), Press("1"), Pause(6), Press("0"), Pause(3), HangUp()],
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
