"""The chain over the lines of the audit: each line has the hash of the one before it, and the last one is sealed.

A line's hash is SHA-256 over the hash before and the line in one spelling (JSON). So whoever changes, removes or puts
in a line has to make all later ones anew; and that shows, because the *head* (number and hash of the last line) is
sealed with the key ring, which does not stand in the database. The head shows a tail that was cut off, too.

Lines from before there was a chain have no hashes; the first line of the chain follows the hash that they would have.
Somebody who puts back an old database with its old head is found by a head that was noted elsewhere (`Head.text`).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any
from weakref import WeakKeyDictionary

from sqlalchemy import Connection, Engine, Row, insert, select, text, update

from cti.store.rows import context
from cti.store.schema import store_meta
from cti.store.schema_people import audit
from cti.store.sealing import SealBroken, Sealer

#: What the first line of all follows.
ANCHOR = hashlib.sha256(b"cti audit 1").hexdigest()
_HEAD = "audit.head"
_CONTEXT = context("store_meta", "value", _HEAD)
#: Writers take turns: an arbitrary number, ours alone. On SQLite a write transaction is alone anyway.
_LOCK = 0x43544932
_FAULTS_MAX = 20
_PAGE = 1_000
#: In the order in which they are hashed.
_FIELDS = (
    "at", "user_id", "user_name", "via", "permission", "action", "target", "allowed", "reason", "before_json",
    "after_json",
)  # fmt: skip
_sealers: WeakKeyDictionary[Engine, Sealer] = WeakKeyDictionary()


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that a writer found wrong with the head; it goes on, and this is not forgotten. ``what``: head-missing,
    head-broken (does not open), head-old (lines stand behind it). ``number``: of the last line then."""

    what: str
    number: int
    at: float


@dataclass(frozen=True, slots=True)
class Head:
    """The last line: its number (0: there is none) and hash."""

    number: int
    hash: str
    faults: tuple[Fault, ...] = ()

    @property
    def text(self) -> str:
        """To be noted elsewhere: ``<number>:<hash>``."""
        return f"{self.number}:{self.hash}"


def use_sealer(engine: Engine, sealer: Sealer) -> None:
    """With which heads are sealed in this database."""
    _sealers[engine] = sealer


def begin(connection: Connection, sealer: Sealer, at: float) -> None:
    """At a start: from now on there is a head. In a write transaction."""
    _lock(connection)
    _keep(connection, sealer, _head(connection, sealer, at))


def link(connection: Connection, values: Mapping[str, Any]) -> None:
    """Add a line (``values``: its columns, without number and hashes) to the table and the chain."""
    _lock(connection)
    sealer = _sealers[connection.engine]
    head = _head(connection, sealer, values["at"])
    number = head.number + 1
    found = hash_of(head.hash, number, values)
    connection.execute(insert(audit).values(number=number, previous_hash=head.hash, line_hash=found, **values))
    _keep(connection, sealer, replace(head, number=number, hash=found))


def hash_of(previous: str, number: int, values: Mapping[str, Any]) -> str:
    """Hexadecimal. Decimal points and letters are spelled alike, whichever database the line comes from."""
    line = [number, *(float(values[name]) if name == "at" else values[name] for name in _FIELDS)]
    return hashlib.sha256(f"{previous}\n{json.dumps(line, separators=(',', ':'))}".encode()).hexdigest()


def line_of(row: Row[Any]) -> Mapping[str, Any]:
    return {**row._mapping, "allowed": bool(row.allowed)}


def rows_after(connection: Connection, number: int, until: int) -> list[Row[Any]]:
    """A page of lines, the oldest first."""
    at = audit.c.number
    return list(connection.execute(select(audit).where(at > number, at <= until).order_by(at).limit(_PAGE)))


def last_line(connection: Connection) -> tuple[int, str | None]:
    """Number and hash; (0, None): there is no line."""
    query = select(audit.c.number, audit.c.line_hash).order_by(audit.c.number.desc()).limit(1)
    row = connection.execute(query).first()
    return (0, None) if row is None else (row.number, row.line_hash)


def read_head(connection: Connection, sealer: Sealer) -> Head | None:
    """None: there is none. Raises SealBroken."""
    sealed = connection.execute(select(store_meta.c.value).where(store_meta.c.name == _HEAD)).scalar()
    if sealed is None:
        return None
    told = json.loads(sealer.open(sealed, _CONTEXT))
    return Head(told["number"], told["hash"], tuple(Fault(**fault) for fault in told["faults"]))


def _head(connection: Connection, sealer: Sealer, at: float) -> Head:
    number, last_hash = last_line(connection)
    try:
        head = read_head(connection, sealer)
        what = "" if head is not None or last_hash is None else "head-missing"
    except SealBroken:
        head, what = None, "head-broken"
    if head is not None and head.number < number:
        what = "head-old"
    if head is not None and not what:
        return head
    faults = (*(head.faults if head is not None else ()), *((Fault(what, number, at),) if what else ()))
    return Head(number, last_hash or _hash_without_chain(connection, number), faults[-_FAULTS_MAX:])


def _hash_without_chain(connection: Connection, until: int) -> str:
    """Which the last line would have, had there always been a chain."""
    found, number = ANCHOR, 0
    while rows := rows_after(connection, number, until):
        for row in rows:
            found = hash_of(found, row.number, line_of(row))
        number = rows[-1].number
    return found


def _keep(connection: Connection, sealer: Sealer, head: Head) -> None:
    faults = [{"what": fault.what, "number": fault.number, "at": fault.at} for fault in head.faults]
    told = json.dumps({"number": head.number, "hash": head.hash, "faults": faults})
    sealed = sealer.seal(told, _CONTEXT)
    mine = update(store_meta).where(store_meta.c.name == _HEAD).values(value=sealed)
    if not connection.execute(mine).rowcount:
        connection.execute(insert(store_meta).values(name=_HEAD, value=sealed))


def _lock(connection: Connection) -> None:
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
