"""The key ring: made once, kept safe, never replaced by a new one where data exists."""

from __future__ import annotations

import json
import multiprocessing
import os
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cti.core.errors import ConfigError
from cti.core.records import CallStarted
from cti.store import SqlStore, rotate
from cti.store.keyring import KeyRing, create_ring, load_ring
from cti.store.sealing import SealBroken, Sealer
from tests.store.conftest import Folder

KEYS = {"k1": b"1" * 32, "k2": b"2" * 32}


def keep(store: SqlStore, call_id: str, number: str) -> None:
    store.record(CallStarted(call_id, "fs1", "4001", 1.0, caller=number))
    assert store.flush(5.0)


def numbers(store: SqlStore) -> dict[str, str | None]:
    return {row.call_id: row.caller for row in store.list_calls(limit=10, unmask=True)}


def edit(ring: Path, **changes: Any) -> None:
    ring.write_text(json.dumps({**json.loads(ring.read_text()), **changes}))


def test_the_ring_is_made_on_first_start_for_its_owner_only(folder: Folder) -> None:
    assert folder.open().close(1.0)
    assert oct(folder.ring.stat().st_mode & 0o777) == "0o600"
    body = json.loads(folder.ring.read_text())
    assert (body["version"], body["active"], list(body["keys"])) == (1, "k1", ["k1"])
    assert body["blind"] != body["keys"]["k1"]
    assert sorted(p.name for p in folder.path.iterdir()) == ["cti.db", "keys.json"]
    before = folder.ring.read_bytes()
    assert folder.open().close(1.0)
    assert folder.ring.read_bytes() == before


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o666, 0o610])
def test_a_ring_that_others_can_read_is_refused(folder: Folder, mode: int) -> None:
    assert folder.open().close(1.0)
    folder.ring.chmod(mode)
    with pytest.raises(ConfigError, match="can be read by others") as refused:
        folder.open()
    assert refused.value.remedy == f"chmod 600 {folder.ring}"


def test_a_lost_ring_is_an_error_and_no_new_one_is_made(folder: Folder) -> None:
    store = folder.open()
    keep(store, "c1", "13800001234")
    assert store.close(1.0)
    saved = folder.ring.read_bytes()
    folder.ring.unlink()
    for read_only in (False, True):
        with pytest.raises(ConfigError, match="key ring is missing"):
            folder.open(read_only=read_only)
    assert not folder.ring.exists()
    folder.ring.touch(0o600)
    folder.ring.write_bytes(saved)
    assert numbers(folder.open()) == {"c1": "13800001234"}


def test_a_spill_file_alone_also_needs_its_ring(folder: Folder) -> None:
    folder.spill.write_bytes(b"something\n")
    with pytest.raises(ConfigError, match="key ring is missing"):
        folder.open()


def test_the_ring_of_another_database_is_refused(folder: Folder, tmp_path_factory: pytest.TempPathFactory) -> None:
    assert folder.open().close(1.0)
    folder.ring.unlink()
    create_ring(folder.ring)
    with pytest.raises(ConfigError, match="belongs to another database"):
        folder.open()


def test_a_ring_with_another_index_key_is_refused(folder: Folder) -> None:
    assert folder.open().close(1.0)
    edit(folder.ring, blind=json.loads(folder.ring.read_text())["keys"]["k1"])
    with pytest.raises(ConfigError, match="belongs to another database"):
        folder.open()


def test_after_a_rotation_old_values_are_read_and_new_ones_sealed_anew(folder: Folder) -> None:
    store = folder.open()
    keep(store, "c1", "13800001234")
    assert store.close(1.0)
    old = json.loads(folder.ring.read_text())
    assert rotate(folder.ring).active == "k2"
    assert oct(folder.ring.stat().st_mode & 0o777) == "0o600"
    store = folder.open()
    keep(store, "c2", "13800005678")
    assert numbers(store) == {"c1": "13800001234", "c2": "13800005678"}
    assert store.close(1.0)
    with closing(sqlite3.connect(folder.db)) as connection:
        sealed = connection.execute("SELECT substr(caller_sealed, 1, 3) FROM calls ORDER BY call_id").fetchall()
    assert sealed == [("k1.",), ("k2.",)]
    edit(folder.ring, active="k1", keys=old["keys"])
    with pytest.raises(ConfigError, match="lacks key k2"):
        folder.open()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "null",
        '{"version": 1}',
        '{"version": 2, "active": "k1", "keys": {}, "blind": ""}',
        '{"version": 1, "active": "k1", "keys": {"k1": "c2hvcnQ="}, "blind": "c2hvcnQ="}',
        '{"version": 1, "active": "k1", "keys": {"k1": 7}, "blind": "x"}',
        "\x00\xff",
    ],
)
def test_a_damaged_ring_is_refused_without_showing_it(tmp_path: Path, text: str) -> None:
    ring = tmp_path / "keys.json"
    ring.touch(0o600)
    ring.write_text(text, encoding="latin-1")
    with pytest.raises(ConfigError) as refused:
        load_ring(ring)
    assert refused.value.place is not None
    assert "c2hvcnQ" not in str(refused.value)


def test_a_ring_whose_active_key_is_missing_is_refused(tmp_path: Path) -> None:
    ring = tmp_path / "keys.json"
    create_ring(ring)
    edit(ring, active="k9")
    with pytest.raises(ConfigError, match="active key 'k9' is not in the key ring"):
        load_ring(ring)


def test_keys_never_show_in_a_repr() -> None:
    assert "1111" not in repr(KeyRing("k1", KEYS, b"3" * 32))


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="cannot be"):
        create_ring(tmp_path / "file" / "keys.json")
    assert load_ring(tmp_path / "none.json") is None


def _create(path: str) -> bytes:
    return create_ring(Path(path)).keys["k1"]


def test_processes_that_start_together_agree_on_one_ring(tmp_path: Path) -> None:
    with multiprocessing.get_context("spawn").Pool(4) as pool:
        keys = pool.map_async(_create, [str(tmp_path / "keys.json")] * 8).get(timeout=60)
    assert len(set(keys)) == 1
    assert os.listdir(tmp_path) == ["keys.json"]


# ---- sealing ------------------------------------------------------------------------------------------------------


@given(st.text(st.characters(codec="utf-8")), st.text(st.characters(codec="utf-8")))
def test_what_is_sealed_opens_in_its_place_only(text: str, context: str) -> None:
    sealer = Sealer(KEYS, "k2", b"3" * 32)
    sealed = sealer.seal(text, context)
    assert sealed.startswith("k2.")
    assert sealer.open(sealed, context) == text
    with pytest.raises(SealBroken):
        sealer.open(sealed, context + "x")
    assert sealer.seal(text, context) != sealed


@pytest.mark.parametrize("broken", ["", "k1", "k1.", "k1.AAAA", "k9.AAAA", "k1.ü", "k1." + "A" * 60])
def test_a_broken_value_is_an_error_not_a_crash(broken: str) -> None:
    with pytest.raises(SealBroken):
        Sealer(KEYS, "k1", b"3" * 32).open(broken, "calls/caller/c1")


def test_a_value_moved_to_another_call_does_not_open(folder: Folder) -> None:
    store = folder.open()
    keep(store, "c1", "13800001234")
    keep(store, "c2", "13800005678")
    with closing(sqlite3.connect(folder.db)) as connection, connection:
        connection.execute(
            "UPDATE calls SET caller_sealed = (SELECT caller_sealed FROM calls WHERE call_id = 'c1')"
            " WHERE call_id = 'c2'"
        )
    with pytest.raises(SealBroken, match="calls/caller/c2"):
        store.find_call("c2")


def test_the_index_depends_on_its_key_and_shows_nothing() -> None:
    one, other = Sealer(KEYS, "k1", b"3" * 32), Sealer(KEYS, "k1", b"4" * 32)
    assert one.blind("13800001234") == one.blind("13800001234") != other.blind("13800001234")
    assert "1380" not in one.blind("13800001234")
