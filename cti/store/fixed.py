"""Statements that are run often and whose text never changes, made into text once for each kind of database.

From a statement to what the driver takes SQLAlchemy needs longer than SQLite needs to run it: it makes a key of the
whole statement to find its text by, and asks of every value of every row how it is bound. Here the text is found by
the statement itself, and a row's values are put in order by one call. Everything else stays as it is: types, errors,
transactions, and whoever listens to statements.

Only for statements that are made once and kept: each one's text is kept as well.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any

from sqlalchemy import Connection, CursorResult, Dialect
from sqlalchemy.exc import StatementError
from sqlalchemy.sql.compiler import SQLCompiler

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class _Text:
    """``values``: of a row, as the driver takes them: in order, or by name."""

    sql: str
    values: Callable[[Row], Any]


_texts: dict[tuple[str, Any, tuple[str, ...]], _Text] = {}


def run_many(connection: Connection, statement: Any, rows: Sequence[Row]) -> None:
    """Once for each row; all rows have the same names. Raises SQLAlchemyError."""
    if rows:
        text = _text(connection, statement, tuple(rows[0]))
        connection.exec_driver_sql(text.sql, [_bound(text, row) for row in rows])


def run_one(connection: Connection, statement: Any, row: Row) -> CursorResult[*tuple[Any, ...]]:
    """Its result has what the driver gives: right for numbers, text and bytes. Raises SQLAlchemyError."""
    text = _text(connection, statement, tuple(row))
    return connection.exec_driver_sql(text.sql, _bound(text, row))


def _bound(text: _Text, row: Row) -> Any:
    try:
        return text.values(row)
    except (LookupError, TypeError, ValueError, OverflowError) as error:
        # As SQLAlchemy tells of a value that is not of the column's type: a refusal. Without the values.
        raise StatementError(f"a value does not fit ({type(error).__name__})", text.sql, None, error) from error


def _text(connection: Connection, statement: Any, names: tuple[str, ...]) -> _Text:
    key = connection.dialect.name, statement, names
    found = _texts.get(key)
    if found is None:
        found = _texts[key] = _make(connection.dialect, statement, names)
    return found


def _make(dialect: Dialect, statement: Any, names: tuple[str, ...]) -> _Text:
    """Raises TypeError: the statement has something that is only known, or made, when it runs."""
    compiled = statement.compile(dialect=dialect, column_keys=list(names), for_executemany=True)
    if not isinstance(compiled, SQLCompiler) or compiled.prefetch or compiled.post_compile_params:
        raise TypeError("not a statement of fixed text")
    own = {name: bind.effective_value for name, bind in compiled.binds.items() if not bind.required}
    binds = {name: bind.type.dialect_impl(dialect).bind_processor(dialect) for name, bind in compiled.binds.items()}
    makes = {name: make for name, make in binds.items() if make is not None}
    if compiled.positiontup is None:
        return _Text(str(compiled), _by_name(own, makes))
    return _Text(str(compiled), _in_order(compiled.positiontup, own, makes))


def _by_name(own: Row, makes: Mapping[str, Callable[[Any], Any]]) -> Callable[[Row], Any]:
    def values(row: Row) -> dict[str, Any]:
        found = {**own, **row}
        for name, make in makes.items():
            found[name] = make(found[name])
        return found

    return values


def _in_order(order: Sequence[str], own: Row, makes: Mapping[str, Callable[[Any], Any]]) -> Callable[[Row], Any]:
    pick = itemgetter(*order, order[0])  # one more than needed: always a tuple
    changed = [(place, makes[name]) for place, name in enumerate(order) if name in makes]

    def values(row: Row) -> tuple[Any, ...]:
        found = list(pick({**own, **row} if own else row))
        for place, make in changed:
            found[place] = make(found[place])
        return tuple(found[:-1])

    return values
