"""``/v1/webhooks``: other servers that are told of events."""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import falcon

from cti.api.bodies import json_body, only, text_field
from cti.api.callbacks import _cursor
from cti.api.guard import access_of
from cti.api.once import Once
from cti.api.paging import choice_of, iso, known_only, limit_of
from cti.api.problems import Problem
from cti.core.access import EVERYTHING, Permission, Scope
from cti.core.people import check_title
from cti.core.webhook_urls import URL_MAX
from cti.core.webhooks import SECRET_BYTES, DeliveryState, Key, Webhook, known_word, next_key_id, secret_text
from cti.runtime.floor.catalogue import EVENTS, TO_ONE

if TYPE_CHECKING:
    from cti.core.webhooks import Answer
    from cti.runtime.account_services import AccountServices
    from cti.runtime.webhooks.desk import WebhookDesk
    from cti.store.webhooks import Delivery

TITLE_MAX, WORDS_MAX, SCOPES_MAX, REDELIVERED_MAX = 100, 60, 50, 500
#: How long the key before signs as well, unless said otherwise; and at most. In seconds.
OVERLAP_S, OVERLAP_MOST_S = 86_400, 604_800
#: Of which a webhook can be told.
TYPES = sorted(set(EVENTS) - TO_ONE)
_PARTS = ("title", "url", "user_id", "events", "scopes")


class Hooks:
    """What the resources share."""

    def __init__(self, services: AccountServices, desk: WebhookDesk) -> None:
        self.services, self.desk, self.store = services, desk, services.store.webhooks

    def show(self, one: Webhook) -> dict[str, Any]:
        return self.show_all([one])[0]

    def show_all(self, found: list[Webhook]) -> list[dict[str, Any]]:
        counts = self.store.counts([one.webhook_id for one in found])
        now = self.services.clock.now()
        return [
            {
                **webhook_json(one, now),
                "pending": counts.get((one.webhook_id, DeliveryState.PENDING), 0),
                "dead": counts.get((one.webhook_id, DeliveryState.DEAD), 0),
            }
            for one in found
        ]


def webhook_json(one: Webhook, now: float) -> dict[str, Any]:
    keys = [key for key in one.keys if key.until is None or key.until > now]
    return {
        "webhook_id": one.webhook_id,
        "title": one.title,
        "url": one.url,
        "user_id": one.user_id,
        "events": list(one.events),
        "scopes": [str(scope) for scope in one.scopes],
        "enabled": one.disabled_at is None,
        "disabled_at": iso(one.disabled_at),
        "disabled_why": one.disabled_why or None,
        "failing_since": iso(one.failing_since),
        "succeeded_at": iso(one.succeeded_at),
        "keys": [{"key_id": key.key_id, "until": iso(key.until)} for key in keys],
        "created_at": iso(one.created_at),
        "created_by": one.created_by,
        "changed_at": iso(one.changed_at),
        "changed_by": one.changed_by,
    }


def delivery_json(one: Delivery) -> dict[str, Any]:
    return {
        "event_id": one.event_id,
        "type": one.type,
        "at": iso(one.at),
        "state": one.state.value,
        "attempts": one.attempts,
        "next_at": iso(one.next_at),
        "last_at": iso(one.last_at),
        "status": one.status,
        "error": one.error or None,
        "ended_at": iso(one.ended_at),
    }


def _new_key(keys: tuple[Key, ...] = ()) -> Key:
    return Key(next_key_id(keys), secret_text(secrets.token_bytes(SECRET_BYTES)))


class WebhookList:
    """``GET``: webhooks, the oldest first; ``POST`` adds one, whose secret is shown once. It sees what its user
    (``user_id``) may see, masked as in the stream of events, and of that the ``events`` and ``scopes`` that it asks
    for. The operator's configuration says which hosts may be named."""

    def __init__(self, hooks: Hooks) -> None:
        self._hooks = hooks
        self._once: Once[Webhook] = Once()

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        known_only(req, ("limit", "after"))
        limit = limit_of(req)
        found = self._hooks.store.some(limit=limit, after=_cursor(req.get_param("after")))
        last = found[-1] if len(found) == limit else None
        resp.media = {
            "items": self._hooks.show_all(found),
            "next": f"{last.created_at!r}~{last.webhook_id}" if last is not None else None,
        }

    on_head = on_get

    def on_post(self, req: falcon.Request, resp: falcon.Response) -> None:
        body = json_body(req)
        only(body, *_PARTS)
        for name in ("url", "user_id", "events"):
            if name not in body:
                raise Problem("bad-request", f"{name} must be given")
        deed = access_of(req).deed(Permission.WEBHOOKS_EDIT)
        blank = Webhook(
            uuid.uuid4().hex, "", "", "", (), (EVERYTHING,), (_new_key(),), deed.at, deed.author.name, deed.at,
            deed.author.name,
        )  # fmt: skip
        wanted = _changed(body, self._hooks.desk.sender.check)(blank)
        made = self._once.do(req, body, lambda: self._hooks.store.add(wanted, deed))
        self._hooks.desk.look()
        resp.status, resp.location = falcon.HTTP_201, f"/v1/webhooks/{made.webhook_id}"
        resp.media = {**self._hooks.show(made), "secret": made.keys[0].secret}


class WebhookResource:
    """``GET``; ``PATCH`` changes what it names; ``enabled: true`` lets a disabled one go on, with events from now on;
    ``DELETE``: what was to be sent is not sent any more."""

    def __init__(self, hooks: Hooks) -> None:
        self._hooks = hooks

    def on_get(self, req: falcon.Request, resp: falcon.Response, webhook_id: str) -> None:
        known_only(req, ())
        resp.media = self._hooks.show(self._hooks.store.find(webhook_id))

    on_head = on_get

    def on_patch(self, req: falcon.Request, resp: falcon.Response, webhook_id: str) -> None:
        body = json_body(req)
        only(body, *_PARTS, "enabled")
        enabled = body.get("enabled")
        if not body or not isinstance(enabled, bool | None) or ("enabled" in body and enabled is None):
            raise Problem("bad-request", "name what is to be changed; enabled is true or false")
        deed = access_of(req).deed(Permission.WEBHOOKS_EDIT)
        parts = _changed({name: body[name] for name in _PARTS if name in body}, self._hooks.desk.sender.check)

        def change(before: Webhook) -> Webhook:
            after = replace(parts(before), changed_at=deed.at, changed_by=deed.author.name)
            if enabled is True:
                return replace(after, disabled_at=None, disabled_why="", failing_since=None)
            if enabled is False and before.disabled_at is None:
                return replace(after, disabled_at=deed.at, disabled_why="by_user")
            return after

        made = self._hooks.store.change(webhook_id, change, deed, "webhook.change")
        self._hooks.desk.look()
        resp.media = self._hooks.show(made)

    def on_delete(self, req: falcon.Request, resp: falcon.Response, webhook_id: str) -> None:
        self._hooks.store.delete(webhook_id, access_of(req).deed(Permission.WEBHOOKS_EDIT))
        self._hooks.desk.look()
        resp.status = falcon.HTTP_204


class WebhookSecret:
    """``POST``: a new secret, shown once. The one before signs as well for ``overlap_s`` (a day unless said), so that
    the receiver can change in its own time."""

    def __init__(self, hooks: Hooks) -> None:
        self._hooks = hooks
        self._once: Once[Webhook] = Once()

    def on_post(self, req: falcon.Request, resp: falcon.Response, webhook_id: str) -> None:
        body = json_body(req) if req.content_length else {}
        only(body, "overlap_s")
        overlap = body.get("overlap_s", OVERLAP_S)
        if not isinstance(overlap, int) or isinstance(overlap, bool) or not 0 <= overlap <= OVERLAP_MOST_S:
            raise Problem("bad-request", f"overlap_s is a whole number from 0 to {OVERLAP_MOST_S}")
        deed = access_of(req).deed(Permission.WEBHOOKS_EDIT)

        def change(before: Webhook) -> Webhook:
            until = deed.at + overlap
            old = [replace(key, until=min(until, key.until or until)) for key in before.keys]
            good = [key for key in old if key.until is not None and key.until > deed.at]
            return replace(before, keys=(_new_key(before.keys), *good))

        made = self._once.do(req, body, lambda: self._hooks.store.change(webhook_id, change, deed, "webhook.rotate"))
        self._hooks.desk.look()
        key = made.keys[0]
        resp.media = {"webhook_id": made.webhook_id, "key_id": key.key_id, "secret": key.secret}


class WebhookTest:
    """``POST`` sends ``webhook.test``, now and once, also to a disabled one, and tells what came of it."""

    def __init__(self, hooks: Hooks) -> None:
        self._hooks = hooks
        self._once: Once[Answer] = Once()

    def on_post(self, req: falcon.Request, resp: falcon.Response, webhook_id: str) -> None:
        if req.content_length:
            only(json_body(req))
        one = self._hooks.store.find(webhook_id)
        answer = self._once.do(req, {}, lambda: self._hooks.desk.test(one))
        resp.media = {"delivered": answer.taken, "status": answer.status, "error": answer.error or None}


class Deliveries:
    """``GET``: what became of events, the newest first; ``?state=dead``: those that were given up."""

    def __init__(self, hooks: Hooks) -> None:
        self._hooks = hooks

    def on_get(self, req: falcon.Request, resp: falcon.Response, webhook_id: str) -> None:
        known_only(req, ("limit", "after", "state"))
        limit, state = limit_of(req), choice_of(req, "state", DeliveryState)
        before = _position(req.get_param("after"))
        found = self._hooks.store.deliveries(webhook_id, limit=limit, before=before, state=state)
        last = found[-1] if len(found) == limit else None
        resp.media = {
            "items": [delivery_json(one) for one in found],
            "next": str(last.position) if last is not None else None,
        }

    on_head = on_get


class Redeliver:
    """``POST`` sends dead letters again, all of them or the ``event_ids``, with the ids that they had."""

    def __init__(self, hooks: Hooks) -> None:
        self._hooks = hooks
        self._once: Once[int] = Once()

    def on_post(self, req: falcon.Request, resp: falcon.Response, webhook_id: str) -> None:
        body = json_body(req) if req.content_length else {}
        only(body, "event_ids")
        ids = _words(body, "event_ids", REDELIVERED_MAX) if "event_ids" in body else None
        deed = access_of(req).deed(Permission.WEBHOOKS_EDIT)
        count = self._once.do(req, body, lambda: self._hooks.store.redeliver(webhook_id, ids, deed))
        self._hooks.desk.told(webhook_id)
        resp.media = {"redelivered": count}


def _changed(body: dict[str, Any], check: Callable[[str], None]) -> Callable[[Webhook], Webhook]:
    """What the body makes of a webhook. Raises Problem, CtiError: bad-url, url-not-allowed, bad-title, bad-scope."""
    new: dict[str, Any] = {}
    if "title" in body:
        new["title"] = check_title(text_field(body, "title", limit=TITLE_MAX, default=""))
    if "url" in body:
        new["url"] = text_field(body, "url", limit=URL_MAX)
        check(new["url"])
    if "user_id" in body:
        new["user_id"] = text_field(body, "user_id", limit=64)
    if "events" in body:
        new["events"] = tuple(_words(body, "events", WORDS_MAX))
        for word in new["events"]:
            if not known_word(word, TYPES):
                raise Problem("unknown-event", f"no event is called {word[:80]!r}")
    if "scopes" in body:
        new["scopes"] = tuple(Scope.parse(text) for text in _words(body, "scopes", SCOPES_MAX))
    return lambda before: replace(before, **new)


def _position(text: str | None) -> int | None:
    if text is None:
        return None
    if not text.isascii() or not text.isdigit() or int(text[:20]) >= 2**63:
        raise Problem("bad-cursor", "after is the `next` of the page before")
    return int(text)


def _words(body: dict[str, Any], name: str, most: int) -> list[str]:
    found = body[name]
    good = isinstance(found, list) and 1 <= len(found) <= most
    if not good or not all(isinstance(word, str) and 1 <= len(word) <= 100 for word in found):
        raise Problem("bad-request", f"{name} is a list of 1 to {most} texts")
    return list(dict.fromkeys(found))
