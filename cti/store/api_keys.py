"""API keys of machines: ``ctik_<key id>_<secret>``. The secret is shown once; its SHA-256 is kept."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, insert, select, update
from sqlalchemy.engine import CursorResult

from cti.core.access import Deed
from cti.core.errors import CtiError
from cti.core.people import User, check_title
from cti.store.audit import append
from cti.store.people import get
from cti.store.repository import Repository
from cti.store.rows import clean
from cti.store.schema_people import api_keys


@dataclass(frozen=True, slots=True)
class ApiKey:
    """Times in seconds since the epoch; ``used_at`` is right to a minute."""

    key_id: str
    user_id: str
    title: str
    created_at: float
    expires_at: float | None = None
    revoked_at: float | None = None
    used_at: float | None = None


class ApiKeys(Repository):
    """Changes raise CtiError: unknown-user, unknown-key."""

    def add(self, key: ApiKey, secret_hash: str, deed: Deed) -> ApiKey:
        check_title(key.title)

        def work(connection: Connection) -> ApiKey:
            get(connection, key.user_id)
            connection.execute(insert(api_keys).values({**_row(key), "secret_hash": secret_hash}))
            after = {"user": key.user_id, "title": key.title, "expires_at": key.expires_at}
            append(connection, deed.line("key.add", f"key:{key.key_id}", after=after))
            return key

        return self._write(work)

    def find(self, key_id: str) -> tuple[ApiKey, str, User] | None:
        """The key, the hash of its secret, and the user it acts for."""

        def work(connection: Connection) -> tuple[ApiKey, str, User] | None:
            row = connection.execute(select(api_keys).where(api_keys.c.key_id == clean(key_id, 64))).first()
            return None if row is None else (_key(row), row.secret_hash, get(connection, row.user_id))

        return self._read(work)

    def keys_of(self, user_id: str) -> list[ApiKey]:
        """Revoked ones too, the newest first."""
        query = select(api_keys).where(api_keys.c.user_id == clean(user_id, 64)).order_by(api_keys.c.created_at.desc())
        return self._read(lambda connection: [_key(row) for row in connection.execute(query)])

    def revoke(self, user_id: str, key_id: str, deed: Deed) -> None:
        """Once more changes nothing. Raises CtiError (unknown-key)."""

        def work(connection: Connection) -> None:
            at = api_keys.c
            of = (at.key_id == clean(key_id, 64)) & (at.user_id == clean(user_id, 64))
            query = update(api_keys).where(of, at.revoked_at.is_(None)).values(revoked_at=deed.at)
            done: CursorResult[Any] = connection.execute(query)
            if done.rowcount:
                append(connection, deed.line("key.revoke", f"key:{key_id}"))
            elif connection.execute(select(at.key_id).where(of)).first() is None:
                raise CtiError(f"there is no such key {key_id[:64]!r}", code="unknown-key")

        self._write(work)

    def note_use(self, key_id: str, at: float) -> None:
        query = update(api_keys).where(api_keys.c.key_id == key_id).values(used_at=at)
        self._write(lambda connection: connection.execute(query))


def _key(row: Row[Any]) -> ApiKey:
    return ApiKey(
        row.key_id, row.user_id, row.title, row.created_at, row.expires_at, row.revoked_at, row.used_at
    )  # fmt: skip


def _row(key: ApiKey) -> dict[str, Any]:
    return {
        "key_id": key.key_id,
        "user_id": key.user_id,
        "title": key.title,
        "created_at": key.created_at,
        "expires_at": key.expires_at,
    }
