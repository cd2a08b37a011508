"""What goes into the store comes out: whole, in order, once, and masked."""

from __future__ import annotations

import itertools
import sqlite3
from collections.abc import Iterator
from contextlib import closing

import gevent
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cti.core.calls import Medium, TerminalCause
from cti.core.errors import CtiError, StoreUnavailable
from cti.core.numbers import normalise_number
from cti.core.records import (
    CallDetail,
    CallEnded,
    CallFilter,
    CallRow,
    CallStarted,
    LegAdded,
    LegEnded,
    LegRow,
    NodeVisit,
    Record,
    VisitRow,
)
from cti.store import SqlStore
from tests.store.conftest import Folder

HANGUP, FLOW_END = TerminalCause.CALLER_HANGUP, TerminalCause.FLOW_END


def started(call_id: str, at: float = 1000.0, **fields: object) -> CallStarted:
    return CallStarted(call_id, "fs1", "4001", at, **fields)  # type: ignore[arg-type]


A_CALL: list[Record] = [
    CallStarted(
        "c1",
        "fs1",
        "4001",
        1000.0,
        caller="13800001234",
        caller_name="张三",
        entry="hotline",
        flow="hotline",
        flow_version="v1",
        language="zh-CN",
    ),
    LegAdded("c1", "c1", "caller", 1000.0, "13800001234", "fs1"),
    NodeVisit("c1", "hotline", "welcome", "play", 1, 1000.5),
    NodeVisit("c1", "hotline", "welcome", "play", 1, 1000.5, 1002.0, "next"),
    NodeVisit("c1", "hotline", "tier", "set", 1, 1002.0, 1002.0, "next"),
    NodeVisit("c1", "hotline", "main", "menu", 1, 1002.0, 1003.0, "1", "key 1"),
    LegAdded("c1", "b-leg", "agent", 1003.0, "1001"),
    NodeVisit("c1", "hotline", "main", "menu", 2, 1003.5),
    LegEnded("c1", "b-leg", 1004.0, "NORMAL_CLEARING"),
    CallEnded("c1", 1005.0, HANGUP, "NORMAL_CLEARING", "served", ("balance", "tier"), 1000.1, "", "en-US"),
]


def keep(store: SqlStore, *records: Record) -> None:
    for record in records:
        store.record(record)
    assert store.flush(10.0), store.health()


def expected_call(caller: str, name: str) -> CallRow:
    return CallRow(
        call_id="c1",
        switch="fs1",
        medium="voice",
        called="4001",
        caller=caller,
        caller_name=name,
        entry="hotline",
        flow="hotline",
        flow_version="v1",
        language="en-US",
        started_at=1000.0,
        answered_at=1000.1,
        ended_at=1005.0,
        terminal_cause="caller_hangup",
        hangup_cause="NORMAL_CLEARING",
        outcome="served",
        goals=("balance", "tier"),
        error="",
        cursor="1000.0~c1",
    )


@pytest.mark.parametrize(
    ("unmask", "caller", "name", "agent"),
    [(False, "138****1234", "张*", "****"), (True, "13800001234", "张三", "1001")],
)
def test_a_call_comes_back_whole_and_masked(store: SqlStore, unmask: bool, caller: str, name: str, agent: str) -> None:
    keep(store, *A_CALL)
    assert store.find_call("c1", unmask=unmask) == CallDetail(
        expected_call(caller, name),
        (
            LegRow("c1", "caller", "fs1", caller, 1000.0, 1005.0, "NORMAL_CLEARING"),
            LegRow("b-leg", "agent", "", agent, 1003.0, 1004.0, "NORMAL_CLEARING"),
        ),
        (
            VisitRow("hotline", "welcome", "play", 1, 1000.5, 1002.0, "next", ""),
            VisitRow("hotline", "tier", "set", 1, 1002.0, 1002.0, "next", ""),
            VisitRow("hotline", "main", "menu", 1, 1002.0, 1003.0, "1", "key 1"),
            VisitRow("hotline", "main", "menu", 2, 1003.5, None, "", ""),
        ),
    )
    assert store.list_calls(limit=10, unmask=unmask) == [expected_call(caller, name)]


def test_nothing_sensitive_is_readable_on_disk(folder: Folder) -> None:
    store = folder.open()
    keep(store, *A_CALL)
    for file in folder.path.iterdir():
        content = file.read_bytes()
        for secret in ("13800001234", "张三", "1380000"):
            assert secret.encode() not in content, file
    with closing(sqlite3.connect(folder.db)) as connection:
        rows = connection.execute("SELECT caller_sealed, caller_name_sealed FROM calls").fetchall()
    assert [[value[:3] for value in row] for row in rows] == [["k1.", "k1."]]


def test_a_withheld_number_is_none_and_a_live_call_has_no_end(store: SqlStore) -> None:
    keep(store, started("c1", medium=Medium.CHAT))
    [row] = store.list_calls(limit=1)
    assert (row.caller, row.caller_name, row.medium) == (None, "", "chat")
    assert (row.ended_at, row.terminal_cause, row.duration_s, row.goals) == (None, None, None, ())
    assert store.find_call("other") is None


def test_a_call_has_one_detail_record_the_first(store: SqlStore) -> None:
    first = CallEnded("c1", 1005.0, HANGUP, outcome="served", goals=("a",))
    keep(store, started("c1"), first, CallEnded("c1", 1006.0, FLOW_END, goals=("b", "c")))
    keep(store, CallEnded("c1", 1007.0, HANGUP), first)
    [row] = store.list_calls(limit=5)
    assert (row.ended_at, row.terminal_cause, row.outcome, row.goals) == (1005.0, "caller_hangup", "served", ("a",))
    assert store.health().duplicates == 2  # the repeated first one is no second record


@pytest.mark.parametrize("count", [1, 2, 3, 5, 9])
def test_of_calls_that_end_together_each_is_looked_up(store: SqlStore, count: int) -> None:
    names = [f"c{number}" for number in range(count)]
    keep(store, *(started(name) for name in names), CallEnded(names[-1], 1005.0, HANGUP))
    with store.together():
        for name in names:
            store.record(CallEnded(name, 1006.0, FLOW_END))
    assert store.flush(10.0)
    ends = {row.call_id: row.terminal_cause for row in store.list_calls(limit=20)}
    assert ends == dict.fromkeys(names, "flow_end") | {names[-1]: "caller_hangup"}
    assert (store.health().duplicates, store.health().rejected) == (1, 0)
    assert not store.times.errors  # halving the batch would have found it as well


def test_the_database_itself_holds_to_one_record_per_call(store: SqlStore, folder: Folder) -> None:
    keep(store, started("c1"), CallEnded("c1", 1005.0, HANGUP))
    insert = "INSERT INTO call_records SELECT * FROM call_records"
    with closing(sqlite3.connect(folder.db)) as connection, pytest.raises(sqlite3.IntegrityError, match="UNIQUE"):
        connection.execute(insert)


@pytest.mark.parametrize("cause", TerminalCause)
def test_every_terminal_cause_can_be_kept(store: SqlStore, cause: TerminalCause) -> None:
    keep(store, started("c1"), CallEnded("c1", 1001.0, cause))
    assert store.list_calls(limit=1, where=CallFilter(terminal_cause=cause))[0].terminal_cause == cause.value
    assert store.health().rejected == 0


def test_writing_everything_twice_changes_nothing(store: SqlStore) -> None:
    keep(store, *A_CALL)
    before = store.find_call("c1", unmask=True)
    keep(store, *A_CALL)
    assert store.find_call("c1", unmask=True) == before
    assert store.health().duplicates == 0


def test_entering_a_node_written_again_does_not_undo_leaving_it(store: SqlStore) -> None:
    entered = NodeVisit("c1", "f", "n", "menu", 1, 1.0)
    keep(store, started("c1"), entered, NodeVisit("c1", "f", "n", "menu", 1, 1.0, 2.0, "1", "key 1"))
    keep(store, entered)
    found = store.find_call("c1")
    assert found is not None
    assert found.visits == (VisitRow("f", "n", "menu", 1, 1.0, 2.0, "1", "key 1"),)


def test_calls_are_listed_newest_first_page_by_page(store: SqlStore) -> None:
    ids = [f"c{n:02d}" for n in range(25)]
    keep(store, *[started(call_id, 1000.0 + n // 3) for n, call_id in enumerate(ids)])
    pages: list[list[str]] = []
    cursor = None
    while rows := store.list_calls(limit=10, before=cursor):
        pages.append([row.call_id for row in rows])
        cursor = rows[-1].cursor
    assert [len(page) for page in pages] == [10, 10, 5]
    assert [call_id for page in pages for call_id in page] == ids[::-1]


@pytest.mark.parametrize("cursor", ["", "x", "1.0", "nan~c1", "inf~c", "~c1", "1.0' OR 1=1"])
def test_a_cursor_of_somebody_else_is_refused(store: SqlStore, cursor: str) -> None:
    with pytest.raises(CtiError) as refused:
        store.list_calls(limit=1, before=cursor)
    assert refused.value.code == "bad-cursor"


@pytest.mark.parametrize(
    ("where", "found"),
    [
        (CallFilter(), ["c3", "c2", "c1"]),
        (CallFilter(caller="13800001234"), ["c2", "c1"]),
        (CallFilter(caller="+86 138-0000-1234"), ["c2", "c1"]),
        (CallFilter(caller="13800001235"), []),
        (CallFilter(caller=""), []),
        (CallFilter(caller="%"), []),
        (CallFilter(caller="01012345678", flow="fixed"), ["c3"]),
        (CallFilter(caller="008613800001234", live=False), ["c1"]),
        (CallFilter(live=True), ["c3", "c2"]),
        (CallFilter(outcome="served"), ["c1"]),
        (CallFilter(terminal_cause=HANGUP), ["c1"]),
        (CallFilter(terminal_cause=FLOW_END), []),
        (CallFilter(since=2000.0), ["c3", "c2"]),
        (CallFilter(since=2000.0, until=3000.0), ["c2"]),
        (CallFilter(called="4001' OR '1'='1"), []),
    ],
)
def test_calls_are_found_by_what_is_known_of_them(store: SqlStore, where: CallFilter, found: list[str]) -> None:
    keep(
        store,
        started("c1", 1000.0, caller="13800001234"),
        started("c2", 2000.0, caller="+8613800001234"),
        started("c3", 3000.0, caller="+861012345678", flow="fixed"),
        CallEnded("c1", 1001.0, HANGUP, outcome="served"),
    )
    assert [row.call_id for row in store.list_calls(limit=10, where=where)] == found


@pytest.mark.parametrize("now", [1000.0, 100.0], ids=["later", "the wall clock was set back"])
def test_calls_of_an_engine_that_died_are_closed_and_no_others(folder: Folder, now: float) -> None:
    old = folder.open(clock=lambda: 1000.0)
    keep(old, *[started(f"c{n}", 900.0 + n) for n in range(4)], CallEnded("c0", 950.0, FLOW_END))
    keep(old, CallStarted("other", "fs2", "4001", 900.0))
    assert old.close(5.0)
    store = folder.open(clock=lambda: now)
    keep(store, started("mine", now + 0.5))
    assert store.close_lost(["c2"], 1001.0, switch="fs1") == 2
    assert store.flush(5.0)
    causes = {row.call_id: row.terminal_cause for row in store.list_calls(limit=10)}
    assert causes == {
        "c0": "flow_end",
        "c1": "engine_lost",
        "c2": None,
        "c3": "engine_lost",
        "mine": None,
        "other": None,
    }
    assert store.close_lost(["c2"], 1002.0, switch="fs1") == 0


def test_recording_takes_no_time_of_the_caller(store: SqlStore) -> None:
    """The hub is never given away inside `record`: whatever is recorded in one go stays in one go."""
    order: list[str] = []
    other = gevent.spawn(order.append, "other")
    for n in range(2000):
        store.record(started(f"c{n}"))
    order.append("recorded")
    assert store.flush(20.0)
    other.join(timeout=30.0)
    assert order == ["recorded", "other"]
    assert len(store.list_calls(limit=1000)) == 1000


def test_a_reader_sees_what_a_writer_wrote_and_changes_nothing(folder: Folder) -> None:
    with pytest.raises(StoreUnavailable, match="start the engine once"):
        folder.open(read_only=True)
    keep(folder.open(), *A_CALL)
    reader = folder.open(read_only=True)
    assert [row.call_id for row in reader.list_calls(limit=5)] == ["c1"]
    with pytest.raises(StoreUnavailable, match="reading only"):
        reader.record(started("c2"))
    assert reader.health().healthy


#: Of calls, so that no text makes two of them one.
NUMBERS = itertools.count(1)


@pytest.fixture(scope="module")
def any_store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SqlStore]:
    folder = Folder(tmp_path_factory.mktemp("any"))
    yield folder.open()
    folder.close()


ANY_TEXT = st.text(st.characters(codec=None), max_size=300)


@settings(max_examples=60, deadline=None)
@given(text=ANY_TEXT, other=ANY_TEXT)
def test_any_text_can_be_kept(any_store: SqlStore, text: str, other: str) -> None:
    """All in one store, which must not care what came before."""
    store = any_store
    call_id = f"{next(NUMBERS)}{text[:40]}"
    keep(
        store,
        CallStarted(call_id, text, other, 1.0, caller=text, caller_name=other, flow=text),
        LegAdded(call_id, f"{call_id[:9]}{other}", "caller", 1.0, other),
        NodeVisit(call_id, text, other, "play", 1, 1.0, 2.0, text, other),
        CallEnded(call_id, 2.0, HANGUP, text, other, (text, other), 1.5, text),
    )
    assert store.health().rejected == 0
    found = store.find_call(call_id, unmask=True)
    assert found is not None
    kept = text.encode("utf-8", "replace").decode().replace("\x00", "\ufffd")
    assert found.call.caller == kept
    assert len(found.legs) == len(found.visits) == 1


@pytest.mark.parametrize(
    ("number", "normal"),
    [
        ("13800001234", "13800001234"),
        ("+86 138-0000-1234", "13800001234"),
        ("008613800001234", "13800001234"),
        ("8613800001234", "13800001234"),
        ("+86 (10) 1234 5678", "01012345678"),
        ("+86 010 12345678", "01012345678"),
        ("010-12345678", "01012345678"),
        ("86123456", "86123456"),
        ("+1 202 555 0100", "+12025550100"),
        ("001 202 555 0100", "+12025550100"),
        ("1001", "1001"),
        ("Alice@Example.org", "alice@example.org"),
        ("anonymous", "anonymous"),
        ("١٢٣", "١٢٣"),
        ("", ""),
    ],
)
def test_one_subscriber_has_one_spelling(number: str, normal: str) -> None:
    assert normalise_number(number) == normal
    assert normalise_number(normal) == normal
