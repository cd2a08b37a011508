"""The journal of runs in the database: compressed, sealed with the key ring, secrets with a key of their call.

That key is made with the first secret and deleted in the transaction that writes the call detail record; SQLite is told
to overwrite what it deletes. A secret that comes later than the record is not kept at all.
"""

from __future__ import annotations

import json
import os
import zlib
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, bindparam, delete, select

from cti.core.records import CallJournal, JournalPart
from cti.store.database import insert_ignoring
from cti.store.fixed import run_many
from cti.store.rows import clean, context
from cti.store.schema import call_journal, call_keys, call_records
from cti.store.sealing import KEY_BYTES, SealBroken, Sealer, compress

_LEVEL = 6  # of zlib: a call of twenty events becomes about a fifth
_TEXT = json.JSONEncoder(ensure_ascii=False).encode
_CALL_KEY = "call"
_FORGET = delete(call_keys).where(call_keys.c.call_id == bindparam("of_call"))
_WITH_SECRETS = (
    select(call_journal.c.begun_at, call_journal.c.part, call_journal.c.body_sealed, call_journal.c.secrets_sealed)
    .where(call_journal.c.call_id == bindparam("of_call"))
    .order_by(call_journal.c.begun_at, call_journal.c.part)
)


def write_parts(connection: Connection, sealer: Sealer, parts: Sequence[JournalPart], ending: set[str]) -> None:
    """``ending``: calls whose record is written in the same transaction; their secrets are not worth a key."""
    if not parts:
        return
    keys = _keys(connection, sealer, {clean(part.call_id, 128) for part in parts if part.secrets} - ending)
    run_many(connection, insert_ignoring(connection, call_journal), [_row(part, sealer, keys) for part in parts])


def forget_keys(connection: Connection, ended: Sequence[str]) -> None:
    """The secrets of these calls cannot be read any more."""
    run_many(connection, _FORGET, [{"of_call": call_id} for call_id in ended])


def find_journals(connection: Connection, sealer: Sealer, call_ids: Sequence[str]) -> dict[str, CallJournal]:
    """Those that there are. Raises SealBroken."""
    found = ((call_id, find_journal(connection, sealer, call_id)) for call_id in call_ids)
    return {call_id: one for call_id, one in found if one is not None}


def find_journal(connection: Connection, sealer: Sealer, call_id: str) -> CallJournal | None:
    """The last run of the call. Raises SealBroken."""
    call_id = clean(call_id, 128)
    found = connection.execute(_WITH_SECRETS, {"of_call": call_id}).all()
    if not found:
        return None
    begun_at = found[-1].begun_at
    key = _key(connection, sealer, call_id)
    entries: list[Any] = []
    secrets: dict[str, str] = {}
    for row in found:
        if row.begun_at != begun_at:
            continue
        where = _where("body", call_id, row.begun_at, row.part)
        entries += json.loads(zlib.decompress(sealer.open_bytes(row.body_sealed, where)))
        if row.secrets_sealed is not None and key is not None:
            where = _where("secrets", call_id, row.begun_at, row.part)
            secrets |= json.loads(key.open_bytes(row.secrets_sealed, where))
    return CallJournal(call_id, begun_at, tuple(entries), secrets)


def _row(part: JournalPart, sealer: Sealer, keys: Mapping[str, Sealer]) -> dict[str, Any]:
    call_id = clean(part.call_id, 128)
    body = compress(_TEXT(part.entries).encode("utf-8", "surrogatepass"), _LEVEL)
    key = keys.get(call_id) if part.secrets else None
    secrets = None
    if key is not None:
        where = _where("secrets", call_id, part.begun_at, part.part)
        secrets = key.seal_bytes(json.dumps(dict(part.secrets)).encode(), where)
    return {
        "call_id": call_id,
        "begun_at": part.begun_at,
        "part": part.part,
        "body_sealed": sealer.seal_bytes(body, _where("body", call_id, part.begun_at, part.part)),
        "secrets_sealed": secrets,
    }


def _where(what: str, call_id: str, begun_at: float, part: int) -> str:
    return context("call_journal", what, call_id, repr(float(begun_at)), str(part))


def _keys(connection: Connection, sealer: Sealer, calls: set[str]) -> dict[str, Sealer]:
    """A key for each call that is still up."""
    if not calls:
        return {}
    over = set(connection.execute(select(call_records.c.call_id).where(call_records.c.call_id.in_(calls))).scalars())
    found: dict[str, Sealer] = {}
    for call_id in sorted(calls - over):
        fresh = sealer.seal_bytes(os.urandom(KEY_BYTES), context("call_keys", "key", call_id))
        connection.execute(insert_ignoring(connection, call_keys), [{"call_id": call_id, "key_sealed": fresh}])
        key = _key(connection, sealer, call_id)
        if key is not None:
            found[call_id] = key
    return found


def _key(connection: Connection, sealer: Sealer, call_id: str) -> Sealer | None:
    row = connection.execute(select(call_keys.c.key_sealed).where(call_keys.c.call_id == call_id)).one_or_none()
    if row is None:
        return None
    raw = sealer.open_bytes(row.key_sealed, context("call_keys", "key", call_id))
    if len(raw) != KEY_BYTES:
        raise SealBroken(f"the key of call {call_id} is damaged")
    return Sealer({_CALL_KEY: raw}, _CALL_KEY, b"")
