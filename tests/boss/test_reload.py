"""Another plan while the server runs: what stays the same stays as it is, what cannot be used changes nothing."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from cti.app.office_watch import OfficeWatch
from cti.boss import InterfaceServer
from tests.boss.rig import until
from tests.boss.served import served

FILE = """\
policies: {query: {cache: {ttl_s: 600}}}
backends:
  a: {way: sql, url: "sqlite:///a.db"}
  b: {way: sql, url: "sqlite:///b.db"}
lookups:
  n.get: {in: {}, out: {n: int}, policy: query, to: {backend: a, sql: SELECT n FROM t}}
  m.get: {in: {}, out: {n: int}, to: {backend: b, sql: SELECT n FROM t}}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, number in (("a", 1), ("b", 2), ("c", 3)):
        with closing(sqlite3.connect(tmp_path / f"{name}.db")) as connection, connection:
            connection.execute("CREATE TABLE t (n INTEGER)")
            connection.execute("INSERT INTO t VALUES (?)", (number,))
    (tmp_path / "interfaces.yaml").write_text(FILE)
    return tmp_path


@pytest.fixture
def server(folder: Path) -> Iterator[InterfaceServer]:
    with served(FILE, folder) as server:
        yield server


@pytest.fixture
def watch(server: InterfaceServer, folder: Path) -> OfficeWatch:
    return OfficeWatch(server, folder / "interfaces.yaml")


def told(server: InterfaceServer, name: str = "n.get") -> object:
    return server.ask(name, {}, 60.0).values.get("n")


def save(folder: Path, old: str, new: str) -> None:
    """As editors do: another file in its place."""
    assert old in FILE
    (folder / "new.yaml").write_text(FILE.replace(old, new, 1))
    (folder / "new.yaml").replace(folder / "interfaces.yaml")


def test_a_back_end_that_changed_is_opened_anew_and_the_others_stay(
    server: InterfaceServer, watch: OfficeWatch, folder: Path
) -> None:
    assert (told(server), told(server, "m.get")) == (1, 2)
    assert not watch.look()
    save(folder, "sqlite:///a.db", "sqlite:///c.db")
    assert watch.look()
    assert told(server) == 3  # also what had been kept is forgotten
    assert told(server, "m.get") == 2
    assert [facts["asked"] for facts in server.facts()] == [1, 2]
    assert not watch.look()


def test_routes_and_statements_change_without_opening_anything(
    server: InterfaceServer, watch: OfficeWatch, folder: Path
) -> None:
    assert told(server) == 1
    save(folder, "{backend: a, sql: SELECT n FROM t}", "{backend: b, sql: SELECT n * 10 AS n FROM t}")
    assert watch.look()
    assert told(server) == 20


def test_a_back_end_that_is_no_longer_named_goes_when_it_has_ended(
    server: InterfaceServer, watch: OfficeWatch, folder: Path
) -> None:
    save(folder, '  b: {way: sql, url: "sqlite:///b.db"}\n', "")
    assert not watch.look()  # still named by a route
    text = FILE.replace('  b: {way: sql, url: "sqlite:///b.db"}\n', "").replace("backend: b", "backend: a")
    (folder / "interfaces.yaml").write_text(text)
    assert watch.look()
    assert [facts["name"] for facts in server.facts()] == ["a"]
    until(lambda: set(server._backends) == {"a"})
    assert told(server, "m.get") == 1


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("SELECT n FROM t}", "DELETE FROM t}", "[bad-sql]"),
        ("sqlite:///a.db", "sqlite:///none.db", "does not exist"),
        ("out: {n: int}", "out: {n: decimal}", "needs a restart"),
        ("lookups:", "lokups:", "[unknown-option]"),
    ],
)
def test_what_cannot_be_used_changes_nothing_and_is_told_once(
    server: InterfaceServer, watch: OfficeWatch, folder: Path, caplog: pytest.LogCaptureFixture,
    old: str, new: str, said: str,
) -> None:  # fmt: skip
    save(folder, old, new)
    assert not watch.look()
    assert said in caplog.text
    assert "nothing has changed" in caplog.text
    caplog.clear()
    caplog.set_level(logging.DEBUG)
    assert not watch.look()
    assert caplog.text == ""
    assert (told(server), told(server, "m.get")) == (1, 2)
    (folder / "interfaces.yaml").unlink()
    assert not watch.look()
