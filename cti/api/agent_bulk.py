"""Many agents at once: skills over a list, import of profiles and skills as CSV, states by period.

A change of many is done whole or not at all, and every item that is wrong is told in one answer.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from cti.acd.states import Presence
from cti.api.agents import Staff
from cti.api.bodies import json_body, only
from cti.api.guard import access_of
from cti.api.once import Once
from cti.api.paging import choice_of, iso, known_only, limit_of, period_of
from cti.api.problems import Problem
from cti.api.tables import Table, TableRefused, csv_text, only_checked, table_of, verdict
from cti.core.access import Permission, ResourceScope, ScopeKind
from cti.core.errors import CtiError
from cti.core.issue import Issue, Place
from cti.core.people import AgentProfile, RemoteAnswer, check_name, check_skills, check_title
from cti.store.reader import make_cursor, parse_cursor

if TYPE_CHECKING:
    from collections.abc import Iterator

    import falcon

    from cti.api.guard import Access
    from cti.api.tables import Line
    from cti.core.access import Visible
    from cti.core.people import User
    from cti.core.schedules import PresencePeriod

AGENTS_MAX, SKILLS_MAX, SKILL_LINES_MAX = 1000, 200, 1000
#: Columns of the import; the first four must be there.
COLUMNS = (
    "agent_id",
    "user",
    "name",
    "team",
    "phone",
    "remote_answer",
    "wrapup_s",
    "skills",
    "capacity",
    "beside_call",
)
SKILL_COLUMNS = ("skill", "title")
STATE_COLUMNS = ("agent", "state", "reason", "from", "to", "seconds")
#: Lines of states in one CSV, and how many are read at once.
STATE_LINES_MAX, _AT_ONCE = 20_000, 500


class AgentSkills:
    """``PATCH /v1/agents/skills``: ``{"agents": {"1001": {"billing": 3, "english": null}}}``: levels to set, null takes
    the skill away; others stay. All agents or none; ``findings`` tells of each agent that is wrong, by its id in
    ``file``."""

    def __init__(self, staff: Staff) -> None:
        self._staff = staff

    def on_patch(self, req: falcon.Request, resp: falcon.Response) -> None:
        body = json_body(req)
        only(body, "agents")
        wanted, access = body.get("agents"), access_of(req)
        access.visible(Permission.SKILLS_EDIT)
        if not isinstance(wanted, dict) or not 1 <= len(wanted) <= AGENTS_MAX:
            raise Problem("bad-request", f"agents is an object of 1 to {AGENTS_MAX} agent ids")
        if not all(isinstance(levels, dict) and len(levels) <= SKILLS_MAX for levels in wanted.values()):
            raise Problem("bad-request", "the skills of an agent are an object: skill -> level or null")
        changed = self._judged(access, wanted)
        deed = access.deed(Permission.SKILLS_EDIT)
        self._staff.agents.set_skills({one.agent_id: one.skills for one in changed}, deed)
        for one in changed:
            self._staff.floor.seats.renew(one)
        resp.media = {"items": [self._staff.shown(one) for one in changed]}

    def _judged(self, access: Access, wanted: dict[str, dict[str, Any]]) -> list[AgentProfile]:
        """Raises TableRefused."""
        known, findings, changed = self._staff.agents.list_skills(), [], []
        for agent, levels in wanted.items():
            try:
                profile = self._staff.require(access, Permission.SKILLS_EDIT, agent)
                skills = {**profile.skills, **levels}
                given = check_skills({name: level for name, level in skills.items() if level is not None})
            except CtiError as error:
                findings.append(Issue(Place(agent[:64]), error.code, error.message))
                continue
            for name in sorted(set(given) - known.keys()):
                findings.append(Issue(Place(agent[:64]), "unknown-skill", f"there is no skill {name!r}"))
            changed.append(replace(profile, skills=given))
        if findings:
            raise TableRefused(findings, code="bad-items")
        return changed


class AgentImport:
    """``POST /v1/agents/import``, ``text/csv`` with a head of `COLUMNS`: profiles are written as a whole, all or none;
    every line that is wrong is told. ``skills`` and ``capacity`` as ``billing:3 english:5``, ``beside_call`` as ``chat
    sms``; ``user`` is the user's name. ``?check=true``: only told, and nothing is written."""

    def __init__(self, staff: Staff) -> None:
        self._staff = staff
        self._once: Once[dict[str, Any]] = Once()

    def on_post(self, req: falcon.Request, resp: falcon.Response) -> None:
        known_only(req, ("check",))
        table, access = table_of(req, COLUMNS, COLUMNS[:4], AGENTS_MAX), access_of(req)
        access.visible(Permission.AGENTS_EDIT)
        lines, profiles = self._read(table, access)
        for index, error in self._staff.agents.faults(profiles).items():
            table.report(lines[index], "", error.message, error.code)
        if only_checked(req):
            resp.media = {**verdict(table.findings, len(profiles)), "saved": 0}
            return
        table.refuse()
        deed = access.deed(Permission.AGENTS_EDIT)

        def save() -> dict[str, Any]:
            for profile in self._staff.agents.save(profiles, deed):
                self._staff.floor.seats.renew(profile)
            return {**verdict([], len(profiles)), "saved": len(profiles)}

        resp.media = self._once.do(req, {"text": table.text}, save)

    def _read(self, table: Table, access: Access) -> tuple[list[int], list[AgentProfile]]:
        """Profiles, and the lines that they stand in; the others are findings."""
        lines: list[int] = []
        profiles: list[AgentProfile] = []
        before = {one.agent_id: one for one in self._staff.agents.list_agents()}
        seen: dict[str, int] = {}
        what = access.visible(Permission.AGENTS_EDIT)
        for line in table.lines():
            try:
                profile = self._profile(line, what)
                there = before.get(profile.agent_id)
                for team in dict.fromkeys((profile.team, there.team if there else profile.team)):
                    scope = ResourceScope.of(team=team)
                    access.require(Permission.AGENTS_EDIT, scope, f"agent:{profile.agent_id[:64]}")
            except (CtiError, ValueError) as error:
                code = error.code if isinstance(error, CtiError) else "bad-csv"
                table.report(line.number, "", str(error), code)
                continue
            if profile.agent_id in seen:
                table.report(line.number, "agent_id", f"line {seen[profile.agent_id]} has it already", "duplicate-key")
                continue
            seen[profile.agent_id] = line.number
            lines.append(line.number)
            profiles.append(profile)
        return lines, profiles

    def _profile(self, line: Line, what: Visible) -> AgentProfile:
        """``what``: whose profiles may be written. Raises CtiError (unknown-user), ValueError."""
        cells = line.cells
        user = self._staff.services.store.people.find_user_named(cells["user"])
        if user is None or not (what.everything or self._is_of(user, what)):
            raise Problem("unknown-user", f"no user {cells['user'][:64]!r}")
        return AgentProfile(
            cells["agent_id"], user.user_id, cells["name"], cells["team"],
            numbers_of(cells["skills"]), numbers_of(cells["capacity"]) or {"call": 1},
            frozenset(cells["beside_call"].split()), cells["phone"], RemoteAnswer(cells["remote_answer"] or "none"),
            float(cells["wrapup_s"] or 0),
        )  # fmt: skip

    def _is_of(self, user: User, what: Visible) -> bool:
        """A profile names its user anew: nobody may be drawn into a team from outside."""
        there = self._staff.agents.find_of_user(user.user_id)
        teams = {grant.scope.name for grant in user.grants if grant.scope.kind is ScopeKind.TEAM}
        return bool(what.teams & (teams | ({there.team} if there else set())))


class SkillImport:
    """``POST /v1/skills/import``, ``text/csv`` with the columns ``skill,title``: skills are added or renamed, all or
    none; every line that is wrong is told. ``?check=true``: only told."""

    def __init__(self, staff: Staff) -> None:
        self._agents = staff.agents
        self._once: Once[dict[str, Any]] = Once()

    def on_post(self, req: falcon.Request, resp: falcon.Response) -> None:
        known_only(req, ("check",))
        table = table_of(req, SKILL_COLUMNS, SKILL_COLUMNS[:1], SKILL_LINES_MAX)
        titles: dict[str, str] = {}
        for line in table.lines():
            skill = line.cells["skill"]
            try:
                check_name(skill, "skill")
                check_title(line.cells["title"])
            except CtiError as error:
                table.report(line.number, "", error.message, error.code)
                continue
            if skill in titles:
                table.report(line.number, "skill", f"skill {skill} is given twice", "duplicate-key")
            titles[skill] = line.cells["title"]
        if only_checked(req):
            resp.media = {**verdict(table.findings, len(titles)), "saved": 0}
            return
        table.refuse()
        deed = access_of(req).deed(Permission.SKILLS_EDIT)

        def save() -> dict[str, Any]:
            self._agents.save_skills(titles, deed)
            return {**verdict([], len(titles)), "saved": len(titles)}

        resp.media = self._once.do(req, {"text": table.text}, save)


class AgentStates:
    """``GET /v1/agents/states?from=&to=&agent=&team=&state=&limit=&after=&format=json|csv``: who was READY or NOT_READY
    (why), from when to when, as the records of the floor have it; states that reach into the period, by their
    beginnings. ``to`` null: it goes on; ``seconds``: of it within the period. CSV has all of them, 20,000 at most."""

    def __init__(self, staff: Staff) -> None:
        self._staff, self._states = staff, staff.services.store.agent_states

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        known_only(req, ("from", "to", "agent", "team", "state", "limit", "after", "format"))
        since, until = period_of(req)
        limit, after = limit_of(req), req.get_param("after")
        place = None if after is None else parse_cursor(after)
        state, agents = choice_of(req, "state", (Presence.READY, Presence.NOT_READY)), self._agents(req)
        now = self._staff.services.clock.now()
        if choice_of(req, "format", ("json", "csv")) == "csv":
            rows = (period_json(one, since, until, now) for one in self._all(since, until, agents, state))
            resp.content_type = "text/csv; charset=utf-8"
            resp.text = csv_text(STATE_COLUMNS, ([row[name] for name in STATE_COLUMNS] for row in rows))
            return
        found = self._states.between(since, until, limit=limit, agents=agents, presence=state, after=place)
        resp.media = {
            "items": [period_json(one, since, until, now) for one in found],
            "next": make_cursor(found[-1].began_at, found[-1].fact_id) if len(found) == limit else None,
        }

    on_head = on_get

    def _agents(self, req: falcon.Request) -> list[str] | None:
        """Whose states may be shown, and are asked for; None: everybody's."""
        what, agent, team = (
            access_of(req).visible(Permission.AGENTS_READ),
            req.get_param("agent"),
            req.get_param("team"),
        )
        if what.everything and team is None:
            return None if agent is None else [agent]
        found = self._staff.agents.list_agents(what)
        return [one.agent_id for one in found if (agent is None or one.agent_id == agent) and team in (None, one.team)]

    def _all(self, since: float, until: float, agents: list[str] | None, state: str | None) -> Iterator[PresencePeriod]:
        after, count = None, 0
        while True:
            some = self._states.between(since, until, limit=_AT_ONCE, agents=agents, presence=state, after=after)
            yield from some
            count += len(some)
            if len(some) < _AT_ONCE:
                return
            if count >= STATE_LINES_MAX:
                raise Problem("bad-request", f"more than {STATE_LINES_MAX} lines; ask for a shorter period")
            after = (some[-1].began_at, some[-1].fact_id)


def period_json(one: PresencePeriod, since: float, until: float, now: float) -> dict[str, Any]:
    end = now if one.ended_at is None else one.ended_at
    return {
        "agent": one.agent,
        "state": one.presence,
        "reason": one.reason or None,
        "from": iso(one.began_at),
        "to": iso(one.ended_at),
        "seconds": round(max(0.0, min(end, until) - max(one.began_at, since)), 3),
    }


def numbers_of(text: str) -> dict[str, int]:
    """``billing:3 english:5``. Raises ValueError."""
    found = {}
    for part in text.split():
        name, colon, level = part.partition(":")
        if not colon or not level.isascii() or not level.isdigit() or len(level) > 9:
            raise ValueError(f"{part[:40]!r} is not name:number")
        found[name] = int(level)
    return found
