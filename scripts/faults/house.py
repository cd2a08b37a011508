"""A whole platform in a folder of its own: switch, wire, database, back office and engine, each a process to break."""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
import subprocess
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool

from scripts.faults.cable import Cable
from scripts.faults.people import People
from scripts.faults.processes import Billing, PostgreSQL, Program, postgresql, until
from scripts.faults.site import CONFIG, GUARD_S, interfaces, write_flows
from scripts.faults.switches import Embedded, Real, Switch, alive, find_binary
from tests.real.switch import free_port

DISK_MB = 96


@dataclass(frozen=True)
class Plan:
    """``switch``: auto, embedded or freeswitch; ``database``: auto, sqlite or postgresql; ``disk``: data on a small
    file system of its own, where that is allowed."""

    calls: int = 50
    switch: str = "auto"
    database: str = "auto"
    disk: bool = True
    cluster: bool = False


class Platform(ABC):
    """What a repetition and its faults know of what runs: one engine with one switch, or a cluster (`cluster.py`)."""

    folder: Path
    plan: Plan
    data: Path  # of `engine`
    small_disk: bool
    postgresql: PostgreSQL | None
    database_url: str
    billing: Billing
    office_wire: Cable
    switch: Switch
    wire: Cable  # between `engine` and a switch
    people: People

    def _open_office(self, stack: ExitStack) -> None:
        with closing(sqlite3.connect(self.folder / "orders.db")) as orders, orders:
            orders.execute("CREATE TABLE orders (key TEXT, msisdn TEXT)")
        self.billing = Billing(self.folder)
        stack.callback(lambda: self.billing.kill())
        self.office_wire = Cable(("127.0.0.1", self.billing.port))
        stack.callback(self.office_wire.close)
        (self.folder / "interfaces.yaml").write_text(interfaces(self.office_wire.port), encoding="utf-8")

    @property
    @abstractmethod
    def engine(self) -> Program:
        """The one that is broken."""

    @abstractmethod
    def start_engine(self, *options: str) -> Program: ...

    @abstractmethod
    def held(self) -> dict[str, int]:
        """Threads and file descriptors of what the platform itself is."""

    @abstractmethod
    def whole(self) -> bool:
        """Nothing has ended but what a fault has ended."""

    @abstractmethod
    def told(self) -> str: ...

    # ---- looking -----------------------------------------------------------------------------------------------------

    def ask(self, query: str) -> list[Any]:
        """Rows of the platform's database. Raises SQLAlchemyError while it is gone."""
        url = self.database_url
        if url.startswith("sqlite"):
            url = f"sqlite:///file:{self.data / 'cti.db'}?mode=ro&uri=true"
        engine = create_engine(url, poolclass=NullPool)
        with engine.connect() as connection:
            return [tuple(row) for row in connection.execute(text(query))]

    def writes(self) -> dict[str, int]:
        """How often the back office executed what has one key, and what one caller asked for, which each does once."""
        query = """SELECT 'key ' || key, count(*) FROM orders GROUP BY key
            UNION ALL SELECT 'caller ' || msisdn, count(*) FROM orders GROUP BY msisdn"""
        with closing(sqlite3.connect(self.folder / "orders.db")) as orders:
            return dict(orders.execute(query))


class House(Platform):
    def __init__(self, folder: Path, plan: Plan, stack: ExitStack) -> None:
        self.folder, self.plan = folder, plan
        self.data = folder / "data"
        self.data.mkdir()
        self.small_disk = plan.disk and mounted(self.data)
        if self.small_disk:
            stack.callback(unmount, self.data)
        write_flows(folder / "flows")
        self.postgresql = _database(plan, stack)
        self._open_office(stack)
        self.switch = _switch(plan, folder)
        stack.callback(self.switch.close)
        self.wire = Cable(("127.0.0.1", self.switch.port))
        stack.callback(self.wire.close)
        self._configure()
        self.engines: list[Program] = []
        stack.callback(self.stop_engines)

    def _configure(self) -> None:
        self.database_url = self.postgresql.url if self.postgresql else f"sqlite:///{self.data / 'cti.db'}"
        self.api_port = free_port()  # clients of the API find the next engine there, too
        self.config = self.folder / "cti.yaml"
        self.config.write_text(
            CONFIG.format(
                data=self.data, flows=self.folder / "flows", database=self.database_url, port=self.wire.port,
                kind=self.switch.kind, password_file=self.switch.password_file, guard_s=GUARD_S, api_port=self.api_port,
            ),
            encoding="utf-8",
        )  # fmt: skip

    # ---- engines -----------------------------------------------------------------------------------------------------

    @property
    def engine(self) -> Program:
        """The one that runs; of several, the one that was started last."""
        return next((engine for engine in reversed(self.engines) if engine.running), self.engines[-1])

    def start_engine(self, *options: str) -> Program:
        engine = Program(self.folder / "engine.log", "cti", "serve", "--config", str(self.config), *options)
        self.engines.append(engine)
        return engine

    def serve(self) -> None:
        """Until the engine beats on the switch. Raises RuntimeError with what it said, TimeoutError."""
        engine = self.start_engine()

        def up() -> bool:
            if not engine.running:
                raise RuntimeError(f"the engine ended:\n{self.told()[-3000:]}")
            return alive(self.switch.tap)

        until(up, "the engine beats", 180)
        self.people = People(self.config, self.api_port)

    def stop_engines(self) -> None:
        for engine in self.engines:
            engine.kill()

    def held(self) -> dict[str, int]:
        return self.engine.held()

    def whole(self) -> bool:
        return self.engine.running

    def told(self) -> str:
        return (self.folder / "engine.log").read_text(errors="replace")


@contextmanager
def house(folder: Path, plan: Plan) -> Iterator[House]:
    """Running, with one engine; whatever happens, nothing of it is left."""
    with ExitStack() as stack:
        built = House(folder, plan, stack)
        built.serve()
        stack.callback(built.people.close)
        yield built


def _switch(plan: Plan, folder: Path) -> Switch:
    binary, sipp = find_binary(), shutil.which("sipp")
    if plan.switch == "embedded" or (plan.switch == "auto" and not (binary and sipp)):
        return Embedded(folder)
    if binary is None or sipp is None:
        raise SystemExit("--switch freeswitch needs a FreeSWITCH (CTI_FREESWITCH or PATH) and SIPp on PATH")
    return Real(folder, binary, Path(sipp), plan.calls)


def _database(plan: Plan, stack: ExitStack) -> PostgreSQL | None:
    programs = postgresql() if plan.database != "sqlite" else None
    if programs is None:
        if plan.database == "postgresql":
            raise SystemExit("--database postgresql needs its programs (initdb), and a user postgres when run as root")
        return None
    # A folder of its own: its user must come through, and a socket's path has 107 characters at most.
    place = stack.enter_context(tempfile.TemporaryDirectory(prefix="cti-pg-", ignore_cleanup_errors=True))
    server = PostgreSQL(programs, Path(place))
    stack.callback(server.kill)
    server.start()
    return server


def mounted(folder: Path) -> bool:
    """A small file system there, where this user may have one."""
    if os.geteuid() != 0:
        return False
    command = ["mount", "-t", "tmpfs", "-o", f"size={DISK_MB}m,mode=700", "cti-chaos", str(folder)]
    return subprocess.run(command, check=False, stderr=subprocess.DEVNULL).returncode == 0


def unmount(folder: Path) -> None:
    with contextlib.suppress(OSError, subprocess.SubprocessError):
        subprocess.run(["umount", "-l", str(folder)], check=False, timeout=10)
