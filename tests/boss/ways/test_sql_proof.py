"""Mistakes in the SQL of the interfaces: each with its place."""

from __future__ import annotations

import pytest

from cti.boss.configuration import OfficeRefused, parse_office
from cti.boss.ways import WAYS
from cti.boss.ways.sql.options import SqlTarget
from tests.boss.ways.test_sql_writes import WRITING

GOOD = """\
backends:
  t: {way: sql, url: "sqlite:///t.db"}
lookups:
  a.get:
    in: {m: phone}
    out: {x: int}
    to:
      backend: t
      sql: SELECT x FROM t WHERE m = :m
"""


def findings(text: str) -> list[tuple[int, int, str]]:
    with pytest.raises(OfficeRefused) as refused:
        parse_office(text, "interfaces.yaml", WAYS)
    return [(issue.place.line, issue.place.col, issue.code) for issue in refused.value.issues]


@pytest.mark.parametrize(
    "sql",
    [
        "DELETE FROM t WHERE m = :m",
        "SELECT x FROM t WHERE m = :m; DROP TABLE t",
        "ATTACH 'x' AS y",
        "PRAGMA journal_mode=DELETE",
        "SELECT x FROM t",
        "SELECT x FROM t WHERE m = :m AND n = :other",
    ],
)
def test_only_one_bound_select_is_taken(sql: str) -> None:
    assert findings(GOOD.replace("SELECT x FROM t WHERE m = :m", f'"{sql}"')) == [(9, 12, "bad-sql")]


def test_a_semicolon_in_a_text_or_at_the_end_is_no_second_statement() -> None:
    sql = "SELECT x FROM t WHERE m = :m AND n <> ';''' ;"
    plan = parse_office(GOOD.replace("SELECT x FROM t WHERE m = :m", f'"{sql}"'), "f", WAYS)
    options = plan.lookups["a.get"].routes[0].to[0].options
    assert isinstance(options, SqlTarget)
    assert options.sql == sql


@pytest.mark.parametrize(
    ("old", "new", "where"),
    [
        ("      sql:", "      sq:", (9, 7, "unknown-option")),
        ("      sql: SELECT x FROM t WHERE m = :m\n", "", (8, 7, "missing-option")),
        ("sql: SELECT", "read: SELECT 1\n      sql: SELECT", (9, 13, "bad-option")),
        ("sqlite:///t.db", "sqlite://", (2, 22, "bad-url")),
        ("sqlite:///t.db", "nonsense", (2, 22, "bad-url")),
        ("sqlite:///t.db", "postgresql+psycopg://u:geheim@h/n", (2, 22, "secret-in-clear")),
    ],
)
def test_mistakes_of_a_look_up(old: str, new: str, where: tuple[int, int, str]) -> None:
    assert old in GOOD
    assert where in findings(GOOD.replace(old, new))


@pytest.mark.parametrize(
    ("old", "new", "where"),
    [
        ("read: SELECT", "read: DELETE", (14, 13, "bad-sql")),
        ("- INSERT INTO", "- SELECT 1 INTO", (12, 11, "bad-sql")),
        ("WHERE key = :key\n      code", "WHERE n = :n\n      code", (14, 13, "bad-sql")),
        (":n)", ":m)", (12, 11, "bad-sql")),
        ("in: {n: int,", "in: {n: int, key: text,", (5, 3, "bad-name")),
        ("      read:", "      reed:", (14, 7, "unknown-option")),
        ("      read: SELECT n, outcome FROM t WHERE key = :key\n", "", (10, 7, "missing-option")),
        ("NOTHING", "NOTHING; DROP TABLE t", (12, 11, "bad-sql")),
        ("      write:", "      sql: SELECT 1\n      write:", (11, 12, "bad-option")),
    ],
)
def test_mistakes_of_a_request(old: str, new: str, where: tuple[int, int, str]) -> None:
    assert old in WRITING
    assert where in findings(WRITING.replace(old, new))
