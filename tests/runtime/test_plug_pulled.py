"""A billing system is killed in the middle of many calls: none is lost, each caller hears the balance all the same.

The demo's two systems are real processes: mobiles are asked for by a socket, fixed lines by HTTP. One of them is
stopped first, so that its callers are certainly being asked for when it is killed.
"""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from time import monotonic
from typing import Any

import gevent
import pytest

from cti.boss import DEMO_DATABASE, DEMO_INTERFACES
from cti.core.records import CallDetail
from cti.core.script import HangUp, Hear, Press
from cti.demo import DIRECT, Demo, Platform
from cti.flow.speech import say_money
from cti.switch.embedded import VirtualCaller

FLOWS = Path(__file__).resolve().parents[2] / "ivr_flows"
DEADLINE_S = 60.0
#: The menu comes again when the balance has been told.
SCRIPT = (Hear("按1"), Press("1"), Hear("余额是"), Hear("按1"), HangUp())
#: Active, neither elderly (they are taken another way) nor without a balance; of each kind.
USABLE = "SELECT msisdn, balance FROM subscriber WHERE line = ? AND status = 'active' AND tier != 'senior' LIMIT 20"
BACKENDS = {"mobile": "billing", "fixed": "fixed_billing"}


@pytest.fixture
def platform(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Platform]:
    """The shipped hotline and interfaces; look-ups have time, so that what is heard does not hang on the machine."""
    shutil.copytree(FLOWS, tmp_path / "flows")
    hotline = tmp_path / "flows" / "hotline.yaml"
    text = hotline.read_text(encoding="utf-8")
    assert "ask: subscriber.get\n    with: {msisdn: =caller}\n    deadline: 2s" in text
    hotline.write_text(text.replace("deadline: 2s", "deadline: 60s", 1), encoding="utf-8")
    patient = DEMO_INTERFACES.read_text(encoding="utf-8").replace("deadline_ms: 2000", "deadline_ms: 60000")
    (tmp_path / "patient.yaml").write_text(patient, encoding="utf-8")
    monkeypatch.setattr("cti.demo.DEMO_INTERFACES", tmp_path / "patient.yaml")
    by_day = datetime.fromisoformat("2026-03-02T10:00+08:00")
    demo = Demo(tmp_path / "site", tmp_path / "flows", 0, direct="hotline", at=by_day, billing=True)
    running = demo.start()
    running.application.wait_until_up(DEADLINE_S)
    yield running
    for process in _processes(running).values():
        process.kill()  # also one that is stopped
    running.stop()


def _processes(platform: Platform) -> dict[str, subprocess.Popen[bytes]]:
    assert platform.billing is not None
    return {"mobile": platform.billing.mobile, "fixed": platform.billing.fixed}


def _people(folder: Path, line: str, calls: int) -> list[tuple[str, Decimal]]:
    """Who calls, and their balances: each some times."""
    with closing(sqlite3.connect(folder / DEMO_DATABASE)) as connection:
        rows = connection.execute(USABLE, (line,)).fetchall()
    return [(number, Decimal(balance)) for number, balance in (rows * calls)[:calls]]


def _until(true: Any, what: str) -> None:
    deadline = monotonic() + DEADLINE_S
    while not true():
        assert monotonic() < deadline, what
        gevent.sleep(0.01)


def _facts(platform: Platform, name: str) -> dict[str, Any]:
    return next(one for one in platform.application.boss.facts() if one["name"] == name)


def _record(platform: Platform, caller: VirtualCaller) -> CallDetail:
    store, uuid = platform.application.store, caller.channel.uuid if caller.channel else ""
    found: list[CallDetail] = []

    def complete() -> bool:
        assert store.flush(DEADLINE_S)
        detail = store.find_call(uuid)
        found[:] = [detail] if detail is not None and detail.call.ended_at is not None else []
        return bool(found)

    _until(complete, f"the record of {uuid}")
    return found[0]


@pytest.mark.parametrize("calls", [20, pytest.param(100, marks=pytest.mark.nightly)])
@pytest.mark.parametrize("pulled", ["mobile", "fixed"])
def test_no_call_is_lost_and_each_hears_the_balance(
    platform: Platform, tmp_path: Path, pulled: str, calls: int
) -> None:
    shares = {"mobile": calls - calls * 2 // 5, "fixed": calls * 2 // 5}  # a number has five calls at once at most
    people = {line: _people(tmp_path / "site", line, share) for line, share in shares.items()}
    victim = _processes(platform)[pulled]
    victim.send_signal(signal.SIGSTOP)
    placed = [
        (line, balance, platform.call(number, DIRECT, SCRIPT, lambda *_: None))
        for line in people
        for number, balance in people[line]
    ]
    _until(lambda: all(one.channel is not None for *_, one in placed), "all calls on the switch")
    _until(lambda: _facts(platform, BACKENDS[pulled])["running"], "a question at the system that hangs")
    asked = _facts(platform, BACKENDS[pulled])["asked"]
    others = [one for line, _, one in placed if line != pulled]
    _until(lambda: all(one.cause for one in others), "the other system's callers are served meanwhile")
    assert not any(one.cause for line, _, one in placed if line == pulled)
    os.kill(victim.pid, signal.SIGKILL)
    _until(lambda: all(one.cause for *_, one in placed), "the ends of all calls")
    for line, balance, caller in placed:
        heard = [one.text for one in caller.log if one.kind == "say"]
        assert any(f"您的余额是{say_money(balance, 'zh-CN')}" in text for text in heard), (line, heard)
        detail = _record(platform, caller)
        assert (detail.call.terminal_cause, detail.call.hangup_cause) == ("caller_hangup", "NORMAL_CLEARING")
        assert (detail.call.goals, detail.call.error) == (("balance",), "")
        assert [(one.node, one.exit) for one in detail.visits if one.node == "who"] == [("who", "ok")]
    assert len({caller.channel.uuid for *_, caller in placed if caller.channel}) == calls
    ill = _facts(platform, BACKENDS[pulled])
    assert asked
    assert ill["last_failure"] is not None
    well = _facts(platform, next(name for line, name in BACKENDS.items() if line != pulled))
    assert (well["last_failure"], well["failures"]) == (None, {})
