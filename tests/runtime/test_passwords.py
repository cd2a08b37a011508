"""Passwords: the first one, changed, reset, guessed, weak; none reaches a log."""

from __future__ import annotations

import logging

import pytest

from cti.core.access import Grant, Role
from cti.core.access.passwords import WeakPassword
from cti.runtime.authentication import SessionEnded
from cti.runtime.sign_in import SignInRefused, TooManyAttempts
from tests.runtime.accountkit import DEED, PASSWORD, Office
from tests.runtime.sign_in_kit import WRONG, fail, office, sign_in, who

__all__ = ["office"]  # the fixture


class TestPasswords:
    def test_a_first_password_must_be_changed_and_then_the_session_goes_on(self, office: Office) -> None:
        user, password = office.services.accounts.add_user("anna", [Grant(Role.AGENT)], DEED)
        assert password is not None
        found = sign_in(office, "anna", password)
        assert found.limited
        authentication = office.services.authentication
        principal = authentication.by_token(found.access_token)
        assert principal.limited
        office.services.sign_in.change_password(principal, password, PASSWORD)
        assert not authentication.by_token(found.access_token).limited
        fail(office, "anna", password)
        assert not sign_in(office, "anna").limited
        assert office.services.accounts.get_user(user.user_id).one_time_until is None

    def test_a_one_time_password_ends(self, office: Office) -> None:
        _, password = office.services.accounts.add_user("anna", [], DEED)
        assert password is not None
        office.clock.move(72 * 3600)
        fail(office, "anna", password)

    def test_changing_or_resetting_ends_the_other_sessions(self, office: Office) -> None:
        office.person("anna")
        here, there = sign_in(office, "anna"), sign_in(office, "anna")
        principal = office.services.authentication.by_token(here.access_token)
        assert who(office, there.access_token) == "anna"
        assert office.services.sign_in.change_password(principal, PASSWORD, "another horse battery staple") == 1
        assert who(office, here.access_token) == "anna"
        with pytest.raises(SessionEnded):
            who(office, there.access_token)
        office.services.accounts.reset_password("u-anna", DEED)
        with pytest.raises(SessionEnded):
            who(office, here.access_token)

    def test_the_current_password_is_guessed_no_faster_than_at_sign_in(self, office: Office) -> None:
        office.person("anna")
        principal = office.services.authentication.by_token(sign_in(office, "anna").access_token)
        for _ in range(3):
            with pytest.raises(SignInRefused):
                office.services.sign_in.change_password(principal, WRONG, "another horse battery staple")
        with pytest.raises(TooManyAttempts):
            office.services.sign_in.change_password(principal, PASSWORD, "another horse battery staple")

    @pytest.mark.parametrize(
        "weak",
        [
            "short",
            "x" * 129,
            "aaaaaaaaaaaaaaa",
            "anna-likes-horses",
            "Password1234!",
            "123456789012",
            PASSWORD,
            "ababababababab",
        ],
    )
    def test_weak_passwords_are_refused(self, office: Office, weak: str) -> None:
        office.person("anna")
        principal = office.services.authentication.by_token(sign_in(office, "anna").access_token)
        with pytest.raises(WeakPassword):
            office.services.sign_in.change_password(principal, PASSWORD, weak)
        sign_in(office, "anna")

    def test_no_password_reaches_a_log_or_the_audit(self, office: Office, caplog: pytest.LogCaptureFixture) -> None:
        with caplog.at_level(logging.DEBUG):
            _, first = office.services.accounts.add_user("anna", [], DEED, user_id="u-anna")
            assert first is not None
            principal = office.services.authentication.by_token(sign_in(office, "anna", first).access_token)
            office.services.sign_in.change_password(principal, first, PASSWORD)
            fail(office, "anna")
            again = office.services.accounts.reset_password("u-anna", DEED)
            fail(office, PASSWORD)  # typed into the wrong field
        office.store.close(5.0)
        kept = b"".join(file.read_bytes() for file in office.folder.iterdir())
        for secret in (first, PASSWORD, WRONG, again):
            assert secret not in caplog.text
            assert secret.encode() not in kept


class TestFirstStart:
    def test_makes_one_admin_once(self, office: Office) -> None:
        password = office.services.accounts.first_admin()
        assert password is not None
        assert office.services.accounts.first_admin() is None
        found = sign_in(office, "admin", password)
        assert found.limited
        assert found.user.grants == (Grant(Role.ADMIN),)
