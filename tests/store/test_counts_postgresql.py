"""Counts on PostgreSQL: added up once, by two engines at a time too, and proved."""

from __future__ import annotations

from sqlalchemy import create_engine, text

from cti.store import SqlStore
from tests.store.conftest import Folder
from tests.store.test_floor_facts import AT, FACTS, keep, records
from tests.store.test_postgresql import Server, server, store

__all__ = ["server", "store"]
PERIOD = (int(AT) - 900, int(AT) + 3600)


def values(server: Server) -> dict[str, int]:
    engine = create_engine(server.url)
    with engine.connect() as connection:
        query = text("SELECT count, sum(value) FROM interval_counts WHERE kind = 'queue' GROUP BY count")
        found = {name: int(value) for name, value in connection.execute(query)}
    engine.dispose()
    return found


def test_a_batch_that_comes_again_counts_nothing(store: SqlStore, server: Server) -> None:
    made = records()
    keep(store, made)
    keep(store, made + made)
    for record in made:
        keep(store, [record])
    found = values(server)
    assert (found["offered"], found["answered"], found["abandoned"], found["talk_s"]) == (2, 1, 1, 60_250)
    assert list(store.reports.verify(*PERIOD)) == []


def test_two_engines_add_up(store: SqlStore, server: Server, folder: Folder) -> None:
    other = folder.open(url=server.url)
    for number in range(20):
        for engine, run in ((store, f"a{number}"), (other, f"b{number}")):
            for record in records(run=run)[1:]:
                engine.record(record)
    assert store.flush(30.0)
    assert other.flush(30.0)
    assert store.health().rejected == other.health().rejected == 0
    assert values(server)["offered"] == 80
    assert list(store.reports.verify(*PERIOD)) == []


def test_what_a_dead_engine_left_open_is_lost(store: SqlStore, server: Server) -> None:
    keep(store, records(FACTS[:3]))
    keep(store, records([], run="r2"))
    found = values(server)
    assert (found["offered"], found["lost"]) == (1, 1)
    assert list(store.reports.verify(*PERIOD)) == []


def test_reports_read_it(store: SqlStore) -> None:
    keep(store, records())
    reports = store.reports
    assert {row.name for row in reports.counts("queue", *PERIOD)} == {"sales"}
    assert [row.outcome for row in reports.contacts(*PERIOD, None)] == ["answered", "abandoned"]
    assert [row.outcome for row in reports.contacts(*PERIOD, {"other"})] == []
    (told,) = reports.told(*PERIOD)
    assert (told.told_s, told.actual_s) == (20.0, 10.0)
    assert list(reports.calls(*PERIOD, 86_400.0)) == []
    assert reports.passed_on(*PERIOD) == (0, 1)
