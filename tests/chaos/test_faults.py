"""`scripts/chaos` in small, on the embedded switch: losses that it finds, and the whole list."""

from __future__ import annotations

import os
import random
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from scripts.faults.faults import EngineKilled, Fault
from scripts.faults.house import House, Platform
from scripts.faults.rounds import Round
from scripts.faults.run import main
from scripts.faults.verdict import BRIDGED, MENU, Row, judge

PATIENT_S = 60.0  # for a loaded machine


#: Callers of their own for each: one that orders twice would be a write that is executed twice.
CHANCES = (random.Random(f"faults {number}") for number in range(100))


class Thief(Fault):
    """Takes a caller of ``kind`` away while nobody looks."""

    def __init__(self, kind: str) -> None:
        self.kind = kind

    def steal(self, house: Platform, calls: dict[str, str]) -> None:
        stolen = next(uuid for uuid, kind in calls.items() if kind == self.kind)
        assert house.switch.tap.api(f"uuid_kill {stolen}").startswith("+OK")


def row_of(house: House, fault: Fault) -> Row:
    tamper = fault.steal if isinstance(fault, Thief) else None
    return judge(fault.name, fault.expected, [Round(house, fault, next(CHANCES), {}, tamper, owner_s=PATIENT_S).run()])


def test_a_call_that_was_lost_is_found(small: House) -> None:
    for kind in (MENU, BRIDGED):
        found = row_of(small, Thief(kind))
        assert (found.failed, dict(found.lost), found.named) == (True, {kind: 1}, 0)
        assert any(told.startswith(f"{kind} call lost") for told in found.broken)
    assert small.writes()  # there was something that could have been executed twice


class Forgetful(EngineKilled):
    """What was kept of the calls is gone, too."""

    def inject(self, house: Platform) -> None:
        super().inject(house)
        with closing(sqlite3.connect(house.data / "cti.db", timeout=30)) as database, database:
            database.execute("DELETE FROM call_snapshots")


@pytest.mark.nightly
def test_flows_that_begin_again_are_named(small: House) -> None:
    kept, forgotten = row_of(small, EngineKilled()), row_of(small, Forgetful())
    assert kept.broken == ()
    assert any("flow begins again" in told for told in forgotten.broken)


@pytest.mark.nightly
@pytest.mark.timeout(900)
def test_the_whole_list(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    status = main(["--switch", "embedded", "--calls", "20", "--json", str(tmp_path / "table.json")])
    told = capfd.readouterr().out
    assert status == 0, told
    assert os.path.getsize(tmp_path / "table.json") > 0
