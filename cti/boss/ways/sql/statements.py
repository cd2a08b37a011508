"""Statements with named parameters, as SQLAlchemy reads them. Pure."""

from __future__ import annotations

import re
from functools import lru_cache

from sqlalchemy import TextClause, text
from sqlalchemy.exc import SQLAlchemyError

from cti.boss.ways.sql.options import SqlTarget

READS = re.compile(r"\s*(select|with)\b", re.IGNORECASE)
WRITES = re.compile(r"\s*(insert|update|delete|with)\b", re.IGNORECASE)
_TABLE = re.compile(r"\b(?:from|into|update)\s+([A-Za-z_][\w.]*)", re.IGNORECASE)


@lru_cache(maxsize=4096)
def prepared(statement: str) -> tuple[TextClause, frozenset[str]]:
    """What is executed, and the names of its parameters. Raises SQLAlchemyError."""
    clause = text(cleaned(statement))
    return clause, frozenset(clause.compile().params)


def cleaned(statement: str) -> str:
    return statement.strip().removesuffix(";").rstrip()


def problem_of(statement: str, form: re.Pattern[str]) -> str | None:
    """Why it is not the one statement of this form that it should be."""
    if not form.match(statement):
        words = "SELECT or WITH" if form is READS else "INSERT, UPDATE, DELETE or WITH"
        return f"the SQL begins with {words}"
    if ";" in _without_strings(cleaned(statement)):
        return "one statement only: there is a ';' inside"
    try:
        prepared(statement)
    except SQLAlchemyError as error:
        return f"this SQL cannot be read: {type(error).__name__}"
    return None


def table_of(target: SqlTarget) -> str:
    """The first table that it names: what of a database has a breaker of its own."""
    found = _TABLE.search(_without_strings(" ".join((*target.write, target.sql or ""))))
    return found.group(1).lower() if found is not None else "sql"


def _without_strings(statement: str) -> str:
    return re.sub(r"'(?:[^']|'')*'", "''", statement)
