"""Accounts on a real store, with a clock that tests move and hashes that cost little."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from argon2 import PasswordHasher
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from cti.core.access import SYSTEM, Deed, Grant
from cti.runtime.account_services import AccountServices
from cti.runtime.passwords import Hasher
from cti.store import open_store
from cti.store.store import SqlStore
from tests.store.template import copy_database

NOW = 1_772_416_800.0
PASSWORD = "correct horse battery staple"
DEED = Deed(SYSTEM, NOW, "users.edit", "test")


@dataclass
class MovedClock:
    at: float = NOW

    def now(self) -> float:
        return self.at

    def monotonic(self) -> float:
        return self.at

    def move(self, seconds: float) -> None:
        self.at += seconds


def cheap_hasher() -> Hasher:
    return Hasher(PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))


@dataclass
class Office:
    """A store with account services on it; ``template``: a folder to begin with a copy of."""

    folder: Path
    clock: MovedClock = field(default_factory=MovedClock)
    key: Ed25519PrivateKey = field(default_factory=Ed25519PrivateKey.generate)
    template: Path | None = None

    def __post_init__(self) -> None:
        copy_database(self.folder, self.template)
        self.store: SqlStore = open_store(
            f"sqlite:///{self.folder / 'cti.db'}", self.folder / "keys.json", clock=self.clock.now
        )
        self.services = AccountServices(self.store.accounts, self.key, self.clock, cheap_hasher())

    def close(self) -> None:
        self.services.close()
        self.store.close(1.0)

    def person(self, name: str, *grants: str, password: str = PASSWORD) -> str:
        """A user who has changed the one-time password; the user's id is ``u-<name>``."""
        accounts = self.services.accounts
        user, _ = accounts.add_user(name, [Grant.parse(grant) for grant in grants], DEED, user_id=f"u-{name}")
        hashed = self.services.hasher.hash(password)
        self.store.accounts.credentials.set_password(user.user_id, hashed, DEED, one_time_until=None)
        return user.user_id

    def token(self, name: str, password: str = PASSWORD) -> str:
        return self.services.sign_in.sign_in(name, password).access_token
