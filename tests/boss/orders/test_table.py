"""Orders that other systems place in an interface table."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from cti.core.errors import StoreUnavailable
from cti.core.orders import Order, OrderKind
from tests.boss.orders.orderkit import Rig, facts, rig

__all__ = ["rig"]  # the fixture

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
