"""kill -9 of the engine under many calls on a real switch: how long until the next one has them, and that none is lost.

Every caller waits in the demo's menu; some talk with an extension. 40 calls, 200 at night.
"""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from .engine import EngineProcess
from .esl import wait_until
from .sipp import Pause, WaitBye, run_callers
from .switch import RealSwitch, settings_for_test

pytestmark = pytest.mark.real

MENU = """\
flow: hotline
start: main
languages: {default: en-US}
nodes:
  main:
    type: menu
    say: "Please press one."
    wait: 600s
    keys: {1: bye}
    to: {else: bye}
  bye: {type: end, outcome: pressed}
"""


@pytest.fixture
def engine(freeswitch_binary: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[EngineProcess]:
    switch = RealSwitch(freeswitch_binary, tmp_path_factory.mktemp("switch4"), settings_for_test())
    switch.start()
    engine = EngineProcess(switch, tmp_path_factory.mktemp("engine4"), slot=3, guard_s=60)  # a loaded machine is slow
    (engine.folder / "flows" / "hotline.yaml").write_text(MENU)
    try:
        engine.start()
        yield engine
    finally:
        engine.stop()
        switch.stop()


@pytest.mark.parametrize("calls", [40, pytest.param(200, marks=pytest.mark.nightly)])
def test_a_killed_engine_loses_no_call(
    engine: EngineProcess, sipp: Path, tmp_path: Path, calls: int, record_property: Callable[[str, object], None]
) -> None:
    """``takeover_s``: from the start of the next process to the last call that goes on."""
    with ThreadPoolExecutor(1) as pool, engine.switch.tap("HEARTBEAT") as tap:
        port = engine.switch.conf.trunks_port
        running = pool.submit(
            run_callers, sipp, tmp_path, port, "4000", [Pause(0.1), WaitBye()], calls=calls, per_second=20,
            timeout_s=180,
        )  # fmt: skip
        wait_until(lambda: asked(engine, WAITS) == calls, 90, "all wait in the menu, on record", 0.2)
        engine.kill()
        began, begun_at = time.monotonic(), time.time()
        engine.start()
        wait_until(lambda: asked(engine, RESUMED) == calls, 60, "all go on", 0.05)
        took = time.monotonic() - began
        assert tap.api("show calls count").split()[0] == str(calls)
        first, last = (asked(engine, f"select {one}(ended_at) from call_gaps") - begun_at for one in ("min", "max"))
        record_property("takeover_s", round(last, 2))
        print(f"{calls} calls, seen within {took:.2f} s: the first goes on {first:.2f} s after the start of the next")
        print(f"process, the last after {last:.2f} s; load {os.getloadavg()[0]:.1f}")
        tap.api("hupall")
        result = running.result(120)
    wait_until(lambda: asked(engine, ENDED) == calls, 30, "all have their record", 0.2)
    assert result.created == calls
    assert asked(engine, "select count(*) from calls") == calls
    assert asked(engine, "select count(*) from node_visits") == calls, "the visit goes on, and is no second one"
    assert asked(engine, "select count(*) from call_records where terminal_cause = 'caller_hangup'") == calls
    assert asked(engine, "select count(*) from call_snapshots") == 0


WAITS = """select count(*) from call_snapshots s join node_visits v on v.call_id = s.call_id
    where s.saved_at >= v.entered_at"""
RESUMED = "select count(*) from call_gaps where how = 'resumed'"
ENDED = "select count(*) from call_records"


def asked(engine: EngineProcess, query: str) -> float:
    with closing(sqlite3.connect(f"file:{engine.folder / 'data' / 'cti.db'}?mode=ro", uri=True)) as database:
        found: float = database.execute(query).fetchone()[0]
    return found
