"""Failed attempts to sign in, by account. Every process on the database counts in the same rows."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from sqlalchemy import Connection, Engine, delete, select, update
from sqlalchemy.engine import URL

from cti.core.access import Deed
from cti.core.access.lockout import FORGOTTEN_S, delay_s, failures_after
from cti.core.access.rate import SIGN_INS
from cti.core.moments import not_ahead
from cti.core.people import User
from cti.store.audit import append
from cti.store.database import insert_ignoring
from cti.store.limits import take_tokens
from cti.store.people import find, get
from cti.store.repository import Repository
from cti.store.rows import clean
from cti.store.schema_people import sign_in_attempts, users
from cti.store.schema_sign_in import rate_buckets
from cti.store.sealing import Sealer


@dataclass(frozen=True, slots=True)
class Attempts:
    """Failed sign-ins in a row of one name. Seconds since the epoch."""

    failures: int = 0
    last_at: float = 0.0
    blocked_until: float = 0.0


@dataclass(frozen=True, slots=True)
class Attempt:
    """An attempt to sign in. It counts as failed from the beginning, so that guesses side by side, in whichever
    processes, are not free; who proves right is forgiven it.

    ``user`` and ``hashed`` are None of an unknown name. ``wait_s``: more than 0 when it is not looked at yet.
    """

    user: User | None
    hashed: str | None
    before: Attempts
    after: Attempts
    wait_s: float = 0.0


class SignInAttempts(Repository):
    def __init__(self, engine: Engine, url: URL, sealer: Sealer) -> None:
        super().__init__(engine, url)
        self._sealer = sealer

    def begin(self, name: str, now: float) -> Attempt:
        """All of it in one transaction: two at the same moment come one after the other."""

        def work(connection: Connection) -> Attempt:
            # Names that are nobody's must not fill the table.
            old = sign_in_attempts.c.last_at < now - FORGOTTEN_S
            connection.execute(delete(sign_in_attempts).where(old))
            found = users.c.name == _typed(name)
            user, hashed = (
                find(connection, found),
                connection.execute(select(users.c.password_hash).where(found)).scalar(),
            )
            before = self._not_ahead(connection, name, self._held(connection, name, now), now)
            if before.blocked_until > now:
                return Attempt(user, hashed, before, before, before.blocked_until - now)
            taken, wait_s = take_tokens(connection, _bucket(account_blind(self._sealer, name)), 1, SIGN_INS, now)
            if not taken:
                return Attempt(user, hashed, before, before, wait_s)
            failures = failures_after(before.failures, before.last_at, now)
            after = Attempts(failures, now, now + delay_s(failures))
            self._set(connection, name, after)
            return Attempt(user, hashed, before, after)

        return self._write(work)

    def give_back(self, name: str, attempt: Attempt) -> None:
        """It was not looked at after all, or was right: unless another came meanwhile, all is as it was before."""

        def work(connection: Connection) -> None:
            if self._held(connection, name, attempt.after.last_at) == attempt.after:
                self._set(connection, name, attempt.before)

        self._write(work)

    def forget(self, name: str) -> None:
        self._write(lambda connection: forget(connection, account_blind(self._sealer, name)))

    def unlock(self, user_id: str, deed: Deed) -> None:
        """The next attempt need not wait."""

        def work(connection: Connection) -> None:
            account = account_blind(self._sealer, get(connection, user_id).name)
            forget(connection, account)
            connection.execute(delete(rate_buckets).where(rate_buckets.c.bucket == _bucket(account)))
            append(connection, deed.line("user.unlock", f"user:{user_id}"))

        self._write(work)

    def _held(self, connection: Connection, name: str, now: float) -> Attempts:
        """Its row is made where there is none, and held until the transaction ends."""
        at, account = sign_in_attempts.c, account_blind(self._sealer, name)
        none = {"account_blind": account, "failures": 0, "last_at": now, "blocked_until": 0.0}
        connection.execute(insert_ignoring(connection, sign_in_attempts), none)
        row = connection.execute(select(sign_in_attempts).where(at.account_blind == account).with_for_update()).one()
        return Attempts(row.failures, row.last_at, row.blocked_until)

    def _not_ahead(self, connection: Connection, name: str, held: Attempts, now: float) -> Attempts:
        """The clock was set back since: who is to wait waits as long as was said, from now on."""
        at = not_ahead(held.last_at, now)
        if at == held.last_at:
            return held
        moved = Attempts(held.failures, at, at + max(0.0, held.blocked_until - held.last_at))
        self._set(connection, name, moved)
        return moved

    def _set(self, connection: Connection, name: str, attempts: Attempts) -> None:
        query = update(sign_in_attempts).where(sign_in_attempts.c.account_blind == account_blind(self._sealer, name))
        connection.execute(query.values(asdict(attempts)))


def _typed(name: str) -> str:
    """One spelling for the user's name and for the account whose failures are counted: two that differ for the one and
    not for the other would be guesses for nothing."""
    return clean(name, 200).lower()


def account_blind(sealer: Sealer, name: str) -> str:
    """What stands in the place of what was typed as a name."""
    return sealer.blind("sign-in:" + _typed(name))


def _bucket(account: str) -> str:
    return f"sign-in:{account}"


def forget(connection: Connection, account: str) -> None:
    connection.execute(delete(sign_in_attempts).where(sign_in_attempts.c.account_blind == account))
