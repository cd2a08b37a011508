"""Interface tables: every fault, its named outcome and reason, on SQLite and PostgreSQL; then the next one is answered.

The test itself is the back office: it writes what it wants between the two tables.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import gevent
import pytest
from sqlalchemy import text

from cti.boss.server import InterfaceServer
from tests.boss.counting import nothing_left
from tests.boss.offices.table_office import office
from tests.boss.rig import until
from tests.boss.ways.test_table import Site, ask, put, site
from tests.store.test_postgresql import Server, server

__all__ = ["server", "site"]

GOOD = (
    "INSERT INTO if_rsp (serial, rc, balance, note)"
    " SELECT serial, '0000', 1.5, 'x' FROM if_req WHERE msisdn = '{number}'"
)
TWICE = f"{GOOD} UNION ALL {GOOD.partition('note)')[2]}"


@dataclass(frozen=True)
class Fault:
    """``breaks`` before the question, ``answers`` it (None: nobody does), ``mends``; ``reasons``: on SQLite, on
    PostgreSQL, None where the answer came and is no matter of the back end's guards, or its time is over anyway."""

    outcome: str
    reasons: tuple[str, str] | None
    answers: str | None = GOOD
    breaks: str = ""
    mends: str = ""


FAULTS = {
    "no answer": Fault("timeout", None, None),
    "answered twice": Fault("error", ("several-rows", "several-rows"), TWICE),
    "code that nobody declared": Fault("error", None, GOOD.replace("0000", "7777")),
    "field missing": Fault("error", None, GOOD.replace("1.5", "NULL")),
    "NaN": Fault("error", None, GOOD.replace("1.5", "'NaN'")),
    "column of the questions missing": Fault(
        "error", ("sqlite-error", "sql-42703"), None,
        "ALTER TABLE if_req RENAME COLUMN msisdn TO gone", "ALTER TABLE if_req RENAME COLUMN gone TO msisdn",
    ),
    "column of the answers missing": Fault(
        "error", None, GOOD.replace("balance", "gone"),
        "ALTER TABLE if_rsp RENAME COLUMN balance TO gone", "ALTER TABLE if_rsp RENAME COLUMN gone TO balance",
    ),
    "table of the questions missing": Fault(
        "error", ("sqlite-error", "sql-42p01"), None,
        "ALTER TABLE if_req RENAME TO gone", "ALTER TABLE gone RENAME TO if_req",
    ),
    "table of the answers missing": Fault(
        "error", ("sqlite-error", "sql-42p01"), None,
        "ALTER TABLE if_rsp RENAME TO gone", "ALTER TABLE gone RENAME TO if_rsp",
    ),
}  # fmt: skip


@pytest.fixture(autouse=True)
def counted(site: Site) -> Iterator[None]:
    with nothing_left():
        yield
        site.engine.dispose()


def answered(site: Site, boss: InterfaceServer, number: str, sql: str | None = GOOD) -> tuple[str, Any]:
    """What is told to who asks; the back office answers with ``sql``."""
    job = gevent.spawn(ask, boss, number)
    if sql is not None:
        until(lambda: site.rows(f"SELECT 1 FROM if_req WHERE msisdn = '{number}'"), 30.0)
        site.rows(sql.format(number=number))
    outcome, balance = job.get(timeout=60)
    return outcome, balance


@pytest.mark.parametrize("name", FAULTS)
def test_each_fault_has_its_outcome_and_the_next_question_is_answered(site: Site, name: str) -> None:
    fault = FAULTS[name]
    # What breaks tables is told long before the deadline; without an answer, it is the deadline that ends it.
    with site.served(deadline_ms=500 if fault.outcome == "timeout" else 30_000) as boss:
        if fault.breaks:
            site.rows(fault.breaks)
        assert answered(site, boss, "13800000001", fault.answers) == (fault.outcome, None)
        if fault.reasons is not None:
            assert boss.facts()[0]["last_failure"][0] == fault.reasons[site.url.startswith("postgresql")]
        if fault.mends:
            site.rows(fault.mends)
        if fault.outcome != "timeout":
            assert answered(site, boss, "13800000002") == ("ok", Decimal("1.5"))
    if fault.outcome == "timeout":
        with site.served() as boss:
            assert answered(site, boss, "13800000002") == ("ok", Decimal("1.5"))


@contextmanager
def locked(site: Site) -> Iterator[None]:
    with site.engine.connect() as connection:
        if site.url.startswith("sqlite"):
            connection.exec_driver_sql("BEGIN EXCLUSIVE")
        else:
            connection.execute(text("LOCK TABLE if_req IN ACCESS EXCLUSIVE MODE"))
        yield
        connection.rollback()


def test_locked_tables_end_in_time_and_once_free_the_same_request_is_done_once(site: Site) -> None:
    with site.served(deadline_ms=1_500) as boss:
        with locked(site):
            assert ask(boss, "13800000001")[0] in ("error", "timeout")
            assert put(boss, "k1").outcome in ("error", "unknown")
        with office(site.url):
            until(lambda: put(boss, "k1").outcome == "done", 60.0)
    assert site.rows("SELECT count(*) FROM if_req WHERE serial = 'k1'") == [(1,)]


@pytest.mark.parametrize("site", ["postgresql"], indirect=True)
def test_a_database_that_is_gone_and_back(site: Site, server: Server) -> None:
    """While it is away look-ups are `error`, and a request that stood there already is answered once it is back."""
    with site.served() as boss:
        request, look_up = gevent.spawn(put, boss, "k1"), gevent.spawn(ask, boss)
        until(lambda: site.rows("SELECT count(*) FROM if_req") == [(2,)], 30.0)
        site.engine.dispose()
        server.stop()
        try:
            assert look_up.get(timeout=60) == ("error", None)
            assert ask(boss, "13800000002") == ("error", None)
        finally:
            server.start()
        with office(site.url):
            assert request.get(timeout=60).outcome in ("done", "unknown")
            until(lambda: put(boss, "k1").outcome == "done", 60.0)
            until(lambda: ask(boss, "13800000003") == ("ok", Decimal("0.03")), 60.0)
    assert site.rows("SELECT count(*) FROM if_req WHERE serial = 'k1'") == [(1,)]
