"""Feeds by other ways than a folder, to receivers that are really there: what comes, what comes twice, what fails."""

from __future__ import annotations

import base64
import json
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import gevent
import pytest
from sqlalchemy import Engine, create_engine, event, text

from cti.app.feeding import asked_by
from cti.boss.feeds import FeedRunner, rows
from cti.boss.feeds.destination import FeedUndelivered
from cti.core.errors import ConfigError, CtiError
from cti.core.webhooks import signature
from cti.runtime.waiting import wait_until
from cti.store import SqlStore
from tests.boss.feeds import day as d
from tests.boss.offices.socket_office import SocketOffice
from tests.boss.served import served
from tests.boss.ways.files.conftest import make, nothing_left
from tests.boss.ways.files.site import KINDS, Site
from tests.boss.ways.test_socket import FRAMES
from tests.store.conftest import Folder
from tests.store.test_postgresql import server
from tests.webhooks.receiver import Receiver, authority, hang, status, then

__all__ = ["make", "nothing_left", "server"]  # fixtures
NUMBER = "20260302-001"


def feed(store: SqlStore, folder: Folder, **options: Any) -> FeedRunner:
    told = {"kind": "calls", "days": 1, "caller": "msisdn", **options}
    return d.runner_of(store, folder, d.feeds_of(f"feeds: {{one: {json.dumps(told, default=str)}}}"))


def reason(runner: FeedRunner) -> str:
    with pytest.raises(FeedUndelivered) as raised:
        runner.run("one")
    state = runner.store.state("one")
    assert state.failing is not None
    assert state.failing.failure == raised.value.reason
    return raised.value.reason


def unnoted(store: SqlStore, runner: FeedRunner) -> int:
    """As if the engine were killed each time when a batch had arrived and that was not noted; how many it were."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(store.accounts.feeds, "written", lambda *_: None)
        return len(runner.run("one"))


# ---- a folder on a server --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS[1:])
def test_files_on_a_server_sum_to_the_report_and_come_once(
    calls: SqlStore, folder: Folder, make: Callable[..., Site], kind: str
) -> None:
    site = make(kind)
    runner = feed(calls, folder, to=site.url, reach=site.options())
    with closing(runner):
        assert unnoted(calls, runner) == 1
        name = "CALLS_20260302_001.txt"
        assert sorted(path.name for path in site.folder.iterdir()) == [name, f"{name}.chk"]
        before = (site.folder / name).stat()
        (site.folder / f"{name}.chk").rename(site.folder / f"{name}.chk.tmp")  # killed between the two
        assert [(file.seq, file.rows) for file in runner.run("one")] == [(1, 10)]
        assert runner.verify("one", d.DAY).good
        after = (site.folder / name).stat()
        assert sorted(path.name for path in site.folder.iterdir()) == [name, f"{name}.chk"]
        assert (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)


def test_what_is_wrong_with_a_server_is_told_and_tried_again(
    calls: SqlStore, folder: Folder, make: Callable[..., Site]
) -> None:
    site = make("sftp")
    wrong = "SHA256:" + "A" * 43
    with closing(feed(calls, folder, to=site.url, reach=site.options(fingerprint=wrong))) as runner:
        assert reason(runner) == "bad-host-key"
    with closing(feed(calls, folder, to=site.url, reach=site.options(password="wrong"))) as runner:
        assert reason(runner) == "login"
    with closing(feed(calls, folder, to=site.url, reach=site.options())) as runner:
        (site.folder / "CALLS_20260302_001.txt").write_bytes(b"theirs")
        assert reason(runner) == "foreign-file"
        site.stop()
        assert reason(runner) == "unreachable"
        site.start()
        (site.folder / "CALLS_20260302_001.txt").unlink()
        assert [file.attempts for file in runner.run("one")] == [4]
        assert runner.failures == {("one", "foreign-file"): 1, ("one", "unreachable"): 1}
    state = calls.accounts.feeds.state("one")
    assert (state.failing, state.waiting) == (None, 0)


def test_an_unknown_certificate_is_refused(calls: SqlStore, folder: Folder, make: Callable[..., Site]) -> None:
    site = make("ftps")
    options = {name: value for name, value in site.options().items() if name != "ca_file"}
    with closing(feed(calls, folder, to=site.url, reach=options)) as runner:
        assert reason(runner) == "bad-certificate"


def test_what_can_never_work_is_told_too(calls: SqlStore, folder: Folder, tmp_path: Path) -> None:
    (tmp_path / "known").write_text("")
    for options in (
        {"to": "sftp://u@127.0.0.1:9/in", "reach": {"known_hosts": "known"}},
        {"table": {"url": "sqlite:///nothing.db", "table": "t"}},
        {"http": {"url": "https://127.0.0.1:9/", "secret": "short"}},
    ):
        with closing(feed(calls, folder, **options)) as runner, pytest.raises(ConfigError) as raised:
            runner.run("one")
        state = calls.accounts.feeds.state("one")
        assert state.failing is not None
        assert state.failing.failure == raised.value.code


# ---- an interface table ----------------------------------------------------------------------------------------------

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


# ---- HTTP ------------------------------------------------------------------------------------------------------------

SECRET = "whsec_" + base64.b64encode(b"s" * 32).decode()


def url_of(receiver: Receiver) -> str:
    return f"http://127.0.0.1:{receiver.port}/feeds"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    found = Receiver()
    yield found
    found.stop()


def test_batches_are_posted_numbered_and_signed(calls: SqlStore, folder: Folder, receiver: Receiver) -> None:
    http = {"url": url_of(receiver), "secret": SECRET, "token": "t0ken"}
    with closing(feed(calls, folder, http=http, rows=6)) as runner:
        assert unnoted(calls, runner) == 2
        receiver.behaviour = status(409)
        assert len(runner.run("one")) == 2
        assert runner.verify("one", d.DAY).good
    first, _, again, _ = receiver.seen
    assert first.headers["idempotency-key"] == again.headers["idempotency-key"] == f"one/{NUMBER}"
    assert first.headers["authorization"] == "Bearer t0ken"
    signed = signature(f"one/{NUMBER}", int(first.headers["webhook-timestamp"]), first.body, SECRET)
    assert first.headers["webhook-signature"] == f"v1,{signed}"
    lines = [json.loads(line) for line in first.body.decode().splitlines()]
    assert [line["position"] for line in lines] == list(range(6))
    assert {name: lines[0][name] for name in ("feed", "number", "kind", "record", "caller", "seconds", "failed")} == {
        "feed": "one", "number": NUMBER, "kind": "call", "record": "c1", "caller": "138****1234", "seconds": 61.234,
        "failed": False,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("behaviour", "expected"),
    [
        (status(500), "status-500"), (status(302, "Location: http://127.0.0.1:9/\r\n"), "redirect"),
        (hang, "no-answer"), (status(403), "status-403"), (lambda socket, _request: None, "closed-by-peer"),
    ],
)  # fmt: skip
def test_what_a_server_does_is_told_and_tried_again(
    calls: SqlStore, folder: Folder, receiver: Receiver, behaviour: Any, expected: str
) -> None:
    receiver.behaviour = then(behaviour, status(200))
    timeout_s = 0.2 if expected == "no-answer" else 30
    with closing(feed(calls, folder, http={"url": url_of(receiver), "timeout_s": timeout_s})) as runner:
        assert reason(runner) == expected
    with closing(feed(calls, folder, http={"url": url_of(receiver)})) as runner:
        assert [file.number for file in runner.run("one")] == [NUMBER]
    assert receiver.seen[0].body == receiver.seen[-1].body


def test_a_server_of_another_certificate_gets_nothing(calls: SqlStore, folder: Folder, tmp_path: Path) -> None:
    made = authority(tmp_path / "certificates", "localhost")
    receiver = Receiver(tls={"certfile": str(made.cert), "keyfile": str(made.key)})
    http = {"url": f"https://localhost:{receiver.port}/feeds"}
    try:
        with closing(feed(calls, folder, http=http)) as runner:
            assert reason(runner) == "certificate"
        assert receiver.seen == []
        with closing(feed(calls, folder, http={**http, "tls": {"ca_file": str(made.ca)}})) as runner:
            assert [file.rows for file in runner.run("one")] == [10]
    finally:
        receiver.stop()


def test_a_feed_that_fails_does_not_keep_another_one(calls: SqlStore, folder: Folder, receiver: Receiver) -> None:
    receiver.behaviour = hang
    told = {
        "bad": {"kind": "calls", "days": 1, "http": {"url": url_of(receiver), "timeout_s": 600}},
        "good": {"kind": "calls", "days": 1, "to": "out"},
    }  # fmt: skip
    with closing(d.runner_of(calls, folder, d.feeds_of(f"feeds: {json.dumps(told)}"))) as runner:
        looking = gevent.spawn(runner.main)
        try:
            wait_until(lambda: runner.delivered["good"] == 1 and len(receiver.seen) == 1, 30.0)
        finally:
            looking.kill()
        assert (runner.delivered, len(receiver.seen), runner.failures) == ({"good": 1}, 1, {})


# ---- a socket --------------------------------------------------------------------------------------------------------

BACKEND = """
backends:
  desk:
    way: socket
    addresses: [{host: 127.0.0.1, port: PORT}]
    mode: exclusive
    frame: FRAME
    messages:
      QRYBAL:
        body: {codec: delimited, fields: [FIELDS]}
        reply: {codec: delimited, fields: [msisdn, balance, name]}
feeds:
  one: {kind: calls, days: 1, caller: msisdn, socket: {backend: desk, message: QRYBAL, SOCKET}}
"""


class Desk(SocketOffice):
    def __init__(self) -> None:
        super().__init__("ascii")
        self.got: list[str] = []
        self.rc = "0000"

    def answer(self, code: str, sequence: int, body: bytes, *, answered: bytes | None = None) -> bytes:
        self.got.append(body.decode("gb18030"))
        return bytes(self._wire.write(code, sequence, b"1|2|x", self.rc))


@pytest.fixture
def desk() -> Iterator[Desk]:
    found = Desk()
    yield found
    found.close()


def by_socket(port: int, fields: str, socket: str) -> str:
    found = BACKEND.replace("PORT", str(port)).replace("FRAME", json.dumps(FRAMES["ascii"]))
    return found.replace("FIELDS", fields).replace("SOCKET", socket)


@contextmanager
def asking(store: SqlStore, folder: Folder, file: str) -> Iterator[FeedRunner]:
    """With the back ends of the file open."""
    with served(file, folder.path) as office:
        runner = d.runner_of(store, folder, dict(office.plan.feeds), asked_by(office))
        with closing(runner):
            yield runner


def test_a_frame_for_each_record_and_the_answers_code_decides(calls: SqlStore, folder: Folder, desk: Desk) -> None:
    file = by_socket(desk.port, "key, kind, caller", 'frames: record, code: header.rc, good: ["0000"]')
    desk.rc = "0017"
    send = file.replace("good:", "send: {key: key, kind: kind, caller: caller}, good:")
    classes = 'security: {classes: {msisdn: {mask: "3+4"}}}'
    with asking(calls, folder, classes + send) as runner:
        assert reason(runner) == "code-0017"
        desk.rc = "0000"
        assert [found.rows for found in runner.run("one")] == [10]
        assert runner.verify("one", d.DAY).good
    assert desk.got[0] == desk.got[1] == f"one/{NUMBER}/0|call|138****1234"
    assert len(desk.got) == 11


def test_a_frame_for_a_batch_that_breaks_off_comes_again(calls: SqlStore, folder: Folder, desk: Desk) -> None:
    socket = "frames: batch, send: {number: number, rows: rows, digest: digest}"
    classes = 'security: {classes: {msisdn: {mask: "3+4"}}}'
    with asking(calls, folder, classes + by_socket(desk.port, "number, rows, digest", socket)) as runner:
        desk.fault, desk.times = "middle", 1
        assert reason(runner) in ("reset", "closed-by-peer")
        (file,) = runner.run("one")
    assert desk.got == [f"{NUMBER}|10|{file.digest}"] * 2


def test_without_the_back_end_it_waits(calls: SqlStore, folder: Folder, desk: Desk) -> None:
    plans = d.feeds_of(by_socket(desk.port, "number, rows", "frames: batch, send: {number: number, rows: rows}"))
    with closing(d.runner_of(calls, folder, plans)) as runner:
        assert reason(runner) == "no-backend"


def test_verify_tells_a_batch_that_has_not_arrived(calls: SqlStore, folder: Folder, receiver: Receiver) -> None:
    receiver.behaviour = status(500)
    with closing(feed(calls, folder, http={"url": url_of(receiver)})) as runner:
        reason(runner)
        assert runner.verify("one", d.DAY).faults == (("CALLS_20260302_001", "not-written"),)
        with pytest.raises(CtiError, match="unknown-feed"):
            runner.run("two")
