"""The clock is set: sessions, tokens and limits of accounts."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from cti.core.access.rate import REQUESTS
from cti.runtime.tokens import ACCESS_S, TokenExpired, Tokens
from cti.store import SqlStore
from tests.runtime.accountkit import PASSWORD, Office
from tests.runtime.clockkit import HOUR_S, SetClock, both, store
from tests.runtime.test_account_limits import outcome

__all__ = ["store"]  # the fixture


@both
def test_an_access_token_that_was_seen_is_good_as_long_as_it_was_given(jump_s: float) -> None:
    clock = SetClock()
    tokens = Tokens(Ed25519PrivateKey.generate(), clock)
    token = tokens.issue("u1", "session:s1")
    tokens.verify(token)
    clock.pass_s(ACCESS_S - 1.0, jump_s)
    assert tokens.verify(token).user_id == "u1"
    assert tokens.good_s("session:s1") == 1.0
    clock.pass_s(1.0)
    with pytest.raises(TokenExpired):
        tokens.verify(token)


@both
def test_another_process_refuses_it_so_that_a_new_one_is_asked_for(jump_s: float) -> None:
    clock, key = SetClock(), Ed25519PrivateKey.generate()
    token = Tokens(key, clock).issue("u1", "session:s1")
    clock.pass_s(1.0, jump_s)
    with pytest.raises(TokenExpired):
        Tokens(key, clock).verify(token)


@both
def test_sessions_and_keys_of_requests_go_on(tmp_path: Path, jump_s: float) -> None:
    office = Office(tmp_path)
    office.person("anna", "agent")
    try:
        signed = office.services.sign_in.sign_in("anna", PASSWORD)
        keys = office.store.accounts.idempotency
        assert keys.claim("u1", "k1", "digest", office.clock.now()) is None
        office.clock.move(jump_s)
        assert office.services.sign_in.refresh(signed.refresh_token).user.name == "anna"
        assert keys.claim("u1", "k1", "digest", office.clock.now()) is not None
    finally:
        office.close()


def test_who_may_not_sign_in_yet_waits_no_hour_longer(tmp_path: Path) -> None:
    office = Office(tmp_path)
    office.person("anna", "agent")
    try:
        assert [outcome(office.services) for _ in range(4)] == ["sign-in-refused"] * 3 + ["too-many-attempts"]
        office.clock.move(-HOUR_S)
        assert outcome(office.services, PASSWORD) == "too-many-attempts"  # and no guess is free
        office.clock.move(2.0)
        assert outcome(office.services, PASSWORD) == "in"
    finally:
        office.close()


def test_an_account_that_has_used_its_requests_up_waits_no_hour_longer(store: SqlStore) -> None:
    limits, now = store.accounts.limits, 100_000.0
    assert limits.take("requests:u1", 300, REQUESTS, now) == (300, 0.0)
    assert limits.take("requests:u1", 1, REQUESTS, now)[0] == 0
    assert limits.take("requests:u1", 1, REQUESTS, now - HOUR_S)[0] == 0
    assert limits.take("requests:u1", 50, REQUESTS, now - HOUR_S + 1.0) == (50, 0.0)
