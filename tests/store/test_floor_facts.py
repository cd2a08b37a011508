"""Facts of the floor: each is one row and counted once, whatever is written again, and whoever died meanwhile."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from typing import Any

from cti.acd import outputs as o
from cti.acd.states import OfferState, Outcome, Presence
from cti.core.records import Record
from cti.runtime.floor.ledger import Ledger
from cti.store import SqlStore
from cti.store.rows import from_line, to_line
from cti.store.sealing import Sealer
from tests.store.conftest import Folder

AT = 1_772_416_800.0  # a full hour
WHY = o.Why("agent_free", "longest_idle", {"sales": 3}, 0, 12.0, 30.0, 0, AT)
FACTS: tuple[o.Output, ...] = (
    o.PresenceChanged(AT - 600, "ann", Presence.READY, "", Presence.LOGOUT, 0.0),
    o.EntryBegan(AT + 890, 1, "c1", "sales", "voice"),
    o.OfferMade(AT + 895, 2, "c1", "ann", "sales", "voice", AT + 915, WHY),
    o.OfferEnded(AT + 900, 2, "c1", "ann", "sales", "voice", OfferState.ACCEPTED, "", 5.0),
    o.EntryEnded(
        AT + 901.5, 1, "c1", "sales", "voice", AT + 890, Outcome.ANSWERED, "connected", 11.5, "ann",
        told_wait_s=20.0, told_after_s=1.5,
    ),
    o.EntryBegan(AT + 902, 3, "c2", "sales", "voice"),
    o.EntryEnded(AT + 905, 3, "c2", "sales", "voice", AT + 902, Outcome.ABANDONED, "hangup", 3.0),
    o.TimeSpent(AT + 1000, "ann", "handling", 150.0),
    o.Handled(AT + 1000, "c1", "ann", "sales", "voice", 60.25, 20.0, 18.25),
    o.PresenceChanged(AT + 1000, "ann", Presence.NOT_READY, "break", Presence.READY, 1600.0),
)  # fmt: skip


def records(facts: Sequence[o.Output] = FACTS, run: str = "r1") -> list[Record]:
    kept: list[Record] = []
    ledger = Ledger(kept.append, "node/0", run)
    ledger.begin(AT - 700)
    for fact in facts:
        ledger.hear(fact)
    return kept


def keep(store: SqlStore, made: Sequence[Record]) -> None:
    for record in made:
        store.record(record)
    assert store.flush(10.0)
    assert store.health().rejected == 0


def rows(folder: Folder, query: str) -> list[Any]:
    with closing(sqlite3.connect(folder.db)) as connection:
        return connection.execute(query).fetchall()


def counts(folder: Folder) -> dict[tuple[int, str, str], int]:
    found = rows(folder, "SELECT begins, name, count, value FROM interval_counts")
    return {(int(begins - AT), name, count): value for begins, name, count, value in found}


EXPECTED = {
    (0, "sales", "offered"): 1,
    (0, "sales", "answered"): 1,
    **{(0, "sales", f"answered_in_{n}"): 1 for n in (15, 20, 30, 60)},
    (0, "sales", "wait_answered_s"): 11_500,
    (900, "sales", "offered"): 1,
    (900, "sales", "abandoned"): 1,
    (900, "sales", "short_abandoned"): 1,
    **{(900, "sales", f"abandoned_in_{n}"): 1 for n in (5, 10, 15, 20, 30, 60)},
    (900, "sales", "wait_abandoned_s"): 3_000,
    (0, "ann", "offers"): 1,
    (900, "ann", "accepted"): 1,
    **{
        (900, name, count): value
        for name in ("sales", "ann")
        for count, value in (
            ("handled", 1), ("talk_s", 60_250), ("hold_s", 20_000), ("work_s", 18_250), ("without_disposition", 1),
        )
    },
    (0, "ann", "handling_s"): 50_000,
    (900, "ann", "handling_s"): 100_000,
}  # fmt: skip


def test_facts_become_rows_and_counts(folder: Folder) -> None:
    keep(folder.open(), records())
    assert counts(folder) == EXPECTED
    assert rows(folder, "SELECT entry_id, call_id, outcome, wait_s, agent, told_wait_s FROM queue_entries") == [
        ("r1/1", "c1", "answered", 11.5, "ann", 20.0),
        ("r1/3", "c2", "abandoned", 3.0, "", None),
    ]
    ((why, ending),) = rows(folder, "SELECT why, ending FROM offers")
    assert why.startswith("first by rank of all contacts that this agent may serve; asked: sales ≥ 3")
    assert ending == "accepted"
    assert rows(folder, "SELECT presence, reason, began_at, ended_at FROM presence_periods ORDER BY began_at") == [
        ("READY", "", AT - 600, AT + 1000),
        ("NOT_READY", "break", AT + 1000, None),
    ]


def test_a_batch_that_comes_again_counts_nothing(folder: Folder) -> None:
    store, made = folder.open(), records()
    keep(store, made)
    keep(store, made + made)
    for record in reversed(made):
        keep(store, [record])
    assert counts(folder) == EXPECTED


def test_one_record_at_a_time_is_the_same(folder: Folder) -> None:
    store = folder.open()
    for record in records():
        keep(store, [record])
    assert counts(folder) == EXPECTED


def test_an_ending_without_its_beginning_brings_it(folder: Folder) -> None:
    """The record of the beginning was lost: the counts reconcile all the same."""
    keep(folder.open(), [record for record in records() if not type(record).__name__.endswith("Opened")])
    assert counts(folder) == EXPECTED


def test_what_a_dead_engine_left_open_is_lost(folder: Folder) -> None:
    store = folder.open()
    keep(store, records(FACTS[:3]))
    keep(store, records(FACTS[:3], run="r2")[1:])  # another engine's, alive
    kept: list[Record] = []
    Ledger(kept.append, "node/0", "r3").begin(AT + 2000)
    Ledger(kept.append, "other/0", "r4").begin(AT + 2000)
    keep(store, kept[1:])
    assert rows(folder, "SELECT outcome FROM queue_entries") == [("",), ("",)], "another worker's"
    keep(store, kept[:1])
    keep(store, kept[:1])
    assert (
        rows(folder, "SELECT outcome, reason, ended_at FROM queue_entries") == [("lost", "engine_lost", AT + 2000)] * 2
    )
    assert rows(folder, "SELECT ending, reason FROM offers") == [("rescinded", "engine_lost")] * 2
    assert rows(folder, "SELECT ended_at FROM presence_periods") == [(AT + 2000,)] * 2
    found = counts(folder)
    assert (found[0, "sales", "offered"], found[0, "sales", "lost"]) == (2, 2)


def test_a_run_spares_its_own(folder: Folder) -> None:
    store = folder.open()
    made = records(FACTS[:3])
    keep(store, [*made[1:], made[0]])
    assert rows(folder, "SELECT outcome FROM queue_entries") == [("",)]


def test_they_survive_the_spill_file(folder: Folder) -> None:
    sealer = Sealer({"k1": bytes(32)}, "k1", bytes(32))
    made = records()
    assert [from_line(to_line(record, 7, sealer), sealer) for record in made] == [(7, record) for record in made]


def test_a_restart_counts_on(folder: Folder) -> None:
    store = folder.open()
    keep(store, records())
    store.close(5.0)
    keep(folder.open(), records(run="r2"))
    assert counts(folder)[0, "sales", "answered"] == 2
