"""`cti doctor` beside a running FreeSWITCH."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from cti.cli import main
from cti.switch.links.ahead import Reader, Standing
from tests.cli.test_doctor import OF_THE_MACHINE, Deployment, read

from .switch import RealSwitch

pytestmark = pytest.mark.real


def look(deployment: Deployment, capsys: pytest.CaptureFixture[str]) -> tuple[set[str], dict[str, str]]:
    """Codes of what is well, and code -> verdict of what is not."""
    deployment.write()
    main(["doctor", "--config", str(deployment.config), "--json", "--timeout", "30"])
    told = read(capsys)
    well = {one["code"] for one in told if one["verdict"] == "ok"}
    ill = {one["code"]: one["verdict"] for one in told if one["verdict"] != "ok"}
    return well, {code: verdict for code, verdict in ill.items() if code not in OF_THE_MACHINE | {"module-optional"}}


def test_a_real_switch_is_examined(real_switch: RealSwitch, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    deployment = Deployment(tmp_path, real_switch.conf.port)
    deployment.password.write_text(real_switch.conf.password)
    del deployment.switch["kind"]
    deployment.options["limits"] = {"calls": 100}
    prompt = tmp_path / "data" / "prompts" / "en-US" / "one.wav"
    prompt.parent.mkdir(parents=True)
    prompt.write_bytes(b"RIFF")
    well, ill = look(deployment, capsys)
    assert ill == {}
    expected = {"event-socket", "clock-same", "version", "modules", "safety", "codecs", "sessions", "prompts-readable"}
    assert expected - well == set()
    assert ("commands-ahead" in well) == (os.sched_getscheduler(real_switch.pid) == os.SCHED_FIFO)

    prompt.unlink()
    prompt.symlink_to("/nowhere")
    deployment.options["limits"] = {"calls": 30_000}
    _, ill = look(deployment, capsys)
    assert ill == {"prompts-unreadable": "fail", "sessions-low": "warn"}

    deployment.password.write_text("not-the-one-of-this-switch")
    assert look(deployment, capsys)[1] == {"switch-password": "fail"}


@pytest.mark.parametrize(
    ("standing", "ill"),
    [
        (Standing.FORBIDDEN, {"commands-behind": "warn"}),
        (Standing.UNKNOWN, {"commands-behind": "warn"}),
        (Standing.ELSEWHERE, {}),
    ],
)
def test_commands_that_wait_for_calls(
    real_switch: RealSwitch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    standing: Standing,
    ill: dict[str, str],
) -> None:
    """What is made of a look at the switch's threads; that another user is not shown them `test_links` shows."""
    deployment = Deployment(tmp_path, real_switch.conf.port)
    deployment.password.write_text(real_switch.conf.password)
    del deployment.switch["kind"]
    deployment.options["limits"] = {"calls": 100}
    monkeypatch.setattr(Reader, "look", lambda _sock: Reader(standing))
    well, found = look(deployment, capsys)
    assert found == ill
    assert "commands-ahead" not in well
