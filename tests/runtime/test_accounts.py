"""Signing in, going on, signing out, passwords, API keys, tickets; every change and every refusal told in the audit."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterator
from pathlib import Path

import gevent
import pytest
from sqlalchemy import event

from cti.core.access import Grant, Role
from cti.core.access.passwords import WeakPassword
from cti.core.errors import CtiError
from cti.core.people import UserKind
from cti.runtime.authentication import BELIEVED_S, SessionEnded
from cti.runtime.passwords import Hasher
from cti.runtime.sign_in import REFRESH_S, SESSION_S, SignedIn, SignInRefused, TooManyAttempts
from cti.runtime.tokens import ACCESS_S, TICKET_S, BadToken, TokenExpired
from cti.store.people import SessionUser
from tests.runtime.accountkit import DEED, PASSWORD, Office

WRONG = "wrong horse battery staple"


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    found = Office(tmp_path)
    yield found
    found.close()


def sign_in(office: Office, name: str, password: str = PASSWORD) -> SignedIn:
    return office.services.sign_in.sign_in(name, password)


def fail(office: Office, name: str, password: str = WRONG) -> None:
    with pytest.raises(SignInRefused) as error:
        sign_in(office, name, password)
    assert error.value.message == "the name or the password is wrong"


def who(office: Office, token: str) -> str:
    return office.services.authentication.by_token(token).name


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


class TestSessions:
    def test_a_refresh_token_is_good_once_and_its_reuse_ends_the_session(self, office: Office) -> None:
        office.person("anna")
        first = sign_in(office, "anna")
        second = office.services.sign_in.refresh(first.refresh_token)
        assert second.session_id == first.session_id
        assert who(office, second.access_token) == "anna"
        with pytest.raises(SignInRefused):
            office.services.sign_in.refresh(first.refresh_token)
        for token in (first.refresh_token, second.refresh_token):
            with pytest.raises(SignInRefused):
                office.services.sign_in.refresh(token)
        with pytest.raises(SessionEnded):
            who(office, second.access_token)
        line = office.store.accounts.audit.lines(limit=1)[0]
        assert (line.action, line.author.name, line.allowed) == ("session.reuse", "anna", False)

    def test_refresh_tokens_end(self, office: Office) -> None:
        office.person("anna")
        found = sign_in(office, "anna")
        office.clock.move(REFRESH_S)
        with pytest.raises(SignInRefused):
            office.services.sign_in.refresh(found.refresh_token)

    def test_a_session_ends_however_often_it_is_refreshed(self, office: Office) -> None:
        office.person("anna")
        found = sign_in(office, "anna")
        for _ in range(int(SESSION_S / (REFRESH_S - 60))):
            office.clock.move(REFRESH_S - 60)
            found = office.services.sign_in.refresh(found.refresh_token)
        assert found.refresh_expires_in_s < REFRESH_S
        office.clock.move(REFRESH_S - 60)
        with pytest.raises(SignInRefused):
            office.services.sign_in.refresh(found.refresh_token)

    def test_after_signing_out_the_token_is_good_no_longer(self, office: Office) -> None:
        office.person("anna")
        found = sign_in(office, "anna")
        principal = office.services.authentication.by_token(found.access_token)
        assert office.services.sign_in.sign_out(principal, found.session_id)
        assert not office.services.sign_in.sign_out(principal, found.session_id)
        with pytest.raises(SessionEnded):
            who(office, found.access_token)
        with pytest.raises(SignInRefused):
            office.services.sign_in.refresh(found.refresh_token)

    def test_what_this_process_changes_holds_at_once_what_others_change_within_seconds(self, office: Office) -> None:
        office.person("anna", "agent")
        token = sign_in(office, "anna").access_token
        authentication = office.services.authentication
        assert authentication.by_token(token).roles == {Role.AGENT}
        office.services.accounts.set_grants("u-anna", [Grant(Role.AUDITOR)], DEED)
        assert authentication.by_token(token).roles == {Role.AUDITOR}
        office.store.accounts.people.set_disabled("u-anna", 1.0, DEED)  # as another process would
        assert authentication.by_token(token).roles == {Role.AUDITOR}
        office.clock.move(BELIEVED_S)
        with pytest.raises(SessionEnded):
            authentication.by_token(token)

    def test_sessions_in_use_are_read_again_together_and_beside_the_requests(self, office: Office) -> None:
        authentication, clock = office.services.authentication, office.clock
        tokens = {
            name: (office.person(name), sign_in(office, name).access_token)[1] for name in ("anna", "ben", "carl")
        }
        for token in tokens.values():
            authentication.by_token(token)
        asked: list[str] = []
        event.listen(office.store.accounts.people._engine, "before_cursor_execute", lambda *args: asked.append(args[2]))
        clock.move(0.6 * BELIEVED_S)
        assert authentication.by_token(tokens["anna"]).name == "anna"
        assert not [text for text in asked if "sessions" in text]  # nobody waits for it
        assert authentication._renewal is not None
        authentication._renewal.join()
        assert len([text for text in asked if "sessions" in text]) == 1
        clock.move(0.6 * BELIEVED_S)
        office.store.accounts.people.set_disabled("u-carl", 1.0, DEED)  # as another process would
        for name in ("ben", "anna"):
            assert authentication.by_token(tokens[name]).name == name
        authentication._renewal.join()
        with pytest.raises(SessionEnded):
            authentication.by_token(tokens["carl"])

    def test_what_changes_while_sessions_are_read_again_is_not_undone_by_what_was_read(self, office: Office) -> None:
        authentication, people = office.services.authentication, office.store.accounts.people
        office.person("anna", "agent")
        token = sign_in(office, "anna").access_token
        authentication.by_token(token)
        read = people.find_of_sessions

        def slowly(ids: Collection[str]) -> dict[str, SessionUser]:
            found = read(ids)
            office.services.accounts.set_grants("u-anna", [Grant(Role.AUDITOR)], DEED)
            return found

        office.clock.move(0.6 * BELIEVED_S)
        people.find_of_sessions = slowly  # type: ignore[method-assign]
        authentication.by_token(token)
        assert authentication._renewal is not None
        authentication._renewal.join()
        people.find_of_sessions = read  # type: ignore[method-assign]
        assert authentication.by_token(token).roles == {Role.AUDITOR}

    def test_a_ticket_opens_one_stream_and_nothing_else(self, office: Office) -> None:
        office.person("anna")
        authentication = office.services.authentication
        principal = authentication.by_token(sign_in(office, "anna").access_token)
        ticket = authentication.issue_ticket(principal)
        with pytest.raises(BadToken):
            authentication.by_token(ticket)
        assert authentication.by_ticket(ticket) == principal
        with pytest.raises(BadToken):
            authentication.by_ticket(ticket)
        late = authentication.issue_ticket(principal)
        office.clock.move(TICKET_S)
        with pytest.raises(TokenExpired):
            authentication.by_ticket(late)


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


class TestKeys:
    @pytest.fixture
    def key(self, office: Office) -> str:
        office.services.accounts.add_user("robot", [Grant(Role.AGENT)], DEED, kind=UserKind.MACHINE, user_id="u-robot")
        _, text = office.services.accounts.add_key("u-robot", "test", DEED, expires_at=office.clock.at + 1000)
        return text

    def test_a_key_stands_for_its_user_until_it_is_revoked(self, office: Office, key: str) -> None:
        authentication, keys = office.services.authentication, office.store.accounts.keys
        principal = authentication.by_key(key)
        assert (principal.name, principal.roles) == ("robot", {Role.AGENT})
        found = keys.keys_of("u-robot")[0]
        assert (found.title, found.used_at, principal.via) == ("test", office.clock.at, f"key:{found.key_id}")
        office.services.accounts.revoke_key("u-robot", found.key_id, DEED)
        office.services.accounts.revoke_key("u-robot", found.key_id, DEED)  # once more is nothing
        with pytest.raises(BadToken):
            authentication.by_key(key)
        with pytest.raises(CtiError) as error:
            office.services.accounts.revoke_key("u-other", found.key_id, DEED)
        assert error.value.code == "unknown-key"

    def test_a_key_ends(self, office: Office, key: str) -> None:
        office.clock.move(1000)
        with pytest.raises(BadToken):
            office.services.authentication.by_key(key)

    @pytest.mark.parametrize("change", ["{}x", "x{}", "ctik_", "ctik__", "ctik_abc_def", "", "Ω", "{}\x00"])
    def test_other_texts_are_no_keys(self, office: Office, key: str, change: str) -> None:
        office.services.authentication.by_key(key)
        with pytest.raises(BadToken):
            office.services.authentication.by_key(change.format(key))

    def test_the_secret_is_not_kept(self, office: Office, key: str) -> None:
        secret = key.split("_", 2)[2]
        office.store.close(5.0)
        assert all(secret.encode() not in file.read_bytes() for file in office.folder.iterdir())

    def test_a_machine_has_no_password(self, office: Office, key: str) -> None:
        with pytest.raises(CtiError) as error:
            office.services.accounts.reset_password("u-robot", DEED)
        assert error.value.code == "no-password"
