"""``/v1/me/contacts/{contact}/wrapup``: what the agent writes about the contact at hand, from the talk on.

The last word holds, and is kept at once; ``…/finish`` takes the same, and ends the work.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import falcon

from cti.api.bodies import json_body, only, text_field
from cti.api.etags import seen_version, send_version
from cti.api.guard import access_of
from cti.api.paging import known_only
from cti.api.problems import Problem
from cti.core.wrapups import DISPOSITION_MAX, NAME_MAX, NOTES_MAX, PARTS, VALUE_MAX, VARIABLES_MAX
from cti.runtime.floor.actions import WRAPUP

if TYPE_CHECKING:
    from cti.acd.cases import Case
    from cti.api.work import Work


class MyWrapUp:
    """``GET …?unmask=&reason=``: what is written so far, and what can be: dispositions of the queue, variables that may
    be put right. ``PATCH``: some of disposition, notes, variables; with ``If-Match`` only if nobody wrote meanwhile.
    200 once it is on disk, so that no end of the engine takes it away; 202 when that takes longer."""

    def __init__(self, work: Work) -> None:
        self._work = work

    def on_get(self, req: falcon.Request, resp: falcon.Response, contact: str) -> None:
        known_only(req, ("unmask", "reason"))
        floor, case = self._work.floor, self._find(self._work.agent_of(req).agent_id, contact)
        unmask = access_of(req).unmask(req, f"contact:{contact}", floor.views.scope(case))
        resp.media = shown = floor.wrapups.shown(case, unmask=unmask)
        if unmask:
            resp.etag = str(shown["version"])
        else:
            send_version(req, resp, str(shown["version"]))

    on_head = on_get

    def on_patch(self, req: falcon.Request, resp: falcon.Response, contact: str) -> None:
        known_only(req, ())
        body = json_body(req)
        parts = parts_of(body, *PARTS)
        if not parts:
            raise Problem("bad-request", f"one of {', '.join(PARTS)} at least")
        floor, agent = self._work.floor, self._work.seated(req).agent_id
        case = self._find(agent, contact)
        if req.get_header("If-Match") is not None:
            seen_version(req, str(floor.wrapups.of(case).wrapup.version), "what is written about the contact")
        floor.orders.do(agent, contact, WRAPUP, lambda: floor.orders.write(agent, contact, parts))
        shown = floor.wrapups.shown(case)
        late = floor.orders.keep(access_of(req).principal.user_id, WRAPUP)
        resp.status, resp.media = (202, {"command_id": late, **shown}) if late else (200, shown)
        resp.etag = str(shown["version"])

    def _find(self, agent: str, contact: str) -> Case:
        """Raises FloorRefused (unknown-contact)."""
        return self._work.floor.desk_of(contact).find(agent, contact)


def parts_of(body: dict[str, Any], *known: str) -> dict[str, Any]:
    """Those of the write-up that are given, each of the right kind. Raises Problem (bad-request)."""
    only(body, *known)
    found: dict[str, Any] = {}
    if "disposition" in body:
        given = body["disposition"] is not None
        found["disposition"] = text_field(body, "disposition", limit=DISPOSITION_MAX) if given else None
    if "notes" in body:
        found["notes"] = text_field(body, "notes", limit=NOTES_MAX, default="")
    if "variables" in body:
        values = body["variables"]
        if not isinstance(values, dict) or len(values) > VARIABLES_MAX or not all(_plain(v) for v in values.values()):
            raise Problem(
                "bad-request",
                f"variables is an object of {VARIABLES_MAX} names at most, each with a text of {VALUE_MAX} characters "
                "at most, a number, true, false or null",
            )
        if any(not 0 < len(name) <= NAME_MAX for name in values):
            raise Problem("bad-request", f"a variable's name has 1 to {NAME_MAX} characters")
        found["variables"] = values
    return found


def _plain(value: object) -> bool:
    if isinstance(value, str):
        return len(value) <= VALUE_MAX
    return value is None or isinstance(value, bool | int | float)
