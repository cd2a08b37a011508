"""Users, teams, roles and agents: what is written comes back, what does not fit is refused, and each change is told."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cti.core.access import Author, Deed, Grant, Role, Visible
from cti.core.errors import CtiError
from cti.core.people import AgentProfile, RemoteAnswer, Team, User, UserKind
from cti.store import SqlStore
from cti.store.audit import AuditFilter
from tests.store.conftest import Folder
from tests.store.template import copy_database

AUTHOR = Author("u-1", "root", "cli:root")
DEED = Deed(AUTHOR, 1000.0, "users.edit", "admin@*")
ANNA = AgentProfile(
    "1001", "u-anna", "Anna", "north", {"billing": 7, "english": 3}, {"call": 1, "chat": 3}, frozenset({"chat"}),
    "1001", RemoteAnswer.AUTO_ANSWER, 15.0,
)  # fmt: skip


@pytest.fixture
def store(folder: Folder) -> SqlStore:
    copy_database(folder.path)
    return folder.open()


def add(store: SqlStore, name: str, *grants: str) -> User:
    user = User(f"u-{name}", name, name.title(), UserKind.PERSON, tuple(Grant.parse(grant) for grant in grants))
    return store.accounts.people.add_user(user, None, DEED)


@pytest.fixture
def staffed(store: SqlStore) -> SqlStore:
    for team in ("north", "south"):
        store.accounts.people.save_team(Team(team, team.title()), DEED)
    for skill in ("billing", "english"):
        store.accounts.agents.save_skill(skill, skill.title(), DEED)
    add(store, "anna", "agent@team:north")
    add(store, "ben", "agent@team:south")
    store.accounts.agents.save([ANNA], DEED)
    return store


def code_of(error: pytest.ExceptionInfo[CtiError]) -> str:
    return error.value.code


def test_a_user_comes_back_with_roles_and_the_name_in_lower_case(store: SqlStore) -> None:
    people = store.accounts.people
    made = people.add_user(
        User("u-1", "Root", "The root", grants=(Grant(Role.ADMIN), Grant.parse("agent@team:north")), created_at=5.0),
        "hash",
        DEED,
    )
    assert made.name == "root"
    assert people.find_user("u-1") == people.find_user_named("ROOT")
    found = people.find_user("u-1")
    assert found is not None
    assert replace(found, grants=()) == replace(made, grants=())
    assert {str(grant) for grant in found.grants} == {"admin@*", "agent@team:north"}
    assert (people.find_user("u-2"), people.count_users()) == (None, 1)


@pytest.mark.parametrize("name", ["", "a b", "a" * 65, "ä", ".a", "a\x00", "a'; DROP TABLE users; --"])
def test_names_that_cannot_be_used_are_refused(store: SqlStore, name: str) -> None:
    with pytest.raises(CtiError) as error:
        add(store, name)
    assert code_of(error) == "bad-name"
    assert store.accounts.people.count_users() == 0


def test_a_name_is_given_once(store: SqlStore) -> None:
    add(store, "anna")
    with pytest.raises(CtiError) as error:
        store.accounts.people.add_user(User("u-other", "ANNA"), None, DEED)
    assert code_of(error) == "name-taken"


def test_lists_go_by_name_in_pages_and_show_what_may_be_seen(staffed: SqlStore) -> None:
    people = staffed.accounts.people
    for name in ("carl", "dora"):
        add(staffed, name)
    first = people.list_users(limit=3)
    assert [user.name for user in first] == ["anna", "ben", "carl"]
    assert [user.name for user in people.list_users(limit=3, after=first[-1].name)] == ["dora"]
    north = Visible(teams=frozenset({"north"}), owner="u-dora")
    assert [user.name for user in people.list_users(limit=9, what=north)] == ["anna", "dora"]
    assert people.list_users(limit=9, what=Visible()) == []


def test_the_last_admin_stays(store: SqlStore) -> None:
    people = store.accounts.people
    add(store, "root", "admin")
    with pytest.raises(CtiError) as error:
        people.set_disabled("u-root", 5.0, DEED)
    assert code_of(error) == "last-admin"
    with pytest.raises(CtiError) as error:
        people.set_grants("u-root", [Grant.parse("admin@team:north"), Grant(Role.AUDITOR)], DEED)
    assert code_of(error) == "last-admin"
    add(store, "other", "admin")
    assert people.set_disabled("u-root", 5.0, DEED).disabled_at == 5.0
    with pytest.raises(CtiError) as error:  # the other one is disabled and does not count
        people.set_grants("u-other", [], DEED)
    assert code_of(error) == "last-admin"
    assert people.find_user("u-other") == replace(people.find_user("u-other"), grants=(Grant(Role.ADMIN),))  # type: ignore[type-var]


def test_a_profile_is_written_as_a_whole(staffed: SqlStore) -> None:
    agents = staffed.accounts.agents
    assert agents.find("1001") == agents.find_of_user("u-anna") == agents.find_by_phone("1001") == ANNA
    other = replace(ANNA, name="Anna B.", team="south", skills={"english": 10}, phone="", beside_call=frozenset())
    agents.save([other], DEED)
    assert agents.find("1001") == other
    assert agents.find_by_phone("1001") is None
    user = staffed.accounts.people.find_user("u-anna")
    assert user is not None
    assert user.title == "Anna B."
    assert agents.list_agents(Visible(teams=frozenset({"north"}))) == []
    assert agents.list_agents(Visible(teams=frozenset({"south"}))) == [other]
    assert agents.list_agents(Visible(owner="u-anna")) == agents.list_agents() == [other]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"agent_id": "1002", "user_id": "u-nobody", "phone": "1002"}, "unknown-user"),
        ({"agent_id": "1002", "phone": "1002"}, "agent-taken"),
        ({"user_id": "u-ben"}, "agent-taken"),
        ({"agent_id": "1002", "user_id": "u-ben"}, "phone-taken"),
        ({"team": "west"}, "unknown-team"),
        ({"skills": {"chess": 1}}, "unknown-skill"),
        ({"skills": {"billing": 0}}, "bad-level"),
        ({"skills": {"billing": 11}}, "bad-level"),
        ({"skills": {"billing": True}}, "bad-level"),
        ({"capacity": {"pigeon": 1}}, "bad-capacity"),
        ({"capacity": {"call": -1}}, "bad-capacity"),
        ({"phone": "1001@evil.example"}, "bad-phone"),
        ({"phone": "{origination_uuid=x}user/1001"}, "bad-phone"),
        ({"wrapup_s": 1e9}, "bad-wrapup"),
        ({"wrapup_s": float("nan")}, "bad-wrapup"),
    ],
)
def test_a_profile_that_does_not_fit_changes_nothing(staffed: SqlStore, change: dict[str, object], code: str) -> None:
    good = replace(ANNA, name="Changed")
    with pytest.raises(CtiError) as error:
        staffed.accounts.agents.save([good, replace(ANNA, **change)], DEED)  # type: ignore[arg-type]
    assert code_of(error) == code
    assert staffed.accounts.agents.list_agents() == [ANNA]


def test_skills_of_several_agents_are_set_together_or_not_at_all(staffed: SqlStore) -> None:
    agents = staffed.accounts.agents
    agents.save([replace(ANNA, agent_id="1002", user_id="u-ben", name="Ben", phone="1002")], DEED)
    with pytest.raises(CtiError) as error:
        agents.set_skills({"1001": {"english": 9}, "1003": {}}, DEED)
    assert code_of(error) == "unknown-agent"
    agents.set_skills({"1001": {"english": 9}, "1002": {}}, DEED)
    assert [agent.skills for agent in agents.list_agents()] == [{"english": 9}, {}]
    assert agents.list_skills() == {"billing": "Billing", "english": "English"}


def test_a_phones_password_is_sealed_bound_to_its_agent_and_rotated(staffed: SqlStore, folder: Folder) -> None:
    agents = staffed.accounts.agents
    first = agents.sip_password("1001")
    assert first is not None
    assert len(first) == 24
    fresh = agents.rotate_sip_password("1001", DEED)
    assert agents.sip_password("1001") == fresh != first
    assert agents.sip_password("1002") is None
    agents.save([replace(ANNA, name="Changed")], DEED)
    assert agents.sip_password("1001") == fresh  # a change of the profile leaves it
    staffed.close(1.0)
    assert all(fresh.encode() not in file.read_bytes() for file in folder.path.iterdir())
    assert folder.open().accounts.agents.sip_password("1001") == fresh


def test_each_change_is_told_with_what_changed_and_nothing_else(staffed: SqlStore) -> None:
    accounts = staffed.accounts
    accounts.agents.save([replace(ANNA, phone="13800001234", wrapup_s=20.0)], DEED)
    accounts.agents.rotate_sip_password("1001", DEED)
    accounts.people.set_grants("u-anna", [Grant(Role.SUPERVISOR)], DEED)
    lines = accounts.audit.lines(limit=3)
    assert [line.action for line in lines] == ["user.roles", "phone.rotate", "agent.save"]
    assert (lines[0].before, lines[0].after) == ({"roles": ["agent@team:north"]}, {"roles": ["supervisor@*"]})
    assert (lines[1].target, lines[1].before, lines[1].after) == ("agent:1001", {}, {})
    assert lines[2].before == {"phone": "1001", "wrapup_s": 15.0}
    assert lines[2].after == {"phone": "138****1234", "wrapup_s": 20.0}
    assert {(line.author, line.at, line.permission, line.reason) for line in lines} == {
        (AUTHOR, 1000.0, "users.edit", "admin@*")
    }
    assert accounts.audit.lines(limit=9, where=AuditFilter(target="agent:1001", action="phone.rotate")) == [lines[1]]
    assert accounts.audit.lines(limit=2, before=lines[0].number) == lines[1:]
