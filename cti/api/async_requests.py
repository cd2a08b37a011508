"""``/v1/requests``: writes of the back office that are ordered and not waited for."""

from __future__ import annotations

import hashlib
import re
import secrets
from typing import TYPE_CHECKING, Any

import falcon

from cti.api.bodies import json_body, only, text_field
from cti.api.guard import access_of
from cti.api.office import arguments_of
from cti.api.once import Once, idempotency_key
from cti.api.paging import choice_of, iso, known_only, limit_of
from cti.api.problems import Problem
from cti.boss.async_desk import OUTSTANDING_MAX
from cti.boss.mapping import bind
from cti.boss.masking import masked_values
from cti.boss.shown import plain
from cti.core.async_requests import STATES, AsyncRequest, Callback, check_secret
from cti.core.webhook_urls import URL_MAX
from cti.store.async_requests import Place

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cti.api.guard import Access
    from cti.api.holding import Holding
    from cti.boss.async_desk import AsyncDesk
    from cti.boss.plans import OfficePlan, QuestionPlan
    from cti.boss.server import InterfaceServer
    from cti.store.async_requests import AsyncRequests

NAME_MAX, SECRET_MAX = 80, 120
EXPIRES_S, EXPIRES_MOST_S = 3600, 86_400
_CURSOR = re.compile(r"([0-9]{1,12}\.[0-9]{1,10})~([A-Za-z0-9-]{1,64})")


class Ordering:
    """What the resources share."""

    def __init__(self, office: InterfaceServer, desk: AsyncDesk, requests: AsyncRequests, holding: Holding) -> None:
        self._office, self.desk, self.requests, self.holding = office, desk, requests, holding

    @property
    def plan(self) -> OfficePlan:
        return self._office.plan

    def now(self) -> float:
        return self._office.clock.now()

    def get(self, access: Access, request_id: str) -> AsyncRequest:
        """One's own. Raises Problem (not-found)."""
        found = self.requests.find(request_id)
        if found is None or found.user_id != access.principal.user_id:
            raise Problem("not-found", f"no request {request_id[:64]!r}")
        return found


class Requests:
    """``POST``: order something of the back office; 202 with an id at once, when it is on disk. What came of it is told
    to ``callback``, signed as webhooks are, or asked for by ``GET /v1/requests/{request_id}``. With an Idempotency-Key
    it is written once, however often it is sent. ``GET``: one's own, the newest first."""

    def __init__(self, ordering: Ordering) -> None:
        self._ordering = ordering
        self._once: Once[dict[str, Any]] = Once()

    def on_post(self, req: falcon.Request, resp: falcon.Response) -> None:
        known_only(req, ())
        body, access = json_body(req), access_of(req)
        only(body, "request", "arguments", "callback", "expires_s")
        name = text_field(body, "request", limit=NAME_MAX)
        plan = self._ordering.plan.requests.get(name)
        if plan is None:
            raise Problem("unknown-request", f"there is no request {name!r}")
        inputs = bind(plan.signature, arguments_of(plan, body))
        callback, expires_s = self._callback(body), _expires_of(body)
        user_id, key = access.principal.user_id, idempotency_key(req)

        def order() -> dict[str, Any]:
            now, request_id = self._ordering.now(), _id_of(user_id, key)
            write_key = f"{user_id}/{request_id}"
            one = AsyncRequest(request_id, user_id, name, write_key, inputs, now, now + expires_s, callback)
            return request_json(plan, self._added(one), unmask=False)

        resp.media = self._once.do(req, body, order)
        resp.status = falcon.HTTP_202
        resp.location = f"/v1/requests/{resp.media['request_id']}"

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        known_only(req, ("limit", "after", "state"))
        limit, state = limit_of(req), choice_of(req, "state", STATES)
        mine, before = access_of(req).principal.user_id, _place_of(req.get_param("after"))
        found = self._ordering.requests.of_user(mine, limit=limit, before=before, state=state)
        plans = self._ordering.plan.requests
        resp.media = {
            "items": [request_json(plans.get(one.name), one, unmask=False) for one in found],
            "next": f"{found[-1].since!r}~{found[-1].request_id}" if len(found) == limit else None,
        }

    on_head = on_get

    def _added(self, one: AsyncRequest) -> AsyncRequest:
        desk = self._ordering.desk
        if desk.full:
            raise Problem("busy", f"{OUTSTANDING_MAX} requests are outstanding")
        if desk.add(one):
            return one
        found = desk.find(one.request_id)  # an answer that was lost, or a key of long ago
        if found is None or (found.name, dict(found.inputs)) != (one.name, dict(one.inputs)):
            raise Problem("idempotency-conflict", "the request of this Idempotency-Key was another one")
        return found

    def _callback(self, body: dict[str, Any]) -> Callback | None:
        """Raises Problem; CtiError: bad-url, url-not-allowed, bad-secret."""
        given = body.get("callback")
        if given is None:
            return None
        if not isinstance(given, dict):
            raise Problem("bad-request", "callback is an object with url and secret")
        only(given, "url", "secret")
        url, secret = text_field(given, "url", limit=URL_MAX), text_field(given, "secret", limit=SECRET_MAX)
        self._ordering.desk.sender.check(url)
        return Callback(url, check_secret(secret))


class RequestResource:
    """``GET /v1/requests/{request_id}``: what came of it. Personal data is masked by its classes;
    ``?unmask=true&reason=…`` for who has a contact of the subscriber, or the permission; audited."""

    def __init__(self, ordering: Ordering) -> None:
        self._ordering = ordering

    def on_get(self, req: falcon.Request, resp: falcon.Response, request_id: str) -> None:
        known_only(req, ("unmask", "reason"))
        access, ordering = access_of(req), self._ordering
        found = ordering.get(access, request_id)
        plan = ordering.plan.requests.get(found.name)
        unmask = False
        if req.get_param("unmask") is not None:
            if plan is None:
                raise Problem("unknown-request", f"there is no request {found.name!r} any more")
            scope = ordering.holding.scope(access, plan, found.inputs)
            unmask = access.unmask(req, f"request:{request_id[:64]}", scope)
        resp.media = request_json(plan, found, unmask=unmask)

    on_head = on_get


def request_json(plan: QuestionPlan | None, one: AsyncRequest, *, unmask: bool) -> dict[str, Any]:
    """``plan`` None: nobody knows any more which of its data are personal, so none is shown."""
    arguments, masked = shown(plan, one.inputs, unmask=unmask)
    values, more = shown(plan, one.values, unmask=unmask)
    callback = one.callback
    return {
        "request_id": one.request_id,
        "request": one.name,
        "state": one.state,
        "outcome": one.outcome or None,
        "arguments": arguments,
        "values": values,
        "masked": sorted({*masked, *more}),
        "ordered_at": iso(one.since),
        "expires_at": iso(one.expires_at),
        "ended_at": iso(one.ended_at),
        "callback": None if callback is None else {"url": callback.url, "state": one.told or None},
    }


def shown(
    plan: QuestionPlan | None, values: Mapping[str, Any], *, unmask: bool = False
) -> tuple[dict[str, Any], list[str]]:
    """As JSON, and which of them are masked."""
    if plan is None:
        return {}, []
    found, masked = (dict(values), []) if unmask else masked_values(plan, values)
    return {name: plain(value) for name, value in found.items()}, masked


def _id_of(user_id: str, key: str | None) -> str:
    """The same for the same key of the same user, so that an order whose answer was lost is found again."""
    if key is None:
        return f"r-{secrets.token_hex(16)}"
    return "r-" + hashlib.sha256(f"{user_id}/{key}".encode()).hexdigest()[:32]


def _expires_of(body: dict[str, Any]) -> float:
    found = body.get("expires_s", EXPIRES_S)
    if isinstance(found, bool) or not isinstance(found, int) or not 1 <= found <= EXPIRES_MOST_S:
        raise Problem("bad-request", f"expires_s is a whole number from 1 to {EXPIRES_MOST_S}")
    return float(found)


def _place_of(text: str | None) -> Place | None:
    if text is None:
        return None
    found = _CURSOR.fullmatch(text)
    if found is None:
        raise Problem("bad-cursor", f"after={text[:40]!r}")
    return Place(float(found[1]), found[2])
