"""Signing in and out, passwords, users and API keys. Who may call what is decided before (`cti.core.access.decide`);
every change writes its line of the audit in the same transaction."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from cti.core.access import SYSTEM, Author, Deed, Grant, Role
from cti.core.access.passwords import check_password
from cti.core.errors import CtiError
from cti.core.people import User, UserKind, check_name
from cti.runtime.authentication import key_text, new_key_secret
from cti.runtime.passwords import one_time_password
from cti.store.api_keys import ApiKey
from cti.store.credentials import token_hash

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cti.core.access import Permission, Principal
    from cti.ports import Clock
    from cti.runtime.authentication import Authentication
    from cti.runtime.passwords import Hasher
    from cti.store.accounts import AccountStore

#: A one-time password that was not used by then is good no longer; an administrator makes another.
ONE_TIME_S = 72 * 3600.0
FIRST_ADMIN = "admin"


class Accounts:
    """Methods block their greenlet; raise CtiError as the store's, and StoreUnavailable."""

    def __init__(
        self, store: AccountStore, hasher: Hasher, clock: Clock, authentication: Authentication | None = None
    ) -> None:
        """Without ``authentication`` (the command line) a running engine notices a change within seconds."""
        self.store, self._hasher, self._clock, self._authentication = store, hasher, clock, authentication

    def deed(self, author: Author | Principal, permission: Permission | str = "", reason: str = "") -> Deed:
        """Of a change that is made now."""
        if not isinstance(author, Author):
            author = Author(author.user_id, author.name, author.via)
        return Deed(author, self._clock.now(), str(permission), reason)

    # ---- users ---------------------------------------------------------------------------------------------------

    def first_admin(self) -> str | None:
        """On a platform without users: makes `FIRST_ADMIN`, and returns the one-time password; else None."""
        if self.store.people.count_users():
            return None
        try:
            _, password = self.add_user(
                FIRST_ADMIN, [Grant(Role.ADMIN)], self.deed(SYSTEM, reason="first start"), title="Administrator"
            )
        except CtiError as error:
            if error.code == "name-taken":  # another engine started at the same moment
                return None
            raise
        return password

    def add_user(
        self,
        name: str,
        grants: Iterable[Grant],
        deed: Deed,
        *,
        title: str = "",
        kind: UserKind = UserKind.PERSON,
        user_id: str | None = None,
    ) -> tuple[User, str | None]:
        """With the one-time password of a person, to be told once; a machine has none."""
        check_name(name, "user name")
        password = one_time_password() if kind is UserKind.PERSON else None
        user = User(
            user_id or f"u{uuid.uuid4().hex[:16]}",
            name.lower(),
            title or name,
            kind,
            tuple(sorted(set(grants))),
            created_at=deed.at,
            password_at=deed.at if password else None,
            one_time_until=deed.at + ONE_TIME_S if password else None,
        )
        hashed = self._hasher.hash(password) if password else None
        return self.store.people.add_user(user, hashed, deed), password

    def set_grants(self, user_id: str, grants: Iterable[Grant], deed: Deed) -> User:
        return self._forget(self.store.people.set_grants(user_id, grants, deed))

    def set_title(self, user_id: str, title: str, deed: Deed) -> User:
        return self.store.people.set_title(user_id, title, deed)

    def set_disabled(self, user_id: str, disabled: bool, deed: Deed) -> User:
        return self._forget(self.store.people.set_disabled(user_id, deed.at if disabled else None, deed))

    def reset_password(self, user_id: str, deed: Deed) -> str:
        """A one-time password, to be told once; the user's sessions end. Raises CtiError: unknown-user, no-password."""
        user = self.get_user(user_id)
        if user.kind is UserKind.MACHINE:
            raise CtiError(f"{user.name} is a machine", code="no-password", remedy="give it an API key")
        password = one_time_password()
        hashed = self._hasher.hash(password)
        self.store.credentials.set_password(user_id, hashed, deed, one_time_until=deed.at + ONE_TIME_S)
        self._forget(user)
        return password

    def set_password(self, user_id: str, password: str, deed: Deed) -> None:
        """One that somebody has chosen, good at once; the user's sessions end. Raises WeakPassword, unknown-user."""
        user = self.get_user(user_id)
        hashed = self._hasher.hash(check_password(password, user.name))
        self.store.credentials.set_password(user_id, hashed, deed, one_time_until=None)
        self._forget(user)

    def unlock(self, user_id: str, deed: Deed) -> None:
        self.store.attempts.unlock(user_id, deed)

    def get_user(self, user_id: str) -> User:
        """Raises CtiError (unknown-user)."""
        found = self.store.people.find_user(user_id)
        if found is None:
            raise CtiError(f"there is no user {user_id[:64]!r}", code="unknown-user")
        return found

    # ---- API keys ------------------------------------------------------------------------------------------------

    def add_key(self, user_id: str, title: str, deed: Deed, *, expires_at: float | None = None) -> tuple[ApiKey, str]:
        """The key and the text to send as ``X-API-Key``, which nobody can see again."""
        key_id, secret = new_key_secret()
        key = ApiKey(key_id, user_id, title, deed.at, expires_at)
        return self.store.keys.add(key, token_hash(secret), deed), key_text(key_id, secret)

    def revoke_key(self, user_id: str, key_id: str, deed: Deed) -> None:
        self.store.keys.revoke(user_id, key_id, deed)
        if self._authentication is not None:
            self._authentication.forget(user_id)

    def _forget(self, user: User) -> User:
        if self._authentication is not None:
            self._authentication.forget(user.user_id)
        return user
