"""What agents take in hand themselves, READY or not: ``/v1/me/dial``, ``/v1/contacts/{contact}/pick-up``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cti.api.bodies import json_body, only
from cti.api.guard import access_of
from cti.api.once import Once
from cti.api.problems import Problem
from cti.api.targets import DIAL_TARGETS, audited, target_of
from cti.core.access import Permission
from cti.core.legs import Phone

if TYPE_CHECKING:
    import falcon

    from cti.api.contacts import Live
    from cti.api.targets import Targets
    from cti.api.work import Work


class Dial:
    """``POST /v1/me/dial``: ``{"to": {"number": "+8613800138000"}}``, or an extension, a contact, a customer.

    200 once the other phone says that it rings (or was answered); 202 when it has not within 5 s, and the event
    ``command.ended`` tells the ending. `contact.dialled` tells each step."""

    def __init__(self, work: Work, targets: Targets) -> None:
        self._work, self._targets = work, targets
        self._once: Once[tuple[int, dict[str, Any]]] = Once()

    def on_post(self, req: falcon.Request, resp: falcon.Response) -> None:
        body = json_body(req)
        only(body, "to")
        wanted, access = target_of(body, DIAL_TARGETS), access_of(req)
        profile = self._work.seated(req)

        def dial() -> tuple[int, dict[str, Any]]:
            floor = self._work.floor
            if floor.dials is None:
                raise Problem("switch-unavailable", "no switch is here that calls could be placed with")
            target = self._targets.resolve(access, wanted)
            with audited(access, Permission.CALLS_PLACE, f"agent:{profile.agent_id}"):
                phone = Phone(f"{'number' if target.kind == 'number' else 'user'}/{target.name}")
                contact, late = floor.orders.dial(floor.dials, profile.agent_id, phone)
            shown = self._work.contact(profile.agent_id, contact)
            return (202, {"command_id": late, **shown}) if late else (200, shown)

        resp.status, resp.media = self._once.do(req, body, dial)


class PickUp:
    """``POST /v1/contacts/{contact}/pick-up``: one that waits, is parked, or rings at a colleague rings here."""

    def __init__(self, work: Work, live: Live) -> None:
        self._work, self._live = work, live
        self._once: Once[dict[str, Any]] = Once()

    def on_post(self, req: falcon.Request, resp: falcon.Response, contact: str) -> None:
        only(json_body(req) if req.content_length else {})
        access = access_of(req)

        def pick_up() -> dict[str, Any]:
            self._live.require(access, Permission.CONTACTS_PICK_UP, contact)
            agent = self._work.seated(req).agent_id
            self._work.floor.orders.pick_up(agent, contact)
            return self._work.contact(agent, contact)

        access.visible(Permission.CONTACTS_PICK_UP)
        resp.media = self._once.do(req, {}, pick_up)
