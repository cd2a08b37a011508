"""``/v1/notices``: what callers are told now, set while the platform runs; ``/v1/blocked``: who is not let in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import falcon

from cti.api.bodies import json_body, only, text_field
from cti.api.callbacks import _cursor
from cti.api.guard import access_of
from cti.api.once import Once
from cti.api.paging import PAGED, iso, known_only, limit_of, page_of, parse_time
from cti.api.problems import Problem
from cti.core.access import Permission
from cti.core.masking import mask

if TYPE_CHECKING:
    from collections.abc import Callable

    from cti.core.blocking import BlockedNumber
    from cti.core.records import NoticeTotal
    from cti.ports import Store
    from cti.runtime.account_services import AccountServices
    from cti.runtime.set_notices import SetNotices
    from cti.store.notices import SetNotice

OPTIONS = ("say", "areas", "services", "numbers", "starts", "ends", "priority")
REASON_MAX = 200


def notice_json(one: SetNotice, total: NoticeTotal | None) -> dict[str, Any]:
    return {
        "notice_id": one.notice_id,
        **{name: one.document.get(name) for name in OPTIONS},
        "created_at": iso(one.created_at),
        "created_by": one.created_by,
        "changed_at": iso(one.changed_at),
        "changed_by": one.changed_by,
        "ended_at": iso(one.ended_at),
        "version": one.version,
        "heard": total.heard if total is not None else 0,
        "heard_whole": total.heard_whole if total is not None else 0,
        "hung_up": total.hung_up if total is not None else 0,
    }


class Notices:
    """``GET``: those that were not ended, and of the last week those that were; ``POST`` sets one."""

    def __init__(self, notices: SetNotices, store: Store) -> None:
        self._notices, self._store = notices, store
        self._once: Once[SetNotice] = Once()

    def totals(self) -> dict[str, NoticeTotal]:
        return {total.notice: total for total in self._store.count_notices()}

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        known_only(req, PAGED)
        totals = self.totals()
        found, following = page_of(req, self._notices.all(), lambda one: one.notice_id)
        items = [notice_json(one, totals.get(one.notice_id)) for one in found]
        resp.media = {"items": items, "next": following}

    on_head = on_get

    def on_post(self, req: falcon.Request, resp: falcon.Response) -> None:
        body = json_body(req)
        only(body, "notice_id", *OPTIONS)
        notice_id = text_field(body, "notice_id", limit=64)
        document, deed = _document(body), access_of(req).deed(Permission.NOTICES_EDIT)
        made = self._once.do(req, body, lambda: self._notices.put(notice_id, document, deed, new=True))
        resp.status, resp.location = falcon.HTTP_201, f"/v1/notices/{made.notice_id}"
        resp.media = notice_json(made, None)


class Notice:
    """``GET``; ``PUT``: all of it, in the place of what it was; ``DELETE`` ends it."""

    def __init__(self, notices: SetNotices, every: Notices) -> None:
        self._notices, self._every = notices, every

    def on_get(self, req: falcon.Request, resp: falcon.Response, notice_id: str) -> None:
        known_only(req, ())
        resp.media = notice_json(self._get(notice_id), self._every.totals().get(notice_id))

    on_head = on_get

    def on_put(self, req: falcon.Request, resp: falcon.Response, notice_id: str) -> None:
        body = json_body(req)
        only(body, *OPTIONS)
        self._get(notice_id)
        made = self._notices.put(notice_id, _document(body), access_of(req).deed(Permission.NOTICES_EDIT))
        resp.media = notice_json(made, self._every.totals().get(notice_id))

    def on_delete(self, req: falcon.Request, resp: falcon.Response, notice_id: str) -> None:
        self._notices.end(notice_id, access_of(req).deed(Permission.NOTICES_EDIT))
        resp.status = falcon.HTTP_204

    def _get(self, notice_id: str) -> SetNotice:
        found = next((one for one in self._notices.all() if one.notice_id == notice_id), None)
        if found is None:
            raise Problem("unknown-notice", f"no notice {notice_id!r} was set here")
        return found


def blocked_json(one: BlockedNumber, *, unmask: bool = False) -> dict[str, Any]:
    return {
        "blocked_id": one.blocked_id,
        "number": one.number if unmask else mask(one.number),
        "reason": one.reason,
        "until": iso(one.until),
        "created_at": iso(one.created_at),
        "created_by": one.created_by,
    }


class Blocked:
    """``GET /v1/blocked?limit=&after=``, the newest first; ``POST`` with ``number``, ``reason``, ``until``."""

    def __init__(self, services: AccountServices, changed: Callable[[], None]) -> None:
        self._store, self._changed = services.store.blocked, changed
        self._once: Once[BlockedNumber] = Once()

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        known_only(req, ("limit", "after", "unmask", "reason"))
        limit, unmask = limit_of(req), access_of(req).unmask(req, "blocked:*")
        found = self._store.list(limit=limit, after=_cursor(req.get_param("after")))
        last = found[-1] if len(found) == limit else None
        resp.media = {
            "items": [blocked_json(one, unmask=unmask) for one in found],
            "next": f"{last.created_at!r}~{last.blocked_id}" if last is not None else None,
        }

    on_head = on_get

    def on_post(self, req: falcon.Request, resp: falcon.Response) -> None:
        body = json_body(req)
        only(body, "number", "reason", "until")
        number, reason = text_field(body, "number", limit=24), text_field(body, "reason", limit=REASON_MAX)
        until = parse_time(text_field(body, "until", limit=40), "until") if "until" in body else None
        access = access_of(req)
        if until is not None and until <= access.services.clock.now():
            raise Problem("bad-request", "until must be later than now")
        deed = access.deed(Permission.NOTICES_EDIT)
        made = self._once.do(req, body, lambda: self._store.block(number, reason, until, deed))
        self._changed()
        resp.status, resp.location = falcon.HTTP_201, f"/v1/blocked/{made.blocked_id}"
        resp.media = blocked_json(made)


class BlockedOne:
    """``DELETE``: the number is let in again."""

    def __init__(self, services: AccountServices, changed: Callable[[], None]) -> None:
        self._store, self._changed = services.store.blocked, changed

    def on_delete(self, req: falcon.Request, resp: falcon.Response, blocked_id: str) -> None:
        self._store.lift(blocked_id, access_of(req).deed(Permission.NOTICES_EDIT))
        self._changed()
        resp.status = falcon.HTTP_204


def _document(body: dict[str, Any]) -> dict[str, Any]:
    return {name: body[name] for name in OPTIONS if body.get(name) is not None}
