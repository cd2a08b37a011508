"""Orders as other systems place them: by files, an interface table, connections. What takes them is the test's."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import gevent
import pytest
from gevent import socket

from cti.boss.orders.options import OrderPlan, OrderSection
from cti.boss.orders.runner import OrderRunner
from cti.core.errors import StoreUnavailable
from cti.core.issue import Place
from cti.core.orders import Order, OrderAnswer, OrderKind
from cti.store import SqlStore
from tests.boss.rig import until
from tests.boss.ways.files.site import KINDS, Site
from tests.store.conftest import Folder
from tests.store.template import copy_database

LINE = {"codec": "delimited", "fields": ["key", "kind", "number", {"name": "text", "required": False}]}
TAKE = {"match": r"ORD_(?P<day>\d{8})_(?P<seq>\d{3})\.txt", "row": LINE, "key": "key", "max_bytes": 10_000}
NAME = "ORD_20260302_001.txt"
KINDS_ALLOWED = ["callback", "message"]


class Taker:
    """Implements `cti.ports.OrderTaker`: numbers that begin with 9 are refused; the first answer holds."""

    def __init__(self) -> None:
        self.taken: dict[tuple[str, str], OrderAnswer] = {}
        self.orders: list[Order] = []
        self.away = 0  # after so many more orders the store is away

    def take(self, order: Order) -> OrderAnswer:
        if self.away:
            self.away -= 1
            if not self.away:
                self.away = -1
        if self.away < 0:
            raise StoreUnavailable("away")
        known = self.taken.get((order.source, order.key))
        if known is None:
            self.orders.append(order)
            bad = order.fields.get("number", "").startswith("9")
            known = (
                OrderAnswer("rejected", "", "destination-denied") if bad else OrderAnswer("accepted", f"id-{order.key}")
            )
            self.taken[order.source, order.key] = known
        return known


class Rig:
    def __init__(self, path: Path) -> None:
        copy_database(path)
        self.path, self.taker = path, Taker()
        self.store: SqlStore = Folder(path).open()
        self.runners: list[OrderRunner] = []

    def runner(self, **options: Any) -> OrderRunner:
        section = OrderSection(kinds=KINDS_ALLOWED, **options)
        plan = OrderPlan("crm", section, Place("interfaces.yaml", 1, 1))
        files = self.store.accounts.request_files
        made = OrderRunner({"crm": plan}, self.taker, files, lambda: 1_800_000_000.0, self.path)
        self.runners.append(made)
        return made

    def close(self) -> None:
        for runner in self.runners:
            runner.close()
        self.store.close(5.0)


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    made = Rig(tmp_path)
    yield made
    made.close()


def facts(runner: OrderRunner) -> tuple[int, dict[str, int], str]:
    (one,) = runner.facts()
    return one["accepted"], one["rejected"], one["problem"]


# ---- files -----------------------------------------------------------------------------------------------------------


def put(folder: Path, name: str, text: str, chk: str | None = None) -> None:
    data = text.encode()
    (folder / name).write_bytes(data)
    told = f"{name}|{len(data)}|{text.count(chr(10))}|{hashlib.md5(data).hexdigest()}\n" if chk is None else chk
    if told:
        (folder / f"{name}.chk").write_text(told)


def test_a_file_is_taken_once_and_its_result_says_what_became_of_each_line(rig: Rig, tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    put(folder, NAME, "a|callback|13800000001|Ann\nb|message|95000|\nc|fax|1|\nd|notice|1|\nshort\n")
    runner = rig.runner(files={"url": "in", "take": TAKE})
    runner.look("crm")
    assert rig.taker.orders == [
        Order("crm", "a", OrderKind.CALLBACK, {"number": "13800000001", "text": "Ann"}),
        Order("crm", "b", OrderKind.MESSAGE, {"number": "95000", "text": ""}),
    ]
    result = (folder / f"RES_{NAME}").read_text()
    assert result.splitlines() == [
        "a|accepted|id-a|",
        "b|rejected||destination-denied",
        "c|rejected||unknown-kind",
        "d|rejected||kind-not-allowed",
        "|rejected||missing-field",
    ]
    told = (folder / f"RES_{NAME}.chk").read_text().strip().split("|")
    assert told == [f"RES_{NAME}", str(len(result)), "5", hashlib.md5(result.encode()).hexdigest()]
    before = facts(runner)
    assert before == (
        1,
        {"destination-denied": 1, "unknown-kind": 1, "kind-not-allowed": 1, "missing-field": 1},
        "missing-field",
    )
    runner.look("crm")
    assert len(rig.taker.orders) == 2
    assert facts(rig.runner(files={"url": "in", "take": TAKE})) == (0, {}, "")  # another engine
    assert sorted(one.name for one in folder.iterdir()) == sorted(
        [NAME, f"{NAME}.chk", f"RES_{NAME}", f"RES_{NAME}.chk"]
    )


def test_what_was_taken_before_a_death_is_not_taken_twice_and_the_result_is_the_same(rig: Rig, tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    put(folder, NAME, "".join(f"k{n}|callback|1380000000{n}|\n" for n in range(5)))
    rig.taker.away = 4
    with pytest.raises(StoreUnavailable):
        rig.runner(files={"url": "in", "take": TAKE}).look("crm")
    assert not (folder / f"RES_{NAME}").exists()
    rig.taker.away = 0
    rig.runner(files={"url": "in", "take": TAKE}).look("crm")
    assert [order.key for order in rig.taker.orders] == [f"k{n}" for n in range(5)]
    assert (folder / f"RES_{NAME}").read_text().count("accepted") == 5


@pytest.mark.parametrize("kind", KINDS)
def test_by_a_folder_and_by_a_server(rig: Rig, tmp_path: Path, kind: str) -> None:
    site = Site(kind, tmp_path / "site")
    try:
        put(site.folder, NAME, "a|callback|13800000001|Ann\n")
        runner = rig.runner(files={"url": site.url, "take": {**TAKE, "after": "remove"}, **site.options()})
        runner.look("crm")
        assert facts(runner) == (1, {}, "")
        assert (site.folder / f"RES_{NAME}").read_text() == "a|accepted|id-a|\n"
        assert not (site.folder / NAME).exists()
        runner.close()
    finally:
        site.close()


@pytest.mark.parametrize(
    ("text", "chk", "name", "problem"),
    [
        ("a|callback|1|\n", "", NAME, "chk-missing"),
        ("a|callback|1|\n", f"{NAME}|5|1|x\n", NAME, "chk-bytes"),
        ("a|callback|1|\n", f"{NAME}|14|7|{'0' * 32}\n", NAME, "chk-rows"),
        ("a|callback|1|\n", f"{NAME}|14|1|{'0' * 32}\n", NAME, "chk-digest"),
        ("a|callback|1|\n", f"{NAME}|99|1|x\n", NAME, "truncated"),
        ("a|callback|" + "1" * 20_000 + "|\n", None, NAME, "too-long"),
        ("a|callback|1|\n", None, "ORD_20260302_003.txt", "sequence-gap"),
    ],
)
def test_files_that_cannot_be_trusted(
    rig: Rig, tmp_path: Path, text: str, chk: str | None, name: str, problem: str
) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    put(folder, name, text, chk)
    runner = rig.runner(files={"url": "in", "take": TAKE})
    runner.look("crm")
    assert facts(runner)[2] == problem
    assert len(rig.taker.orders) == (problem == "sequence-gap")


# ---- table -----------------------------------------------------------------------------------------------------------

TABLE = {
    "url": "sqlite:///theirs.db", "table": "if_order", "key": "serial", "state": "state", "lock_by": "lock_by",
    "order_id": "our_id", "code": "code", "columns": {"number": "phone"}, "batch": 2,
}  # fmt: skip


def make_table(path: Path, rows: list[tuple[Any, ...]], without: str = "") -> Path:
    file = path / "theirs.db"
    columns = (
        "serial text primary key, kind text, phone text, state text default '0', lock_by text, our_id text, code text"
    )
    with closing(sqlite3.connect(file)) as connection:
        connection.execute(f"create table if_order ({columns.replace(without, 'other text') if without else columns})")
        connection.executemany("insert into if_order (serial, kind, phone) values (?, ?, ?)", rows)
        connection.commit()
    return file


def rows(file: Path) -> list[Any]:
    with closing(sqlite3.connect(file)) as connection:
        return connection.execute(
            "select serial, state, lock_by, our_id, code from if_order order by serial"
        ).fetchall()


def test_rows_are_claimed_taken_and_told_of(rig: Rig, tmp_path: Path) -> None:
    told = [
        ("1", "callback", "13800000001"),
        ("2", "message", "95000"),
        ("3", "callback", "13800000003"),
        ("4", "x", "1"),
    ]
    file = make_table(tmp_path, told)
    runner = rig.runner(table=TABLE)
    runner.look("crm")
    assert rows(file) == [
        ("1", "1", None, "id-1", ""),
        ("2", "2", None, "", "destination-denied"),
        ("3", "1", None, "id-3", ""),
        ("4", "2", None, "", "unknown-kind"),
    ]
    assert rig.taker.orders[0] == Order("crm", "1", OrderKind.CALLBACK, {"number": "13800000001"})
    assert facts(runner) == (2, {"destination-denied": 1, "unknown-kind": 1}, "")


def test_rows_that_a_dead_engine_had_claimed_are_the_next_one_s_and_those_of_others_are_left(
    rig: Rig, tmp_path: Path
) -> None:
    file = make_table(tmp_path, [(str(n), "callback", f"1380000000{n}") for n in range(3)])
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("update if_order set lock_by = 'somebody' where serial = '1'")
        connection.commit()
    rig.taker.away = 2
    with pytest.raises(StoreUnavailable):
        rig.runner(table=TABLE).look("crm")
    assert [row[1:3] for row in rows(file)] == [("0", "cti:crm"), ("0", "somebody"), ("0", "cti:crm")]
    rig.taker.away = 0
    rig.runner(table=TABLE).look("crm")
    assert [row[1] for row in rows(file)] == ["1", "0", "1"]
    assert [order.key for order in rig.taker.orders] == ["0", "2"]


def test_a_table_that_is_not_as_it_should_be_is_named_until_it_is(rig: Rig, tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "theirs.db")) as connection:
        connection.execute("create table another (x)")
    runner = rig.runner(table=TABLE)
    runner.look("crm")
    assert facts(runner)[2] == "no-table"
    file = make_table(tmp_path, [("1", "callback", "13800000001")], without="our_id text")
    runner.look("crm")
    assert facts(runner)[2] == "no-column"
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("alter table if_order add column our_id text")
        connection.commit()
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        connection.execute("begin immediate")  # somebody has it locked
        runner.look("crm")
        assert facts(runner)[2] == "sqlite-busy"
        connection.execute("rollback")
    runner.look("crm")
    assert (facts(runner)[2], rows(file)[0][1]) == ("", "1")


# ---- connections -----------------------------------------------------------------------------------------------------

SOCKET = {
    "port": 0,
    "frame": {
        "header": [{"name": "len", "type": "dec", "size": 6}, {"name": "seq", "type": "dec", "size": 4}],
        "length": {"field": "len", "counts": "all"},
        "trailer": [{"name": "sum", "type": "hex", "size": 8}],
        "checksum": {"alg": "crc32", "field": "sum"},
        "max_bytes": 2000,
    },
    "body": {"codec": "json"},
    "reply": {"codec": "json"},
    "idle_s": 30,
}


class Client:
    def __init__(self, runner: OrderRunner) -> None:
        (listener,) = runner.listeners.values()
        self.codec = listener._codec
        self.parser = self.codec.parser()
        self.sock = socket.create_connection(("127.0.0.1", listener.port), 30)

    def order(self, seq: int = 1, **fields: Any) -> dict[str, Any]:
        self.send(self.codec.encode({"seq": seq}, json.dumps(fields).encode()))
        return self.answer(seq)

    def send(self, data: bytes) -> None:
        self.sock.sendall(data)

    def answer(self, seq: int = 1) -> dict[str, Any]:
        while not (frames := self.parser.feed(self.sock.recv(4096))):
            pass
        (frame,) = frames
        assert frame.header["seq"] == seq
        found: dict[str, Any] = json.loads(frame.body)
        return found

    def ended(self) -> bool:
        try:
            return self.sock.recv(4096) == b""
        except ConnectionResetError:
            return True


@pytest.fixture
def listening(rig: Rig) -> Callable[..., OrderRunner]:
    def make(**options: Any) -> OrderRunner:
        runner = rig.runner(socket={**SOCKET, **options})
        runner.start()
        return runner

    return make


def test_an_order_is_answered_by_the_frame_with_its_number(rig: Rig, listening: Callable[..., OrderRunner]) -> None:
    client = Client(listening())
    accepted = {"key": "a", "state": "accepted", "id": "id-a", "code": ""}
    assert client.order(7, key="a", kind="callback", number="13800000001") == accepted
    assert client.order(8, key="a", kind="callback", number="13800000001") == accepted
    assert client.order(9, key="b", kind="message", number="95000")["code"] == "destination-denied"
    assert client.order(10, key="c", kind="fax")["code"] == "unknown-kind"
    assert client.order(11, kind="callback")["code"] == "bad-key"
    assert len(rig.taker.orders) == 2
    rig.taker.away = -1
    assert client.order(12, key="d", kind="callback")["state"] == "again"


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"000030" + b"0001" + b"x" * 12 + b"00000000", "bad-checksum"),
        (b"000001" + b"0001", "bad-length"),
        (b"999999" + b"0001", "too-long"),
        (b"hello, world", "bad-header"),
    ],
)
def test_what_is_no_frame_ends_the_connection_and_no_other(
    listening: Callable[..., OrderRunner], data: bytes, code: str
) -> None:
    runner = listening()
    other, client = Client(runner), Client(runner)
    client.send(data)
    assert client.ended()
    assert code in facts(runner)[1], facts(runner)
    assert other.order(key="a", kind="callback", number="1")["state"] == "accepted"


def test_who_drips_or_ends_in_the_middle_or_may_not_connect(listening: Callable[..., OrderRunner]) -> None:
    runner = listening(idle_s=0.2)
    client = Client(runner)
    client.send(b"0000")
    assert client.ended()
    assert facts(runner)[1]["idle"] == 1
    half = Client(runner)
    half.send(b"0000")
    half.sock.shutdown(socket.SHUT_WR)
    assert half.ended()
    stranger = listening(peers=("10.0.0.0/8",))
    (listener,) = stranger.listeners.values()
    sock = socket.create_connection(("127.0.0.1", listener.port), 30)
    assert sock.recv(10) == b""
    until(lambda: facts(stranger)[1].get("peer-not-allowed") == 1, 30.0)


def test_nothing_is_left_of_a_listener(listening: Callable[..., OrderRunner]) -> None:
    runner = listening()
    (listener,) = runner.listeners.values()
    client = Client(runner)
    client.order(key="a", kind="callback", number="1")
    runner.close()
    assert client.ended()
    gevent.sleep(0)
    assert len(listener._pool) == 0
