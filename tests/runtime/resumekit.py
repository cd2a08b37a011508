"""An embedded switch with its callers here, engines as processes of their own beside it, and a back office."""

from __future__ import annotations

import os
import signal
import sqlite3
import sys
from collections.abc import Callable
from contextlib import closing
from functools import cached_property
from pathlib import Path
from time import monotonic
from typing import Any

import gevent
from gevent import subprocess  # as the program's own, whose watcher reaps every child of this process
from sqlalchemy import Engine, NullPool, create_engine

from cti.app import open_records
from cti.config import load_settings
from cti.core.records import CallDetail, CallJournal
from cti.switch.embedded import EmbeddedSwitch, PhoneBehaviour, PlatformDialplan, SwitchConfig, VirtualCaller
from tests.boss.offices.socket_office import SocketOffice
from tests.store.template import copy_database

ROOT = Path(__file__).resolve().parents[2]
FLOWS = Path(__file__).parent / "resume_flows"
PASSWORD = "only-for-tests"
DEADLINE_S = 60.0  # for a loaded machine; nothing waits for its end
CONFIG = """\
data: data
flows: {flows}
boss: {{file: interfaces.yaml}}
switches:
  - {{name: fs, host: 127.0.0.1, port: {port}, kind: embedded, password: {password}, domain: cti.local}}
api: {{port: 0}}
reload: {{watch: false}}
worker: {{guard_s: 300}}
limits: {{overload: {{cpu_pct: 0, late_ms: 0}}}}
queues: {{service: {{agents: [1003], ring_s: 120, rest_s: 0.2}}}}
resume: {{prompt: {{en-US: "One moment.", zh-CN: "请稍等。"}}}}
"""
OFFICE = """\
policies:
  told: {unknown: {status_lookup: order.status, after_s: 0}}
backends:
  db: {way: sql, url: "sqlite:///orders.db"}
  crm:
    way: socket
    connections: 8
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
  who.get: {in: {msisdn: phone}, out: {name: text}, deadline_ms: 60000, to: {TARGET}}
requests:
  order.put: {in: {msisdn: phone}, out: {balance: decimal}, deadline_ms: 60000, policy: told, to: {TARGET}}
""".replace("{TARGET}", "{backend: crm, message: ORDER, send: {msisdn: msisdn}}")


class House:
    def __init__(self, folder: Path, database: str = "") -> None:
        """``database``: a URL, in which any number of slots' engines work together; default: SQLite, of slot 0."""
        self.folder, self.database = folder, database
        self.office = SocketOffice("lines")
        dialplan = PlatformDialplan(apology="say:cti:en:We are sorry.", guard_s=300)
        self.switch = EmbeddedSwitch(
            SwitchConfig(password=PASSWORD, domain="cti.local", dialplan=dialplan, heartbeat_s=2.0)
        )
        self.switch.start()
        (folder / "data").mkdir()
        copy_database(folder / "data")
        (folder / "interfaces.yaml").write_text(OFFICE % self.office.port, encoding="utf-8")
        config = CONFIG.format(flows=FLOWS, port=self.switch.port, password=PASSWORD)
        if database:
            config += f"store: {{url: '{database}', keys: data/keys.json}}\n"
        for slot in range(2):
            own = config.replace("data: data", f"data: data-{slot}") if slot else config
            (folder / self.file(slot)).write_text(
                own.replace("worker: {", f"worker: {{slot: {slot}, "), encoding="utf-8"
            )
        with closing(sqlite3.connect(folder / "orders.db")) as connection, connection:
            connection.execute("CREATE TABLE orders (key TEXT, balance TEXT)")
        self.settings = load_settings(folder / "cti.yaml")
        self.engines: list[subprocess.Popen[bytes]] = []

    # ---- engines -----------------------------------------------------------------------------------------------------

    @staticmethod
    def file(slot: int) -> str:
        return f"cti-{slot}.yaml" if slot else "cti.yaml"

    def start_engine(
        self,
        *options: str,
        wait: bool = True,
        fresh: bool = True,
        slot: int = 0,
        program: tuple[str, ...] = ("-m", "cti"),
    ) -> subprocess.Popen[bytes]:
        if fresh:
            self.switch.core.set_global(f"cti_alive_{slot}", "0")
        with (self.folder / self.log_of(slot)).open("ab") as log:
            engine = subprocess.Popen(
                [sys.executable, *program, "serve", "--config", str(self.folder / self.file(slot)), *options],
                cwd=ROOT, stdout=log, stderr=log, env={**os.environ},
            )  # fmt: skip
        self.engines.append(engine)
        if wait:
            self.until(lambda: self.lives(slot) or engine.poll() is not None, "the engine beats")
            assert engine.poll() is None, self.log(slot)
        return engine

    def take_over(self) -> subprocess.Popen[bytes]:
        """The next engine, which has the running one hand over; when it has the calls."""
        before, last = self.log().count("may go on"), self.engines[-1]
        engine = self.start_engine("--take-over", wait=False, fresh=False)
        self.until(lambda: last.poll() is not None, "the engine before has ended")
        self.until(lambda: self.log().count("may go on") > before, "the next one is there")
        return engine

    @property
    def alive(self) -> bool:
        return self.lives(0)

    def lives(self, slot: int) -> bool:
        return self.switch.core.globals.get(f"cti_alive_{slot}") == "1"

    def kill(self, engine: subprocess.Popen[bytes]) -> None:
        engine.send_signal(signal.SIGKILL)
        self.until(lambda: engine.poll() is not None, "the engine is dead")

    @staticmethod
    def log_of(slot: int) -> str:
        return f"engine-{slot}.log" if slot else "engine.log"

    def log(self, slot: int = 0) -> str:
        return (self.folder / self.log_of(slot)).read_text(encoding="utf-8")

    @cached_property
    def _engine(self) -> Engine:
        return create_engine(self.database, poolclass=NullPool)

    def close(self) -> None:
        for engine in self.engines:
            if engine.poll() is None:
                engine.kill()
            engine.wait()
        self.switch.stop()
        self.office.close()

    # ---- people ------------------------------------------------------------------------------------------------------

    def call(self, number: str, caller: str) -> VirtualCaller:
        return self.switch.call(caller, number)

    def phone(self, extension: str, **behaviour: Any) -> None:
        self.switch.core.directory.phones[extension].behaviour = PhoneBehaviour(**behaviour)

    def hang_up_phone(self, extension: str) -> None:
        for leg in self.switch.core.directory.phones[extension].calls:
            leg.channel.hangup("NORMAL_CLEARING")

    # ---- looking -----------------------------------------------------------------------------------------------------

    def until(self, true: Callable[[], Any], what: str, timeout_s: float = DEADLINE_S) -> Any:
        deadline = monotonic() + timeout_s
        while not (found := true()):
            if monotonic() > deadline:
                raise TimeoutError(f"not within {timeout_s:g} s: {what}\n{self.log()[-6000:]}")
            gevent.sleep(0.01)
        return found

    def hears(self, caller: VirtualCaller, text: str, after: int = 0) -> None:
        self.until(lambda: any(text in one for one in said(caller)[after:]), f"'{text}' among {said(caller)[after:]}")

    def ask(self, query: str, *values: Any) -> list[Any]:
        if self.database:
            with self._engine.connect() as connection:
                return [tuple(row) for row in connection.exec_driver_sql(query.replace("?", "%s"), values)]
        with closing(sqlite3.connect(f"file:{self.folder / 'data' / 'cti.db'}?mode=ro", uri=True)) as database:
            return database.execute(query, values).fetchall()

    def kept(self, caller: VirtualCaller, node: str) -> None:
        """It is on disk that the call waits at the node."""
        query = """select 1 from call_snapshots s join node_visits v on v.call_id = s.call_id
            where s.call_id = ? and v.node = ? and s.saved_at >= v.entered_at and v.left_at is null"""
        self.until(lambda: self.ask(query, uuid_of(caller), node), f"{node} is on record")

    def kept_again(self, caller: VirtualCaller, doing: Callable[[], object]) -> None:
        """What the caller does is on disk."""
        query = "select number from call_snapshots where call_id = ?"
        before = self.ask(query, uuid_of(caller))
        doing()
        self.until(lambda: self.ask(query, uuid_of(caller)) != before, "it is kept")

    def record(self, caller: VirtualCaller) -> CallDetail:
        uuid = uuid_of(caller)
        self.until(lambda: self.ask("select 1 from call_records where call_id = ?", uuid), f"the record of {uuid}")
        with open_records(self.settings) as store:
            found = store.find_call(uuid)
        assert found is not None
        return found

    def journal(self, caller: VirtualCaller) -> CallJournal | None:
        with open_records(self.settings) as store:
            return store.find_journal(uuid_of(caller))


def uuid_of(caller: VirtualCaller) -> str:
    assert caller.channel is not None
    return caller.channel.uuid


def said(caller: VirtualCaller) -> list[str]:
    return [heard.text for heard in caller.log if heard.kind == "say"]


def path(detail: CallDetail) -> list[str]:
    """``node``, ``node#2`` from the second visit on, with the exit behind a slash."""
    return [f"{v.node}{f'#{v.visit}' if v.visit > 1 else ''}/{v.exit}" for v in detail.visits]
