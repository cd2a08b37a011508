"""``/v1/me``: an agent at work: signing in with a phone, presence, and the contact at hand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import falcon

from cti.api.bodies import json_body, only, text_field
from cti.api.guard import access_of
from cti.api.once import Once
from cti.api.paging import iso, known_only
from cti.api.problems import Problem
from cti.api.sessions import Me
from cti.core.access import Permission
from cti.core.errors import CtiError
from cti.core.people import RemoteAnswer
from cti.runtime.floor.seats import phone_of

if TYPE_CHECKING:
    from cti.core.legs import Phone
    from cti.core.people import AgentProfile
    from cti.runtime.account_services import AccountServices
    from cti.runtime.floor import Floor

PHONE_MAX, REASON_MAX = 140, 40


class Work:
    """What the resources below share: who the agent is, and how the agent is shown."""

    def __init__(self, floor: Floor, services: AccountServices) -> None:
        self.floor, self._agents = floor, services.store.agents

    def agent_of(self, req: falcon.Request) -> AgentProfile:
        """Raises Problem (no-agent)."""
        found = self._agents.find_of_user(access_of(req).principal.user_id)
        if found is None:
            raise Problem("no-agent", "this user has no agent's profile")
        return found

    def seated(self, req: falcon.Request) -> AgentProfile:
        """The agent, signed in from this session. Raises Problem, FloorRefused."""
        principal, seats = access_of(req).principal, self.floor.seats
        agent = seats.agent_of(principal.user_id) or self.agent_of(req).agent_id
        return seats.require(agent, principal.via).profile

    def kept(self, req: falcon.Request, agent: str, command: str) -> tuple[int, dict[str, Any]]:
        """The answer to a change that was made just now: 200 once it is on disk; 202 when that takes longer, and an
        event tells the ending."""
        late = self.floor.orders.keep(access_of(req).principal.user_id, command)
        return (202, {"command_id": late, **self.shown(agent)}) if late else (200, self.shown(agent))

    def contact(self, agent: str, contact: str) -> dict[str, Any]:
        """As it is now, if the agent still has it; else only that it is gone."""
        case = self.floor.owner.acd.floor.cases.get(contact)
        if case is None or case.desk is None or case.desk.agent != agent:
            return {"contact": contact, "version": self.floor.hub.version(contact), "state": "GONE",
                    "activity": "", "allowed_actions": []}  # fmt: skip
        return self.floor.views.contact(case)

    def phone(self, req: falcon.Request, agent: str, text: str, remote: RemoteAnswer) -> Phone:
        """One that can be worked with. What may not be dialled is kept in the audit: somebody may want what calls there
        cost. Raises CtiError: bad-phone, phone-not-allowed, phone-not-registered, switch-unavailable."""
        try:
            phone = phone_of(text, remote)
            self.floor.phones.require(phone)
            return phone
        except CtiError as error:
            if error.code in ("phone-not-allowed", "bad-phone"):
                access_of(req).note(Permission.OWN_PRESENCE, f"agent:{agent}", allowed=False, reason=error.code)
            raise

    def shown(self, agent: str) -> dict[str, Any]:
        views, floor = self.floor.views, self.floor.owner.acd.floor
        desk = floor.desks.get(agent)
        contacts = [] if desk is None else [views.contact(case) for case in desk.contacts.values()]
        return {**views.agent(agent), "contacts": contacts, "allowed_actions": views.allowed_for(agent),
                "last_event_id": self.floor.hub.last_id}  # fmt: skip


class WorkingMe(Me):
    """``GET /v1/me``: who one is, what one may do, and, for an agent, ``work``: state, contacts, allowed actions."""

    def __init__(self, services: AccountServices, work: Work) -> None:
        super().__init__(services)
        self._work = work

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        super().on_get(req, resp)
        agent = resp.media["agent_id"]
        resp.media["work"] = None if agent is None else self._work.shown(agent)

    on_head = on_get


class SignIn:
    """``POST /v1/me/sign-in``: ``{"phone": "1001", "remote_answer": "none"}``, both from the profile unless given.

    The newer session of the same user wins; the older one's streams end with ``session_replaced``. The phone must be
    one that may be dialled, and an extension must be registered.
    """

    def __init__(self, work: Work) -> None:
        self._work = work
        self._once: Once[tuple[int, dict[str, Any]]] = Once()

    def on_post(self, req: falcon.Request, resp: falcon.Response) -> None:
        body = json_body(req)
        only(body, "phone", "remote_answer")
        agent = self._work.agent_of(req)
        phone = text_field(body, "phone", limit=PHONE_MAX, default=agent.phone)
        remote = text_field(body, "remote_answer", limit=20, default=agent.remote_answer.value)
        if remote not in list(RemoteAnswer):
            raise Problem("bad-request", f"remote_answer must be one of {', '.join(RemoteAnswer)}")
        if not phone:
            raise Problem("bad-phone", "the profile has no phone; say which")
        via = access_of(req).principal.via

        def sign_in() -> tuple[int, dict[str, Any]]:
            reached = self._work.phone(req, agent.agent_id, phone, RemoteAnswer(remote))
            self._work.floor.seats.sign_in(agent, reached, via)
            return self._work.kept(req, agent.agent_id, "sign_in")

        resp.status, resp.media = self._once.do(req, body, sign_in)


class SignOut:
    """``POST /v1/me/sign-out``: 409 while there are contacts."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self._once: Once[tuple[int, dict[str, Any]]] = Once()

    def on_post(self, req: falcon.Request, resp: falcon.Response) -> None:
        def sign_out() -> tuple[int, dict[str, Any]]:
            agent = self._work.seated(req).agent_id
            self._work.floor.seats.sign_out(agent)
            return self._work.kept(req, agent, "sign_out")

        resp.status, resp.media = self._once.do(req, {}, sign_out)


class State:
    """``PUT /v1/me/state``: ``{"state": "READY"}`` or ``{"state": "NOT_READY", "reason": "break"}``."""

    def __init__(self, work: Work) -> None:
        self._work = work

    def on_put(self, req: falcon.Request, resp: falcon.Response) -> None:
        ready, reason = state_of(json_body(req))
        agent, lines = self._work.seated(req).agent_id, self._work.floor.lines
        if ready:
            lines.set_ready(agent)
        else:
            lines.set_not_ready(agent, reason)
        resp.status, resp.media = self._work.kept(req, agent, "ready" if ready else "not_ready")


class Next:
    """``PUT /v1/me/next``: the state after the work, as in `State`; ``{"state": null}`` takes it back."""

    def __init__(self, work: Work) -> None:
        self._work = work

    def on_put(self, req: falcon.Request, resp: falcon.Response) -> None:
        body = json_body(req)
        only(body, "state", "reason")
        text_field(body, "reason", limit=REASON_MAX, default="")
        taken_back = "state" in body and body["state"] is None
        ready, reason = (None, "") if taken_back else state_of(body)
        agent = self._work.seated(req).agent_id
        self._work.floor.seats.choose_next(agent, ready, reason)
        resp.media = self._work.shown(agent)


class Heartbeat:
    """``PUT /v1/me/heartbeat``: the client is there although it has no stream."""

    def __init__(self, work: Work) -> None:
        self._work = work

    def on_put(self, req: falcon.Request, resp: falcon.Response) -> None:
        known_only(req, ())
        agent = self._work.seated(req).agent_id
        until = self._work.floor.seats.beat(agent, access_of(req).principal.via)
        resp.media = {"agent": agent, "good_until": iso(until)}


def state_of(body: dict[str, Any]) -> tuple[bool, str]:
    """Whether READY, and the reason of NOT_READY. Raises Problem."""
    only(body, "state", "reason")
    state = text_field(body, "state", limit=20)
    if state not in ("READY", "NOT_READY"):
        raise Problem("bad-request", "state must be READY or NOT_READY")
    reason = text_field(body, "reason", limit=REASON_MAX, default="")
    if state == "NOT_READY" and not (reason.isprintable() and reason.strip()):
        raise Problem("bad-request", "NOT_READY takes a reason: break, study, meeting, …")
    return state == "READY", reason if state == "NOT_READY" else ""
