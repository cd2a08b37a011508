"""The same store on PostgreSQL: a real server, started for the test where there is one, else told plainly."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import gevent
import pytest
from sqlalchemy import create_engine, text

from cti.core.errors import StoreUnavailable
from cti.core.records import CallFilter, CallStarted, NodeVisit
from cti.core.request_files import Answer, MadeFile, TakenUp
from cti.store import SqlStore
from cti.store.request_files import RequestFiles
from tests.store.conftest import Folder
from tests.store.test_store import A_CALL, expected_call, keep
from tests.store.troublekit import expected, ids, put_calls


def _programs() -> Path | None:
    found = shutil.which("initdb")
    if found:
        return Path(found).parent
    return next(iter(sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)), None)


class Server:
    """A cluster in a folder of its own, on a Unix socket only; PostgreSQL refuses to run as root."""

    def __init__(self, programs: Path, folder: Path) -> None:
        self._programs, self.folder = programs, folder
        self._user = "postgres" if os.geteuid() == 0 else None
        if self._user:
            shutil.chown(folder, self._user)
        self._run("initdb", "-D", "data", "-U", "cti", "-A", "trust", "-E", "UTF8", "--no-sync")

    def _run(self, program: str, *arguments: str) -> None:
        subprocess.run(
            [str(self._programs / program), *arguments],
            cwd=self.folder,
            user=self._user,
            check=True,
            timeout=60,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def start(self, fsync: str = "off") -> None:
        options = f"-c listen_addresses= -c unix_socket_directories={self.folder} -c fsync={fsync}"
        self._run("pg_ctl", "-D", "data", "-w", "-o", options, "-l", "log", "start")

    def stop(self) -> None:
        self._run("pg_ctl", "-D", "data", "-w", "-m", "immediate", "stop")

    @property
    def url(self) -> str:
        return f"postgresql+psycopg://cti@/postgres?host={self.folder}"


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    pytest.importorskip("psycopg", reason="the PostgreSQL half did not run: pip install 'psycopg[binary]'")
    programs = _programs()
    if programs is None:
        pytest.skip("the PostgreSQL half did not run: no initdb found (apt-get install postgresql)")
    if os.geteuid() == 0 and "postgres" not in {entry.pw_name for entry in pwd.getpwall()}:
        pytest.skip("the PostgreSQL half did not run: running as root without a user 'postgres'")
    with tempfile.TemporaryDirectory(prefix="cti-pg-") as name:  # short: a socket's path has 107 characters at most
        found = Server(programs, Path(name))
        found.start()
        try:
            yield found
        finally:
            found.stop()


@pytest.fixture
def store(server: Server, folder: Folder) -> SqlStore:
    """On an empty schema."""
    engine = create_engine(server.url)
    with engine.begin() as connection:
        connection.execute(text("DROP SCHEMA public CASCADE"))
        connection.execute(text("CREATE SCHEMA public"))
    engine.dispose()
    return folder.open(url=server.url)


def test_a_call_comes_back_whole_and_masked(store: SqlStore) -> None:
    keep(store, *A_CALL)
    keep(store, *A_CALL)
    assert store.list_calls(limit=10, where=CallFilter(caller="+8613800001234")) == [
        expected_call("138****1234", "张*")
    ]
    found = store.find_call("c1", unmask=True)
    assert found is not None
    assert found.call.caller == "13800001234"
    assert [(visit.node, visit.visit, visit.exit) for visit in found.visits] == [
        ("welcome", 1, "next"),
        ("tier", 1, "next"),
        ("main", 1, "1"),
        ("main", 2, ""),
    ]
    assert (store.health().rejected, store.health().duplicates) == (0, 0)


def test_a_refused_record_and_foreign_text_hold_up_nobody(store: SqlStore) -> None:
    put_calls(store, range(10))
    store.record(NodeVisit("no such call", "f", "n", "play", 1, 1.0))
    keep(store, CallStarted("nul\x00\ud800", "s" * 500, "x" * 500, 2000.0, caller="\x00", flow="\x00"))
    assert store.health().rejected == 1
    assert ids(store)[:10] == expected(range(10))


def test_a_server_that_restarts_loses_nothing(store: SqlStore, server: Server) -> None:
    put_calls(store, range(10))
    assert store.flush(10.0)
    server.stop()
    put_calls(store, range(10, 30))
    assert store.flush(0.3) is False
    assert not store.health().healthy
    with pytest.raises(StoreUnavailable):
        store.list_calls(limit=1)
    server.start()
    assert store.flush(30.0)
    assert ids(store) == expected(range(30))
    assert store.health().lost == 0


def test_several_engines_write_and_one_record_stands(store: SqlStore, server: Server, folder: Folder) -> None:
    other = folder.open(url=server.url)
    put_calls(store, range(50))
    put_calls(other, range(50))
    assert store.flush(20.0)
    assert other.flush(20.0)
    assert ids(store) == expected(range(50))
    assert [s.health().rejected for s in (store, other)] == [0, 0]


def test_no_question_is_in_two_files_and_no_number_is_left_out(store: SqlStore, server: Server, folder: Folder) -> None:
    engines = [one.accounts.request_files for one in (store, folder.open(url=server.url))]
    keys = [f"k{number:03d}" for number in range(60)]
    for key in keys:
        assert engines[0].add("orders", key, key.encode(), 1000.0, None)
        assert not engines[1].add("orders", key, b"other", 1000.0, None)
    sent: list[tuple[str, int, bytes]] = []

    def send(files: RequestFiles, worker: str, day: str) -> None:
        """Clocks differ about midnight: the days do."""
        while files.due("orders", 1000.0, 7):
            file = files.lease("orders", 1000.0, worker, 60.0) or files.claim(
                "orders",
                day,
                1000.0,
                1000.0,
                7,
                lambda seq, rows: MadeFile(f"{day}-{seq}", b"".join(rows)),
                worker,
                60.0,
            )
            if file is not None and files.ready(file, 1001.0, worker):
                sent.append((file.day, file.seq, file.made.data))
                files.written(file, 1002.0)
            gevent.sleep(0)

    at_work = [gevent.spawn(send, engines[n % 2], f"n/{n}", "20270115" if n < 3 else "20270116") for n in range(4)]
    gevent.joinall(at_work, timeout=60.0, raise_error=True)
    found = sorted(data[at : at + 4].decode() for _, _, data in sent for at in range(0, len(data), 4))
    assert found == keys
    for day in ("20270115", "20270116"):
        seqs = [seq for of, seq, _ in sent if of == day]
        assert seqs == list(range(1, len(seqs) + 1))
    assert engines[1].outstanding("orders") == (0, 60)
    taken = [
        engine.take_up("orders", "R1", "0" * 64, 1, [(key, {"rc": "00"}) for key in keys], 1.0) for engine in engines
    ]
    assert taken == [TakenUp(answered=60), None]
    assert engines[1].find("orders", ["k007"]) == {"k007": Answer(True, {"rc": "00"})}
    engines[0].purge("orders", 2000.0, ())
    assert engines[1].find("orders", keys) == {}
