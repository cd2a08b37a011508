"""Feeds into an interface table: rows that come once, whatever fails."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, create_engine, event, text

from cti.boss.feeds import rows
from cti.store import SqlStore
from tests.boss.feeds import day as d
from tests.boss.feeds.sendkit import NUMBER, feed, reason, unnoted
from tests.store.conftest import Folder
from tests.store.test_postgresql import server

__all__ = ["server"]  # the fixture

TABLE = """CREATE TABLE cdr (feed varchar(40), number varchar(20), pos int, rec varchar(64), kind varchar(8),
  began timestamp, secs numeric(12, 3), caller varchar(32), failed int, UNIQUE (feed, number, pos))"""
COLUMNS = {
    "feed": "feed", "number": "number", "position": "pos", "record": "rec", "kind": "kind", "began_at": "began",
    "seconds": "secs", "caller": "caller", "failed": "failed",
}  # fmt: skip


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[str, Engine]]:
    url = "sqlite:///" + str(tmp_path / "boss.db")
    if request.param == "postgresql":
        url = request.getfixturevalue("server").url
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.execute(text("DROP TABLE IF EXISTS cdr"))
        connection.execute(text(TABLE))
    yield url.replace(str(tmp_path) + "/", ""), engine
    engine.dispose()


def test_rows_come_once_and_sum_to_the_report(calls: SqlStore, folder: Folder, database: tuple[str, Engine]) -> None:
    url, engine = database
    table = {"url": url, "table": "cdr", "columns": COLUMNS}
    with closing(feed(calls, folder, table=table, rows=6)) as runner:
        assert unnoted(calls, runner) == 2
        assert [file.number for file in runner.run("one")] == [NUMBER, "20260302-002"]
        assert runner.verify("one", d.DAY).good
    with engine.connect() as connection:
        rows = connection.execute(
            text("SELECT number, pos, rec, secs, caller, began FROM cdr ORDER BY number, pos")
        ).all()
    assert [(row.number, row.pos) for row in rows] == [
        *((NUMBER, pos) for pos in range(6)), *(("20260302-002", pos) for pos in range(4)),
    ]  # fmt: skip
    first = rows[0]
    assert (first.rec, float(first.secs), first.caller, str(first.began)[:19]) == (
        "c1", 61.234, "138****1234", "2026-03-02 00:00:00",
    )  # fmt: skip


def test_a_table_that_does_not_fit_is_told(calls: SqlStore, folder: Folder, database: tuple[str, Engine]) -> None:
    url, engine = database
    for change, expected in (
        ({"table": "nothing"}, "no-table"), ({"columns": {**COLUMNS, "goals": "goals"}}, "no-column"),
    ):  # fmt: skip
        table = {"url": url, "table": "cdr", "columns": COLUMNS, **change}
        with closing(feed(calls, folder, table=table)) as runner:
            assert reason(runner) == expected
    with engine.begin() as connection:
        connection.execute(text("ALTER TABLE cdr ADD COLUMN goals varchar(100)"))
    columns = {"url": url, "table": "cdr", "columns": {**COLUMNS, "goals": "goals"}}
    with closing(feed(calls, folder, table=columns)) as runner:
        assert [file.attempts for file in runner.run("one")] == [2]


def test_a_table_that_is_locked_is_told_and_not_waited_for(
    calls: SqlStore, folder: Folder, database: tuple[str, Engine]
) -> None:
    url, engine = database
    locked = engine.dialect.name == "postgresql"
    table = {"url": url, "table": "cdr", "columns": COLUMNS, "timeout_s": 0.2}
    with engine.connect() as connection, closing(feed(calls, folder, table=table)) as runner:
        connection.exec_driver_sql("LOCK TABLE cdr" if locked else "BEGIN EXCLUSIVE")
        assert reason(runner) == ("sql-57014" if locked else "sqlite-busy")
        connection.rollback() if locked else connection.exec_driver_sql("ROLLBACK")
    with closing(feed(calls, folder, table={**table, "timeout_s": 30})) as runner:
        assert [file.attempts for file in runner.run("one")] == [1]


@pytest.mark.parametrize("step", ["claimed", "in the transaction", "committed"])
def test_killed_at_any_step_each_row_comes_once(folder: Folder, tmp_path: Path, step: str) -> None:
    engine = create_engine(f"sqlite:///{tmp_path}/boss.db")
    with engine.begin() as connection:
        connection.execute(text(TABLE))
    table = {"url": "sqlite:///boss.db", "table": "cdr", "columns": COLUMNS}
    store = folder.open()
    d.a_day_of_calls(store)
    assert store.close(10.0)
    folder.forget(store)
    pid = os.fork()
    if pid == 0:
        _die_at(folder, table, step)
    assert os.WTERMSIG(os.waitpid(pid, 0)[1]) == signal.SIGKILL
    count = text("SELECT count(*) FROM cdr")
    with engine.connect() as connection:
        assert connection.execute(count).scalar_one() == (10 if step == "committed" else 0)
    with closing(feed(folder.open(), folder, table=table)) as runner:
        assert [file.number for file in runner.run("one")] == [NUMBER]
        assert runner.verify("one", d.DAY).good
    with engine.connect() as connection:
        assert connection.execute(count).scalar_one() == 10
    engine.dispose()


def _die_at(folder: Folder, table: dict[str, Any], step: str) -> None:
    """In a process of its own: the end comes behind this step."""

    def end(*_: Any) -> Any:
        os.kill(os.getpid(), signal.SIGKILL)

    try:
        patch, store = pytest.MonkeyPatch(), folder.open()
        if step == "claimed":
            patch.setattr(rows.TableDestination, "deliver", end)
        elif step == "in the transaction":
            event.listen(Engine, "commit", lambda one: end() if "boss.db" in str(one.engine.url) else None)
        else:
            patch.setattr(store.accounts.feeds, "written", end)
        feed(store, folder, table=table).run("one")
    finally:
        os._exit(3)
