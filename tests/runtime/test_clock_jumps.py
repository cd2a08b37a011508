"""The wall clock is set an hour forward or back while everything runs: what lasts goes by the monotonic clock. The
table in docs/clocks.md says what each part does; a part that reads the wall clock and is not in it fails here."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from cti.boss.caching import Kept, freshness
from cti.boss.policies import CacheSettings, PolicySettings, UnknownSettings
from cti.core.async_requests import PAUSE_MOST_S, AsyncRequest
from cti.core.callbacks import Callback, is_due, missed
from cti.core.calls import Caller, NewCall, TerminalCause
from cti.core.recordings import RecordingKind
from cti.core.records import CallEnded, LegAdded, RecordingKept
from cti.core.webhooks import EventKept
from cti.flow import EntryTable, load_entry
from cti.runtime.admission import Admission, Limits
from cti.runtime.durable import Instant, RunClock
from cti.runtime.floor.owner import FloorOwner
from cti.runtime.journal import Journal
from cti.runtime.recordings.tape import CallTape
from cti.runtime.timers import Timers
from cti.store import SqlStore
from tests.boss.test_writes import LOST, Orders
from tests.runtime.clockkit import HOUR_S, SetClock, both, store
from tests.webhooks.kit import House

__all__ = ["store"]  # the fixture

ROOT = Path(__file__).parents[2]


# ---- calls, records, recordings, queues, limits ----------------------------------------------------------------------


@both
def test_a_run_and_a_gap_last_as_long_as_they_lasted(jump_s: float) -> None:
    clock = SetClock()
    run, began = RunClock(clock, UTC), Instant(clock.now(), clock.monotonic(), "boot")
    at = run.time()
    clock.pass_s(20.0, jump_s)
    assert run.time() - at == 20.0
    assert Instant(clock.now(), clock.monotonic(), "boot").seconds_since(began) == 20.0


@both
def test_places_offers_rings_and_work_after_a_talk_go_by_the_floors_own_time(jump_s: float) -> None:
    clock = SetClock()
    floor = FloorOwner(clock)
    began = floor.now()
    clock.pass_s(20.0, jump_s)
    assert floor.now() - began == 20.0


@dataclass
class Records:
    records: list[Any] = field(default_factory=list)

    def record(self, record: Any) -> None:
        self.records.append(record)


@both
def test_a_record_ends_so_long_after_its_beginning_as_the_call_lasted(jump_s: float) -> None:
    clock, store = SetClock(), Records()
    began = clock.now()
    log = Journal(store, clock).started(NewCall("c1", "fs", Caller("13800000000", "", "95")), None)  # type: ignore[arg-type]
    clock.pass_s(5.0, jump_s)
    log.answered()
    log.leg_joined("l1", "agent", "1001")
    clock.pass_s(15.0)
    log.closed(TerminalCause.CALLER_HANGUP, "NORMAL_CLEARING", "")
    joined = next(one for one in store.records if isinstance(one, LegAdded) and one.leg_id == "l1")
    ended = next(one for one in store.records if isinstance(one, CallEnded))
    assert joined.added_at == ended.answered_at == began + 5.0
    assert ended.ended_at == began + 20.0


class _Files:
    def new(self, call_id: str, kind: RecordingKind, at: float, queue: str) -> RecordingKept:
        return RecordingKept(call_id, "r1.wav", kind, at, queue=queue)

    def path(self, kept: RecordingKept) -> Path:
        return Path("r1.wav")


class _Silent:
    def __getattr__(self, name: str) -> Any:
        return lambda *_: None


@both
def test_what_is_silent_in_a_recording_lies_where_it_lies_in_the_file(jump_s: float) -> None:
    clock, kept = SetClock(), list[RecordingKept]()
    tape = CallTape("c1", _Silent(), _Files(), clock, kept.append)  # type: ignore[arg-type]
    began = clock.now()
    tape.start(RecordingKind.TALK)
    clock.pass_s(4.0, jump_s)
    tape.mask(True)
    clock.pass_s(3.0)
    tape.close()
    assert kept[-1].masked == ((began + 4.0, began + 7.0),)
    assert kept[-1].ended_at == began + 7.0


@both
def test_limits_of_callers_and_trunks_count_by_time_that_passed(jump_s: float) -> None:
    clock = SetClock()
    admission = Admission(Limits(per_caller_min=2, per_s=1), clock)
    call = NewCall("c1", "fs", Caller("13800000000", "", "95"))
    told = []
    for pause_s, jumps_s in ((0.0, 0.0), (2.0, jump_s), (2.0, 0.0), (60.0, jump_s)):
        clock.pass_s(pause_s, jumps_s)
        told.append(admission.refusal(call))
    assert [bool(one) for one in told] == [False, False, True, False]


# ---- jobs by the clock -----------------------------------------------------------------------------------------------


@dataclass
class Hands:
    """A timer, the clock, and what was begun at which minute."""

    every: str
    clock: SetClock = field(default_factory=SetClock)
    begun: list[str] = field(default_factory=list)
    noted: dict[str, float] = field(default_factory=dict)
    owned: bool = True

    def __post_init__(self) -> None:
        self.zone = ZoneInfo("Asia/Shanghai")
        self.clock.wall = datetime(2026, 3, 2, 8, 30, tzinfo=self.zone).timestamp()
        self.timers = Timers(self.table, self.begin, self.clock, self.zone, self)

    def table(self) -> EntryTable:
        text = f"entries: [{{name: job, medium: timer, every: {{{self.every}}}, flow: x}}]"
        table = load_entry(text, "entry.yaml").table
        assert table is not None
        return table

    def begin(self, _name: str) -> None:
        self.begun.append(f"{datetime.fromtimestamp(self.clock.wall, self.zone):%H:%M}")

    def read(self) -> dict[str, float]:
        return self.noted

    def write(self, marks: dict[str, float]) -> None:
        self.noted = dict(marks)

    def go(self, minutes: int) -> None:
        for _ in range(minutes * 6):
            self.clock.pass_s(10.0)
            self.timers.look()


@pytest.mark.parametrize(
    ("jump_s", "begun"), [(0.0, ["09:00"]), (HOUR_S, ["09:40"]), (-HOUR_S, ["09:00"])], ids=["none", "forward", "back"]
)
def test_a_daily_job_is_done_once_whatever_the_clock_skips(jump_s: float, begun: list[str]) -> None:
    hands = Hands("time: '09:00'")
    hands.timers.look()
    hands.go(10)
    hands.clock.wall += jump_s
    hands.timers.look()
    hands.go(100)
    assert hands.begun == begun


def test_a_job_after_its_moment_is_not_done_again_when_the_clock_goes_back() -> None:
    hands = Hands("time: '09:00'")
    hands.timers.look()
    hands.go(40)
    hands.clock.wall -= HOUR_S
    hands.go(120)
    assert hands.begun == ["09:00"]


def test_callbacks_wait_no_hour_longer_and_appointments_keep_their_hour() -> None:
    now = 1_800_000_000.0
    soon = Callback("b1", "13800000000", now, now, queue="service")
    again = missed(replace(soon, attempts=1), "busy", now, 300.0)
    noon = replace(soon, due_at=now + 1800.0)
    late = [is_due(one, now - HOUR_S, 300.0) for one in (soon, again, noon)]
    early = [is_due(one, now, 300.0) for one in (soon, again, noon)]
    assert (early, late) == ([True, False, False], [True, True, False])
    assert is_due(noon, now + 1800.0, 300.0)


# ---- the back office -------------------------------------------------------------------------------------------------


def test_what_is_kept_of_an_answer_is_no_younger_for_a_clock_that_goes_back() -> None:
    kept, settings = Kept("ok", {}, 10_000.0, "crm"), CacheSettings(ttl_s=60, sie_s=600)
    assert freshness(kept, settings, 10_001.0) == freshness(kept, settings, 9_999.0) == "fresh"
    assert freshness(kept, settings, 10_000.0 - HOUR_S) == "if_error"
    assert freshness(replace(kept, outcome="not_found"), settings, 10_000.0 - HOUR_S) == "gone"
    assert freshness(kept, settings, 10_000.0 + HOUR_S) == "gone"


@both
def test_a_write_that_is_under_way_is_not_looked_after_sooner_or_later(jump_s: float) -> None:
    orders = Orders(PolicySettings(unknown=UnknownSettings(status_lookup="order.status", after_s=30)))
    clock = orders.office.clock
    orders.a.answer, orders.s.answer = LOST, {"rc": "NONE"}
    assert orders.order()[0] == "unknown"
    real = clock.now
    clock.now = lambda: real() + jump_s  # type: ignore[method-assign]
    assert orders.order()[0] == "unknown"
    assert (len(orders.a.asked), len(orders.s.asked)) == (1, 0)  # else it were not found yet, and written twice
    clock.ahead_s = 31
    orders.order()
    assert len(orders.s.asked) == 1
    orders.office.close()


def test_ordered_writes_and_their_leases_wait_no_hour_longer(store: SqlStore) -> None:
    log, now = store.accounts.async_requests, 10_000.0
    one = AsyncRequest("r1", "u1", "order", "u1/r1", {}, now, now + 86_400.0, lane="order", due_at=now)
    log.add(one)

    def claimed(at: float) -> int:
        return len(log.claim("ask", "a/0", at, 60.0, 9, ()))

    assert claimed(now) == 1
    assert claimed(now + 1.0) == 0  # it is at work
    assert claimed(now - HOUR_S) == 1  # who had it may be gone, and its lease would last for an hour
    log.put(replace(one, attempts=3, due_at=now + PAUSE_MOST_S))
    assert (claimed(now), claimed(now - HOUR_S)) == (0, 1)


def test_webhooks_get_at_once_what_was_kept_before_the_clock_went_back(tmp_path: Path) -> None:
    house = House(tmp_path)
    try:
        house.desk.stop()
        house.add("http://127.0.0.1:9/")
        now, queue = house.clock.now(), house.store.accounts.webhook_queue
        house.store.record(EventKept("e1", "contact.queued", now, 1, "contact:c1", "{}", ("w",)))
        assert house.store.flush(30.0)
        assert len(queue.due("w", now - 1.0, 9)) == 0  # as another machine's clock may differ
        assert len(queue.due("w", now, 9)) == len(queue.due("w", now - HOUR_S, 9)) == 1
    finally:
        house.crash()


# ---- all of it -------------------------------------------------------------------------------------------------------

#: Reads of the wall clock: by the clock port, by the owner of the floor, and by itself.

_READS = re.compile(
    r"(?:_clock|\bclock|_outbox|SystemClock\(\))\.now\b|\btime\.time\b|\btime\(\) \*|datetime\.now|_wall\(\)"
)


def test_whoever_reads_the_wall_clock_is_in_the_table() -> None:
    told = (ROOT / "docs" / "clocks.md").read_text(encoding="utf-8")
    reads = [
        path.relative_to(ROOT).as_posix()
        for path in sorted((ROOT / "cti").rglob("*.py"))
        if _READS.search(path.read_text(encoding="utf-8"))
    ]
    named = re.findall(r"`(cti/[\w/]+?(?:\.py|/))`", told)
    missing = [one for one in reads if not any(one.startswith(name) for name in named)]
    assert (missing, len(reads) > 60) == ([], True)
    assert [name for name in named if not (ROOT / name).exists()] == []
