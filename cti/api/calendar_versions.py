"""``/v1/calendars/{calendar}/history`` and ``…/rollback``: what a calendar said before, and saying it again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import falcon

from cti.api.bodies import json_body, only, text_field
from cti.api.entries import NUMBER_LAST
from cti.api.etags import seen_version, send_version
from cti.api.flows import history_json
from cti.api.guard import access_of
from cti.api.once import Once
from cti.api.paging import known_only, limit_of, whole_of
from cti.api.problems import Problem
from cti.core.access import GLOBAL, Permission
from cti.runtime.reload.files import calendar_file

if TYPE_CHECKING:
    from cti.api.calendars import Office

#: As many characters of a version, at least, say which one is meant.
BEGINNING_MIN = 6


class CalendarHistory:
    """``GET /v1/calendars/{calendar}/history?limit=&before=``: what it has said, since when, by whom; the newest first.
    The ``version`` is the ETag that it had. That it was deleted stands in the audit alone."""

    def __init__(self, office: Office) -> None:
        self._office = office

    def on_get(self, req: falcon.Request, resp: falcon.Response, calendar: str) -> None:
        known_only(req, ("limit", "before"))
        limit, before = limit_of(req), whole_of(req, "before", NUMBER_LAST)
        lines = self._office.files.flows.history.history(calendar_file(calendar), limit, before or None)
        if not lines and not before:
            raise Problem("not-found", f"no calendar {calendar[:64]!r}")
        resp.media = {
            "items": [history_json(one) for one in lines],
            "next": str(lines[-1].number) if len(lines) == limit else None,
        }

    on_head = on_get


class CalendarRollback:
    """``POST /v1/calendars/{calendar}/rollback`` ``{"version": "…"}``: the file says again what it said in that version
    of the history (or the beginning of it, 6 characters or more), where the tests of the flows still pass. ``If-Match``
    names the ETag that was seen; ``If-None-Match: *`` brings a calendar back that was deleted."""

    def __init__(self, office: Office) -> None:
        self._office = office
        self._once: Once[dict[str, Any]] = Once()

    def on_post(self, req: falcon.Request, resp: falcon.Response, calendar: str) -> None:
        office, body, access = self._office, json_body(req), access_of(req)
        only(body, "version")
        wanted = text_field(body, "version", limit=80)
        if len(wanted) < BEGINNING_MIN:
            raise Problem("bad-request", f"version has {BEGINNING_MIN} characters or more")

        def back() -> dict[str, Any]:
            file, before = calendar_file(calendar), office.version(calendar)
            seen_version(req, before, f"calendar {calendar!r}")
            access.require(Permission.CALENDARS_EDIT, GLOBAL, f"calendar:{calendar}")
            found = office.files.flows.history.find(file, wanted)
            if len(found) != 1:
                raise Problem("unknown-version", f"{len(found) or 'no'} versions of {file[:80]} begin with {wanted!r}")
            office.save(access, {calendar: found[0].files[file]}, {calendar: before}, done="rollback")
            return office.there(calendar)

        resp.media = self._once.do(req, {**body, "calendar": calendar}, back)
        send_version(req, resp, resp.media["version"])
