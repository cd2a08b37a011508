"""An engine that is killed leaves its asynchronous requests to the next one: none is lost, none is written twice."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from cti.boss.async_desk import AsyncDesk
from cti.channels.webhook_http import HttpSender
from cti.core.webhook_urls import UrlRules
from cti.store import open_store
from tests.boss.offices.socket_office import SocketOffice
from tests.boss.rig import until
from tests.boss.served import served
from tests.boss.test_writes_killed import FILE
from tests.store.template import copy_database

CHILD = """
import sys, time, gevent
from pathlib import Path
from cti.boss.async_desk import AsyncDesk
from cti.channels.webhook_http import HttpSender
from cti.core.async_requests import AsyncRequest
from cti.core.webhook_urls import UrlRules
from cti.store import open_store
from tests.boss.served import served
folder = Path(sys.argv[1])
store = open_store(f"sqlite:///{folder / 'cti.db'}", folder / "keys.json")
with served((folder / "interfaces.yaml").read_text(), folder, writes=store.accounts.office_writes) as server:
    sender, log = HttpSender(UrlRules()), store.accounts.async_requests
    desk = AsyncDesk(log, server.writes, lambda: server.plan, sender, server.clock, "cti/0")
    now = server.clock.now()
    for number in range(12):
        arguments = {"msisdn": "13800138000"}
        desk.add(AsyncRequest(f"r-{number}", "u", "order.put", f"u/{number}", arguments, now, now + 3600))
    desk.start()
    gevent.sleep(600)
"""


@pytest.fixture
def office() -> Iterator[SocketOffice]:
    office = SocketOffice("lines")
    yield office
    office.close()


def test_what_was_outstanding_at_a_kill_is_done_once(tmp_path: Path, office: SocketOffice) -> None:
    copy_database(tmp_path)
    (tmp_path / "interfaces.yaml").write_text(FILE % office.port)
    with closing(sqlite3.connect(tmp_path / "orders.db")) as connection, connection:
        connection.execute("CREATE TABLE orders (key TEXT, balance TEXT)")
    office.fault = "silent"
    child = subprocess.Popen([sys.executable, "-c", CHILD, str(tmp_path)])
    try:
        until(lambda: office.asked or child.poll() is not None, 120.0)
    finally:
        child.send_signal(signal.SIGKILL)
        child.wait()
    sent = len(office.asked)
    assert sent >= 1
    office.fault = ""
    store = open_store(f"sqlite:///{tmp_path / 'cti.db'}", tmp_path / "keys.json")
    log, writes = store.accounts.async_requests, store.accounts.office_writes
    assert log.outstanding() == 12
    begun = [f"u/{number}" for number in range(12) if writes.find(f"u/{number}") is not None]
    with closing(sqlite3.connect(tmp_path / "orders.db")) as connection, connection:  # all that were sent were done
        connection.executemany("INSERT INTO orders VALUES (?, '7.50')", [(key,) for key in begun])
    try:
        with served((tmp_path / "interfaces.yaml").read_text(), tmp_path, writes=writes) as server:
            sender = HttpSender(UrlRules())
            desk = AsyncDesk(log, server.writes, lambda: server.plan, sender, server.clock, "cti/0")
            desk.start()
            until(lambda: log.outstanding() == 0, 120.0)
            desk.stop()
        found = [log.find(f"r-{number}") for number in range(12)]
        assert [one.state for one in found if one is not None] == ["done"] * 12
        assert len(office.asked) - sent == 12 - len(begun)
    finally:
        store.close(10.0)
