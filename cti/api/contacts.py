"""``/v1/contacts``: the contacts that wait or are at an agent now; why they wait; moving, reordering, listening."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import falcon

from cti.acd.inputs import Move, Reprioritise
from cti.acd.states import ContactState
from cti.api.bodies import json_body, only, text_field
from cti.api.guard import access_of
from cti.api.once import Once
from cti.api.paging import choice_of, known_only, limit_of
from cti.api.problems import Problem
from cti.api.targets import audited
from cti.core.access import Permission, ResourceScope
from cti.core.people import RemoteAnswer
from cti.runtime.floor.seats import phone_of
from cti.runtime.floor.supervision import TAKE_OVER

if TYPE_CHECKING:
    from cti.acd.cases import Case
    from cti.api.guard import Access
    from cti.runtime.account_services import AccountServices
    from cti.runtime.floor import Floor

PRIORITY_MAX = 100
PHONE_MAX = 140


class Live:
    """What the resources below share."""

    def __init__(self, floor: Floor, services: AccountServices) -> None:
        self.floor, self.agents = floor, services.store.agents

    def require(self, access: Access, permission: Permission, contact: str) -> Case:
        """Raises Problem: not-found, for one out of scope as well."""
        case = self.floor.owner.acd.floor.cases.get(contact)
        scope = ResourceScope() if case is None else self.floor.views.scope(case)
        access.require(permission, scope, f"contact:{contact[:64]}")
        if case is None:
            raise Problem("not-found", f"no contact {contact[:64]!r} is here")
        return case


class Contacts:
    """``GET /v1/contacts?limit=&after=&queue=&agent=&state=`` in the order in which they came; parked ones to whoever
    may pick them up, too."""

    def __init__(self, live: Live) -> None:
        self._live = live

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        filters = ("queue", "agent", "state")
        known_only(req, ("limit", "after", *filters))
        limit, after = limit_of(req), req.get_param("after") or "0"
        if not after.isascii() or not after.isdigit() or len(after) > 15:
            raise Problem("bad-cursor", f"after={after[:40]!r}")
        choice_of(req, "state", ContactState)
        what, views = access_of(req).visible(Permission.CONTACTS_READ), self._live.floor.views
        parked = access_of(req).visible(Permission.CONTACTS_PICK_UP)
        wanted = {name: value for name in filters if (value := req.get_param(name)) is not None}
        cases = sorted(self._live.floor.owner.acd.floor.cases.values(), key=lambda case: case.number)
        later = [
            case
            for case in cases
            if case.number > int(after)
            and (what.shows(views.scope(case)) or (case.parked and parked.shows(views.scope(case))))
        ]
        found: list[Case] = []
        items: list[dict[str, Any]] = []
        for case in later:
            shown = views.contact(case)
            if all(shown[name] == value for name, value in wanted.items()):
                found.append(case)
                items.append(shown)
            if len(items) == limit:
                break
        resp.media = {"items": items, "next": str(found[-1].number) if len(items) == limit else None}

    on_head = on_get


class Contact:
    """``GET /v1/contacts/{contact}?unmask=&reason=``: with the screen pop, why it still waits, what its agent has
    written."""

    def __init__(self, live: Live) -> None:
        self._live = live

    def on_get(self, req: falcon.Request, resp: falcon.Response, contact: str) -> None:
        known_only(req, ("unmask", "reason"))
        access, floor = access_of(req), self._live.floor
        case = self._live.require(access, Permission.CONTACTS_READ, contact)
        unmask = access.unmask(req, f"contact:{contact}", floor.views.scope(case))
        resp.media = {
            **floor.views.contact(case),
            "screen": floor.publisher.screen(contact, unmask=unmask),
            "explain": floor.views.explain(contact),
            "wrapup": floor.wrapups.shown(case, unmask=unmask) if case.desk is not None else None,
        }

    on_head = on_get


class ContactMove:
    """``POST /v1/contacts/{contact}/move``: ``{"queue": "second"}``; it keeps its rank. 409 unless it waits."""

    def __init__(self, live: Live) -> None:
        self._live = live
        self._once: Once[dict[str, Any]] = Once()

    def on_post(self, req: falcon.Request, resp: falcon.Response, contact: str) -> None:
        body = json_body(req)
        only(body, "queue")
        queue, access, floor = text_field(body, "queue", limit=64), access_of(req), self._live.floor

        def move() -> dict[str, Any]:
            self._live.require(access, Permission.CONTACTS_MOVE, contact)
            floor.owner.ask(Move(contact, queue))
            access.note(Permission.CONTACTS_MOVE, f"contact:{contact}", allowed=True, reason=f"queue {queue}")
            case = floor.owner.acd.floor.cases.get(contact)
            return floor.views.contact(case) if case is not None else {"contact": contact, "state": "GONE"}

        access.visible(Permission.CONTACTS_MOVE)
        resp.media = self._once.do(req, body, move)


class ContactPriority:
    """``PUT /v1/contacts/{contact}/priority``: ``{"priority": 5}``: one more is worth 10 s of waiting."""

    def __init__(self, live: Live) -> None:
        self._live = live

    def on_put(self, req: falcon.Request, resp: falcon.Response, contact: str) -> None:
        body = json_body(req)
        only(body, "priority")
        access, floor = access_of(req), self._live.floor
        case = self._live.require(access, Permission.CONTACTS_MOVE, contact)
        value = body.get("priority")
        if isinstance(value, bool) or not isinstance(value, int) or abs(value) > PRIORITY_MAX:
            raise Problem("bad-request", f"priority is a whole number from -{PRIORITY_MAX} to {PRIORITY_MAX}")
        floor.owner.ask(Reprioritise(contact, value))
        access.note(Permission.CONTACTS_MOVE, f"contact:{contact}", allowed=True, reason=f"priority {value}")
        resp.media = floor.views.contact(case)


class ContactMonitor:
    """``POST /v1/contacts/{contact}/monitor``: ``{"mode": "listen", "phone": "1009"}``: rings the supervisor's phone,
    which then hears the talk (listen), is heard by the agent (whisper) or by both (barge), or has the agent's place
    (take_over), as a contact of the supervisor's own where that one is an agent at work. Again with another mode:
    changes it. ``DELETE`` ends it.

    200: it is so; 202: the phone rings, or is being joined: `contact.monitored` tells what comes."""

    def __init__(self, live: Live) -> None:
        self._live = live
        self._once: Once[dict[str, Any]] = Once()

    def on_post(self, req: falcon.Request, resp: falcon.Response, contact: str) -> None:
        body = json_body(req)
        only(body, "mode", "phone")
        mode, access = text_field(body, "mode", limit=20), access_of(req)
        user = access.principal.user_id
        own = self._live.agents.find_of_user(user)
        agent = own.agent_id if own else ""
        phone = text_field(body, "phone", limit=PHONE_MAX, default=own.phone if own else "")
        permission = Permission.CONTACTS_JOIN if mode in ("barge", TAKE_OVER) else Permission.CONTACTS_LISTEN

        def begin() -> dict[str, Any]:
            self._live.require(access, permission, contact)
            if not phone:
                raise Problem("bad-phone", "say which phone is to be rung")
            floor = self._live.floor
            with audited(access, permission, f"contact:{contact[:64]}"):
                watch = floor.supervision.begin(user, agent, contact, mode, phone_of(phone, RemoteAnswer.NONE))
            access.note(permission, f"contact:{contact}", allowed=True, reason=mode)
            state = "ringing" if not watch.on else "joining" if mode == TAKE_OVER else "on"
            return {"command_id": watch.leg, "contact": contact, "mode": watch.mode, "state": state}

        access.visible(permission)
        resp.media = self._once.do(req, body, begin)
        resp.status = falcon.HTTP_200 if resp.media["state"] == "on" else falcon.HTTP_202

    def on_delete(self, req: falcon.Request, resp: falcon.Response, contact: str) -> None:
        access = access_of(req)
        self._live.require(access, Permission.CONTACTS_LISTEN, contact)
        self._live.floor.supervision.end(access.principal.user_id, contact)
        resp.status = falcon.HTTP_204
