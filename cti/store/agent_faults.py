"""What is wrong with profiles that are to be written together, each with its first reason, before any is written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlalchemy import Connection, select

from cti.core.errors import CtiError
from cti.core.people import AgentProfile, check_profile
from cti.store.schema_people import agents, skills, teams


@dataclass(slots=True)
class _There:
    """What there is, and would be after the profiles that were judged before."""

    teams: set[str]
    skills: set[str]
    users: dict[str, str] = field(default_factory=dict)  # user -> agent
    owners: dict[str, str] = field(default_factory=dict)  # agent -> user
    phones: dict[str, str] = field(default_factory=dict)  # phone -> agent
    phone_of: dict[str, str] = field(default_factory=dict)  # agent -> phone


def judge(connection: Connection, profiles: Sequence[AgentProfile]) -> dict[int, CtiError]:
    """index -> why it would be refused, those before it being written."""
    there = _There(
        set(connection.execute(select(teams.c.team)).scalars()),
        set(connection.execute(select(skills.c.skill)).scalars()),
    )
    for row in connection.execute(select(agents.c.agent_id, agents.c.user_id, agents.c.phone)):
        _take(there, row.agent_id, row.user_id, row.phone or "")
    found: dict[int, CtiError] = {}
    for index, profile in enumerate(profiles):
        try:
            _check(there, check_profile(profile))
        except CtiError as error:
            found[index] = error
        else:
            _take(there, profile.agent_id, profile.user_id, profile.phone)
    return found


def _take(there: _There, agent: str, user: str, phone: str) -> None:
    there.users[user], there.owners[agent] = agent, user
    there.phones.pop(there.phone_of.pop(agent, ""), None)
    if phone:
        there.phones[phone], there.phone_of[agent] = agent, phone


def _check(there: _There, profile: AgentProfile) -> None:
    if profile.team not in there.teams:
        raise CtiError(f"there is no team {profile.team!r}", code="unknown-team")
    if there.users.get(profile.user_id, profile.agent_id) != profile.agent_id:
        raise CtiError(f"the user is agent {there.users[profile.user_id]} already", code="agent-taken")
    if there.owners.get(profile.agent_id, profile.user_id) != profile.user_id:
        raise CtiError(f"agent {profile.agent_id} is another user's", code="agent-taken")
    if there.phones.get(profile.phone, profile.agent_id) != profile.agent_id and profile.phone:
        raise CtiError(f"this phone is agent {there.phones[profile.phone]}'s", code="phone-taken")
    if missing := sorted(set(profile.skills) - there.skills):
        raise CtiError(f"there is no skill {missing[0]!r}", code="unknown-skill")
