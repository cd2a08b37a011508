"""``/v1/requests/dead``: writes of which nobody knows whether they were done, for a person to decide; audited."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from cti.api.async_requests import shown
from cti.api.bodies import json_body, only, text_field
from cti.api.guard import access_of
from cti.api.once import Once
from cti.api.paging import iso, known_only, limit_of
from cti.api.problems import Problem
from cti.core.access import Permission

if TYPE_CHECKING:
    from collections.abc import Callable

    import falcon

    from cti.api.async_requests import Ordering
    from cti.api.guard import Access
    from cti.boss.server import InterfaceServer
    from cti.core.noted_writes import Noted

KEY_MAX, REASON_MAX = 300, 200
_CURSOR = re.compile(r"([0-9]{1,12}\.[0-9]{1,10})~(.{1,300})")


class DeadLetters:
    """``GET /v1/requests/dead?limit=&after=``, the oldest first. Personal data is masked by its classes."""

    def __init__(self, office: InterfaceServer) -> None:
        self._office = office

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        known_only(req, ("limit", "after"))
        limit, after = limit_of(req), req.get_param("after")
        place = _CURSOR.fullmatch(after) if after is not None else None
        if after is not None and place is None:
            raise Problem("bad-cursor", f"after={after[:40]!r}")
        found = self._office.writes.dead(limit=limit, after=None if place is None else (float(place[1]), place[2]))
        resp.media = {
            "items": [self._json(one) for one in found],
            "next": f"{found[-1].since!r}~{found[-1].key}" if len(found) == limit else None,
        }

    on_head = on_get

    def _json(self, one: Noted) -> dict[str, Any]:
        arguments, masked = shown(self._office.plan.requests.get(one.name), one.inputs)
        return {
            "key": one.key,
            "request": one.name,
            "backend": one.backend,
            "since": iso(one.since),
            "arguments": arguments,
            "masked": masked,
        }


class DeadLetterReplay:
    """``POST``: send it again; it may be done twice. ``outcome``: done or rejected; else it stays a dead letter."""

    def __init__(self, office: InterfaceServer, ordering: Ordering) -> None:
        self._office, self._ordering = office, ordering
        self._once: Once[dict[str, Any]] = Once()

    def on_post(self, req: falcon.Request, resp: falcon.Response) -> None:
        resp.media = _decide(req, self._office, "request.replay", self._once, self._replay)

    def _replay(self, noted: Noted) -> str:
        if noted.name not in self._office.plan.requests:
            raise Problem("unknown-request", f"there is no request {noted.name!r} any more")
        ended = self._office.writes.replay(noted.key)
        if ended.outcome in ("done", "rejected"):
            self._ordering.desk.decided(noted.key, "done" if ended.outcome == "done" else "rejected", ended)
        return ended.outcome


class DeadLetterDrop:
    """``POST``: it is settled, whatever came of it; nobody asks any more."""

    def __init__(self, office: InterfaceServer, ordering: Ordering) -> None:
        self._office, self._ordering = office, ordering
        self._once: Once[dict[str, Any]] = Once()

    def on_post(self, req: falcon.Request, resp: falcon.Response) -> None:
        resp.media = _decide(req, self._office, "request.drop", self._once, self._drop)

    def _drop(self, noted: Noted) -> str:
        self._office.writes.drop(noted.key)
        self._ordering.desk.decided(noted.key, "dropped")
        return "dropped"


def _decide(
    req: falcon.Request, office: InterfaceServer, action: str, once: Once[dict[str, Any]], do: Callable[[Noted], str]
) -> dict[str, Any]:
    """The line of the audit is written first. Raises Problem."""
    known_only(req, ())
    body, access = json_body(req), access_of(req)
    only(body, "key", "reason")
    key, reason = text_field(body, "key", limit=KEY_MAX), text_field(body, "reason", limit=REASON_MAX).strip()
    if not reason:
        raise Problem("bad-request", f"reason is a text of 1 to {REASON_MAX} characters; it is kept in the audit")

    def decide() -> dict[str, Any]:
        try:
            noted = office.writes.letter(key)
            _audit(access, action, noted, reason)
            return {"key": key, "outcome": do(noted)}
        except KeyError:
            raise Problem("unknown-request", f"no dead letter has the key {key[:80]!r}") from None

    return once.do(req, body, decide)


def _audit(access: Access, action: str, noted: Noted, reason: str) -> None:
    services = access.services
    deed = services.accounts.deed(access.principal, Permission.REQUESTS_SETTLE, reason)
    services.store.audit.add(deed.line(action, f"request:{noted.key}", after={"request": noted.name}))
