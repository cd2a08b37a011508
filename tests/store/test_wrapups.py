"""What agents write about contacts: sealed, masked, counted, proved, and there after the engine's death."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace
from typing import Any

import pytest

from cti.acd import outputs as o
from cti.core.errors import CtiError
from cti.core.records import Record
from cti.core.wrapups import Dispositions, WrapUp, WrapUpRefused, check_text
from cti.runtime.floor.handling import Handling
from cti.runtime.floor.ledger import Ledger
from cti.store import SqlStore
from cti.store.rows import from_line, to_line
from cti.store.sealing import Sealer
from tests.store.conftest import Folder

AT = 1_772_416_800.0  # a full hour
NOTES = "calls back from 138 0000 1234, or wang@example.com"
WRITTEN = WrapUp().written({"disposition": "sold_s", "notes": NOTES, "variables": {"kind": "bill", "n": 3}}, AT + 10)
HANDLED = o.Handled(AT + 60, "c1~2", "ann", "sales", "voice", 30.0, 0.0, 20.0, "agent")


def handling() -> Handling:
    return Handling("c1~2", "ann", "sales", "voice", WRITTEN)


def keep(store: SqlStore, made: list[Record]) -> None:
    for record in made:
        store.record(record)
    assert store.flush(10.0)
    assert store.health().rejected == 0


def ledger(run: str = "r1") -> tuple[Ledger, list[Record]]:
    made: list[Record] = []
    return Ledger(made.append, "node/0", run), made


def rows(folder: Folder, query: str) -> list[Any]:
    with closing(sqlite3.connect(folder.db)) as connection:
        return connection.execute(query).fetchall()


def counts(folder: Folder) -> dict[tuple[str, str, str], int]:
    query = "SELECT kind, name, count, value FROM interval_counts WHERE count LIKE '%disposition%'"
    return {(kind, name, count): value for kind, name, count, value in rows(folder, query)}


def test_it_is_kept_sealed_and_shown_masked(folder: Folder) -> None:
    store = folder.open()
    book, made = ledger()
    book.note(handling())
    keep(store, made)
    [found] = store.find_wrapups(["c1", "c2"])["c1"]
    assert (found.disposition, found.agent, found.queue, found.ended_at) == ("sold_s", "ann", "sales", None)
    assert found.notes == "calls back from 138******1234, or ******@example.com"
    assert found.variables == {"kind": "bill", "n": 3}
    [clear] = store.find_wrapups(["c1"], unmask=True)["c1"]
    assert clear.notes == NOTES
    [(notes, variables)] = rows(folder, "SELECT notes_sealed, variables_sealed FROM contact_wrapups")
    assert "calls" not in notes
    assert "bill" not in variables
    assert b"calls back" not in folder.db.read_bytes() + folder.db.with_name("cti.db-wal").read_bytes()


def test_a_value_moved_to_another_row_does_not_open(folder: Folder) -> None:
    store = folder.open()
    book, made = ledger()
    book.note(handling())
    book.note(replace_handling("c2"))
    keep(store, made)
    with closing(sqlite3.connect(folder.db)) as connection:
        connection.execute(
            "UPDATE contact_wrapups SET notes_sealed = (SELECT notes_sealed FROM contact_wrapups WHERE call_id = 'c1')"
        )
        connection.commit()
    with pytest.raises(CtiError, match="does not decrypt"):
        store.find_wrapups(["c2"])


def replace_handling(contact: str) -> Handling:
    return Handling(contact, "ann", "sales", "voice", WRITTEN)


def test_the_last_word_holds_in_whatever_order_it_is_written(folder: Folder) -> None:
    store = folder.open()
    book, made = ledger()
    one = handling()
    book.note(one)
    one.wrapup = one.wrapup.written({"disposition": None, "variables": {"kind": None}}, AT + 20)
    book.note(one)
    keep(store, list(reversed(made)))
    keep(store, made)
    [found] = store.find_wrapups(["c1"], unmask=True)["c1"]
    assert (found.disposition, found.notes, found.variables, found.at) == (None, NOTES, {"n": 3}, AT + 20)


def test_dispositions_are_counted_once_and_proved(folder: Folder) -> None:
    store = folder.open()
    book, made = ledger()
    one = handling()
    book.written = lambda _: one
    book.note(one)
    book.hear(HANDLED)
    other, more = ledger("r2")
    other.hear(replace(HANDLED, contact="c5", ended_by="timer"))  # nobody said anything
    keep(store, made + more)
    keep(store, made + more)
    expected = {
        (kind, name, count): 1
        for kind, name in (("queue", "sales"), ("agent", "ann"))
        for count in ("disposition:sold_s", "without_disposition")
    }
    assert counts(folder) == expected
    assert rows(folder, "SELECT disposition FROM contacts_handled ORDER BY call_id") == [("sold_s",), (None,)]
    reports, span = store.reports, (int(AT), int(AT) + 900)
    assert {(row.what, row.value) for row in reports.counts("queue", *span)} >= {("disposition:sold_s", 1)}
    assert list(reports.verify(*span)) == []
    with closing(sqlite3.connect(folder.db)) as connection:
        connection.execute("UPDATE contact_wrapups SET disposition = 'lost' WHERE disposition = 'sold_s'")
        connection.commit()
    assert {(found.count, found.kept, found.found) for found in reports.verify(*span)} == {
        ("disposition:sold_s", 1, 0), ("disposition:lost", 0, 1),
    }  # fmt: skip


def test_what_was_sent_is_there_after_the_engines_death(folder: Folder) -> None:
    store = folder.open()
    book, made = ledger()
    book.begin(AT)
    book.note(handling())
    keep(store, made)
    store.close(5.0)
    store = folder.open()
    again, more = ledger("r2")
    again.begin(AT + 100)
    keep(store, more)
    keep(store, made)  # the batch of the dead one, once more
    [found] = store.find_wrapups(["c1"], unmask=True)["c1"]
    assert (found.disposition, found.notes, found.ended_at, found.ended_by) == (
        "sold_s", NOTES, AT + 100, "engine_lost",
    )  # fmt: skip
    assert counts(folder) == {}, "it was not handled"
    assert list(store.reports.verify(int(AT), int(AT) + 900)) == []


def test_another_engines_are_left_alone(folder: Folder) -> None:
    store = folder.open()
    book, made = ledger()
    book.note(handling())
    other: list[Record] = []
    Ledger(other.append, "other/0", "r9").begin(AT + 100)
    keep(store, made + other)
    assert store.find_wrapups(["c1"])["c1"][0].ended_at is None


def test_it_survives_the_spill_file() -> None:
    sealer = Sealer({"k1": bytes(32)}, "k1", bytes(32))
    book, made = ledger()
    book.note(handling())
    [record] = made
    line = to_line(record, 3, sealer)
    assert from_line(line, sealer) == (3, record)
    assert b"calls" not in line


@pytest.mark.parametrize("text", ["a\x00b", "a\x1b[2J", "\x7f", "\x85", "\ud800", "a\rb"])
def test_control_characters_are_refused(text: str) -> None:
    with pytest.raises(WrapUpRefused, match="control characters"):
        check_text(text, "notes", 100, lines=True)


def test_lines_are_allowed_in_notes_only() -> None:
    assert check_text("a\r\nb\tc", "notes", 100, lines=True) == "a\nb\tc"
    with pytest.raises(WrapUpRefused):
        check_text("a\nb", "kind", 100)
    with pytest.raises(WrapUpRefused, match="more than 3"):
        check_text("abcd", "kind", 3)


def test_an_unknown_code_is_told_with_the_list() -> None:
    known = Dispositions({"solved": "Solved", "again": "Calls again"}, required=True)
    known.check("solved")
    known.check(None)
    with pytest.raises(WrapUpRefused, match="'x y'") as refused:
        known.check("x y")
    listed = {"dispositions": [{"code": "solved", "title": "Solved"}, {"code": "again", "title": "Calls again"}]}
    assert (refused.value.code, refused.value.extension) == ("unknown-disposition", listed)
    with pytest.raises(WrapUpRefused) as refused:
        known.require(None)
    assert (refused.value.code, refused.value.extension) == ("disposition-required", listed)
    Dispositions().require(None)
