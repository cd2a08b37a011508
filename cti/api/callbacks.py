"""``/v1/callbacks``: who is to be called back, by whom and when. Numbers are masked unless asked otherwise."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import falcon

from cti.api.bodies import json_body, only, text_field
from cti.api.guard import access_of
from cti.api.once import Once
from cti.api.paging import iso, known_only, limit_of, parse_time
from cti.api.problems import Problem
from cti.core.access import Permission, ResourceScope
from cti.core.callback_wishes import ATTEMPTS, WHEN_CHARS, check_attempts, check_when, wish_of
from cti.core.callbacks import Callback, CallbackState
from cti.core.masking import mask

if TYPE_CHECKING:
    from cti.runtime.account_services import AccountServices
    from cti.runtime.floor.callbacks import CallbackDesk

_STATES = ("open", *(state.value for state in CallbackState))


def callback_json(one: Callback, *, unmask: bool = False) -> dict[str, Any]:
    return {
        "callback_id": one.callback_id,
        "state": one.state.value,
        "number": one.number if unmask else mask(one.number),
        "queue": one.queue or None,
        "flow": one.flow or None,
        "due_at": iso(one.due_at),
        "event": one.event or None,
        "created_at": iso(one.created_at),
        "waits_since": iso(one.rank_at),
        "attempts": one.attempts,
        "attempts_allowed": one.allowed,
        "last": one.last or None,
        "call_id": one.call_id or None,
        "called_as": one.called_as or None,
        "agent": one.agent or None,
        "ended_at": iso(one.ended_at),
        "version": one.version,
    }


def scope_of(one: Callback | None) -> ResourceScope:
    return ResourceScope.of(queue=one.queue or None) if one is not None else ResourceScope()


class Desk:
    """What the resources share. Without a desk (no engine runs) nothing can be promised."""

    def __init__(self, services: AccountServices, desk: CallbackDesk | None) -> None:
        self.store, self.desk = services.store.callbacks, desk

    def poke(self) -> None:
        if self.desk is not None:
            self.desk.poke()


class Callbacks:
    """``GET /v1/callbacks?state=&queue=&limit=&after=``, the newest first; ``POST`` promises one."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._once: Once[Callback] = Once()

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        known_only(req, ("limit", "after", "state", "queue", "unmask", "reason"))
        access, limit, state = access_of(req), limit_of(req), req.get_param("state")
        if state is not None and state not in _STATES:
            raise Problem("bad-request", f"state must be one of {', '.join(_STATES)}")
        what = access.visible(Permission.CALLBACKS_READ)
        unmask = access.unmask(req, "callback:*")
        found = self._desk.store.list(
            limit=limit, before=_cursor(req.get_param("after")), state=state, queue=req.get_param("queue"), what=what
        )
        last = found[-1] if len(found) == limit else None
        resp.media = {
            "items": [callback_json(one, unmask=unmask) for one in found],
            "next": f"{last.created_at!r}~{last.callback_id}" if last is not None else None,
        }

    on_head = on_get

    def on_post(self, req: falcon.Request, resp: falcon.Response) -> None:
        body = json_body(req)
        only(body, "number", "when", "queue", "flow", "attempts")
        queue = text_field(body, "queue", limit=64, default="")
        flow = text_field(body, "flow", limit=64, default="")
        access = access_of(req)
        access.require(Permission.CALLBACKS_EDIT, ResourceScope.of(queue=queue or None), f"callback:{queue or flow}")
        number = text_field(body, "number", limit=20)
        wish = wish_of(number, _when(body), queue, flow, body.get("attempts", ATTEMPTS))
        desk, deed = self._desk.desk, access.deed(Permission.CALLBACKS_EDIT)
        if desk is None:
            raise Problem("switch-unavailable", "no engine calls here")
        made = self._once.do(req, body, lambda: desk.promise(wish, deed))
        resp.status, resp.location = falcon.HTTP_201, f"/v1/callbacks/{made.callback_id}"
        resp.media = callback_json(made)


class CallbackResource:
    """``GET``; ``PATCH`` with ``when``, ``queue``, ``attempts``; ``DELETE`` cancels."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def on_get(self, req: falcon.Request, resp: falcon.Response, callback_id: str) -> None:
        known_only(req, ("unmask", "reason"))
        one = self._get(req, Permission.CALLBACKS_READ, callback_id)
        unmask = access_of(req).unmask(req, f"callback:{callback_id}", scope_of(one))
        resp.media = callback_json(one, unmask=unmask)

    on_head = on_get

    def on_patch(self, req: falcon.Request, resp: falcon.Response, callback_id: str) -> None:
        body = json_body(req)
        only(body, "when", "queue", "attempts")
        one = self._get(req, Permission.CALLBACKS_EDIT, callback_id)
        values: dict[str, Any] = {}
        if "when" in body:
            when = _when(body)
            event = when.removeprefix("event:") if when.startswith("event:") else ""
            now = access_of(req).services.clock.now()
            due = None if event else now if when == "now" else parse_time(when, "when")
            values |= {"event": event, "due_at": due}
        access = access_of(req)
        if "queue" in body:
            values["queue"] = text_field(body, "queue", limit=64)
            known = self._desk.desk
            scope = ResourceScope.of(queue=values["queue"])
            access.require(Permission.CALLBACKS_EDIT, scope, f"queue:{values['queue']}")
            if one.flow or (known is not None and not known.has_queue(values["queue"])):
                raise Problem("nobody-calls", "there is no such queue, or a flow meets this person")
        if "attempts" in body:
            check_attempts(body["attempts"])
            values["allowed"] = body["attempts"]
        if not values:
            raise Problem("bad-request", "give when, queue or attempts")
        changed = self._desk.store.change(callback_id, access.deed(Permission.CALLBACKS_EDIT), **values)
        self._desk.poke()
        resp.media = callback_json(changed)

    def on_delete(self, req: falcon.Request, resp: falcon.Response, callback_id: str) -> None:
        self._get(req, Permission.CALLBACKS_EDIT, callback_id)
        self._desk.store.cancel(callback_id, access_of(req).deed(Permission.CALLBACKS_EDIT))
        self._desk.poke()
        resp.status = falcon.HTTP_204

    def _get(self, req: falcon.Request, permission: Permission, callback_id: str) -> Callback:
        one = self._desk.store.find(callback_id)
        access_of(req).require(permission, scope_of(one), f"callback:{callback_id}")
        if one is None:
            raise Problem("unknown-callback", f"no callback {callback_id!r}")
        return one


def _when(body: dict[str, Any]) -> str:
    """Raises CtiError (bad-time)."""
    when = text_field(body, "when", limit=WHEN_CHARS, default="now").replace(" ", "+")
    check_when(when)
    return when


def _cursor(text: str | None) -> tuple[float, str] | None:
    if text is None:
        return None
    at, tilde, id_ = text.partition("~")
    try:
        found = float(at)
    except ValueError:
        tilde = ""
    if not tilde or not id_:
        raise Problem("bad-cursor", "after is the `next` of the page before")
    return found, id_
