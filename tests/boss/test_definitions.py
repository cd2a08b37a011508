"""The file of look-ups: every mistake with its place and code."""

from __future__ import annotations

from pathlib import Path

import pytest

from cti.boss import LookupsRefused, load_definitions, parse_definitions
from cti.core.errors import ConfigError

GOOD = """\
lookups:
  a.get:
    in: {m: phone}
    out: {x: int}
    sql: SELECT x FROM t WHERE m = :m
"""


def findings(text: str | bytes) -> list[tuple[int, int, str]]:
    with pytest.raises(LookupsRefused) as refused:
        parse_definitions(text, "lookups.yaml")
    return [(issue.place.line, issue.place.col, issue.code) for issue in refused.value.issues]


def test_all_mistakes_of_a_file_are_told_at_once_with_their_places() -> None:
    text = """\
lookups:
  balance:
    in: {msisdn: phon}
    out: {balance: decimal}
    sql: SELECT balance FROM t WHERE m = :msisd
  a.b: {in: {m: phone}, out: {x: int}, sqll: x}
  c.d: {in: {m: phone}, out: {x: int}, sql: DELETE FROM t, deadline_ms: soon}
  e.f: {in: {m: phone, n: int}, out: {"x-y": int}, outcomes: [ok, timeout, "a b"], sql: SELECT :m}
  g.h: word
more: 1
"""
    assert findings(text) == [
        (10, 1, "unknown-option"),
        (2, 3, "bad-name"),
        (3, 18, "bad-type"),
        (5, 10, "bad-sql"),
        (6, 40, "unknown-option"),
        (6, 3, "missing-option"),
        (7, 73, "bad-option"),
        (7, 45, "bad-sql"),
        (8, 39, "bad-name"),
        (8, 63, "bad-option"),
        (8, 67, "bad-option"),
        (8, 76, "bad-name"),
        (8, 89, "bad-sql"),
        (9, 8, "bad-option"),
    ]


def test_a_mistake_names_the_remedy() -> None:
    with pytest.raises(
        LookupsRefused, match=r"lookups\.yaml:5:5 .*'sq' is not an option of a look-up; did you mean 'sql'"
    ):
        parse_definitions(GOOD.replace("sql:", "sq:"), "lookups.yaml")


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
    text = GOOD.replace("SELECT x FROM t WHERE m = :m", f'"{sql}"')
    assert findings(text) == [(5, 10, "bad-sql")]


def test_a_semicolon_in_a_text_or_at_the_end_is_no_second_statement() -> None:
    text = GOOD.replace("SELECT x FROM t WHERE m = :m", "\"SELECT x FROM t WHERE m = :m AND n <> ';''' ;\"")
    assert parse_definitions(text, "f").lookups["a.get"].sql == "SELECT x FROM t WHERE m = :m AND n <> ';'''"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "# nothing\n",
        b"\x00\xff\xfe",
        "a" * (1 << 21),
        "lookups: &a [*a]",
        "lookups: !!python/object:os.system {}",
        "lookups: []",
        "[" * 5000,
        "lookups:\n  a.b: {sql: SELECT 1}\n  a.b: {sql: SELECT 2}\n",
        "other: {}\n",
    ],
    ids=range(10),
)
def test_files_that_cannot_be_used_say_why(text: str | bytes) -> None:
    assert findings(text)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"none\.yaml.*cannot read the look-ups"):
        load_definitions(tmp_path / "none.yaml")
