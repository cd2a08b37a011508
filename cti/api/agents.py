"""``/v1/agents``: profiles with live state, forcing a state, signing out; skills. Of many at once: `agent_bulk`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import falcon

from cti.acd.states import Presence
from cti.api.bodies import json_body, only, text_field
from cti.api.guard import access_of
from cti.api.once import Once
from cti.api.paging import PAGED, choice_of, known_only, limit_of, page_of
from cti.api.problems import Problem
from cti.api.work import state_of
from cti.core.access import Permission, ResourceScope

if TYPE_CHECKING:
    from cti.api.guard import Access
    from cti.core.people import AgentProfile
    from cti.runtime.account_services import AccountServices
    from cti.runtime.floor import Floor


class Staff:
    """What the resources below share."""

    def __init__(self, floor: Floor, services: AccountServices) -> None:
        self.floor, self.services, self.agents = floor, services, services.store.agents

    def shown(self, profile: AgentProfile) -> dict[str, Any]:
        return {
            **self.floor.views.agent(profile.agent_id),
            "user_id": profile.user_id,
            "name": profile.name,
            "team": profile.team,
            "skills": dict(profile.skills),
            "capacity": dict(profile.capacity),
            "beside_call": sorted(profile.beside_call),
            "wrapup_s": profile.wrapup_s,
        }

    def kept(self, req: falcon.Request, profile: AgentProfile, command: str) -> tuple[int, dict[str, Any]]:
        """As `cti.api.work.Work.kept`."""
        late = self.floor.orders.keep(access_of(req).principal.user_id, command)
        return (202, {"command_id": late, **self.shown(profile)}) if late else (200, self.shown(profile))

    def require(self, access: Access, permission: Permission, agent: str) -> AgentProfile:
        """Raises Problem: not-found, for another team's as well."""
        found = self.agents.find(agent)
        scope = ResourceScope() if found is None else ResourceScope.of(owner=found.user_id, team=found.team)
        access.require(permission, scope, f"agent:{agent[:64]}")
        if found is None:
            raise Problem("not-found", f"no agent {agent[:64]!r}")
        return found


class Agents:
    """``GET /v1/agents?limit=&after=&team=&state=`` by agent id."""

    def __init__(self, staff: Staff) -> None:
        self._staff = staff

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        known_only(req, ("limit", "after", "team", "state"))
        limit, after = limit_of(req), req.get_param("after") or ""
        team, state = req.get_param("team"), choice_of(req, "state", Presence)
        found = self._staff.agents.list_agents(access_of(req).visible(Permission.AGENTS_READ))
        shown = [
            self._staff.shown(profile)
            for profile in found
            if profile.agent_id > after and (team is None or profile.team == team)
        ]
        items = [agent for agent in shown if state is None or agent["state"] == state][:limit]
        resp.media = {"items": items, "next": items[-1]["agent"] if len(items) == limit else None}

    on_head = on_get


class Agent:
    """``GET /v1/agents/{agent}``"""

    def __init__(self, staff: Staff) -> None:
        self._staff = staff

    def on_get(self, req: falcon.Request, resp: falcon.Response, agent: str) -> None:
        known_only(req, ())
        resp.media = self._staff.shown(self._staff.require(access_of(req), Permission.AGENTS_READ, agent))

    on_head = on_get


class AgentState:
    """``PUT /v1/agents/{agent}/state``: as ``/v1/me/state``, by somebody else."""

    def __init__(self, staff: Staff) -> None:
        self._staff = staff

    def on_put(self, req: falcon.Request, resp: falcon.Response, agent: str) -> None:
        ready, reason = state_of(json_body(req))
        access = access_of(req)
        profile = self._staff.require(access, Permission.AGENTS_STATE, agent)
        if not self._staff.floor.seats.signed_in(agent):
            raise Problem("agent-not-signed-in", f"agent {agent!r} is not signed in")
        lines = self._staff.floor.lines
        lines.set_ready(agent) if ready else lines.set_not_ready(agent, reason)
        access.note(Permission.AGENTS_STATE, f"agent:{agent}", allowed=True, reason=reason or "READY")
        resp.status, resp.media = self._staff.kept(req, profile, "ready" if ready else "not_ready")


class AgentSignOut:
    """``POST /v1/agents/{agent}/sign-out``: ``{"forced": true}`` although there are contacts."""

    def __init__(self, staff: Staff) -> None:
        self._staff = staff
        self._once: Once[tuple[int, dict[str, Any]]] = Once()

    def on_post(self, req: falcon.Request, resp: falcon.Response, agent: str) -> None:
        body = json_body(req)
        only(body, "forced")
        forced = body.get("forced", False)
        if not isinstance(forced, bool):
            raise Problem("bad-request", "forced must be true or false")
        access = access_of(req)
        profile = self._staff.require(access, Permission.AGENTS_STATE, agent)

        def sign_out() -> tuple[int, dict[str, Any]]:
            if self._staff.floor.seats.signed_in(agent):
                self._staff.floor.seats.sign_out(agent, forced=forced)
                access.note(Permission.AGENTS_STATE, f"agent:{agent}", allowed=True, reason="sign-out")
            return self._staff.kept(req, profile, "sign_out")

        resp.status, resp.media = self._once.do(req, body, sign_out)


class Skills:
    """``GET /v1/skills``; ``PUT /v1/skills/{skill}`` with ``title`` adds or renames one."""

    def __init__(self, staff: Staff) -> None:
        self._agents = staff.agents

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        known_only(req, PAGED)
        titles = self._agents.list_skills()
        found, following = page_of(req, titles, str)
        resp.media = {"items": [{"skill": skill, "title": titles[skill]} for skill in found], "next": following}

    on_head = on_get


class Skill:
    def __init__(self, staff: Staff) -> None:
        self._agents = staff.agents

    def on_put(self, req: falcon.Request, resp: falcon.Response, skill: str) -> None:
        body = json_body(req)
        only(body, "title")
        title = text_field(body, "title", limit=100, default="")
        self._agents.save_skill(skill, title, access_of(req).deed(Permission.SKILLS_EDIT))
        resp.media = {"skill": skill, "title": title}
