"""A day of agents and calls in a store, as the engine records it, with what reaches over midnight."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from cti.app.feeding import report_of
from cti.boss.configuration import parse_office
from cti.boss.feeds import FeedPlan, FeedRunner
from cti.boss.feeds.socket import Asked
from cti.boss.ways import WAYS
from cti.core import floor_records as f
from cti.core.calls import TerminalCause
from cti.core.records import CallEnded, CallStarted
from cti.store import SqlStore
from tests.store.conftest import Folder

ZONE = ZoneInfo("Asia/Shanghai")
DAY = date(2026, 3, 2)
BEGIN = datetime(2026, 3, 2, tzinfo=ZONE).timestamp()
END = BEGIN + 86_400
NEXT = END + 7_200
NUMBER = "13800001234"


def keep(store: SqlStore, *records: Any) -> None:
    for record in records:
        store.record(record)
    assert store.flush(30.0)


def feeds_of(text: str) -> dict[str, FeedPlan]:
    """``text``: of the section `feeds:`, and what goes before it."""
    classes = 'security: {classes: {msisdn: {mask: "3+4"}}}\n'
    return dict(parse_office(classes + text, "i.yaml", WAYS).feeds)


def runner_of(store: SqlStore, folder: Folder, plans: dict[str, FeedPlan], ask: Asked | None = None) -> FeedRunner:
    report = report_of(store.accounts.feeds, store.reports, ZONE, lambda: NEXT)
    return FeedRunner(lambda: plans, store.accounts.feeds, lambda: NEXT, ZONE, folder.path, report, ask)


def call(number: int, at: float, lasted: float | None = 61.2345, **ended: Any) -> list[Any]:
    """``lasted`` None: it goes on."""
    id_ = f"c{number}"
    found: list[Any] = [CallStarted(id_, "fs", "10086", at, caller=NUMBER, entry="hotline", flow="hotline")]
    if lasted is not None:
        told = {"answered_at": at + 1, "outcome": "done", "goals": ("balance", "bill"), **ended}
        found.append(CallEnded(id_, at + lasted, TerminalCause.CALLER_HANGUP, **told))
    return found


def entry(number: int, at: float, **changed: Any) -> f.EntryClosed:
    told = {
        "entry_id": f"e{number}", "worker": "n/0", "run": "r", "contact": f"c{number}", "call_id": f"c{number}",
        "queue": "bills", "medium": "voice", "began_at": at, "ended_at": at + 7.25, "outcome": "answered",
        "reason": "", "wait_s": 7.2501, "agent": "1001",
    }  # fmt: skip
    return f.EntryClosed(**{**told, **changed})


def handled(number: int, at: float, **changed: Any) -> f.ContactHandled:
    told = {
        "fact_id": f"h{number}", "contact": f"c{number}", "call_id": f"c{number}", "agent": "1001", "queue": "bills",
        "medium": "voice", "ended_at": at, "talk_s": 60.0005 + number / 7, "hold_s": 1.0, "work_s": 0.1,
        "ended_by": "agent", "disposition": None,
    }  # fmt: skip
    return f.ContactHandled(**{**told, **changed})


def offer(number: int, at: float, ending: str, reason: str = "", after: float = 3.3333) -> f.OfferClosed:
    return f.OfferClosed(
        offer_id=f"o{number}", worker="n/0", run="r", contact=f"c{number}", call_id=f"c{number}", agent="1001",
        queue="bills", medium="voice", made_at=at, ended_at=at + after, ending=ending, reason=reason,
    )  # fmt: skip


def spent(number: int, until: float, bucket: str, seconds: float) -> f.AgentTime:
    return f.AgentTime(fact_id=f"t{number}", agent="1001", bucket=bucket, ended_at=until, seconds=seconds)


def spell(number: int, at: float, until: float | None, presence: str, reason: str = "") -> f.PresencePeriod:
    return f.PresencePeriod(
        fact_id=f"p{number}", worker="n/0", run="r", agent="1001", presence=presence, reason=reason, began_at=at,
        ended_at=until,
    )  # fmt: skip


def a_day_of_calls(store: SqlStore) -> None:
    """Calls 1 to 4 are of the day, of which 3 goes on; 5 is of the day before, its work of this day."""
    keep(store, *call(1, BEGIN), *call(2, END - 30, goals=(), answered_at=None), *call(3, BEGIN + 50, None))
    keep(store, *call(4, BEGIN + 99, error="a fault"), *call(5, BEGIN - 20))
    keep(store, entry(1, BEGIN + 2), entry(2, END - 20), entry(3, BEGIN + 60), entry(5, BEGIN - 10))
    keep(store, handled(1, BEGIN + 60, disposition="paid"), handled(2, END + 90), handled(5, BEGIN + 90))
    keep(store, handled(11, BEGIN + 61, call_id="c1", disposition="moved"), handled(12, BEGIN + 62, call_id="c1"))


def a_day_of_agents(store: SqlStore) -> None:
    """What an agent did, of which some began before the day or ended after it."""
    keep(store, spell(1, BEGIN - 100, BEGIN + 1000.5, "READY"), spell(2, BEGIN + 1000.5, END - 5, "NOT_READY", "break"))
    keep(store, spell(3, END - 5, None, "READY"))
    keep(store, spent(1, BEGIN + 1000.4567, "ready", 1100.3333), spent(2, END + 2000.1234, "not_ready", 84_000.7777))
    keep(store, spent(3, BEGIN + 10_000, "handling", 3_000.0005), spent(4, BEGIN + 20_000.1, "reserved", 12.3456))
    keep(store, spent(5, BEGIN - 1, "ready", 50.0), spent(6, END + 9_000, "ready", 100.0))
    keep(store, offer(1, BEGIN + 5, "accepted"), offer(2, BEGIN + 50, "timed_out", "ring_no_answer"))
    keep(store, offer(3, BEGIN + 70, "rejected"), offer(4, BEGIN + 80, "rescinded"), offer(5, END - 1, "accepted"))
    keep(store, offer(6, BEGIN - 1, "timed_out", "phone_down"))
    keep(store, handled(1, BEGIN + 300, disposition="paid"), handled(2, END - 0.5, queue=""), handled(3, END + 1))
