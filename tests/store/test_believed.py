"""What every request asks is read once, and anew after any change."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from cti.core.people import AgentProfile, Team
from cti.store import repository
from tests.runtime.accountkit import DEED, Office


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    found = Office(tmp_path)
    found.person("anna")
    found.store.accounts.people.save_team(Team("north"), DEED)
    yield found
    found.close()


@pytest.fixture
def asked(office: Office) -> list[Any]:
    """Statements as they go to the database."""
    seen: list[Any] = []
    event.listen(office.store.accounts.people._engine, "before_cursor_execute", lambda *args: seen.append(args[2]))
    return seen


def look(office: Office) -> tuple[str, str | None]:
    accounts = office.store.accounts
    user, agent = accounts.people.find_user("u-anna"), accounts.agents.find_of_user("u-anna")
    assert user is not None
    return user.title, None if agent is None else agent.phone


def test_it_is_asked_once(office: Office, asked: list[Any]) -> None:
    look(office)
    before = len(asked)
    assert before > 0
    for _ in range(20):
        look(office)
    assert len(asked) == before


def test_every_change_is_seen_at_once_whoever_makes_it(office: Office) -> None:
    accounts = office.store.accounts
    assert look(office) == ("anna", None)
    accounts.agents.save([AgentProfile("1001", "u-anna", "Anna", "north", phone="1001")], DEED)
    assert look(office) == ("Anna", "1001")
    accounts.people.set_title("u-anna", "Anna W.", DEED)
    assert look(office) == ("Anna W.", "1001")


def test_what_others_write_is_seen_a_little_later(
    office: Office, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [100.0]
    monkeypatch.setattr(repository, "monotonic", lambda: now[0])
    assert look(office)[0] == "anna"
    people = office.store.accounts.people
    with people._engine.connect().execution_options(writing=True) as connection, connection.begin():
        connection.exec_driver_sql("UPDATE users SET title = 'x' WHERE user_id = 'u-anna'")
    assert look(office)[0] == "anna"
    now[0] += repository.BELIEVED_S
    assert look(office)[0] == "x"
