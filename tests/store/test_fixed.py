"""Statements of fixed text: the same rows, results and errors as by SQLAlchemy's own way, on both databases."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import (
    JSON,
    Column,
    Connection,
    Double,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    bindparam,
    create_engine,
    select,
    update,
)
from sqlalchemy.exc import IntegrityError, SQLAlchemyError

from cti.store.database import insert_ignoring, is_refusal
from cti.store.fixed import run_many, run_one
from tests.store.test_postgresql import Server, server

__all__ = ["server"]

things = Table(
    "things",
    MetaData(),
    Column("thing_id", String(8), primary_key=True),
    Column("size", Double),
    Column("body", LargeBinary),
    Column("told", JSON),
)
counted = Table("counted", MetaData(), Column("name", String(8), primary_key=True), Column("n", Integer, default=1))
INSERT = things.insert()
#: With a value of its own beside those of the rows.
GROW = update(things).where(things.c.thing_id == bindparam("of"), things.c.size < bindparam("below")).values(size=9.5)
FIND = select(things.c.thing_id, things.c.size, things.c.body).where(things.c.thing_id == bindparam("of"))


def thing(name: str, size: float | None = 1.0) -> dict[str, Any]:
    return {"thing_id": name, "size": size, "body": b"\x00" + name.encode(), "told": {"of": [name, None]}}


@pytest.fixture(params=["sqlite", "postgresql"])
def connection(request: pytest.FixtureRequest) -> Iterator[Connection]:
    at: Server | None = request.getfixturevalue("server") if request.param == "postgresql" else None
    engine = create_engine(at.url if at else "sqlite://")
    with engine.connect() as found:
        things.create(found)
        yield found
        found.rollback()
    engine.dispose()


def all_things(connection: Connection) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in connection.execute(select(things).order_by(things.c.thing_id))]


def test_rows_are_what_sqlalchemy_writes(connection: Connection) -> None:
    rows = [thing("a"), thing("b", None), thing("c", 3)]
    connection.execute(INSERT, rows)
    expected = all_things(connection)
    connection.execute(things.delete())
    run_many(connection, INSERT, rows[:1])
    run_many(connection, INSERT, rows[1:])
    assert all_things(connection) == expected
    assert expected[2] == ("c", 3.0, b"\x00c", {"of": ["c", None]})


def test_rows_with_other_names_are_another_text(connection: Connection) -> None:
    run_many(connection, INSERT, [thing("a")])
    run_many(connection, INSERT, [{"size": 2.0, "thing_id": "b"}])
    assert [row[:3] for row in all_things(connection)] == [("a", 1.0, b"\x00a"), ("b", 2.0, None)]


def test_values_of_the_statement_itself_go_with_those_of_the_rows(connection: Connection) -> None:
    run_many(connection, INSERT, [thing("a"), thing("b"), thing("c", 5.0)])
    run_many(connection, GROW, [{"of": "a", "below": 2.0}, {"of": "c", "below": 2.0}])
    assert [row[:2] for row in all_things(connection)] == [("a", 9.5), ("b", 1.0), ("c", 5.0)]


def test_a_result_is_read_as_any(connection: Connection) -> None:
    run_many(connection, INSERT, [thing("a")])
    assert run_one(connection, FIND, {"of": "a"}).all() == [("a", 1.0, b"\x00a")]
    assert run_one(connection, FIND, {"of": "b"}).scalar() is None


def test_no_rows_are_no_statement(connection: Connection) -> None:
    run_many(connection, INSERT, [])
    assert all_things(connection) == []


@pytest.mark.parametrize("rows", [[{"thing_id": "x", "size": "large"}], [thing("x"), {"thing_id": "y"}]])
def test_what_does_not_fit_is_refused(connection: Connection, rows: list[dict[str, Any]]) -> None:
    with pytest.raises(SQLAlchemyError) as refused:
        run_many(connection, INSERT, rows)
    assert is_refusal(refused.value)


def test_a_key_that_is_there_is_refused_or_passed_over_as_the_statement_says(connection: Connection) -> None:
    run_many(connection, INSERT, [thing("a")])
    run_many(connection, insert_ignoring(connection, things), [thing("a", 7.0), thing("b")])
    assert [row[:2] for row in all_things(connection)] == [("a", 1.0), ("b", 1.0)]
    with pytest.raises(IntegrityError):
        run_many(connection, INSERT, [thing("b")])


@pytest.mark.parametrize(
    ("statement", "row"),
    [
        (select(things.c.size).where(things.c.thing_id.in_(bindparam("ids", expanding=True))), {"ids": ["a"]}),
        (counted.insert(), {"name": "a"}),
    ],
)
def test_what_is_only_known_when_it_runs_has_no_fixed_text(
    connection: Connection, statement: Any, row: dict[str, Any]
) -> None:
    with pytest.raises(TypeError, match="fixed text"):
        run_one(connection, statement, row)
