"""Many callers at once, with keys, against the smallest engine there can be: what the helpers and the switch carry."""

from __future__ import annotations

from pathlib import Path

import pytest

from cti.switch.conf import slot_variable

from .esl import Tap
from .sipp import HangUp, Pause, Press, WaitBye, may_press, run_callers
from .switch import RealSwitch

pytestmark = pytest.mark.real

NEEDS_RAW = "SIPp sends digits through a raw socket: run as root, or setcap cap_net_raw+ep on it"


class TinyEngine:
    """Answers who is parked; hangs up after ``keys`` keys."""

    def __init__(self, tap: Tap, keys: int) -> None:
        self.tap, self.keys = tap, keys
        self.got: dict[str, str] = {}
        self._seen = 0

    def run(self, calls: int, timeout_s: float) -> None:
        """Until ``calls`` calls have ended."""
        ended = 0
        while ended < calls:
            event = self.tap.wait(lambda event: True, timeout_s, after=self._seen)
            self._seen += 1
            uuid = event.get("Unique-ID")
            if event.name == "CHANNEL_PARK":
                self.got.setdefault(uuid, "")
                self.tap.execute(uuid, "answer")
            elif event.name == "DTMF":
                self.got[uuid] = self.got.get(uuid, "") + event.get("DTMF-Digit")
                if len(self.got[uuid]) == self.keys:
                    self.tap.execute(uuid, "hangup")
            elif event.name == "CHANNEL_HANGUP_COMPLETE" and uuid in self.got:
                ended += 1


def test_twenty_callers_press_four_keys_each(real_switch: RealSwitch, sipp: Path, tmp_path: Path) -> None:
    if not may_press():
        pytest.skip(NEEDS_RAW)
    from concurrent.futures import ThreadPoolExecutor

    with real_switch.tap("CHANNEL_PARK DTMF CHANNEL_HANGUP_COMPLETE") as tap, ThreadPoolExecutor(1) as pool:
        tap.api(f"global_setvar {slot_variable(0)}=1")
        steps = [Pause(0.3), Press("12#*"), WaitBye()]
        port = real_switch.conf.trunks_port
        running = pool.submit(run_callers, sipp, tmp_path, port, "4000", steps, calls=20, per_second=10, timeout_s=40)
        engine = TinyEngine(tap, 4)
        engine.run(20, 30)
        result = running.result(50)
        tap.api(f"global_setvar {slot_variable(0)}=0")
    assert sorted(engine.got.values()) == ["12#*"] * 20
    assert (result.created, result.successful, result.failed) == (20, 20, 0), result.errors


def test_a_caller_who_is_treated_otherwise_counts_as_failed(
    real_switch: RealSwitch, sipp: Path, tmp_path: Path
) -> None:
    """The helper can fail: a number that is refused."""
    port = real_switch.conf.trunks_port
    result = run_callers(sipp, tmp_path, port, "nobody", [HangUp()], calls=2, timeout_s=20)
    assert (result.created, result.successful, result.failed) == (2, 0, 2)
    assert "404" in result.errors
