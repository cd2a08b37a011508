"""Sessions: refresh tokens, their ends, what others change, and tickets."""

from __future__ import annotations

from collections.abc import Collection

import pytest
from sqlalchemy import event

from cti.core.access import Grant, Role
from cti.runtime.authentication import BELIEVED_S, SessionEnded
from cti.runtime.sign_in import REFRESH_S, SESSION_S, SignInRefused
from cti.runtime.tokens import TICKET_S, BadToken, TokenExpired
from cti.store.people import SessionUser
from tests.runtime.accountkit import DEED, Office
from tests.runtime.sign_in_kit import office, sign_in, who

__all__ = ["office"]  # the fixture


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
