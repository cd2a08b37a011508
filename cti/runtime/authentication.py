"""Who comes with a token, a key or a ticket. What was found is believed for a few seconds, so that not every request
reads the database; what this process changes itself holds at once. Sessions in use are read again before that time is
over, many with one query and beside the requests, which do not wait for it.

While the database is away, whoever was known is believed for as long as an access token lives, so that those who are at
work go on; nobody else is let in.
"""

from __future__ import annotations

import hmac
import logging
import secrets
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING

import gevent

from cti.core.access import Principal
from cti.core.errors import CtiError, StoreUnavailable
from cti.runtime.gathered import Gathered
from cti.runtime.tokens import ACCESS_S, STREAM, TICKET_S, BadToken
from cti.store.credentials import token_hash

if TYPE_CHECKING:
    from cti.core.people import User
    from cti.ports import Clock
    from cti.runtime.tokens import Tokens
    from cti.store.accounts import AccountStore
    from cti.store.people import SessionUser

log = logging.getLogger("cti.api")

#: So long a change made by another process (`cti user`, another engine) may go unnoticed.
BELIEVED_S = 5.0
#: So long while the database is away, from when it was last read; and how often it is asked meanwhile.
BELIEVED_AWAY_S, AWAY_S = float(ACCESS_S), 5.0
_RENEWED_S = 2.5
_IDLE_S = 60.0
_READ_AT_ONCE = 100
_KNOWN_MAX = 5_000
_TICKETS_MAX = 10_000
_USE_NOTED_S = 60.0
KEY_PREFIX = "ctik"
_SESSION = "session:"
_DISABLED = "this account is disabled"


class SessionEnded(CtiError):
    """The token is good, but what it was given out for is not any more."""

    code = "session-ended"


@dataclass(slots=True)
class _Known:
    """``read_at``, ``used_at``: monotonic."""

    principal: Principal
    user: User
    read_at: float
    used_at: float


class Authentication:
    def __init__(self, store: AccountStore, tokens: Tokens, clock: Clock) -> None:
        self._store, self._tokens, self._clock = store, tokens, clock
        self._known: OrderedDict[str, _Known] = OrderedDict()  # via -> who
        self._secrets: dict[str, str] = {}  # key id -> hash of its secret, while the key is in `_known`
        self._noted: dict[str, float] = {}  # key id -> when its use was noted
        self._tickets: OrderedDict[str, float] = OrderedDict()  # used ones -> their end
        self._sessions = Gathered(lambda ids: store.people.find_of_sessions(ids), _READ_AT_ONCE)
        self._forgotten = 0
        self._away_until = 0.0  # monotonic: the database did not answer, and is not waited for again before
        self._renewal: gevent.Greenlet[[], None] | None = None

    # ---- the ways in ---------------------------------------------------------------------------------------------

    def by_token(self, token: str) -> Principal:
        """Raises BadToken, TokenExpired, SessionEnded, StoreUnavailable."""
        claims = self._tokens.verify(token)
        return self._same(self.by_via(claims.via), claims.user_id)

    def by_key(self, text: str) -> Principal:
        """Raises BadToken, StoreUnavailable."""
        prefix, _, rest = text.partition("_")
        key_id, _, secret = rest.partition("_")
        if prefix != KEY_PREFIX or not key_id or not secret:
            raise BadToken("this is no API key of ours")
        try:
            principal = self.by_via(f"key:{key_id}")
        except SessionEnded as error:
            raise BadToken("this API key does not work") from error
        if not hmac.compare_digest(self._secrets.get(key_id, ""), token_hash(secret)):
            raise BadToken("this API key does not work")
        self._note_use(key_id)
        return principal

    def by_ticket(self, ticket: str) -> Principal:
        """A ticket opens one stream. Raises BadToken, TokenExpired, SessionEnded, StoreUnavailable."""
        claims = self._tokens.verify(ticket, audience=STREAM)
        now = self._clock.now()
        while self._tickets and next(iter(self._tickets.values())) <= now:
            self._tickets.popitem(last=False)
        if claims.jti in self._tickets or len(self._tickets) >= _TICKETS_MAX:
            raise BadToken("this ticket was used already")
        self._tickets[claims.jti] = claims.expires_at
        try:
            if not self._store.limits.use_ticket(claims.jti, claims.expires_at, now):
                raise BadToken("this ticket was used already")
        except StoreUnavailable as error:
            log.warning("a ticket is known as used in this process only: %s", error)
        return self._same(self.by_via(claims.via), claims.user_id)

    def issue_ticket(self, principal: Principal) -> str:
        """For one stream that begins within `TICKET_S`: a browser's EventSource can send no header."""
        return self._tokens.issue(principal.user_id, principal.via, STREAM, TICKET_S)

    # ---- who it is -----------------------------------------------------------------------------------------------

    def by_via(self, via: str) -> Principal:
        """Who a session or key (``session:<id>``, ``key:<id>``) stands for now; streams ask it again and again.

        Raises SessionEnded, StoreUnavailable.
        """
        return self._know(via).principal

    def user_of(self, principal: Principal) -> User:
        """Raises SessionEnded, StoreUnavailable."""
        return self._know(principal.via).user

    def forget(self, user_id: str) -> None:
        """Something of the user has changed: roles, password, sessions, keys."""
        self._forgotten += 1
        for via in [via for via, known in self._known.items() if known.principal.user_id == user_id]:
            del self._known[via]

    def _know(self, via: str) -> _Known:
        known, now = self._known.get(via), self._clock.monotonic()
        if known is not None and via.startswith(_SESSION):
            known.used_at = now
            if now >= known.read_at + _RENEWED_S and now >= self._away_until:
                if self._renewal is None or self._renewal.ready():
                    self._renewal = gevent.spawn(self._renew)
                if now >= known.read_at + BELIEVED_S:
                    self._renewal.join()  # one query for all whose time is over
                    known, now = self._known.get(via), self._clock.monotonic()
        if known is not None and now < known.read_at + (BELIEVED_AWAY_S if now < self._away_until else BELIEVED_S):
            return known
        forgotten = self._forgotten
        try:
            return self._learn(via)
        except StoreUnavailable as error:
            if known is None or forgotten != self._forgotten or now >= known.read_at + BELIEVED_AWAY_S:
                raise
            self._went_away(error)
            self._known[via] = known
            return known

    def _went_away(self, error: StoreUnavailable) -> None:
        log.warning("those who are known are believed to be who they were: %s", error)
        self._away_until = self._clock.monotonic() + AWAY_S

    def _learn(self, via: str) -> _Known:
        self._known.pop(via, None)
        forgotten, read_at = self._forgotten, self._clock.monotonic()
        kind, _, name = via.partition(":")
        user = self._user_of_key(name) if kind == "key" else self._user_of_session(name)
        known = _Known(_principal(user, via), user, read_at, read_at)
        if forgotten == self._forgotten:  # else something has changed while it was read
            self._known[via] = known
        if len(self._known) > _KNOWN_MAX:
            old, _ = self._known.popitem(last=False)
            self._secrets.pop(old.removeprefix("key:"), None)
        return known

    def _renew(self) -> None:
        """Read those sessions again that are in use; one that is up no more is forgotten, and the next asks why."""
        now = self._clock.monotonic()
        due = [via for via, known in self._known.items() if via.startswith(_SESSION) and _is_due(known, now)]
        for first in range(0, len(due), _READ_AT_ONCE):
            some = {via.removeprefix(_SESSION): via for via in due[first : first + _READ_AT_ONCE]}
            forgotten, read_at = self._forgotten, self._clock.monotonic()
            try:
                found = self._store.people.find_of_sessions(some)
            except StoreUnavailable as error:
                self._went_away(error)
                return
            if forgotten != self._forgotten:
                continue  # something has changed while they were read; the next time will do
            for session_id, via in some.items():
                if (known := self._known.get(via)) is not None:
                    self._renewed(known, found.get(session_id), read_at)

    def _renewed(self, known: _Known, found: SessionUser | None, read_at: float) -> None:
        via = known.principal.via
        if found is None or self._why_ended(found):
            del self._known[via]
            return
        known.read_at, known.user = read_at, found.user
        if (principal := _principal(found.user, via)) != known.principal:
            known.principal = principal

    def _user_of_session(self, session_id: str) -> User:
        found = self._sessions.get(session_id)
        if found is None:
            raise SessionEnded("this session is not known")
        if why := self._why_ended(found):
            raise SessionEnded(why)
        return found.user

    def _why_ended(self, found: SessionUser) -> str:
        """Empty: it is up."""
        if found.ended is not None:
            return f"this session has ended: {found.ended}"
        if found.expires_at <= self._clock.now():
            return "this session has ended: expired"
        return "" if found.user.disabled_at is None else _DISABLED

    def _user_of_key(self, key_id: str) -> User:
        found = self._store.keys.find(key_id)
        if found is None:
            raise SessionEnded("this API key is not known")
        key, secret_hash, user = found
        if key.revoked_at is not None or (key.expires_at is not None and key.expires_at <= self._clock.now()):
            raise SessionEnded("this API key was revoked or has expired")
        if user.disabled_at is not None:
            raise SessionEnded(_DISABLED)
        self._secrets[key_id] = secret_hash
        return user

    def _same(self, principal: Principal, user_id: str) -> Principal:
        if principal.user_id != user_id:
            raise BadToken("the token is another user's")
        return principal

    def _note_use(self, key_id: str) -> None:
        now = self._clock.now()
        if now - self._noted.get(key_id, 0.0) > _USE_NOTED_S:
            self._noted[key_id] = now
            try:
                self._store.keys.note_use(key_id, now)
            except StoreUnavailable as error:
                log.warning("the use of an API key is not noted: %s", error)


def _principal(user: User, via: str) -> Principal:
    limited = via.startswith(_SESSION) and user.one_time_until is not None
    return Principal(user.user_id, user.name, user.grants, via, limited)


def _is_due(known: _Known, now: float) -> bool:
    return now >= known.read_at + _RENEWED_S and now < known.used_at + _IDLE_S


def new_key_secret() -> tuple[str, str]:
    """The id and the secret of a new API key."""
    return secrets.token_hex(8), secrets.token_urlsafe(32)


def key_text(key_id: str, secret: str) -> str:
    """What the machine sends as ``X-API-Key``."""
    return f"{KEY_PREFIX}_{key_id}_{secret}"
