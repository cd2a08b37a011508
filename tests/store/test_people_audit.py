"""The audit is only ever added to, by whatever means one tries."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import Any

import pytest

from cti.core.access import AuditLine, Author
from cti.store import SqlStore
from cti.store.audit import AuditFilter
from tests.store.conftest import Folder
from tests.store.template import copy_database

ANNA, BEN = Author("u-1", "anna", "session:s"), Author("u-2", "ben", "key:k")


@pytest.fixture
def store(folder: Folder) -> SqlStore:
    copy_database(folder.path)
    return folder.open()


def test_a_line_comes_back_whatever_stands_in_it(store: SqlStore) -> None:
    line = AuditLine(
        5.0, ANNA, "calls.unmask", "call:\x00x", "data.unmask", False, "wer\ud800", {"a": "客"}, {"b": [1, None]}
    )
    store.accounts.audit.add(line)
    found = store.accounts.audit.lines(limit=1)[0]
    assert (found.target, found.reason, found.before, found.after) == ("call:�x", "wer?", {"a": "客"}, {"b": [1, None]})
    assert (found.allowed, found.author, found.number) == (False, ANNA, 1)


@pytest.mark.parametrize("change", ["UPDATE audit SET allowed = 1", "DELETE FROM audit", "DELETE FROM audit WHERE 1=0"])
def test_the_database_refuses_to_change_or_delete_lines(store: SqlStore, folder: Folder, change: str) -> None:
    store.accounts.audit.add(AuditLine(5.0, ANNA, "x", "y", allowed=False))
    with closing(sqlite3.connect(folder.db)) as connection:
        if "1=0" in change:
            connection.execute(change)  # nothing to delete is nothing deleted
        else:
            with pytest.raises(sqlite3.IntegrityError, match="only ever added to"):
                connection.execute(change)
    assert [line.allowed for line in store.accounts.audit.lines(limit=5)] == [False]


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ({}, [4, 3, 2, 1]),
        ({"user": "anna"}, [4, 2, 1]),
        ({"user": "u-2"}, [3]),
        ({"allowed": False}, [3]),
        ({"permission": "p1"}, [3, 1]),
        ({"target": "call:2"}, [2]),
        ({"since": 2.0, "until": 4.0}, [3, 2]),
        ({"user": "anna", "permission": "p1"}, [1]),
        ({"target": "' OR 1=1 --"}, []),
    ],
)
def test_lines_are_found(store: SqlStore, where: dict[str, Any], expected: list[int]) -> None:
    for at, author, permission, allowed in ((1, ANNA, "p1", True), (2, ANNA, "p2", True), (3, BEN, "p1", False)):
        store.accounts.audit.add(AuditLine(float(at), author, "read", f"call:{at}", permission, allowed))
    store.accounts.audit.add(AuditLine(4.0, ANNA, "read", "call:4"))
    assert [line.number for line in store.accounts.audit.lines(limit=9, where=AuditFilter(**where))] == expected
