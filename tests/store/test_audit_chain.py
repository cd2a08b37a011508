"""Whoever gets around the database's triggers is found by the chain, with the line at which it shows."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import gevent
import pytest
from sqlalchemy import text

from cti.cli import main
from cti.core.access import AuditLine, Author
from cti.store import SqlStore
from cti.store.audit_chain import ANCHOR, Head
from cti.store.audit_proof import Proof
from tests.store.conftest import Folder
from tests.store.template import copy_database
from tests.store.test_postgresql import Server, server

__all__ = ["server"]  # the fixture
ANNA = Author("u-1", "anna", "session:s")


@pytest.fixture
def store(folder: Folder) -> SqlStore:
    copy_database(folder.path)
    return folder.open()


def write(store: SqlStore, *numbers: int) -> None:
    for number in numbers:
        line = AuditLine(number + 0.1, ANNA, "calls.unmask", f"call:{number}", "data.unmask", True, "客", {"a": "é"})
        store.accounts.audit.add(line)


def attack(folder: Folder, *statements: str) -> None:
    """By somebody who may write the file, and first takes the triggers away."""
    with closing(sqlite3.connect(folder.db)) as connection, connection:
        triggers = connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'audit'")
        for (name,) in triggers.fetchall():
            connection.execute(f"DROP TRIGGER {name}")
        for statement in statements:
            connection.execute(statement)


def found(proof: Proof) -> tuple[str, int] | None:
    return None if proof.broken is None else (proof.broken.code, proof.broken.number)


def test_what_nobody_touched_is_good_and_starts_at_the_anchor(store: SqlStore, folder: Folder) -> None:
    assert store.accounts.audit.prove().good
    write(store, 1, 2, 3)
    proof = store.accounts.audit.prove()
    assert (proof.good, proof.lines, proof.first) == (True, 3, 1)
    with closing(sqlite3.connect(folder.db)) as connection:
        hashes = connection.execute("SELECT previous_hash, line_hash FROM audit ORDER BY number").fetchall()
    assert [before for before, _ in hashes] == [ANCHOR, hashes[0][1], hashes[1][1]]
    assert proof.head == Head(3, hashes[2][1])


COPY = "INSERT INTO audit SELECT 9, at, user_id, user_name, via, permission, action, target, allowed, reason,"


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("UPDATE audit SET allowed = 0 WHERE number = 2", ("line-changed", 2)),
        ("UPDATE audit SET at = at + 0.000001 WHERE number = 3", ("line-changed", 3)),
        ("UPDATE audit SET user_name = 'ben' WHERE number = 5", ("line-changed", 5)),
        ("UPDATE audit SET line_hash = 'x' WHERE number = 2", ("line-changed", 2)),
        ("UPDATE audit SET number = 7 WHERE number = 5", ("line-changed", 7)),
        ("DELETE FROM audit WHERE number = 1", ("line-missing", 2)),
        ("DELETE FROM audit WHERE number = 3", ("line-missing", 4)),
        ("DELETE FROM audit WHERE number >= 4", ("tail-missing", 3)),
        ("DELETE FROM audit", ("tail-missing", 0)),
        (COPY + "before_json, after_json, NULL, NULL FROM audit WHERE number = 2", ("line-put-in", 9)),
        (COPY + "before_json, after_json, previous_hash, line_hash FROM audit WHERE number = 2", ("line-missing", 9)),
        ("DELETE FROM store_meta WHERE name = 'audit.head'", ("head-missing", 5)),
        ("UPDATE store_meta SET value = 'k1.AAAA' WHERE name = 'audit.head'", ("head-broken", 5)),
    ],
)
def test_the_first_line_at_which_it_breaks_is_told(
    store: SqlStore, folder: Folder, statement: str, expected: tuple[str, int]
) -> None:
    write(store, 1, 2, 3, 4, 5)
    attack(folder, statement)
    assert found(store.accounts.audit.prove()) == expected


def test_a_tail_that_is_cut_off_is_told_whatever_is_written_later(store: SqlStore, folder: Folder) -> None:
    write(store, 1, 2, 3, 4, 5)
    attack(folder, "DELETE FROM audit WHERE number >= 4")
    write(store, 6)
    assert found(store.accounts.audit.prove()) == ("line-missing", 6)


def test_a_chain_made_anew_does_not_agree_with_the_sealed_head(store: SqlStore, folder: Folder) -> None:
    write(store, 1, 2, 3)
    head = store.accounts.audit.prove().head
    attack(folder, "DELETE FROM store_meta WHERE name = 'audit.head'", "DELETE FROM audit WHERE number = 3")
    write(store, 4)  # a writer without a head goes on, and does not forget it
    proof = store.accounts.audit.prove()
    assert (proof.broken, proof.good, [(one.what, one.number) for one in proof.faults]) == (
        None, False, [("head-missing", 2)],
    )  # fmt: skip
    assert found(store.accounts.audit.prove(head)) == ("not-as-noted", 3)


def test_an_old_database_with_its_old_head_is_found_by_a_head_that_was_noted(store: SqlStore, folder: Folder) -> None:
    write(store, 1)
    with closing(sqlite3.connect(folder.db)) as connection:
        (old,) = connection.execute("SELECT value FROM store_meta WHERE name = 'audit.head'").fetchone()
    write(store, 2, 3)
    noted = store.accounts.audit.prove().head
    attack(folder, "DELETE FROM audit WHERE number > 1", f"UPDATE store_meta SET value = '{old}' WHERE name LIKE 'au%'")
    assert store.accounts.audit.prove().good
    assert found(store.accounts.audit.prove(noted)) == ("not-as-noted", 1)


def test_an_old_head_alone_is_told_and_stops_no_writer(store: SqlStore, folder: Folder) -> None:
    write(store, 1)
    with closing(sqlite3.connect(folder.db)) as connection:
        (old,) = connection.execute("SELECT value FROM store_meta WHERE name = 'audit.head'").fetchone()
    write(store, 2, 3)
    attack(folder, f"UPDATE store_meta SET value = '{old}' WHERE name = 'audit.head'")
    assert found(store.accounts.audit.prove()) == ("head-old", 3)
    write(store, 4)
    assert [one.what for one in store.accounts.audit.prove().faults] == ["head-old"]


def test_lines_from_before_there_was_a_chain_are_proved_too(store: SqlStore, folder: Folder) -> None:
    write(store, 1, 2)
    attack(
        folder,
        "UPDATE audit SET previous_hash = NULL, line_hash = NULL",
        "DELETE FROM store_meta WHERE name = 'audit.head'",
    )
    assert (store.accounts.audit.prove().good, store.accounts.audit.prove().first) == (True, None)
    folder.open()  # a start takes them into the chain
    attack(folder, "UPDATE audit SET allowed = 0 WHERE number = 2")
    assert found(store.accounts.audit.prove()) == ("tail-missing", 2)
    attack(folder, "UPDATE audit SET allowed = 1 WHERE number = 2")
    write(store, 3, 4)
    proof = store.accounts.audit.prove()
    assert (proof.good, proof.lines, proof.first) == (True, 4, 3)
    attack(folder, "UPDATE audit SET allowed = 0 WHERE number = 1")
    assert found(store.accounts.audit.prove()) == ("before-chain", 3)


WRITER = """
import sys
from pathlib import Path
from tests.store.test_audit_chain import write
from cti.store import open_store
store = open_store(sys.argv[1], Path(sys.argv[2]), busy_s=60.0)
write(store, *range(25))
store.close(5.0)
"""


def written_by_several(url: str, folder: Folder, store: SqlStore) -> None:
    """By another process and by several greenlets of this one."""
    writer = subprocess.Popen([sys.executable, "-c", WRITER, url, str(folder.ring)], cwd=Path(__file__).parents[2])
    gevent.joinall([gevent.spawn(write, store, *range(25)) for _ in range(2)], raise_error=True)
    assert writer.wait(120) == 0
    proof = store.accounts.audit.prove()
    assert (proof.good, proof.lines) == (True, 75)


def test_several_writers_make_one_chain(folder: Folder) -> None:
    copy_database(folder.path)
    written_by_several(f"sqlite:///{folder.db}", folder, folder.open(busy_s=60.0))


def test_several_writers_make_one_chain_on_postgresql(folder: Folder, server: Server) -> None:
    store = folder.open(url=server.url)
    written_by_several(server.url, folder, store)
    with store._engine.begin() as connection:
        connection.execute(text("ALTER TABLE audit DISABLE TRIGGER audit_append_only"))
        connection.execute(text("UPDATE audit SET reason = 'x' WHERE number = 7"))
        connection.execute(text("ALTER TABLE audit ENABLE TRIGGER audit_append_only"))
    assert found(store.accounts.audit.prove()) == ("line-changed", 7)
    folder.close()


def test_the_command_tells_it(folder: Folder, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    copy_database(folder.path)
    store = folder.open()
    (folder.path / "cti.yaml").write_text(
        "data: .\nswitches: [{name: fs, host: 127.0.0.1, password: only-for-tests}]\n"
    )
    monkeypatch.setenv("CTI_CONFIG", str(folder.path / "cti.yaml"))
    write(store, 1, 2)
    assert main(["audit", "verify"]) == 0
    said = capsys.readouterr().out
    assert said.startswith("every line is there as it was written: 2 lines, hashes from line 1 on\nhead 2:")
    attack(folder, "DELETE FROM audit WHERE number = 2")
    assert main(["audit", "verify"]) == 1
    assert "line 1 [tail-missing]" in capsys.readouterr().out
    assert main(["audit", "verify", "--json", "--noted", said.split()[-1]]) == 1
    told = json.loads(capsys.readouterr().out)
    assert (told["good"], told["broken"]["code"], told["lines"]) == (False, "tail-missing", 1)
    with pytest.raises(SystemExit):
        main(["audit", "verify", "--noted", "2:abc"])
