"""What was answered to a request with an Idempotency-Key: kept for a day, sealed, over restarts."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

from sqlalchemy import Connection, Engine, delete, select, update
from sqlalchemy.engine import URL

from cti.store.database import insert_new
from cti.store.repository import Repository
from cti.store.schema_api import idempotency_keys
from cti.store.sealing import Sealer

KEPT_S = 86_400.0


@dataclass(frozen=True, slots=True)
class Answer:
    status: str
    content_type: str
    location: str
    etag: str
    body: str
    cache_control: str = ""


@dataclass(frozen=True, slots=True)
class Claimed:
    """``same``: it was the same request. ``answer`` None: it was begun and has not been answered: it is at work, or
    ended with its process."""

    same: bool
    answer: Answer | None


class IdempotencyKeys(Repository):
    """A key is its user's."""

    def __init__(self, engine: Engine, url: URL, sealer: Sealer) -> None:
        super().__init__(engine, url)
        self._sealer = sealer

    def claim(self, user_id: str, key: str, digest: str, now: float, *, kept_s: float = KEPT_S) -> Claimed | None:
        """None: it is ours now. What has expired is gone."""
        # A digest of little more than a telephone number would tell the number to whoever reads the database.
        digest = self._sealer.blind(f"idempotency:{digest}")
        at, row = idempotency_keys.c, {"user_id": user_id, "key": key, "digest": digest}

        def work(connection: Connection) -> tuple[str, str] | None:
            connection.execute(delete(idempotency_keys).where(at.expires_at <= now))
            values = {**row, "answer_sealed": "", "expires_at": now + kept_s}
            if insert_new(connection, idempotency_keys, values):
                return None
            found = connection.execute(select(at.digest, at.answer_sealed).where(at.user_id == user_id, at.key == key))
            known = found.one()
            return known.digest, known.answer_sealed

        known = self._write(work)
        if known is None:
            return None
        sealed = known[1]
        text = self._sealer.open(sealed, _context(user_id, key)) if sealed else ""
        return Claimed(known[0] == digest, Answer(**json.loads(text)) if text else None)

    def answered(self, user_id: str, key: str, answer: Answer) -> None:
        sealed = self._sealer.seal(json.dumps(asdict(answer), ensure_ascii=False), _context(user_id, key))
        at = idempotency_keys.c
        query = update(idempotency_keys).where(at.user_id == user_id, at.key == key).values(answer_sealed=sealed)
        self._write(lambda connection: connection.execute(query).rowcount)

    def release(self, user_id: str, key: str) -> None:
        """The request failed, and had no effect: the key may be used again."""
        at = idempotency_keys.c
        query = delete(idempotency_keys).where(at.user_id == user_id, at.key == key)
        self._write(lambda connection: connection.execute(query).rowcount)


def _context(user_id: str, key: str) -> str:
    return f"idempotency_keys.answer:{user_id}:{key}"
