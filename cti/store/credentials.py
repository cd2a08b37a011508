"""What proves who somebody is: password hashes, sessions with their refresh tokens.

No secret is kept: passwords as argon2 hashes made elsewhere, tokens as SHA-256 of what has 256 bits of chance.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Engine, Row, delete, insert, select, update
from sqlalchemy.engine import URL, CursorResult

from cti.core.access import AuditLine, Deed
from cti.core.errors import CtiError
from cti.core.people import User
from cti.store.attempts import account_blind, forget
from cti.store.audit import append
from cti.store.people import end_sessions, get
from cti.store.repository import Repository
from cti.store.rows import clean
from cti.store.schema_api import idempotency_keys
from cti.store.schema_people import refresh_tokens, sessions, users
from cti.store.sealing import Sealer

_TOKENS_KEPT_S = 86_400.0  # after their end; used later than that, a token is an unknown one
#: So long a request for the next tokens that is sent again with its Idempotency-Key is answered with the same token.
REPEATED_S = 120.0


def token_hash(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()


@dataclass(frozen=True, slots=True)
class Session:
    """``ended_why``: signed_out, disabled, password_changed, token_reused, replaced …; empty while it is up."""

    session_id: str
    user_id: str
    created_at: float
    expires_at: float
    ended_at: float | None = None
    ended_why: str = ""


@dataclass(frozen=True, slots=True)
class Rotation:
    """What came of a refresh token: the session that goes on with ``token``, or None with the reason why none does.

    ``reused``: the token had been used before, and the session was ended for it.
    """

    session: Session | None
    reason: str = ""
    reused: bool = False
    token: str = ""
    expires_at: float = 0.0


class Credentials(Repository):
    def __init__(self, engine: Engine, url: URL, sealer: Sealer) -> None:
        super().__init__(engine, url)
        self._sealer = sealer

    # ---- passwords -----------------------------------------------------------------------------------------------

    def password_hash(self, user_id: str) -> str | None:
        query = select(users.c.password_hash).where(users.c.user_id == clean(user_id, 64))
        return self._read(lambda connection: connection.execute(query).scalar())

    def set_password(
        self, user_id: str, hashed: str, deed: Deed, *, one_time_until: float | None, keep: str | None = None
    ) -> int:
        """Ends every session of the user but ``keep``, and forgets failed attempts; how many sessions were ended."""

        def work(connection: Connection) -> int:
            user = get(connection, user_id)
            values = {"password_hash": hashed, "password_at": deed.at, "one_time_until": one_time_until}
            connection.execute(update(users).where(users.c.user_id == user_id).values(values))
            forget(connection, account_blind(self._sealer, user.name))
            ended = end_sessions(connection, user_id, deed.at, "password_changed", but=keep)
            action = "user.password" if one_time_until is None else "user.one_time_password"
            append(connection, deed.line(action, f"user:{user_id}"))
            return ended

        return self._write(work)

    def upgrade_hash(self, user_id: str, old: str, new: str) -> None:
        """The same password hashed with better parameters; nothing when it was changed meanwhile."""
        query = update(users).where(users.c.user_id == user_id, users.c.password_hash == old)
        self._write(lambda connection: connection.execute(query.values(password_hash=new)))

    # ---- sessions ------------------------------------------------------------------------------------------------

    def begin(self, session: Session, token: str, expires_at: float, line: AuditLine) -> None:
        def work(connection: Connection) -> None:
            old = refresh_tokens.c.expires_at < session.created_at - _TOKENS_KEPT_S
            connection.execute(delete(refresh_tokens).where(old))
            # Answers to sign-ins hold tokens: they must not wait for the next request with a key to be deleted.
            connection.execute(delete(idempotency_keys).where(idempotency_keys.c.expires_at <= session.created_at))
            connection.execute(insert(sessions).values(_session_row(session)))
            self._add_token(connection, session.session_id, token, expires_at)
            append(connection, line)

        self._write(work)

    def rotate(self, token: str, fresh: str, expires_at: float, at: float, key: str | None = None) -> Rotation:
        """Take ``token`` for ``fresh``. One that was used already ends its session: somebody else has a copy.

        With ``key``, the Idempotency-Key of the request, the next token is made of both (and of a secret of ours), so
        that the same request, sent again within `REPEATED_S`, gets the same one though it is not kept.
        Raises CtiError (idempotency-conflict).
        """
        used_key = None if key is None else token_hash(key)
        if key is not None:
            fresh = self._sealer.blind(f"refresh-token:{key}:{token}")

        def work(connection: Connection) -> Rotation:
            row = _find_token(connection, token)
            if row is None:
                return Rotation(None, "unknown")
            session = _find_session(connection, row.session_id)
            if session is None or session.ended_at is not None:
                return Rotation(None, session.ended_why if session else "unknown")
            if row.expires_at <= at or session.expires_at <= at:
                return Rotation(None, "expired")
            if used_key is not None and _used_for_another(connection, row, used_key, at):
                raise CtiError("this key came with another refresh token", code="idempotency-conflict")
            unused = refresh_tokens.c.used_at.is_(None)  # asked again: two at once must not both find it so
            using = update(refresh_tokens).where(refresh_tokens.c.token_hash == row.token_hash, unused)
            taken: CursorResult[Any] = connection.execute(using.values(used_at=at, used_key=used_key))
            if not taken.rowcount:
                return self._again(connection, session, token, fresh, used_key, at)
            ends = min(expires_at, session.expires_at)
            self._add_token(connection, session.session_id, fresh, ends)
            return Rotation(session, token=fresh, expires_at=ends)

        return self._write(work)

    def _again(
        self, connection: Connection, session: Session, token: str, fresh: str, used_key: str | None, at: float
    ) -> Rotation:
        """Of a token that was used: the same request on another way, or somebody who has a copy."""
        row = _find_token(connection, token)
        if row is not None and used_key is not None and row.used_key == used_key and at - row.used_at <= REPEATED_S:
            next_one = _find_token(connection, fresh)
            if next_one is not None and next_one.used_at is None:
                return Rotation(session, token=fresh, expires_at=next_one.expires_at)
            return Rotation(None, "the session has gone on with the next one")  # a late copy, which gains nothing
        _end(connection, session.session_id, at, "token_reused")
        return Rotation(session, "token_reused", reused=True)

    def find_session(self, session_id: str) -> tuple[Session, User] | None:
        def work(connection: Connection) -> tuple[Session, User] | None:
            session = _find_session(connection, session_id)
            return None if session is None else (session, get(connection, session.user_id))

        return self._read(work)

    def sessions_of(self, user_id: str) -> list[Session]:
        """Those that are up, the newest first."""
        query = select(sessions).where(sessions.c.user_id == clean(user_id, 64), sessions.c.ended_at.is_(None))
        ordered = query.order_by(sessions.c.created_at.desc())
        return self._read(lambda connection: [_session(row) for row in connection.execute(ordered)])

    def end_session(self, session_id: str, why: str, deed: Deed) -> bool:
        """False when it was not up."""

        def work(connection: Connection) -> bool:
            ended = _end(connection, session_id, deed.at, why)
            if ended:
                append(connection, deed.line("session.end", f"session:{session_id}", after={"why": why}))
            return ended

        return self._write(work)

    # ---- parts ---------------------------------------------------------------------------------------------------

    def _add_token(self, connection: Connection, session_id: str, token: str, expires_at: float) -> None:
        row = {"token_hash": token_hash(token), "session_id": session_id, "expires_at": expires_at}
        connection.execute(insert(refresh_tokens).values(row))


def _find_token(connection: Connection, token: str) -> Row[Any] | None:
    return connection.execute(select(refresh_tokens).where(refresh_tokens.c.token_hash == token_hash(token))).first()


def _used_for_another(connection: Connection, row: Row[Any], used_key: str, at: float) -> bool:
    """Whether another token of the session was used by a request of this key, not long ago."""
    of = refresh_tokens.c
    query = select(of.token_hash).where(
        of.session_id == row.session_id, of.used_key == used_key, of.token_hash != row.token_hash,
        of.used_at >= at - REPEATED_S,
    )  # fmt: skip
    return connection.execute(query).first() is not None


def _find_session(connection: Connection, session_id: str) -> Session | None:
    row = connection.execute(select(sessions).where(sessions.c.session_id == clean(session_id, 64))).first()
    return None if row is None else _session(row)


def _end(connection: Connection, session_id: str, at: float, why: str) -> bool:
    query = update(sessions).where(sessions.c.session_id == clean(session_id, 64), sessions.c.ended_at.is_(None))
    ended: CursorResult[Any] = connection.execute(query.values(ended_at=at, ended_why=why))
    return ended.rowcount > 0


def _session(row: Row[Any]) -> Session:
    return Session(row.session_id, row.user_id, row.created_at, row.expires_at, row.ended_at, row.ended_why)


def _session_row(session: Session) -> dict[str, Any]:
    return {
        "session_id": session.session_id,
        "user_id": session.user_id,
        "created_at": session.created_at,
        "expires_at": session.expires_at,
        "ended_at": session.ended_at,
        "ended_why": session.ended_why,
    }
