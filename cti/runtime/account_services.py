"""The services around users, made together."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cti.runtime.accounts import Accounts
from cti.runtime.authentication import Authentication
from cti.runtime.passwords import Hasher
from cti.runtime.shared_rate import SharedRate
from cti.runtime.sign_in import SignIn
from cti.runtime.tokens import Tokens

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    from cti.ports import Clock
    from cti.store.accounts import AccountStore


class AccountServices:
    """``accounts``: users, roles, keys; ``sign_in``: sessions and the own password; ``authentication``: who comes;
    ``rate``: how often."""

    def __init__(self, store: AccountStore, key: Ed25519PrivateKey, clock: Clock, hasher: Hasher | None = None) -> None:
        self.store, self.clock = store, clock
        self.hasher = hasher or Hasher()
        self.tokens = Tokens(key, clock)
        self.authentication = Authentication(store, self.tokens, clock)
        self.accounts = Accounts(store, self.hasher, clock, self.authentication)
        self.rate = SharedRate(store.limits, clock)
        self.sign_in = SignIn(store, self.hasher, self.tokens, self.authentication, clock)

    def close(self) -> None:
        self.hasher.close()
