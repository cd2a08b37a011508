"""A process that is killed between sending a write and hearing of it: the next one never sends it blindly again."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from cti.core.events import RequestEnded
from cti.store import open_store
from tests.boss.offices.socket_office import SocketOffice
from tests.boss.rig import until
from tests.boss.served import served

FILE = """
policies:
  told: {unknown: {status_lookup: order.status, after_s: 0}}
  lost: {}
backends:
  db: {way: sql, url: "sqlite:///orders.db"}
  crm:
    way: socket
    addresses: [{host: 127.0.0.1, port: %d}]
    frame: {header: [{name: code, type: str, size: 8}], delimiter: "\\r\\n", charset: gb18030}
    messages:
      ORDER:
        code: QRYBAL
        body: {codec: delimited, fields: [msisdn]}
        reply: {codec: delimited, fields: [msisdn, {name: balance, type: decimal, scale: 2}, name]}
lookups:
  order.status:
    in: {key: text}
    out: {balance: decimal}
    to: {backend: db, sql: SELECT balance FROM orders WHERE key = :key}
requests:
  order.put: {in: {msisdn: phone}, out: {balance: decimal}, deadline_ms: 60000, policy: told, to: {TARGET}}
  order.lose: {in: {msisdn: phone}, out: {balance: decimal}, deadline_ms: 60000, policy: lost, to: {TARGET}}
""".replace("{TARGET}", "{backend: crm, message: ORDER, send: {msisdn: msisdn}}")
ARGUMENTS = {"msisdn": "13800138000"}
CHILD = """
import sys
from pathlib import Path
from cti.store import open_store
from tests.boss.served import served
folder = Path(sys.argv[1])
store = open_store(f"sqlite:///{folder / 'cti.db'}", folder / "keys.json")
with served((folder / "interfaces.yaml").read_text(), folder, writes=store.accounts.office_writes) as server:
    server.request(sys.argv[2], {"msisdn": "13800138000"}, "call/1")
"""


@pytest.fixture
def office() -> Iterator[SocketOffice]:
    office = SocketOffice("lines")
    yield office
    office.close()


def killed_in_the_middle(folder: Path, office: SocketOffice, request: str) -> None:
    """The office has got the write, and the process that sent it is gone."""
    (folder / "interfaces.yaml").write_text(FILE % office.port)
    with closing(sqlite3.connect(folder / "orders.db")) as connection, connection:
        connection.execute("CREATE TABLE orders (key TEXT, balance TEXT)")
    office.fault = "silent"
    child = subprocess.Popen([sys.executable, "-c", CHILD, str(folder), request])
    try:
        until(lambda: office.asked or child.poll() is not None, 120.0)
    finally:
        child.send_signal(signal.SIGKILL)
        child.wait()
    assert office.asked == ["QRYBAL"]
    office.fault = ""


def asked_again(folder: Path, request: str, times: int = 1) -> tuple[RequestEnded, list[str]]:
    """The last answer, and the keys of dead letters."""
    store = open_store(f"sqlite:///{folder / 'cti.db'}", folder / "keys.json")
    try:
        with served((folder / "interfaces.yaml").read_text(), folder, writes=store.accounts.office_writes) as server:
            ended = [server.request(request, ARGUMENTS, "call/1") for _ in range(times)][-1]
            return ended, [noted.key for noted in server.writes.dead()]
    finally:
        store.close(10.0)


def test_what_was_done_is_found_by_its_key_and_not_sent_again(tmp_path: Path, office: SocketOffice) -> None:
    killed_in_the_middle(tmp_path, office, "order.put")
    with closing(sqlite3.connect(tmp_path / "orders.db")) as connection, connection:
        connection.execute("INSERT INTO orders VALUES ('call/1', '7.50')")
    ended, dead = asked_again(tmp_path, "order.put", times=2)
    assert (ended.outcome, str(ended.values["balance"]), dead) == ("done", "7.50", [])
    assert office.asked == ["QRYBAL"]


def test_what_was_not_done_is_sent_once_more(tmp_path: Path, office: SocketOffice) -> None:
    killed_in_the_middle(tmp_path, office, "order.put")
    ended, dead = asked_again(tmp_path, "order.put", times=2)
    assert (ended.outcome, str(ended.values["balance"]), dead) == ("done", "123.45", [])
    assert office.asked == ["QRYBAL"] * 2


def test_what_nobody_can_tell_waits_for_a_person(tmp_path: Path, office: SocketOffice) -> None:
    killed_in_the_middle(tmp_path, office, "order.lose")
    ended, dead = asked_again(tmp_path, "order.lose", times=2)
    assert (ended.outcome, dead) == ("unknown", ["call/1"])
    assert office.asked == ["QRYBAL"]
