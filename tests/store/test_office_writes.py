"""Writes of the back office, noted: found again by another process, sealed, kept for as long as was said."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from cti.core.noted_writes import Noted
from cti.store.owners import StaleOwner
from tests.store.conftest import Folder

KEY = "call-1/flow.order.1"
NOTED = Noted(
    KEY, "package.order", {"msisdn": "13800001234", "until": date(2026, 3, 1), "n": 5, "x": None}, 100.0, backend="crm"
)


def test_what_was_noted_is_found_after_the_process_ended(folder: Folder) -> None:
    log = folder.open().accounts.office_writes
    assert log.find(KEY) is None
    log.note(NOTED, 100.0, 60.0)
    assert folder.open().accounts.office_writes.find(KEY) == NOTED
    done = replace(NOTED, state="done", values={"ticket": "000001", "amount": Decimal("1.50")}, backend="old")
    log.note(done, 101.0, 60.0)
    assert folder.open().accounts.office_writes.find(KEY) == done
    log.forget(KEY)
    assert log.find(KEY) is None


def test_nothing_of_the_customer_stands_in_the_file(folder: Folder) -> None:
    log = folder.open().accounts.office_writes
    log.note(replace(NOTED, values={"name": "secret-name"}), 100.0, 60.0)
    with closing(sqlite3.connect(folder.db)) as connection:
        row = " ".join(map(str, connection.execute("SELECT * FROM office_writes").fetchone()))
    assert "package.order" in row
    assert "13800001234" not in row
    assert "secret-name" not in row


def test_lines_go_when_their_time_is_over_but_dead_ones_wait_for_a_person(folder: Folder) -> None:
    log = folder.open().accounts.office_writes
    for name, state in (("a", "done"), ("b", "dead"), ("c", "sent")):
        log.note(replace(NOTED, key=name, state=state, since=ord(name)), 100.0, 10.0)  # type: ignore[arg-type]
    log.note(replace(NOTED, key="d", state="dead", since=1.0), 200.0, 10.0)  # a minute later: what is over goes
    assert [log.find(name) is not None for name in "abc"] == [False, True, False]
    assert [noted.key for noted in log.dead()] == ["d", "b"]


def test_who_was_taken_over_begins_none_and_tells_how_the_last_one_went(folder: Folder) -> None:
    store = folder.open()
    log = store.accounts.office_writes
    store.fence("cti/0", store.owners.begin("cti/0", 100.0).epoch, lambda: None)
    log.note(NOTED, 100.0, 60.0)
    store.owners.begin("cti/0", 101.0)
    for begun in (replace(NOTED, key="another"), NOTED):
        with pytest.raises(StaleOwner):
            log.note(begun, 102.0, 60.0)
    assert log.find("another") is None
    done = replace(NOTED, state="done", values={"ticket": "1"})
    log.note(done, 103.0, 60.0)
    assert log.find(KEY) == done
