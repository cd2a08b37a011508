"""Users and the audit on PostgreSQL, where there is one: the same repositories, and triggers of its own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.exc import DBAPIError

from cti.core.access import Visible
from cti.core.access.rate import Rate
from cti.core.people import Team
from cti.store import SqlStore
from cti.store.credentials import Session
from tests.store.conftest import Folder
from tests.store.test_people import ANNA, DEED, add
from tests.store.test_postgresql import Server, server

__all__ = ["server"]  # the fixture


@pytest.fixture
def store(folder: Folder, server: Server) -> Iterator[SqlStore]:
    found = folder.open(url=server.url)
    yield found
    found.close(5.0)
    folder.forget(found)


def test_people_agents_sessions_and_the_audit(store: SqlStore, server: Server) -> None:
    accounts = store.accounts
    accounts.people.save_team(Team("north"), DEED)
    for skill in ("billing", "english"):
        accounts.agents.save_skill(skill, skill, DEED)
    add(store, "anna", "agent@team:north")
    accounts.agents.save([ANNA], DEED)
    accounts.agents.save([replace(ANNA, wrapup_s=20.0)], DEED)
    assert accounts.agents.list_agents(Visible(teams=frozenset({"north"}))) == [replace(ANNA, wrapup_s=20.0)]
    assert accounts.agents.sip_password("1001") is not None

    credentials = accounts.credentials
    line = DEED.line("session.begin", "user:u-anna")
    tries = [accounts.attempts.begin("anna", 1000.0) for _ in range(4)]
    assert [(one.after.failures, one.wait_s) for one in tries] == [(1, 0.0), (2, 0.0), (3, 0.0), (3, 1.0)]
    accounts.attempts.give_back("anna", tries[2])
    assert accounts.attempts.begin("anna", 1000.0).after.failures == 3
    accounts.attempts.forget("anna")
    assert [accounts.limits.take("b", 3, Rate(1.0, 4.0), 1000.0) for _ in range(3)] == [(3, 0.0), (1, 0.0), (0, 1.0)]
    assert [accounts.limits.use_ticket("t", 1030.0, 1000.0) for _ in range(2)] == [True, False]
    claims = [accounts.idempotency.claim("u-anna", "k", digest, 1000.0) for digest in ("one", "one", "two")]
    assert [claim and claim.same for claim in claims] == [None, True, False]
    credentials.begin(Session("s-1", "u-anna", 1000.0, 9000.0), "first", 2000.0, line)
    repeated = [credentials.rotate("first", "-", 3000.0, 1500.0, "k") for _ in range(2)]
    assert repeated[0] == repeated[1]
    assert credentials.rotate("first", "third", 3000.0, 1600.0).reused
    assert credentials.sessions_of("u-anna") == []

    before = accounts.audit.lines(limit=50)
    engine = create_engine(server.url)
    for change in ("UPDATE audit SET allowed = true", "DELETE FROM audit", "TRUNCATE audit"):
        with pytest.raises(DBAPIError, match="only ever added to"), engine.begin() as connection:
            connection.execute(text(change))
    engine.dispose()
    assert accounts.audit.lines(limit=50) == before
