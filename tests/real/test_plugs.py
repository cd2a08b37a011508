"""Both billing systems fail in the middle of many calls on a real switch: none is lost, each hears what the flow says.

As shipped: flows, deadlines, interfaces; mobiles are asked for by a socket, fixed lines by HTTP, of real processes. One
system is killed, the other stopped (it takes connections and says nothing); the database behind them answers then.
"""

from __future__ import annotations

import os
import signal
import sqlite3
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from cti.boss import DEMO_DATABASE, DEMO_INTERFACES, ensure_demo_database
from cti.boss.demo_systems import Systems, start_systems, with_systems
from cti.config import PromptSettings
from cti.flow.phrases import Filled, make_say
from cti.flow.speech import say_money
from cti.prompts import Renderer, WavPrompts
from cti.switch.orders import joined

from .engine import EngineProcess
from .esl import Tap, wait_until
from .records import record_of
from .sipp import HangUp, Pause, Press, Step, may_press, run_callers
from .switch import RealSwitch
from .test_load import NEEDS_RAW

pytestmark = pytest.mark.real

BACKENDS = {"mobile": "billing", "fixed": "fixed_billing"}
TOLD = {"mobile": "您的余额是", "fixed": "该号码的余额是"}
FLOWS = {"mobile": "hotline", "fixed": "fixed_line"}
#: The node of each flow that looks up; what is said while it lasts, and where it found nothing.
LOOKS = {"mobile": "who", "fixed": "look"}
INTERIM = {"mobile": "请稍候。", "fixed": "正在查询，请稍候。"}
UNKNOWN = "暂时无法查询，为您转人工。"
USABLE = "SELECT msisdn, balance FROM subscriber WHERE line = ? AND status = 'active' AND tier != 'senior' LIMIT 5"
STEPS: tuple[Step, ...] = (Pause(3), Press("1"), Pause(10), HangUp())


@dataclass
class House:
    engine: EngineProcess
    systems: Systems
    people: dict[str, tuple[str, Decimal]]  # number -> line, balance

    def process(self, line: str) -> Any:
        return getattr(self.systems, line)

    def facts(self, line: str) -> dict[str, Any]:
        (found,) = [one for one in self.engine.get("/v1/backends")["items"] if one["name"] == BACKENDS[line]]
        return dict(found)

    def balances(self, line: str, masked: str) -> list[Decimal]:
        """Of the subscriber whom a record shows with the last four digits only."""
        return [b for number, (of, b) in self.people.items() if of == line and number[-4:] == masked[-4:]]

    def pull(self, line: str, how: signal.Signals) -> None:
        """Once it has answered callers; until some have been failed."""
        wait_until(lambda: self.facts(line)["asked"] > 0, 60, f"callers at {line}", 0.1)
        os.kill(self.process(line).pid, how)
        wait_until(lambda: bool(self.facts(line)["failures"]), 60, f"a failure of {line}", 0.1)


@pytest.fixture
def house(real_switch: RealSwitch, tmp_path: Path) -> Iterator[House]:
    engine = EngineProcess(real_switch, tmp_path / "engine")
    database = ensure_demo_database(engine.folder / DEMO_DATABASE)
    systems = start_systems(database)
    interfaces = with_systems(DEMO_INTERFACES.read_text(encoding="utf-8"), systems.mobile_port, systems.fixed_port)
    (engine.folder / "interfaces.yaml").write_text(interfaces, encoding="utf-8")
    with engine.config.open("a", encoding="utf-8") as config:
        config.write("boss: {file: interfaces.yaml}\n")
    with closing(sqlite3.connect(database)) as connection:
        people = {
            number: (line, Decimal(balance))
            for line in BACKENDS
            for number, balance in connection.execute(USABLE, (line,))
        }
    try:
        engine.start()
        yield House(engine, systems, people)
    finally:
        engine.stop()
        for process in (systems.mobile, systems.fixed):
            process.kill()  # also one that is stopped
            process.communicate()


@pytest.mark.parametrize("calls", [30, pytest.param(100, marks=pytest.mark.nightly)])
@pytest.mark.parametrize("killed", ["mobile", pytest.param("fixed", marks=pytest.mark.nightly)])
def test_both_plugs_are_pulled_and_no_call_is_lost(
    house: House, real_switch: RealSwitch, sipp: Path, tmp_path: Path, killed: str, calls: int
) -> None:
    if not may_press():
        pytest.skip(NEEDS_RAW)
    by_line = [[number for number, (line, _) in house.people.items() if line == one] for one in BACKENDS]
    numbers = [number for pair in zip(*by_line, strict=True) for number in pair]
    stopped = next(line for line in BACKENDS if line != killed)
    with real_switch.tap("PLAYBACK_START CHANNEL_PARK") as tap, ThreadPoolExecutor(1) as pool:
        running = pool.submit(
            run_callers, sipp, tmp_path / "sipp", real_switch.conf.trunks_port, "4000", STEPS,
            calls=calls, per_second=8, callers=numbers, timeout_s=120,
        )  # fmt: skip
        house.pull(killed, signal.SIGKILL)
        house.pull(stopped, signal.SIGSTOP)
        result = running.result(150)
        records = [record_of(house.engine, one["call_id"]) for one in house.engine.finished(calls, 60)]
        heard = {one["call_id"]: played(tap, one["call_id"]) for one in records}
    assert (result.created, result.successful, result.failed) == (calls, calls, 0), result.errors
    assert len({one["call_id"] for one in records}) == len(records) == calls
    ends = Counter((one["terminal_cause"], one["hangup_cause"], one["error"]) for one in records)
    assert ends == {("caller_hangup", "NORMAL_CLEARING", ""): calls}
    assert Counter(one["flow"] for one in records) == dict.fromkeys(FLOWS.values(), calls // 2)
    for one in records:
        hears_what_the_flow_says(house, one, heard[one["call_id"]])
    flow, text = FLOWS[stopped], INTERIM[stopped]
    waited = [one for one in records if one["flow"] == flow and sound(house, [text]) in heard[one["call_id"]]]
    assert waited, "nobody was told to wait although the system said nothing"


def hears_what_the_flow_says(house: House, record: dict[str, Any], heard: list[str]) -> None:
    """Their own balance; or, where the deadline was over before the database had answered, that there is none."""
    line = next(line for line, flow in FLOWS.items() if flow == record["flow"])
    exits = {visit["node"]: visit["exit"] for visit in record["visits"]}
    asked = exits[LOOKS[line]]
    assert asked in ("ok", "timeout"), record["visits"]
    if asked == "ok":
        balances = house.balances(line, record["caller"])
        texts: list[list[str | Filled]] = [
            [TOLD[line], Filled(say_money(balance, "zh-CN")), "。"] for balance in balances
        ]
    else:
        texts = [[UNKNOWN]]
    assert ("tell" in exits, "unknown" in exits) == (asked == "ok", asked != "ok"), record["visits"]
    assert set(heard) & {sound(house, text) for text in texts}, (record["visits"], heard)


def sound(house: House, text: Sequence[str | Filled]) -> str:
    """What the switch is asked to play for it."""
    say = make_say(text, "zh-CN")
    assert say is not None
    cache = house.engine.folder / "data" / "prompts"
    renderer = Renderer(speed=PromptSettings().speed)
    prompts = WavPrompts(house.engine.folder / "flows" / "prompts", cache, renderer=renderer)
    try:
        files = prompts.find([say])
    finally:
        prompts.close()
    return joined(files) if files else "nothing is rendered"


def played(tap: Tap, uuid: str) -> list[str]:
    return [event.get("Playback-File-Path") for event in tap.of(uuid, "PLAYBACK_START")]
