"""Limits of accounts over several processes, and while the database is away. A process here is a set of services of its
own on the same database."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import gevent
import pytest

from cti.core.access.rate import REQUESTS, SIGN_INS, SMALL_CHANGE
from cti.core.errors import CtiError, StoreUnavailable
from cti.runtime.account_services import AccountServices
from cti.runtime.authentication import AWAY_S, BELIEVED_AWAY_S, BELIEVED_S
from cti.runtime.passwords import Busy, Hasher
from cti.runtime.shared_rate import LEASE
from cti.runtime.sign_in import SignInRefused, TooManyAttempts
from cti.runtime.tokens import BadToken
from tests.runtime.accountkit import DEED, PASSWORD, Office, cheap_hasher

WRONG = "wrong horse battery staple"


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    found = Office(tmp_path)
    found.person("anna", "agent")
    yield found
    found.close()


@pytest.fixture
def process(office: Office) -> Iterator[Callable[[], AccountServices]]:
    """Another process."""
    made: list[AccountServices] = []

    def start() -> AccountServices:
        made.append(AccountServices(office.store.accounts, office.key, office.clock, cheap_hasher()))
        return made[-1]

    yield start
    for one in made:
        one.close()


def outcome(services: AccountServices, password: str = WRONG) -> str:
    try:
        services.sign_in.sign_in("anna", password)
    except CtiError as error:
        return error.code
    return "in"


def answer(services: AccountServices) -> str:
    """As `outcome`, as soon as there is one: on a busy machine one of many who write may wait for SQLite's lock for
    longer than its 5 s, and is asked to try again. Whether that guess was counted already or not, it was not free."""
    while (found := outcome(services)) == "store-unavailable":
        pass
    return found


def away(patch: pytest.MonkeyPatch, *methods: tuple[Any, str]) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise StoreUnavailable("gone")

    for what, method in methods:
        patch.setattr(what, method, fail)


class TestSignIn:
    def test_guesses_side_by_side_in_many_processes_are_not_free(
        self, office: Office, process: Callable[[], AccountServices], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        looked: list[str] = []
        verify = Hasher.verify
        monkeypatch.setattr(Hasher, "verify", lambda *guess: looked.append("at") or verify(*guess))
        jobs = [gevent.spawn(answer, process()) for _ in range(6)]
        gevent.joinall(jobs)
        ended = [job.value for job in jobs]
        assert len(looked) == 3
        assert set(ended) == {"sign-in-refused", "too-many-attempts"}
        assert ended.count("too-many-attempts") >= 3

    def test_a_restart_forgets_nothing(self, office: Office, process: Callable[[], AccountServices]) -> None:
        assert [outcome(office.services) for _ in range(3)] == ["sign-in-refused"] * 3
        with pytest.raises(TooManyAttempts) as error:
            process().sign_in.sign_in("anna", PASSWORD)
        assert error.value.retry_after_s == 1

    def test_right_ones_are_counted_too(self, office: Office, process: Callable[[], AccountServices]) -> None:
        one, other = process(), process()
        most = int(SIGN_INS.burst)
        assert [outcome((one, other)[n % 2], PASSWORD) for n in range(most)] == ["in"] * most
        with pytest.raises(TooManyAttempts) as error:
            other.sign_in.sign_in("anna", PASSWORD)
        assert error.value.retry_after_s == 10
        office.services.accounts.unlock("u-anna", DEED)
        assert outcome(one, PASSWORD) == "in"

    def test_what_was_not_looked_at_is_not_counted(self, office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
        with monkeypatch.context() as patch:
            patch.setattr(Hasher, "verify", lambda *_: (_ for _ in ()).throw(Busy("too many sign-ins at once")))
            assert [outcome(office.services) for _ in range(5)] == ["busy"] * 5
        assert [outcome(office.services) for _ in range(2)] == ["sign-in-refused"] * 2
        assert outcome(office.services, PASSWORD) == "in"

    def test_what_cannot_be_counted_is_not_looked_at(self, office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
        """A database that is gone opens no door, and what happens meanwhile locks nobody out."""
        looked: list[str] = []
        monkeypatch.setattr(Hasher, "verify", lambda *_: looked.append("at") or True)
        with monkeypatch.context() as patch:
            away(patch, (office.store.accounts.attempts, "_write"))
            assert [outcome(office.services, PASSWORD) for _ in range(5)] == ["store-unavailable"] * 5
        assert looked == []
        assert outcome(office.services, PASSWORD) == "in"

    def test_long_names_are_not_other_accounts_of_the_same_user(self, office: Office) -> None:
        name = "a" * 64
        user, _ = office.services.accounts.add_user(name, [], DEED, user_id="u-long")
        office.services.accounts.set_password(user.user_id, PASSWORD, DEED)
        for tail in ("b", "c", "d", "e"):  # were they looked up by their beginning, each would be a guess for nothing
            with pytest.raises(SignInRefused):
                office.services.sign_in.sign_in(name + tail, PASSWORD)
        assert office.services.sign_in.sign_in(name.upper(), PASSWORD).user.name == name


class TestRequests:
    def test_the_limit_is_one_over_all_processes(self, office: Office, process: Callable[[], AccountServices]) -> None:
        processes = [process() for _ in range(3)]
        passed = 0
        for n in range(3 * int(REQUESTS.burst)):
            passed += processes[n % 3].rate.take("u-anna") == 0.0
        assert passed == int(REQUESTS.burst + 3 * SMALL_CHANGE.burst)
        assert processes[0].rate.take("u-ben") == 0.0
        office.clock.move(1.0)
        more = sum(processes[n % 3].rate.take("u-anna") == 0.0 for n in range(600))
        assert more == int(REQUESTS.per_second + 3 * SMALL_CHANGE.per_second)

    def test_few_requests_write_nothing_and_many_not_often(
        self, office: Office, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        limits, asked = office.store.accounts.limits, []
        take = limits.take
        monkeypatch.setattr(limits, "take", lambda *args: asked.append(args) or take(*args))
        rate = office.services.rate
        for _ in range(int(SMALL_CHANGE.burst)):
            assert rate.take("u-anna") == 0.0
        assert asked == []
        for _ in range(10_000):
            rate.take("u-anna")
        assert len(asked) <= REQUESTS.burst / LEASE + 1

    def test_without_the_database_each_process_holds_the_limit_alone(
        self, office: Office, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        away(monkeypatch, (office.store.accounts.limits, "_write"))
        passed = sum(office.services.rate.take("u-anna") == 0.0 for _ in range(1000))
        assert passed == int(REQUESTS.burst + SMALL_CHANGE.burst)


def test_a_ticket_opens_one_stream_in_all_processes(office: Office, process: Callable[[], AccountServices]) -> None:
    one, other = process().authentication, process().authentication
    ticket = one.issue_ticket(one.by_token(office.token("anna")))
    assert one.by_ticket(ticket).name == "anna"
    with pytest.raises(BadToken):
        other.by_ticket(ticket)


class TestDatabaseAway:
    def test_whoever_is_known_goes_on_for_a_while_and_nobody_new_comes_in(
        self, office: Office, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        authentication = office.services.authentication
        office.person("ben", "agent")
        anna, ben = (authentication._tokens.verify(office.token(name)).via for name in ("anna", "ben"))
        assert authentication.by_via(anna).name == "anna"
        people, asked = office.store.accounts.people, []

        def fail(*_: Any) -> None:
            asked.append(1)
            raise StoreUnavailable("gone")

        with monkeypatch.context() as patch:
            patch.setattr(people, "find_of_sessions", fail)
            office.clock.move(BELIEVED_S)
            assert [authentication.by_via(anna).name for _ in range(100)] == ["anna"] * 100
            assert len(asked) == 1  # a database that hangs is not waited for by every request
            with pytest.raises(StoreUnavailable):
                authentication.by_via(ben)
            office.clock.move(BELIEVED_AWAY_S - BELIEVED_S)
            with pytest.raises(StoreUnavailable):
                authentication.by_via(anna)
        office.clock.move(AWAY_S)
        assert authentication.by_via(anna).name == "anna"

    def test_what_this_process_has_changed_is_not_believed(
        self, office: Office, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        authentication = office.services.authentication
        via = authentication._tokens.verify(office.token("anna")).via
        authentication.by_via(via)
        office.services.accounts.set_grants("u-anna", [], DEED)
        away(monkeypatch, (office.store.accounts.people, "find_of_sessions"))
        with pytest.raises(StoreUnavailable):
            authentication.by_via(via)
