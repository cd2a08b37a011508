"""``/v1/orders``: what other systems have ordered, and how it was answered; their sources. No field of an order."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cti.api.bodies import json_body, only, text_field
from cti.api.guard import access_of
from cti.api.paging import PAGED, choice_of, iso, known_only, limit_of, page_of
from cti.api.problems import Problem
from cti.boss.orders.reading import FIELD_CHARS, FIELDS, KEY_CHARS
from cti.core.orders import Order, OrderKind, OrderState

if TYPE_CHECKING:
    from collections.abc import Sequence

    import falcon

    from cti.boss.orders.runner import OrderRunner
    from cti.ports import OrderTaker
    from cti.store.orders import InboundOrders, OrderRow


def order_json(one: OrderRow) -> dict[str, Any]:
    return {
        "source": one.source,
        "key": one.key,
        "kind": one.kind,
        "state": one.state,
        "order_id": one.order_id or None,
        "code": one.code or None,
        "received_at": iso(one.received_at),
        "done_at": None if one.done_at is None else iso(one.done_at),
    }


class Orders:
    """``GET /v1/orders?source=&state=&kind=&limit=&after=``, the newest first; ``POST`` with ``key``, ``kind`` and
    ``fields`` places one, by HTTP as by the other ways: the same key again gets the first answer."""

    def __init__(self, store: InboundOrders, taker: OrderTaker) -> None:
        self._store, self._taker = store, taker

    def on_post(self, req: falcon.Request, resp: falcon.Response) -> None:
        body = json_body(req)
        only(body, "key", "kind", "fields")
        key, kind = text_field(body, "key", limit=KEY_CHARS), text_field(body, "kind", limit=20)
        fields = body.get("fields", {})
        if kind not in [str(one) for one in OrderKind]:
            raise Problem("bad-request", f"kind must be one of {', '.join(OrderKind)}")
        if not isinstance(fields, dict) or len(fields) > FIELDS:
            raise Problem("bad-request", f"fields is an object of {FIELDS} texts at most")
        for name in fields:
            text_field(fields, name, limit=FIELD_CHARS, default="")
        source = f"api:{access_of(req).principal.name}"[:64]
        answer = self._taker.take(Order(source, key, OrderKind(kind), fields))
        resp.media = {
            "state": answer.state,
            "order_id": answer.order_id or None,
            "code": answer.code or None,
        }

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        known_only(req, (*PAGED, "source", "state", "kind"))
        limit = limit_of(req)
        state, kind = choice_of(req, "state", OrderState), choice_of(req, "kind", OrderKind)
        found = self._store.list(
            limit=limit,
            before=cursor_of(req.get_param("after")),
            source=req.get_param("source"),
            state=state,
            kind=kind,
        )
        resp.media = {"items": [order_json(one) for one in found], "next": next_of(found, limit)}

    on_head = on_get


class OrderSources:
    """``GET /v1/orders/sources``: each with what it brought since the start, and what is wrong with it."""

    def __init__(self, runner: OrderRunner) -> None:
        self._runner = runner

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        known_only(req, PAGED)
        found, following = page_of(req, self._runner.facts(), lambda one: str(one["name"]))
        shown = [
            {**one, "problem": one["problem"] or None, "last_look": one["last_look"] and iso(one["last_look"])}
            for one in found
        ]
        resp.media = {"items": shown, "next": following}

    on_head = on_get


def next_of(found: Sequence[OrderRow], limit: int) -> str | None:
    """The cursor of the page after this one."""
    if len(found) < limit:
        return None
    last = found[-1]
    return f"{last.received_at!r}~{last.source}~{last.key}"


def cursor_of(text: str | None) -> tuple[float, str, str] | None:
    """Raises Problem (bad-cursor)."""
    if text is None:
        return None
    at, source, key = (*text.split("~", 2), "", "")[:3]
    try:
        found = float(at)
    except ValueError:
        source = ""
    if not source or not key:
        raise Problem("bad-cursor", "after is the `next` of the page before")
    return found, source, key
