"""The database is locked, read-only, damaged, gone, or the engine is killed: nothing kept is lost, calls go on."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from cti.core.records import NodeVisit, StoreHealth
from tests.store.conftest import Folder
from tests.store.troublekit import SMALL, expected, ids, locked, put_calls, until


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Folder]:
    """Where a lock is met soon."""
    found = Folder(tmp_path, busy_s=0.05)
    yield found
    found.close()


# ---- away for a while ---------------------------------------------------------------------------------------------


def test_a_locked_database_loses_nothing_and_stops_nobody(folder: Folder) -> None:
    seen: list[StoreHealth] = []
    store = folder.open(on_health=seen.append)
    put_calls(store, range(5))
    assert store.flush(5.0)
    with locked(folder.db):
        put_calls(store, range(5, 50))
        assert store.flush(0.3) is False
        assert not store.health().healthy
        assert "is locked by another process" in store.health().error
        assert [row for row in ids(store) if row > "c00004"] == []
    assert store.flush(10.0)
    assert store.health() == StoreHealth(
        healthy=True, queued=0, spilled=0, written=150, rejected=0, lost=0, duplicates=0, error=""
    )
    assert ids(store) == expected(range(50))
    assert [health.healthy for health in seen] == [False, True]


def test_what_memory_cannot_hold_waits_in_a_sealed_file_and_keeps_its_order(folder: Folder) -> None:
    store = folder.open(settings=SMALL)
    with locked(folder.db):
        for n in range(0, 40, 10):
            put_calls(store, range(n, n + 10))
            until(lambda: store.health().queued <= 10, "nothing was spilled")
        assert store.health().spilled >= 110
        assert store.health().queued <= 10
        assert oct(folder.spill.stat().st_mode & 0o777) == "0o600"
        put_calls(store, range(40, 50))
        assert store.flush(0.05) is False
    assert store.flush(20.0)
    assert ids(store) == expected(range(50))
    assert (store.health().lost, store.health().rejected, store.health().spilled) == (0, 0, 0)
    assert store.health().duplicates == 0
    assert folder.spill.stat().st_size == 0
    assert store.close(5.0)
    assert not folder.spill.exists()


def test_closing_while_locked_spills_and_the_next_start_takes_it_up(folder: Folder) -> None:
    store = folder.open()
    with locked(folder.db):
        put_calls(store, range(30))
        assert store.close(0.2) is False
        spilled = folder.spill.read_bytes()
    assert len(spilled.splitlines()) == 90
    assert b"c00000" not in spilled
    again = folder.open()
    put_calls(again, range(30, 35))
    assert again.flush(10.0)
    assert ids(again) == expected(range(35))


def test_a_spill_file_cut_short_or_damaged_costs_only_the_damaged_lines(folder: Folder) -> None:
    store = folder.open()
    with locked(folder.db):
        put_calls(store, range(10))
        assert store.close(0.2) is False
    lines = folder.spill.read_bytes().splitlines(keepends=True)
    damaged = [b"garbage\n", *lines[:-1], b'{"v": 1, "record": "k1.AAAA"}\n', lines[-1], lines[0][:40]]
    folder.spill.write_bytes(b"".join(damaged))
    again = folder.open()
    assert again.flush(10.0)
    assert ids(again) == expected(range(10))
    assert again.health().rejected == 3
    assert len(folder.rejected.read_bytes().splitlines()) == 3


def test_a_database_that_was_moved_away_is_noticed_and_waited_for(folder: Folder) -> None:
    store = folder.open()
    put_calls(store, range(3))
    assert store.flush(5.0)
    away = folder.path / "elsewhere.db"
    folder.db.rename(away)
    put_calls(store, range(3, 6))
    assert store.flush(0.2) is False
    assert "moved or deleted" in store.health().error
    assert not folder.db.exists()
    away.rename(folder.db)
    assert store.flush(5.0)
    assert ids(store) == expected(range(6))


def test_the_last_resort_is_to_drop_and_count(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    store = folder.open(settings=SMALL)
    writer = store._writer
    assert writer is not None

    def full(_lines: list[bytes]) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(writer._overflow._spill, "append", full)
    with locked(folder.db):
        put_calls(store, range(100))
        assert store.flush(0.1) is False
        assert store.health().queued == 40
        assert store.health().lost == 260
    assert store.flush(10.0)
    assert ids(store) == expected(range(14))


def test_a_record_that_the_database_refuses_holds_up_nobody(folder: Folder) -> None:
    store = folder.open()
    put_calls(store, range(20))
    store.record(NodeVisit("no such call", "f", "n", "play", 1, 1.0))
    put_calls(store, range(20, 40))
    assert store.flush(10.0)
    assert ids(store) == expected(range(40))
    assert (store.health().healthy, store.health().rejected, store.health().written) == (True, 1, 120)
    assert len(folder.rejected.read_bytes().splitlines()) == 1
    assert b"no such call" not in folder.rejected.read_bytes()


def test_two_engines_on_one_database_have_their_own_spill_files(folder: Folder) -> None:
    one, other = folder.open(), folder.open()
    with locked(folder.db):
        put_calls(one, range(10))
        put_calls(other, range(10, 20))
        assert [one.close(0.2), other.close(0.2)] == [False, False]
    assert sorted(p.name for p in folder.path.glob("*.spill.*")) == ["cti.db.spill.jsonl", "cti.db.spill.jsonl.1"]
    again = folder.open()
    assert again.flush(10.0)
    assert ids(again) == expected(range(20))
    assert again.close(5.0)
    assert list(folder.path.glob("*.spill.*")) == []


# ---- kill -9 -----------------------------------------------------------------------------------------------------

WRITE = """
import sys
from pathlib import Path
from cti.store import open_store
from tests.store.test_trouble import put_calls
folder = Path(sys.argv[1])
store = open_store(f"sqlite:///{folder}/cti.db", folder / "keys.json")
n = int(sys.argv[2])
while True:
    put_calls(store, range(n, n + 7))
    n += 7
    if store.flush(10.0):
        print(n, flush=True)
"""


@pytest.mark.parametrize("acknowledged", [1, 5, 20])
def test_what_was_flushed_outlives_kill_9(folder: Folder, acknowledged: int) -> None:
    done = 0
    for _ in range(2):
        with subprocess.Popen(
            [sys.executable, "-c", WRITE, str(folder.path), str(done)],
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).parents[2],
        ) as writer:
            assert writer.stdout is not None
            for _ in range(acknowledged):
                done = int(writer.stdout.readline())
            os.kill(writer.pid, signal.SIGKILL)
            rest = writer.stdout.read().split()
            done = int(rest[-1]) if rest else done
    store = folder.open()
    found = ids(store)
    assert found[:done] == expected(range(done))
    with closing(sqlite3.connect(folder.db)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        per_call = connection.execute(
            "SELECT calls.call_id, count(call_records.call_id), count(node_visits.call_id) FROM calls"
            " LEFT JOIN call_records USING (call_id) LEFT JOIN node_visits USING (call_id) GROUP BY calls.call_id"
        ).fetchall()
    assert per_call[:done] == [(call_id, 1, 1) for call_id in expected(range(done))]
    assert store.close_lost([], 5000.0) == sum(1 for _, records, _ in per_call if records == 0)
    assert store.flush(5.0)
    assert {row.terminal_cause for row in store.list_calls(limit=1000)} <= {"flow_end", "engine_lost"}
