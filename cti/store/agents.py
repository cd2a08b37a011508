"""Agents: profile, skills, capacity, phone and its password. Each change and its line of the audit are one transaction.

What distribution, presence, the switch's directory and reports know of an agent comes from here alone.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection, Row, delete, insert, or_, select, update

from cti.core.access import Deed, Visible
from cti.core.errors import CtiError
from cti.core.people import AgentProfile, RemoteAnswer, check_name, check_profile, check_skills, check_title
from cti.store.agent_faults import judge
from cti.store.audit import append
from cti.store.people import get as get_user
from cti.store.phones import Phones
from cti.store.rows import clean
from cti.store.schema_people import agent_skills, agents, skills, teams, users

_SELECT = select(agents, users.c.title).join(users, users.c.user_id == agents.c.user_id)


class Agents(Phones):
    """Beside StoreUnavailable, changes raise CtiError: unknown-agent, -user, -team, -skill, phone-taken, agent-taken,
    and what `check_profile` raises."""

    # ---- profiles ------------------------------------------------------------------------------------------------

    def save(self, profiles: Iterable[AgentProfile], deed: Deed) -> list[AgentProfile]:
        """All or none, new and known ones alike; each profile is written as a whole, ``name`` as the user's title.
        A new agent's phone gets a password of its own."""
        wanted = [check_profile(profile) for profile in profiles]

        def work(connection: Connection) -> list[AgentProfile]:
            for profile in wanted:
                self._save(connection, profile, deed)
            return wanted

        return self._write(work)

    def faults(self, profiles: Sequence[AgentProfile]) -> dict[int, CtiError]:
        """index -> why `save` would refuse it: of each profile the first reason, those before it being saved."""
        return self._read(lambda connection: judge(connection, profiles))

    def find(self, agent_id: str) -> AgentProfile | None:
        found = self._some(agents.c.agent_id == clean(agent_id, 64))
        return found[0] if found else None

    def find_of_user(self, user_id: str) -> AgentProfile | None:
        owner = clean(user_id, 64)
        found = self._believe(owner, lambda connection: _profiles(connection, agents.c.user_id == owner))
        return found[0] if found else None

    def find_by_phone(self, phone: str) -> AgentProfile | None:
        found = self._some(agents.c.phone == clean(phone, 32))
        return found[0] if found else None

    def list_agents(self, what: Visible | None = None) -> list[AgentProfile]:
        """By agent id. ``what``: those of these teams, and the user's own, only."""
        if what is None or what.everything:
            return self._some(None)
        return self._some(or_(agents.c.team.in_(what.teams), agents.c.user_id == (what.owner or "")))

    # ---- skills --------------------------------------------------------------------------------------------------

    def save_skill(self, skill: str, title: str, deed: Deed) -> None:
        self.save_skills({skill: title}, deed)

    def save_skills(self, titles: Mapping[str, str], deed: Deed) -> None:
        """skill -> title: all or none."""
        for skill, title in titles.items():
            check_name(skill, "skill")
            check_title(title)

        def work(connection: Connection) -> None:
            for skill, title in titles.items():
                _save_skill(connection, skill, title, deed)

        self._write(work)

    def list_skills(self) -> dict[str, str]:
        """skill -> title."""
        query = select(skills).order_by(skills.c.skill)
        return self._read(lambda connection: {row.skill: row.title for row in connection.execute(query)})

    def set_skills(self, wanted: Mapping[str, Mapping[str, int]], deed: Deed) -> None:
        """agent id -> all of the agent's skills with levels; all agents or none."""
        for levels in wanted.values():
            check_skills(levels)

        def work(connection: Connection) -> None:
            for agent_id, levels in wanted.items():
                before = _get(connection, agent_id)
                _write_skills(connection, agent_id, levels)
                was, became = _shown(before), _shown(replace(before, skills=levels))
                append(connection, deed.line("agent.skills", f"agent:{agent_id}", was, became))

        self._write(work)

    # ---- the phone's password --------------------------------------------------------------------------------------

    def rotate_sip_password(self, agent_id: str, deed: Deed) -> str:
        """A new one, in clear: to be shown once. The old one stops working with the phone's next registration."""

        def work(connection: Connection) -> str:
            _get(connection, agent_id)
            fresh = self._new_password(connection, agent_id, deed.at)
            append(connection, deed.line("phone.rotate", f"agent:{agent_id}"))
            return fresh

        return self._write(work)

    # ---- parts -----------------------------------------------------------------------------------------------------

    def _some(self, condition: Any) -> list[AgentProfile]:
        return self._read(lambda connection: _profiles(connection, condition))

    def _save(self, connection: Connection, profile: AgentProfile, deed: Deed) -> None:
        before = _find(connection, profile.agent_id)
        _check_others(connection, profile, before)
        row = _row(profile)
        if before is None:
            connection.execute(insert(agents).values(row))
            self._new_password(connection, profile.agent_id, deed.at)
        else:
            connection.execute(update(agents).where(agents.c.agent_id == profile.agent_id).values(row))
        connection.execute(update(users).where(users.c.user_id == profile.user_id).values(title=profile.name))
        _write_skills(connection, profile.agent_id, profile.skills)
        was = {} if before is None else _shown(before)
        append(connection, deed.line("agent.save", f"agent:{profile.agent_id}", was, _shown(profile)))


def _check_others(connection: Connection, profile: AgentProfile, before: AgentProfile | None) -> None:
    get_user(connection, profile.user_id)
    if connection.execute(select(teams.c.team).where(teams.c.team == profile.team)).first() is None:
        raise CtiError(f"there is no team {profile.team!r}", code="unknown-team", remedy="add the team first")
    own = agents.c.agent_id != profile.agent_id
    taken = connection.execute(select(agents.c.agent_id).where(agents.c.user_id == profile.user_id, own)).scalar()
    if taken is not None or (before is not None and before.user_id != profile.user_id):
        raise CtiError(
            f"agent {taken or profile.agent_id} is another user's or the user's other one", code="agent-taken"
        )
    if profile.phone:
        other = connection.execute(select(agents.c.agent_id).where(agents.c.phone == profile.phone, own)).scalar()
        if other is not None:
            raise CtiError(f"this phone is agent {other}'s", code="phone-taken", remedy="give each agent a phone")


def _save_skill(connection: Connection, skill: str, title: str, deed: Deed) -> None:
    row = connection.execute(select(skills).where(skills.c.skill == skill)).first()
    if row is None:
        connection.execute(insert(skills).values(skill=skill, title=title))
    else:
        connection.execute(update(skills).where(skills.c.skill == skill).values(title=title))
    before = {} if row is None else {"title": row.title}
    append(connection, deed.line("skill.save", f"skill:{skill}", before, {"title": title}))


def _write_skills(connection: Connection, agent_id: str, levels: Mapping[str, int]) -> None:
    known = set(connection.execute(select(skills.c.skill).where(skills.c.skill.in_(levels))).scalars())
    if missing := sorted(set(levels) - known):
        raise CtiError(f"there is no skill {missing[0]!r}", code="unknown-skill", remedy="add the skill first")
    connection.execute(delete(agent_skills).where(agent_skills.c.agent_id == agent_id))
    rows = [{"agent_id": agent_id, "skill": skill, "level": level} for skill, level in levels.items()]
    if rows:
        connection.execute(insert(agent_skills), rows)


def _get(connection: Connection, agent_id: str) -> AgentProfile:
    found = _find(connection, agent_id)
    if found is None:
        raise CtiError(f"there is no agent {agent_id[:64]!r}", code="unknown-agent")
    return found


def _find(connection: Connection, agent_id: str) -> AgentProfile | None:
    return next(iter(_profiles(connection, agents.c.agent_id == clean(agent_id, 64))), None)


def _profiles(connection: Connection, condition: Any) -> list[AgentProfile]:
    query = _SELECT if condition is None else _SELECT.where(condition)
    rows = connection.execute(query.order_by(agents.c.agent_id)).all()
    levels: dict[str, dict[str, int]] = {row.agent_id: {} for row in rows}
    of = select(agent_skills).join(agents, agents.c.agent_id == agent_skills.c.agent_id)
    for row in connection.execute(of if condition is None else of.where(condition)):
        levels[row.agent_id][row.skill] = row.level
    return [_profile(row, levels[row.agent_id]) for row in rows]


def _profile(row: Row[Any], levels: dict[str, int]) -> AgentProfile:
    return AgentProfile(
        row.agent_id, row.user_id, row.title, row.team, levels, json.loads(row.capacity),
        frozenset(json.loads(row.beside_call)), row.phone or "", RemoteAnswer(row.remote_answer), row.wrapup_s,
    )  # fmt: skip


def _row(profile: AgentProfile) -> dict[str, Any]:
    return {
        "agent_id": profile.agent_id,
        "user_id": profile.user_id,
        "team": profile.team,
        "phone": profile.phone or None,
        "capacity": json.dumps(dict(profile.capacity), sort_keys=True),
        "beside_call": json.dumps(sorted(profile.beside_call)),
        "remote_answer": profile.remote_answer.value,
        "wrapup_s": float(profile.wrapup_s),
    }


def _shown(profile: AgentProfile) -> dict[str, Any]:
    return {**_row(profile), "title": profile.name, "skills": dict(profile.skills)}
