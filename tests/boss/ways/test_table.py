"""Interface tables: the same suite over a real SQLite file and a real PostgreSQL, with a back office of its own."""

from __future__ import annotations

import gc
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import gevent
import pytest
from sqlalchemy import Engine, create_engine, text

from cti.boss.configuration import OfficeRefused, parse_office
from cti.boss.server import InterfaceServer
from cti.boss.ways import WAYS
from cti.boss.ways.table.waiting import Waiting
from cti.core.events import RequestEnded
from tests.boss.offices.table_office import ROOT, create, office
from tests.boss.rig import until
from tests.boss.served import served
from tests.store.test_postgresql import server  # noqa: F401

FILE = """
backends:
  tables:
    way: table
    url: "URL"
    request: {table: if_req, key: serial, op: op, at: created_at, state: state}
    response: {table: if_rsp, key: serial, poll_ms: [2, 20], batch: 50}
    breaker: {min_calls: 100000}
    concurrency: {max: 1000, queue: 1000, queue_ms: 10000}
lookups:
  balance.get:
    in: {msisdn: phone}
    out: {balance: decimal, note: text}
    outcomes: [locked]
    deadline_ms: DEADLINE
    to: {backend: tables, op: BAL, code: rc, good: ["0000"], errors: {"1001": not_found, "1007": locked}}
requests:
  topup.do:
    in: {msisdn: phone, amount: decimal}
    out: {ticket: text}
    deadline_ms: DEADLINE
    to: {backend: tables, op: TOPUP, take: {ticket: note}, code: rc, good: ["0000"], errors: {"1007": rejected}}
"""
NUMBER = "13800001234"


class Site:
    def __init__(self, folder: Path, url: str) -> None:
        self.folder, self.url = folder, url
        self.engine: Engine = create_engine(url)

    @contextmanager
    def served(self, deadline_ms: int = 30_000, **instead: str) -> Iterator[InterfaceServer]:
        file = FILE.replace("URL", self.url).replace("DEADLINE", str(deadline_ms))
        for old, new in instead.items():
            assert old in file
            file = file.replace(old, new)
        with served(file, self.folder) as found:
            yield found

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        with self.engine.begin() as connection:
            found = connection.execute(text(sql))
            return [tuple(row) for row in found] if found.returns_rows else []


@pytest.fixture(params=["sqlite", "postgresql"])
def site(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Site]:
    if request.param == "sqlite":
        (tmp_path / "tables.db").touch()
        url = f"sqlite:///{tmp_path / 'tables.db'}"
    else:
        url = request.getfixturevalue("server").url
    create(url)
    found = Site(tmp_path, url)
    yield found
    found.engine.dispose()


def ask(boss: InterfaceServer, number: str = NUMBER, patience_s: float = 60.0) -> tuple[str, Any]:
    told = boss.ask("balance.get", {"msisdn": number}, patience_s)
    return told.outcome, told.values.get("balance") if told.values else None


def put(boss: InterfaceServer, key: str, number: str = NUMBER) -> RequestEnded:
    return boss.request("topup.do", {"msisdn": number, "amount": Decimal("10.50")}, key)


def test_questions_are_answered_and_the_outcome_is_the_code_s(site: Site) -> None:
    with office(site.url), site.served() as boss:
        assert ask(boss) == ("ok", Decimal("12.34"))
        assert ask(boss, "13800000009") == ("not_found", None)
        assert ask(boss, "13800000008") == ("locked", None)
        assert site.rows("SELECT op, msisdn, amount FROM if_req WHERE msisdn = '13800001234'") == [
            ("BAL", NUMBER, None)
        ]
        boss.probe("tables", 60.0)


def test_many_at_once_and_each_has_its_own_answer(site: Site) -> None:
    numbers = [f"1380000{n:03}0" for n in range(200)]
    with office(site.url), site.served() as boss:
        jobs = [gevent.spawn(ask, boss, number) for number in numbers]
        gevent.joinall(jobs)
        assert [job.value for job in jobs] == [("ok", Decimal(int(n[-6:])) / 100) for n in numbers]
        [facts] = boss.facts()
        assert (facts["way"]["outstanding"], facts["way"]["unwritten"]) == (0, 0)
    assert site.rows("SELECT count(*) FROM if_req") == [(200,)]


def test_a_request_is_one_row_however_often_it_is_made(site: Site) -> None:
    with site.served(deadline_ms=300) as boss:
        assert put(boss, "k1").outcome == "unknown", "nobody answers"
    with office(site.url), site.served() as boss:
        told = put(boss, "k1")
        assert (told.outcome, told.values) == ("done", {"ticket": "T-k1"})
        assert put(boss, "k2", "13800000008").outcome == "rejected"
    assert site.rows("SELECT serial, op, msisdn FROM if_req ORDER BY serial") == [
        ("k1", "TOPUP", NUMBER), ("k2", "TOPUP", "13800000008"),
    ]  # fmt: skip


def test_a_question_that_nobody_waits_for_is_taken_back_if_nobody_took_it(site: Site) -> None:
    with site.served(deadline_ms=300) as boss:
        assert ask(boss) == ("timeout", None)
        until(lambda: not site.rows("SELECT 1 FROM if_req"))
        job = gevent.spawn(ask, boss, "13800000002")
        until(lambda: site.rows("SELECT 1 FROM if_req"))
        site.rows("UPDATE if_req SET state = '1'")
        assert job.get() == ("timeout", None)
        # The late answer finds nobody; the next question has its own.
        site.rows("INSERT INTO if_rsp SELECT serial, '0000', 1, 'late' FROM if_req")
        with office(site.url):
            assert ask(boss, "13800000003") in (("ok", Decimal("0.03")), ("timeout", None))
        assert site.rows("SELECT count(*) FROM if_req WHERE msisdn = '13800000002'") == [(1,)]


def test_a_row_that_does_not_fit_keeps_no_other_out(site: Site) -> None:
    """A constraint of theirs that is no matter of the key, in the middle of a group."""
    site.rows("CREATE UNIQUE INDEX one_topup ON if_req (msisdn, op)")
    with office(site.url), site.served() as boss:
        jobs = [gevent.spawn(put, boss, f"k{n}", f"1380000{n % 5:03}1") for n in range(10)]
        gevent.joinall(jobs)
        assert sorted(job.value.outcome for job in jobs) == ["done"] * 5 + ["rejected"] * 5
    assert site.rows("SELECT count(*) FROM if_req") == [(5,)]


def test_rows_are_deleted_when_they_are_old(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    old = "'2020-01-01 00:00:00.000000'"
    for serial in ("old", "never answered"):
        site.rows(f"INSERT INTO if_req VALUES ('{serial}', 'BAL', '2', {old}, '1', NULL)")
    site.rows("INSERT INTO if_rsp VALUES ('old', '0000', 1, ''), ('theirs', '0000', 1, '')")
    keeps = {"    breaker:": "    retention: {done_days: 7}\n    breaker:"}
    with office(site.url), site.served(**keeps) as boss:
        assert ask(boss) == ("ok", Decimal("12.34"))
        until(lambda: boss.facts()[0]["way"]["purged"] == 1)
    assert site.rows("SELECT serial FROM if_req WHERE serial IN ('old', 'never answered')") == [("never answered",)]
    assert [serial for (serial,) in site.rows("SELECT serial FROM if_rsp WHERE serial IN ('old', 'theirs')")] == [
        "theirs"
    ]


def test_nothing_is_left_over(site: Site) -> None:
    with site.served(deadline_ms=300) as boss:
        ask(boss)
        [waiting] = [one for one in gc.get_objects() if isinstance(one, Waiting) and alive(one)]
    assert not alive(waiting)
    assert waiting._pool.size == 0
    assert waiting.outstanding == 0


def alive(waiting: Waiting) -> bool:
    return not all(greenlet.dead for greenlet in waiting._greenlets)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (("op: op, ", ""), "bad-option"),
        (("table: if_rsp", "table: if_req"), "bad-option"),
        (("key: serial, op: op", "key: serial, op: serial"), "bad-value"),
        (("in: {msisdn: phone}\n    out", "in: {op: phone}\n    out"), "bad-column"),
        (("    breaker:", "    retention: {done_days: 0.1}\n    breaker:"), "bad-value"),
        (("at: created_at, ", ""), None),
        (("[2, 20]", "[20, 2]"), "bad-value"),
    ],
)
def test_options_that_cannot_be(change: tuple[str, str], code: str | None) -> None:
    text = FILE.replace(*change).replace("URL", "sqlite:///x.db").replace("DEADLINE", "1000")
    if code is None:
        parse_office(text, "interfaces.yaml", WAYS)
        return
    with pytest.raises(OfficeRefused) as refused:
        parse_office(text, "interfaces.yaml", WAYS)
    assert code in {issue.code for issue in refused.value.issues}, str(refused.value)


PROGRAM = """
import sys, gevent
from pathlib import Path
from tests.boss.ways.test_table import Site, put
site = Site(Path(sys.argv[1]), sys.argv[2])
with site.served() as boss:
    jobs = [gevent.spawn(put, boss, f"k{n:04}", f"138000{n:04}1") for n in range(300)]
    gevent.joinall(jobs, count=int(sys.argv[3]))
    print("some", flush=True)
    gevent.joinall(jobs)
    print(sorted({job.value.outcome for job in jobs}), flush=True)
"""


def test_requests_of_a_collector_that_is_killed_are_there_once_and_answered(site: Site, tmp_path: Path) -> None:
    """SIGKILL when some answers have come; the next one asks for all of them again."""
    with office(site.url, pause_s=0.02):
        for last in (False, True):
            command = [sys.executable, "-c", PROGRAM, str(tmp_path), site.url, "50"]
            running = subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT, text=True)
            assert running.stdout is not None
            assert running.stdout.readline() == "some\n"
            if not last:
                os.kill(running.pid, signal.SIGKILL)
                running.communicate()
        assert running.communicate()[0] == "['done']\n"
    assert site.rows("SELECT count(*), count(DISTINCT serial) FROM if_req") == [(300, 300)]
    assert site.rows("SELECT count(*), count(DISTINCT serial) FROM if_rsp") == [(300, 300)], "nothing was done twice"
