"""Timers: begun when due, on record, and never twice. The clock is the test's."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar
from zoneinfo import ZoneInfo

import pytest

from cti.core.calls import Medium
from cti.flow import EntryTable, load_entry
from cti.runtime.timers import LATE_S, LOOK_S, Timers
from cti.store.jobs import StaleEpoch

from .platform import Platform, path, summary

ZONE = ZoneInfo("Asia/Shanghai")
DAILY = "entries: [{name: daily, medium: timer, every: {time: '09:00'}, flow: x}]"


@dataclass
class Hands:
    """A clock to set, a table to change, and what was begun; and what was noted (`cti.runtime.timers.Marks`)."""

    noted: dict[str, float] = field(default_factory=dict)
    owned: bool = True
    text: str = DAILY
    begun: list[tuple[str, str]] = field(default_factory=list)
    at: float = 0.0

    def now(self) -> float:
        return self.at

    def monotonic(self) -> float:
        return self.at

    def table(self) -> EntryTable:
        table = load_entry(self.text, "entry.yaml").table
        assert table is not None
        return table

    def begin(self, name: str) -> None:
        self.begun.append((f"{datetime.fromtimestamp(self.at, ZONE):%d %H:%M:%S}", name))

    def engine(self) -> Timers:
        return Timers(self.table, self.begin, self, ZONE, self)

    def read(self) -> dict[str, float]:
        return dict(self.noted)

    def write(self, marks: dict[str, float]) -> None:
        if not self.owned:
            raise StaleEpoch("the timers are another engine's")
        self.noted = marks

    def set(self, moment: str) -> None:
        self.at = datetime.fromisoformat(f"{moment}+08:00").timestamp()


@pytest.fixture
def hands() -> Hands:
    return Hands()


def test_a_timer_is_begun_when_it_is_due_and_once(hands: Hands) -> None:
    timers = hands.engine()
    waits: list[float] = []
    for moment in ("02T08:59:55", "02T09:00:00", "02T09:00:00", "02T09:00:07", "03T08:59:59", "03T09:00:01"):
        hands.set(f"2026-03-{moment}")
        waits.append(timers.look())
    assert hands.begun == [("02 09:00:00", "daily"), ("03 09:00:01", "daily")]
    assert waits == [5.0, LOOK_S, LOOK_S, LOOK_S, 1.0, LOOK_S]


def test_a_clock_set_back_brings_nothing_twice(hands: Hands) -> None:
    timers = hands.engine()
    for moment in ("02T08:59:55", "02T09:00:01", "02T08:30:00", "02T09:00:01", "03T09:00:00"):
        hands.set(f"2026-03-{moment}")
        timers.look()
    assert hands.begun == [("02 09:00:01", "daily"), ("03 09:00:00", "daily")]


@pytest.mark.parametrize(("away_s", "made_up"), [(LATE_S, 1), (LATE_S + 1, 0)])
def test_what_was_due_without_an_engine_is_made_up_for_a_while(hands: Hands, away_s: float, made_up: int) -> None:
    hands.set("2026-03-02T08:59:59")
    hands.engine().look()
    hands.at += 1 + away_s
    for _ in range(2):  # and only by the first engine that comes
        hands.engine().look()
    assert len(hands.begun) == made_up


def test_the_moment_is_written_down_before_the_run_begins(hands: Hands, monkeypatch: pytest.MonkeyPatch) -> None:
    def dies(name: str) -> None:
        raise RuntimeError("the engine dies here")

    hands.set("2026-03-02T08:59:59")
    hands.engine().look()
    hands.set("2026-03-02T09:00:00")
    dying = hands.engine()
    dying._begin = dies
    with pytest.raises(RuntimeError):
        dying.look()
    hands.set("2026-03-02T09:00:02")
    hands.engine().look()
    assert hands.begun == []


def test_a_timer_that_is_new_has_missed_nothing_and_one_that_is_gone_is_forgotten(hands: Hands) -> None:
    timers = hands.engine()
    hands.set("2026-03-02T09:00:01")
    timers.look()
    hands.text = "entries: [{name: other, medium: timer, every: {time: '08:59'}, flow: x}]"
    timers.look()
    assert hands.begun == []
    assert list(hands.noted) == ["other"]


def test_who_has_lost_the_job_begins_nothing(hands: Hands) -> None:
    timers = hands.engine()
    hands.set("2026-03-02T08:59:59")
    timers.look()
    hands.owned = False
    hands.set("2026-03-02T09:00:00")
    with pytest.raises(StaleEpoch):
        timers.look()
    assert hands.begun == []
    hands.owned = True
    hands.engine().look()  # the one who has it now
    assert hands.begun == [("02 09:00:00", "daily")]


@dataclass
class Sent:
    texts: list[tuple[str, str]] = field(default_factory=list)
    once: ClassVar[str] = "no"

    def send(self, recipient: str, text: str, key: str) -> bool:
        self.texts.append((recipient, text))
        return True


def test_a_timer_runs_its_flow_and_is_on_record(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
    application, sent, clock = platform.application, Sent(), Hands()
    application.engine._services.messages._channels["sms"] = sent
    timers: Any = application.timers
    begun: list[str] = []
    begin: Callable[[str], str] = timers._begin
    monkeypatch.setattr(timers, "_clock", clock)
    monkeypatch.setattr(timers, "_begin", lambda name: begun.append(begin(name)))
    timers._seen = {}
    platform.until(lambda: application.jobs["timers"].held, "the timers are this engine's")
    clock.set("2026-03-02T02:59:00")
    timers.look()
    clock.set("2026-03-02T03:00:00")
    timers.look()
    (call_id,) = begun
    detail = platform.recorded(call_id)
    assert summary(detail) == ("flow_end", "done", ("told",))
    assert path(detail) == [("news", "next"), ("which", "default"), ("tell", "sent"), ("bye", "end")]
    call = detail.call
    assert (call.medium, call.entry, call.caller, call.switch) == (Medium.TIMER, "every night", None, "timers")
    assert sent.texts == [("13900000000", "report of the night")]
