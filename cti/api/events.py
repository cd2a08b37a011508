"""``GET /v1/events``: live state by server-sent events, with resume.

A stream is one greenlet that sleeps; nothing is kept for it beyond `hub.LAG_MAX` events.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from cti.api.guard import access_of
from cti.api.paging import known_only
from cti.api.problems import Problem
from cti.core.errors import CtiError
from cti.runtime.floor.hub import Sight

if TYPE_CHECKING:
    from collections.abc import Iterator

    import falcon

    from cti.runtime.account_services import AccountServices
    from cti.runtime.floor import Floor
    from cti.runtime.floor.hub import Subscription

#: A comment is sent this often, so that proxies keep the connection and a client that is gone is seen to be.
KEEP_ALIVE_S = 10.0
_ID_MAX = 64
_ID = re.compile(rf"[!-~]{{1,{_ID_MAX}}}")


class Events:
    """``Last-Event-ID`` (or ``?last_event_id=``) goes on after that event. Browsers come with ``?ticket=``."""

    def __init__(self, floor: Floor, services: AccountServices) -> None:
        self._floor, self._services = floor, services

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        known_only(req, ("ticket", "last_event_id"))
        ids = [req.get_header("Last-Event-ID"), req.get_param("last_event_id")]
        for one in ids:
            if one is not None and not _ID.fullmatch(one):
                raise Problem("bad-request", f"Last-Event-ID has 1 to {_ID_MAX} printable ASCII characters")
        last_id = ids[0] or ids[1]
        subscription = self._floor.hub.subscribe(Sight(access_of(req).principal), last_id)
        resp.content_type = "text/event-stream; charset=utf-8"
        resp.set_header("Cache-Control", "no-store")
        resp.set_header("X-Accel-Buffering", "no")  # a proxy must not gather events
        resp.stream = Stream(self._floor, self._services, subscription)


class Stream:
    """What the server iterates over. ``close`` is called however the connection ends."""

    def __init__(self, floor: Floor, services: AccountServices, subscription: Subscription) -> None:
        self._floor, self._services, self._subscription = floor, services, subscription
        self._parts = self._run()
        principal = subscription.sight.principal
        self._user, self._via = principal.user_id, principal.via
        floor.seats.stream_opened(self._user, self._via)

    def __iter__(self) -> Iterator[bytes]:
        return self._parts

    def close(self) -> None:
        self._parts.close()  # type: ignore[attr-defined]  # it is a generator
        if self._subscription is not None:
            self._floor.hub.unsubscribe(self._subscription)
            self._floor.seats.stream_closed(self._user, self._via)
            self._subscription = None  # type: ignore[assignment]  # closed once

    def _run(self) -> Iterator[bytes]:
        subscription = self._subscription
        yield b"retry: 2000\n\n"
        while True:
            if subscription.missed:
                yield self._anew(subscription)
            for event in subscription.take():
                yield event.sse
            if subscription.ended:
                yield self._last(subscription.ended)
                return
            if not self._still_signed_in(subscription):
                yield self._last("token_expired")
                return
            if not subscription.wait(self._patience_s()):
                yield b": still here\n\n"

    def _anew(self, subscription: Subscription) -> bytes:
        """Everything as it is; taken and numbered in one go, so that nothing falls between."""
        hub, at = self._floor.hub, self._floor.owner.now()
        reason, subscription.missed = subscription.missed, ""
        subscription.take()
        told = b"" if reason == "new" else _frame(hub.last_id, "resync", hub.text("resync", at, {"reason": reason}))
        snapshot = hub.text("snapshot", at, self._floor.views.snapshot(subscription.sight))
        return told + _frame(hub.last_id, "snapshot", snapshot)

    def _last(self, why: str) -> bytes:
        hub = self._floor.hub
        return _frame(hub.last_id, why, hub.text(why, self._floor.owner.now(), {}))

    def _patience_s(self) -> float:
        left_s = self._services.tokens.good_s(self._via)
        return KEEP_ALIVE_S if left_s is None else max(0.05, min(KEEP_ALIVE_S, left_s))

    def _still_signed_in(self, subscription: Subscription) -> bool:
        """The session is up, its last access token is good; rights that have changed hold from now on."""
        left_s = self._services.tokens.good_s(self._via)
        if left_s is not None and left_s <= 0:
            return False
        try:
            principal = self._services.authentication.by_via(self._via)
        except CtiError as error:
            return error.code == "store-unavailable"  # whoever was let in stays while nobody can say otherwise
        if principal != subscription.sight.principal:
            self._floor.hub.see(subscription, Sight(principal))
        return True


def _frame(id_: str, type_: str, text: str) -> bytes:
    return f"id: {id_}\nevent: {type_}\ndata: {text}\n\n".encode()
