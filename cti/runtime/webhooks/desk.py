"""Looks after webhooks while the engine runs: which there are, who of several engines sends, and what is forgotten."""

from __future__ import annotations

import json
import logging
import secrets
from typing import TYPE_CHECKING

import gevent

from cti.core.access import ResourceScope
from cti.core.errors import CtiError
from cti.core.moments import iso
from cti.core.webhooks import Patience, message
from cti.runtime.webhooks.board import Board
from cti.runtime.webhooks.line import Line
from cti.store.webhook_queue import LEASE_S

if TYPE_CHECKING:
    from collections.abc import Callable

    from cti.core.records import Record
    from cti.core.webhooks import Answer, Webhook
    from cti.ports import Clock, WebhookSender
    from cti.runtime.floor.hub import Hub
    from cti.store.webhook_queue import WebhookQueue

log = logging.getLogger("cti.webhooks")

#: What others change is known after this time.
LOOK_S = 5.0
_FORGET_EVERY_S = 3600.0
TEST = "webhook.test"


class WebhookDesk:
    """``worker`` names the engine (node and slot) the same at every start, so that it goes on at once."""

    def __init__(
        self,
        queue: WebhookQueue,
        sender: WebhookSender,
        clock: Clock,
        hub: Hub,
        record: Callable[[Record], None],
        flush: Callable[[float], bool],
        worker: str,
        patience: Patience | None = None,
        keep_s: float = 7 * 86_400.0,
    ) -> None:
        self._queue, self.sender, self._clock, self._hub = queue, sender, clock, hub
        self._flush, self._worker, self._patience, self._keep_s = flush, worker, patience or Patience(), keep_s
        self.board = Board(queue, record, clock)
        self.board.kept = self._kept
        hub.listeners.append(self.board.heard)
        self._lines: dict[str, tuple[Line, gevent.Greenlet[[], None]]] = {}
        self._beat: gevent.Greenlet[[], None] | None = None
        self._others: dict[str, tuple[float, float]] = {}  # webhook -> mark of another engine, since when (monotonic)
        self._running = False
        self._forgot_at = clock.monotonic()

    def start(self) -> None:
        """Before the first event: from now on none is missed. Raises StoreUnavailable."""
        self._running = True
        self.look()
        self._beat = gevent.spawn(self._run)

    def stop(self) -> None:
        """What is under way is sent again by whoever comes next."""
        self._running = False
        greenlets = [greenlet for _, greenlet in self._lines.values()] + ([self._beat] if self._beat else [])
        gevent.killall(greenlets)
        self._lines.clear()
        try:
            self._queue.release(self._worker)
        except CtiError as error:
            log.warning("another engine goes on with the webhooks when the lease of this one ends: %s", error)
        self.sender.close()

    def look(self) -> None:
        """Something of the webhooks may have changed. Raises StoreUnavailable."""
        self.board.look()
        if not self._running:
            return
        mine = self._lease() if self.board.hooks else set()
        for gone in self._lines.keys() - mine:
            self._lines.pop(gone)[1].kill(block=False)
        for webhook_id in mine - self._lines.keys():
            line = Line(
                webhook_id, self.board, self._queue, self.sender, self._clock, self._patience, self._flush,
                self._disabled,
            )  # fmt: skip
            self._lines[webhook_id] = line, gevent.spawn(line.run)

    def _lease(self) -> set[str]:
        """Marks of others that have stood still for `LEASE_S`, by our own time, are over: no wall clocks are
        compared, which differ, and are set."""
        now, marks = self._clock.monotonic(), self._queue.leases(self._worker)
        before = self._others
        self._others = {
            id_: before[id_] if id_ in before and before[id_][0] == mark else (mark, now) for id_, mark in marks.items()
        }
        over = {id_: mark for id_, (mark, since) in self._others.items() if now - since >= LEASE_S}
        return self._queue.lease(self._worker, self._clock.now(), over)

    def told(self, webhook_id: str) -> None:
        """There is something to be sent."""
        if webhook_id in self._lines:
            self._lines[webhook_id][0].told.set()

    def test(self, webhook: Webhook) -> Answer:
        """Send a message that means nothing, now; it is not kept. Blocks as long as an attempt may take."""
        now, id_ = self._clock.now(), f"test-{secrets.token_hex(8)}"
        event = {"id": id_, "type": TEST, "at": iso(now), "data": {"webhook": webhook.webhook_id}}
        return self.sender.send(webhook.url, message(id_, json.dumps(event), webhook.keys, now))

    def _kept(self, ids: tuple[str, ...]) -> None:
        for webhook_id in ids:
            self.told(webhook_id)

    def _disabled(self, webhook_id: str, why: str) -> None:
        hook = self.board.hooks.get(webhook_id)
        self.board.hooks = {id_: one for id_, one in self.board.hooks.items() if id_ != webhook_id}
        if hook is not None:
            data = {"webhook": webhook_id, "title": hook.webhook.title, "reason": why}
            scope = ResourceScope.of(owner=hook.webhook.user_id)
            self._hub.publish("webhook.disabled", self._clock.now(), data, scope)

    def _run(self) -> None:
        while True:
            gevent.sleep(LOOK_S)
            try:
                self.look()
                self._forget()
            except CtiError as error:
                log.warning("webhooks stay as they are: %s", error)

    def _forget(self) -> None:
        if self._clock.monotonic() - self._forgot_at >= _FORGET_EVERY_S:
            self._forgot_at = self._clock.monotonic()
            self._queue.forget(self._clock.now() - self._keep_s)
