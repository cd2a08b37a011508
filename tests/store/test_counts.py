"""The counts of a large hour in the database: they reconcile and are what the rows say; a tampered one is found."""

from __future__ import annotations

import sqlite3
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import closing
from itertools import combinations
from pathlib import Path

import pytest

from cti.acd import outputs as o
from cti.acd.kpis import in_progress, service_level
from cti.acd.states import Outcome
from cti.core.records import Record
from cti.runtime.floor.ledger import Ledger
from cti.store import SqlStore, WriterSettings
from tests.acd.test_hour import Centre
from tests.store.conftest import Folder
from tests.store.template import copy_database

SPAN = (0, 4 * 3600)


@pytest.fixture(scope="module")
def hour() -> Centre:
    centre = Centre(7)
    centre.run()
    return centre


@pytest.fixture(scope="module")
def folder(hour: Centre, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Folder]:
    path: Path = tmp_path_factory.mktemp("hour")
    copy_database(path)
    found = Folder(path)
    store = found.open(settings=WriterSettings(queue_limit=1_000_000, batch=5_000))
    records: list[Record] = []
    ledger = Ledger(records.append, "node/0", "r")
    for fact in hour.facts:
        ledger.hear(fact)
    ledger.close(hour.acd, hour.acd.floor.now)
    for record in records:
        store.record(record)
    assert store.flush(60.0)
    health = store.health()
    assert (health.written, health.rejected, health.lost) == (len(records), 0, 0)
    assert store.close(10.0)
    yield found
    found.close()


@pytest.fixture
def store(folder: Folder) -> SqlStore:
    return folder.open(read_only=True)


def test_they_reconcile_in_every_set_of_intervals_and_give_the_service_level(hour: Centre, store: SqlStore) -> None:
    by_interval: dict[int, Counter[str]] = defaultdict(Counter)
    for row in store.reports.counts("queue", *SPAN):
        by_interval[row.begins][row.what] += row.value  # type: ignore[assignment]
    assert len(by_interval) > 4
    for size in range(1, len(by_interval) + 1):
        for some in combinations(by_interval, size):
            whole: Counter[str] = sum((by_interval[begins] for begins in some), Counter())
            assert in_progress(whole) == 0
    whole = sum(by_interval.values(), Counter())
    ended = [fact for fact in hour.facts if isinstance(fact, o.EntryEnded)]
    assert whole["offered"] == len(ended) == 8000
    short = sum(fact.outcome is Outcome.ABANDONED and fact.wait_s <= 5 for fact in ended)
    soon = sum(fact.outcome is Outcome.ANSWERED and fact.wait_s <= 20 for fact in ended)
    assert service_level(20).of(whole) == soon / (len(ended) - short)


def test_all_time_of_agents_is_there(hour: Centre, store: SqlStore) -> None:
    signed_s = Counter[str]()
    for row in store.reports.counts("agent", *SPAN):
        if row.what in ("handling_s", "reserved_s", "ready_s", "not_ready_s"):
            signed_s[row.name] += row.value  # type: ignore[assignment]
    since = {
        fact.agent: fact.at for fact in hour.facts if isinstance(fact, o.PresenceChanged) and fact.before == "LOGOUT"
    }
    for agent, at in since.items():
        assert signed_s[agent] == pytest.approx(hour.acd.floor.now - at, abs=0.5)


def test_the_rows_prove_the_counts(store: SqlStore) -> None:
    assert list(store.reports.verify(*SPAN)) == []


COUNT = "UPDATE interval_counts SET value = value + {} WHERE begins = 900 AND kind = '{}' AND count = '{}'"


@pytest.mark.parametrize(
    ("change", "count"),
    [
        (COUNT.format(1, "queue", "answered"), "answered"),
        (COUNT.format(-1, "agent", "ready_s"), "ready_s"),
        ("DELETE FROM interval_counts WHERE begins = 900 AND count = 'offered'", "offered"),
        ("UPDATE contacts_handled SET talk_s = talk_s + 1 WHERE ended_at BETWEEN 900 AND 1000", "talk_s"),
        ("DELETE FROM offers WHERE made_at BETWEEN 950 AND 1000 AND ending = 'accepted'", "offers"),
        ("UPDATE queue_entries SET outcome = 'lost' WHERE began_at BETWEEN 950 AND 960", "lost"),
    ],
)
def test_what_was_tampered_with_is_found(folder: Folder, tmp_path: Path, change: str, count: str) -> None:
    copy_database(tmp_path, folder.path)
    other = Folder(tmp_path)
    with closing(sqlite3.connect(other.db)) as connection:
        assert connection.execute(change).rowcount > 0
        connection.commit()
    found = list(other.open(read_only=True).reports.verify(*SPAN))
    assert count in {line.count for line in found}
    assert {line.begins for line in found} == {900}
    other.close()
