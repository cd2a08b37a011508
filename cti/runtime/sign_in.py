"""Signing in, going on, signing out, changing the own password.

Whoever is refused is told the same, whether the name is nobody's, the account disabled or the password wrong, and it
takes as long. An attempt is counted before it is looked at, so that guesses side by side are not free, in whichever
processes; in one process those of an account wait for each other. Without the database nobody signs in and nothing is
counted.
"""

from __future__ import annotations

import logging
import math
import secrets
import uuid
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import gevent
from gevent.lock import BoundedSemaphore

from cti.core.access import AuditLine, Author, Deed, Permission
from cti.core.access.passwords import WeakPassword, check_password
from cti.core.errors import CtiError, StoreUnavailable
from cti.runtime.tokens import ACCESS_S
from cti.store.credentials import Session, token_hash

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cti.core.access import Principal
    from cti.core.people import User
    from cti.ports import Clock
    from cti.runtime.authentication import Authentication
    from cti.runtime.passwords import Hasher
    from cti.runtime.tokens import Tokens
    from cti.store.accounts import AccountStore
    from cti.store.attempts import Attempt

log = logging.getLogger("cti.runtime")

REFRESH_S = 12 * 3600.0
#: After so long one signs in anew, however often the session was refreshed.
SESSION_S = 7 * 24 * 3600.0
#: How long an attempt waits for the one before it, of the same account.
TURN_S = 10.0


class SignInRefused(CtiError):
    code = "sign-in-refused"


class TooManyAttempts(CtiError):
    code = "too-many-attempts"

    def __init__(self, retry_after_s: int) -> None:
        super().__init__(f"too many attempts for this account; the next is looked at in {retry_after_s} s")
        self.retry_after_s = retry_after_s


@dataclass(frozen=True, slots=True)
class SignedIn:
    """``limited``: nothing but changing the one-time password is allowed."""

    access_token: str
    expires_in_s: int
    refresh_token: str
    refresh_expires_in_s: int
    session_id: str
    user: User
    limited: bool


class SignIn:
    """Methods block their greenlet and raise StoreUnavailable, `passwords.Busy` beside what they say."""

    def __init__(
        self, store: AccountStore, hasher: Hasher, tokens: Tokens, authentication: Authentication, clock: Clock
    ) -> None:
        self._store, self._hasher, self._tokens, self._clock = store, hasher, tokens, clock
        self._authentication = authentication
        self._turns: dict[str, tuple[BoundedSemaphore, int]] = {}

    def sign_in(self, name: str, password: str) -> SignedIn:
        """Raises SignInRefused, TooManyAttempts."""
        return self.begin(self.prove(name, password))

    def prove(self, name: str, password: str) -> User:
        """Whose password this is. Raises SignInRefused, TooManyAttempts."""
        return self._prove(name, password, "session.begin")

    def begin(self, user: User) -> SignedIn:
        """A session of somebody who has proved who they are."""
        now = self._clock.now()
        session = Session(uuid.uuid4().hex, user.user_id, now, now + SESSION_S)
        refresh = secrets.token_urlsafe(32)
        author = Author(user.user_id, user.name, f"session:{session.session_id}")
        line = AuditLine(now, author, "session.begin", f"user:{user.user_id}")
        self._store.credentials.begin(session, refresh, now + REFRESH_S, line)
        return self._signed_in(session, user, refresh, now + REFRESH_S)

    def refresh(self, token: str, key: str | None = None) -> SignedIn:
        """Takes the refresh token and gives the next one. A token that was used before ends the session: of the two
        who have it, one should not. ``key``: the Idempotency-Key; the same request sent again is no second use.
        Raises SignInRefused, CtiError (idempotency-conflict)."""
        now, fresh = self._clock.now(), secrets.token_urlsafe(32)
        rotation = self._store.credentials.rotate(token, fresh, now + REFRESH_S, now, key)
        session = rotation.session
        if session is None:
            raise SignInRefused(f"this refresh token is good no longer: {rotation.reason}", remedy="sign in again")
        found = self._store.credentials.find_session(session.session_id)
        if rotation.reused:
            user = found[1] if found else None
            author = Author(session.user_id, user.name if user else "", f"session:{session.session_id}")
            line = AuditLine(now, author, "session.reuse", f"session:{session.session_id}", "", False, "token_reused")
            self._store.audit.add(line)
            self._authentication.forget(session.user_id)
            raise SignInRefused("this refresh token was used before; the session is ended", remedy="sign in again")
        if found is None or found[1].disabled_at is not None:
            raise SignInRefused("this session has ended", remedy="sign in again")
        return self._signed_in(session, found[1], rotation.token, rotation.expires_at)

    def sign_out(self, principal: Principal, session_id: str) -> bool:
        """False when it was not up."""
        author = Author(principal.user_id, principal.name, principal.via)
        found = self._store.credentials.find_session(session_id)
        deed = self._deed(author)
        ended = self._store.credentials.end_session(session_id, "signed_out", deed)
        if found is not None:
            self._authentication.forget(found[1].user_id)
        return ended

    def change_password(self, principal: Principal, current: str, new: str) -> int:
        """The user's other sessions end; how many. Raises SignInRefused, TooManyAttempts, WeakPassword."""
        kind, _, session_id = principal.via.partition(":")
        if kind != "session":
            raise CtiError("an API key has no password", code="no-password", remedy="sign in as a person")
        user = self._prove(principal.name, current, "user.password")
        fit = check_password(new, user.name)
        if current == new:
            raise WeakPassword("this is the password that you have")
        hashed = self._hasher.hash(fit)
        deed = self._deed(Author(user.user_id, user.name, principal.via))
        ended = self._store.credentials.set_password(user.user_id, hashed, deed, one_time_until=None, keep=session_id)
        self._authentication.forget(user.user_id)
        return ended

    # ---- parts ---------------------------------------------------------------------------------------------------

    def _deed(self, author: Author) -> Deed:
        return Deed(author, self._clock.now(), Permission.OWN_ACCOUNT.value)

    def _prove(self, name: str, password: str, action: str) -> User:
        """The user whose password this is. Raises SignInRefused, TooManyAttempts."""
        with self._turn(name):
            attempt = self._store.attempts.begin(name, self._clock.now())
            if attempt.wait_s > 0:
                raise TooManyAttempts(math.ceil(attempt.wait_s))
            try:
                right = self._hasher.verify(attempt.hashed, password)
            except CtiError:  # too much at once: nobody's fault
                self._give_back(name, attempt)
                raise
            user, reason = attempt.user, self._refusal(attempt.user, right)
            if user is None or reason:
                self._failed(attempt, action, reason)
                raise SignInRefused("the name or the password is wrong")
            self._store.attempts.forget(name)
            if attempt.hashed is not None and self._hasher.outdated(attempt.hashed):
                self._store.credentials.upgrade_hash(user.user_id, attempt.hashed, self._hasher.hash(password))
            return user

    def _give_back(self, name: str, attempt: Attempt) -> None:
        try:
            self._store.attempts.give_back(name, attempt)
        except StoreUnavailable as error:
            log.warning("an attempt to sign in that was not looked at counts as failed: %s", error)

    def _refusal(self, user: User | None, right: bool) -> str:
        """Why not, for the audit; empty: nothing stands against it."""
        if user is None:
            return "unknown-name"
        if not right:
            return "wrong-password"
        if user.disabled_at is not None:
            return "disabled"
        if user.one_time_until is not None and user.one_time_until <= self._clock.now():
            return "one-time-password-expired"
        return ""

    def _failed(self, attempt: Attempt, action: str, reason: str) -> None:
        user, after = attempt.user, attempt.after
        # What was typed as a name is not told: it may have been a password.
        author = Author("", "", "sign-in") if user is None else Author(user.user_id, user.name, "sign-in")
        target = "user:unknown" if user is None else f"user:{user.user_id}"
        delay = after.blocked_until - after.last_at
        said = f"{reason}; attempt {after.failures}" + (f"; next in {delay:g} s" if delay else "")
        self._store.audit.add(AuditLine(self._clock.now(), author, action, target, allowed=False, reason=said))

    @contextmanager
    def _turn(self, name: str) -> Iterator[None]:
        account = token_hash(name.lower())
        turn, waiting = self._turns.get(account, (BoundedSemaphore(1), 0))
        self._turns[account] = (turn, waiting + 1)
        try:
            with gevent.Timeout(TURN_S, TooManyAttempts(1)):
                turn.acquire()
            try:
                yield
            finally:
                turn.release()
        finally:
            turn, waiting = self._turns.pop(account)
            if waiting > 1:
                self._turns[account] = (turn, waiting - 1)

    def _signed_in(self, session: Session, user: User, refresh: str, ends: float) -> SignedIn:
        token = self._tokens.issue(user.user_id, f"session:{session.session_id}")
        left = min(ends, session.expires_at) - self._clock.now()
        return SignedIn(token, ACCESS_S, refresh, int(left), session.session_id, user, user.one_time_until is not None)
