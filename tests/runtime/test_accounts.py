"""Signing in: everyone who is refused hears the same, and each failure makes the next wait longer."""

from __future__ import annotations

import gevent
import pytest

from cti.core.access import Grant
from cti.core.people import UserKind
from cti.runtime.passwords import Hasher
from cti.runtime.sign_in import REFRESH_S, SignInRefused, TooManyAttempts
from cti.runtime.tokens import ACCESS_S
from tests.runtime.accountkit import DEED, PASSWORD, Office
from tests.runtime.sign_in_kit import WRONG, fail, office, sign_in

__all__ = ["office"]  # the fixture


class TestSignIn:
    def test_name_in_any_case_and_password(self, office: Office) -> None:
        office.person("anna", "agent@team:north")
        found = sign_in(office, "ANNA")
        principal = office.services.authentication.by_token(found.access_token)
        assert (principal.user_id, principal.name, principal.limited) == ("u-anna", "anna", False)
        assert principal.grants == (Grant.parse("agent@team:north"),)
        assert principal.via == f"session:{found.session_id}"
        assert (found.expires_in_s, found.refresh_expires_in_s) == (ACCESS_S, REFRESH_S)

    def test_everyone_who_is_refused_hears_the_same(self, office: Office) -> None:
        office.person("anna")
        office.person("gone")
        office.services.accounts.set_disabled("u-gone", True, DEED)
        office.services.accounts.add_user("robot", [], DEED, kind=UserKind.MACHINE)
        fail(office, "anna")
        fail(office, "nobody")
        fail(office, "gone", PASSWORD)
        fail(office, "robot", "")
        told = [
            (line.action, line.target, line.allowed, line.reason) for line in office.store.accounts.audit.lines(limit=4)
        ]
        assert [(action, allowed, reason) for action, _, allowed, reason in reversed(told)] == [
            ("session.begin", False, "wrong-password; attempt 1"),
            ("session.begin", False, "unknown-name; attempt 1"),
            ("session.begin", False, "disabled; attempt 1"),
            ("session.begin", False, "wrong-password; attempt 1"),
        ]
        assert told[2][1] == "user:unknown"  # what was typed may have been a password

    def test_an_unknown_name_costs_a_hash_as_a_known_one_does(
        self, office: Office, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        office.person("anna")
        verified: list[str | None] = []
        real = Hasher._verify
        monkeypatch.setattr(
            Hasher, "_verify", lambda self, hashed, word: verified.append(hashed) or real(self, hashed, word)
        )
        for name in ("anna", "nobody"):
            fail(office, name)
        assert len(verified) == 2
        assert all(hashed is not None and hashed.startswith("$argon2id$") for hashed in verified)

    @pytest.mark.parametrize("name", ["anna", "nobody"])
    def test_the_wait_grows_with_each_failure_and_the_right_password_waits_too(self, office: Office, name: str) -> None:
        office.person("anna")
        for _ in range(3):
            fail(office, name)
        for seconds in (1, 2, 4):
            with pytest.raises(TooManyAttempts) as error:
                sign_in(office, name, PASSWORD)
            assert error.value.retry_after_s == seconds
            office.clock.move(seconds)
            fail(office, name)
        office.clock.move(900)
        if name == "anna":
            sign_in(office, "anna")
            fail(office, "anna")  # counted from the beginning again
            sign_in(office, "anna")

    def test_the_wait_is_the_accounts_and_nobody_elses(self, office: Office) -> None:
        office.person("anna")
        office.person("ben")
        for _ in range(3):
            fail(office, "anna")
        sign_in(office, "ben")
        office.services.accounts.unlock("u-anna", DEED)
        sign_in(office, "anna")

    def test_guesses_side_by_side_are_not_free(self, office: Office) -> None:
        office.person("anna")
        jobs = [gevent.spawn(sign_in, office, "anna", f"{WRONG} {n}") for n in range(10)]
        gevent.joinall(jobs)
        ended = [type(job.exception) for job in jobs]
        assert (ended.count(SignInRefused), ended.count(TooManyAttempts)) == (3, 7)

    def test_an_old_hash_is_renewed(self, office: Office) -> None:
        office.person("anna")
        strong = Hasher()
        office.services.sign_in._hasher = strong
        sign_in(office, "anna")
        hashed = office.store.accounts.credentials.password_hash("u-anna")
        assert hashed is not None
        assert not strong.outdated(hashed)
        sign_in(office, "anna")
