"""Orders of other systems: each has its effect once, through the services that people use, too.

A callback is noted at its order in the transaction that makes or changes it, so an order whose answer a kill has lost
finds it whatever became of it since. The id of a notice is made of the source and its key, and so is the key of a
message: one that was on its way when the engine died is given again with it where whoever carries it sends it once
(`cti.ports.MessageChannel.once`), and else answered as ``unknown`` and never sent again.
"""

from __future__ import annotations

import json
import logging
import re
import uuid as uuids
from typing import TYPE_CHECKING, Any, Protocol

from gevent.event import Event as Flag

from cti.core.access import Author, Permission
from cti.core.callback_wishes import ATTEMPTS, check_number, wish_of
from cti.core.commands import SendMessage
from cti.core.errors import CtiError, StoreUnavailable
from cti.core.orders import Order, OrderAnswer, OrderKind
from cti.core.sms import parts_of
from cti.store.orders import DONE

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from cti.core.access import Deed
    from cti.core.callbacks import Callback
    from cti.core.commands import RequestCallback
    from cti.ports import Clock
    from cti.runtime.services import Messages
    from cti.store.orders import InboundOrders

log = logging.getLogger("cti.orders")

#: What may pass by itself: the order is to come again.
PASSES = ("switch-unavailable", "too-many-callbacks")
LANGUAGE = re.compile(r"say\.([A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*)")
SMS_PARTS = 10
_SPACE = uuids.UUID("9f3c1c39-6a0e-4c5e-9a54-6a1e4ab7f0d2")


class Callbacks(Protocol):
    def promise(
        self, wish: RequestCallback, deed: Deed, callback_id: str = "", order: tuple[str, str] | None = None
    ) -> Callback: ...


class Notices(Protocol):
    def put(self, notice_id: str, document: Mapping[str, Any], deed: Deed, *, new: bool = False) -> Any: ...

    def all(self) -> list[Any]: ...


class OrderRefused(CtiError):
    """``code``: stable; the message holds no personal data."""


class OrderDesk:
    """Implements `cti.ports.OrderTaker`. ``deed``: who did it, with which permission, and why; ``blocked``: is this a
    number that nobody writes to? ``may_write`` raises CtiError (destination-denied) for one that may not be dialled
    either."""

    def __init__(
        self,
        store: InboundOrders,
        callbacks: Callbacks,
        notices: Notices,
        messages: Callable[[], Messages],
        clock: Clock,
        deed: Callable[[Author, Permission, str], Deed],
        blocked: Callable[[str], bool],
        may_write: Callable[[str], object],
    ) -> None:
        self._store, self._callbacks, self._notices, self._messages = store, callbacks, notices, messages
        self._clock, self._deed, self._blocked, self._may_write = clock, deed, blocked, may_write
        self._running: dict[tuple[str, str], Flag] = {}
        self._effects: dict[OrderKind, Callable[[Order, str], str]] = {
            OrderKind.CALLBACK: self._callback,
            OrderKind.NOTICE: self._notice,
            OrderKind.MESSAGE: self._message,
        }

    def take(self, order: Order) -> OrderAnswer:
        """Raises StoreUnavailable: it is to come again."""
        whose = order.source, order.key
        while (running := self._running.get(whose)) is not None:
            running.wait()  # the same order, from another connection: it is answered once
        self._running[whose] = Flag()
        try:
            return self._take(order)
        finally:
            self._running.pop(whose).set()

    def _take(self, order: Order) -> OrderAnswer:
        digest = self._store.digest(json.dumps([order.kind.value, sorted(order.fields.items())]))
        row = self._store.receive(order.source, order.key, order.kind, digest, self._clock.now())
        if row.digest != digest:
            return OrderAnswer("rejected", "", "order-key-reused", "another order came with this key")
        if row.state in DONE:
            return OrderAnswer(row.state, row.order_id, row.code)
        own = str(uuids.uuid5(_SPACE, f"{order.source}\0{order.key}"))
        try:
            told = ("accepted", row.order_id or self._effects[order.kind](order, own), "")
        except StoreUnavailable:
            raise
        except CtiError as error:
            if error.code in PASSES:
                raise StoreUnavailable(f"not now: {error.code}") from error
            told = ("rejected", "", error.code)
        row = self._store.answer(order.source, order.key, *told, self._clock.now())
        log.info("order %s of %s: %s %s", own, order.source, row.state, row.code)
        return OrderAnswer(row.state, row.order_id, row.code)

    # ---- kinds -------------------------------------------------------------------------------------------------------

    def _callback(self, order: Order, own: str) -> str:
        fields = order.fields
        only(fields, "number", "when", "queue", "flow", "attempts")
        attempts = fields.get("attempts") or str(ATTEMPTS)
        wish = wish_of(
            fields.get("number", ""),
            fields.get("when") or "now",
            fields.get("queue", ""),
            fields.get("flow", ""),
            int(attempts) if re.fullmatch("[0-9]{1,3}", attempts) else 0,
        )
        deed = self._of(order, Permission.CALLBACKS_EDIT)
        return self._callbacks.promise(wish, deed, own, (order.source, order.key)).callback_id

    def _notice(self, order: Order, own: str) -> str:
        notice = f"order-{own}"
        if any(one.notice_id == notice for one in self._notices.all()):
            return notice  # set before a kill; whoever has ended it since meant that
        self._notices.put(notice, document_of(order.fields), self._of(order, Permission.NOTICES_EDIT), new=True)
        return notice

    def _message(self, order: Order, own: str) -> str:
        fields = order.fields
        only(fields, "channel", "recipient", "text")
        channel, recipient, text = fields.get("channel") or "sms", fields.get("recipient", ""), fields.get("text", "")
        if channel != "sms":
            raise OrderRefused("a message goes by sms", code="bad-request")
        check_number(recipient, "recipient")
        if not text:
            raise OrderRefused("there is no text", code="bad-request")
        if parts_of(text) > SMS_PARTS:
            raise OrderRefused(f"more than {SMS_PARTS} short messages", code="message-too-long")
        self._may_write(recipient)
        if self._blocked(recipient):
            raise OrderRefused("nobody writes to this number", code="blocked")
        messages = self._messages()
        if not self._store.sending(order.source, order.key) and not messages.again(channel, here=False):
            raise OrderRefused("it may have been sent when the engine died", code="unknown")
        if messages.send(SendMessage(0, channel, recipient, text, f"order/{own}")).outcome != "sent":
            raise OrderRefused("the channel did not take it", code="message-not-sent")
        return own

    def _of(self, order: Order, permission: Permission) -> Deed:
        author = Author(f"order:{order.source}", order.source, f"order:{order.source}")
        return self._deed(author, permission, f"order {order.key}")


def only(fields: Mapping[str, str], *names: str) -> None:
    """Raises OrderRefused (unknown-field). An empty field is none."""
    unknown = sorted(name for name, value in fields.items() if value and name not in names)
    if unknown:
        raise OrderRefused(f"unknown: {', '.join(unknown)[:100]}", code="unknown-field")


def document_of(fields: Mapping[str, str]) -> dict[str, Any]:
    """``say.zh-CN``, ``areas`` and the like apart by blanks, ``starts``, ``ends``, ``priority``: as the API has them.
    Raises OrderRefused."""
    found: dict[str, Any] = {"say": {}}
    for name, value in fields.items():
        if not value:
            continue
        if (said := LANGUAGE.fullmatch(name)) is not None:
            found["say"][said.group(1)] = value
        elif name in ("areas", "services", "numbers"):
            found[name] = value.split()
        elif name in ("starts", "ends"):
            found[name] = value
        elif name == "priority" and re.fullmatch("-?[0-9]{1,4}", value):
            found[name] = int(value)
        else:
            raise OrderRefused(f"{name[:40]!r} is no part of a notice", code="unknown-field")
    return found
