"""The table of number segments: of a file and of a database; anew while it is used; the last good one holds."""

from __future__ import annotations

import gc
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import gevent
import pytest
from gevent.threadpool import ThreadPool

from cti.boss.configuration import OfficeRefused, parse_office
from cti.boss.server import InterfaceServer
from cti.boss.ways import WAYS
from tests.boss.rig import until
from tests.boss.served import served

FILE = """
subscriber:
  kinds: [{kind: mobile, match: '^1[3-9]'}]
  segments: {SEGMENTS, refresh_s: 1}
backends:
  a: {way: sql, url: "sqlite:///a.db"}
  b: {way: sql, url: "sqlite:///b.db"}
lookups:
  who.get:
    in: {msisdn: subscriber}
    out: {system: text}
    routes:
      - {when: "home == 'A'", to: {backend: a, sql: "SELECT 'a' AS system WHERE :msisdn > ''"}}
      - {when: "home == 'B'", to: {backend: b, sql: "SELECT 'b' AS system WHERE :msisdn > ''"}}
      - {default: true, to: {backend: a, sql: "SELECT 'nobody' AS system WHERE :msisdn > ''"}}
"""
ROWS = [("1380000", "A", 0), ("138000012", "B", 0), ("13800009999", "B", 1)]
BY_FILE, BY_TABLE = "file: segments.csv", 'database: {url: "sqlite:///segments.db"}'


def write(folder: Path, rows: list[tuple[str, str, int]]) -> None:
    text = "number,home,ported\n" + "".join(f"{number},{home},{ported}\n" for number, home, ported in rows)
    (folder / "segments.csv.tmp").write_text(text)
    (folder / "segments.csv.tmp").rename(folder / "segments.csv")
    with closing(sqlite3.connect(folder / "segments.db")) as connection, connection:
        connection.execute("CREATE TABLE IF NOT EXISTS ifs_segment (number TEXT, home TEXT, ported INTEGER)")
        connection.execute("DELETE FROM ifs_segment")
        connection.executemany("INSERT INTO ifs_segment VALUES (?, ?, ?)", rows)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in "ab":
        (tmp_path / f"{name}.db").touch()
    write(tmp_path, ROWS)
    return tmp_path


@pytest.fixture(params=[BY_FILE, BY_TABLE], ids=["file", "table"])
def boss(request: pytest.FixtureRequest, folder: Path) -> Iterator[InterfaceServer]:
    with served(FILE.replace("SEGMENTS", request.param), folder) as found:
        yield found


def asked(boss: InterfaceServer, number: str) -> object:
    return boss.ask("who.get", {"msisdn": number}, 30.0).values.get("system")


def test_ported_numbers_by_themselves_and_the_longest_segment_of_the_others(boss: InterfaceServer) -> None:
    numbers = ("13800001111", "13800001234", "13800009999", "13800009998", "13900000000")
    assert [asked(boss, number) for number in numbers] == ["a", "b", "b", "a", "nobody"]
    facts = boss.segments()
    assert facts is not None
    assert (facts["rows"], facts["trouble"]) == (3, None)


def test_a_change_holds_soon_and_what_cannot_be_used_does_not(boss: InterfaceServer, folder: Path) -> None:
    write(folder, [("138", "B", 0)])
    until(lambda: asked(boss, "13800001111") == "b")
    write(folder, [("138", "A", 0), ("13977778888", "", 1)])
    until(lambda: "bad-home" in str((boss.segments() or {})["trouble"]))
    assert "13977778888" not in str(boss.segments())
    assert asked(boss, "13800001111") == "b", "half a table is none"
    write(folder, [("138", "A", 0)])
    until(lambda: asked(boss, "13800001111") == "a")


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "bad-header"), ("number;home\n", "bad-header"), ("number,home\n", "empty"),
        ("number,home\n138\n", "bad-row"),
        ("number,home\n138x,A\n", "bad-number"), ("number,home\n,A\n", "bad-number"),
        ("number,home,ported\n138,A,perhaps\n", "bad-ported"), ("number,home\n138,A\n138,B\n", "two-homes"),
        ("number,home\n138,A\x00\n", "bad-home"), (None, "unreadable"),
    ],
)  # fmt: skip
def test_what_is_no_table(folder: Path, text: str | None, code: str) -> None:
    """At the start too: nobody has a home then, and it is told why."""
    (folder / "segments.csv").unlink()
    if text is not None:
        (folder / "segments.csv").write_text(text)
    with served(FILE.replace("SEGMENTS", BY_FILE), folder) as boss:
        assert asked(boss, "13800001111") == "nobody"
        assert str((boss.segments() or {})["trouble"]).startswith(code)


def test_another_source_takes_over_when_it_has_been_read(folder: Path) -> None:
    with served(FILE.replace("SEGMENTS", BY_FILE), folder) as boss:
        for source, wanted in ((BY_TABLE, "a"), ("file: nowhere.csv", "a"), (None, "nobody")):
            text = (
                FILE.replace("SEGMENTS", source)
                if source
                else FILE.replace("  segments: {SEGMENTS, refresh_s: 1}\n", "")
            )
            boss.use(parse_office(text, "interfaces.yaml", WAYS))
            assert asked(boss, "13800001111") == wanted, source
    gc.collect()
    assert [one for one in gc.get_objects() if isinstance(one, ThreadPool) and len(one)] == []
    assert [
        one for one in gc.get_objects() if isinstance(one, gevent.Greenlet) and "_refresh" in repr(one) and one
    ] == []


@pytest.mark.parametrize(
    "wrong", ["file: a.csv, database: {url: 'sqlite:///a.db'}", "table: a;b, file: a.csv", "rows: 3"]
)
def test_options_that_cannot_be(wrong: str) -> None:
    with pytest.raises(OfficeRefused):
        parse_office(FILE.replace("SEGMENTS", wrong), "interfaces.yaml", WAYS)
