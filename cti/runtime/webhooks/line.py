"""Sends to one webhook what it is to get: in rounds, a few lanes at a time, each in its order.

A receiver that is slow or away keeps its own line busy and nobody else's. What was sent counts as sent when that is in
the database: whoever dies in between sends it again, with the same id.
"""

from __future__ import annotations

import logging
import random
from typing import TYPE_CHECKING

import gevent
from gevent.event import Event as Flag
from gevent.pool import Pool

from cti.core.errors import CtiError
from cti.core.webhooks import DOWN_AFTER, Answer, DeliveryState, message
from cti.store.webhook_queue import Outcome

if TYPE_CHECKING:
    from collections.abc import Callable

    from cti.core.webhooks import Patience
    from cti.ports import Clock, WebhookSender
    from cti.runtime.webhooks.board import Board, Hook
    from cti.store.webhook_queue import Due, WebhookQueue

log = logging.getLogger("cti.webhooks")

#: Requests to one receiver at a time, and deliveries taken up in one round.
WIDTH, ROUND = 4, 40
#: How often the queue is looked at without being told of something; how long more is waited for when it is.
POLL_S, GATHER_S = 2.0, 0.1
_FLUSH_S = 5.0
FAILING, GONE = "failing", "gone"


class Line:
    """``disabled`` is told when nothing more is sent, with the reason."""

    def __init__(
        self,
        webhook_id: str,
        board: Board,
        queue: WebhookQueue,
        sender: WebhookSender,
        clock: Clock,
        patience: Patience,
        flush: Callable[[float], bool],
        disabled: Callable[[str, str], None],
    ) -> None:
        self.webhook_id = webhook_id
        self._board, self._queue, self._sender, self._clock = board, queue, sender, clock
        self._patience, self._flush, self._disabled = patience, flush, disabled
        self.told = Flag()
        self._failures = 0  # in a row
        self._pause_until = 0.0  # monotonic

    def run(self) -> None:
        while True:
            try:
                worked = self.round()
            except CtiError as error:
                log.warning("webhook %s waits: %s", self.webhook_id, error)
                worked = False
            if not worked:
                self._wait()

    def round(self) -> bool:
        """Whether something was done. Raises StoreUnavailable; what was sent meanwhile is sent again."""
        hook, now = self._board.hooks.get(self.webhook_id), self._clock.now()
        if hook is None or self._clock.monotonic() < self._pause_until:
            return False
        down = self._failures >= DOWN_AFTER
        due = self._queue.due(self.webhook_id, now, 1 if down else ROUND)
        if not due:
            return False
        pool = Pool(WIDTH)
        try:
            outcomes = list(pool.imap_unordered(lambda one: self._deliver(hook, one), due))
        finally:
            pool.kill(block=False)  # where this greenlet is
        self._settle(outcomes, down=down)
        return True

    def _deliver(self, hook: Hook, due: Due) -> Outcome:
        if not hook.shows(due.type, due.scope):
            return Outcome(due, DeliveryState.DROPPED, None, self._clock.now())
        signed = message(due.event_id, due.text, hook.webhook.keys, self._clock.now())
        answer = self._sender.send(hook.webhook.url, signed)
        at = self._clock.now()
        if answer.taken:
            return Outcome(due, DeliveryState.DELIVERED, answer, at)
        next_at = self._patience.next_at(due.since, due.attempts + 1, at, random.random(), answer)
        state = DeliveryState.DEAD if next_at is None else DeliveryState.PENDING
        return Outcome(due, state, answer, at, next_at)

    def _settle(self, outcomes: list[Outcome], *, down: bool) -> None:
        answers = [outcome.answer for outcome in outcomes if outcome.answer is not None]
        self._board.outcomes.update(str(outcome.state) for outcome in outcomes)
        taken = any(answer.taken for answer in answers)
        why = self._why_disabled(answers, taken=taken)
        self._queue.settle(self.webhook_id, outcomes, recovered=down and taken, disable=why)
        if why:
            log.error("webhook %s is disabled: %s", self.webhook_id, why)
            self._disabled(self.webhook_id, why)
        self._failures = 0 if taken or not answers else self._failures + len(answers)
        asked = max((answer.retry_after_s or 0.0 for answer in answers), default=0.0)
        pause_s = self._patience.pause_s(self._failures, random.random(), asked)
        self._pause_until = self._clock.monotonic() + pause_s
        if answers and not taken:
            log.warning("webhook %s: %s (%d in a row)", self.webhook_id, _told(answers[-1]), self._failures)

    def _why_disabled(self, answers: list[Answer], *, taken: bool) -> str:
        if any(answer.error == GONE for answer in answers):
            return GONE
        if taken or not answers:
            return ""
        since = self._queue.failing_since(self.webhook_id)
        return FAILING if since is not None and self._clock.now() - since >= self._patience.disable_s else ""

    def _wait(self) -> None:
        """Until something is kept for it, or for a while. What is kept is written in groups, which take a moment."""
        left = self._pause_until - self._clock.monotonic()
        if left > 0:
            gevent.sleep(min(left, POLL_S))
            return
        if self.told.wait(POLL_S):
            self.told.clear()
            gevent.sleep(GATHER_S)
            self._flush(_FLUSH_S)


def _told(answer: Answer) -> str:
    return answer.error if answer.status is None else f"{answer.error} {answer.status}"
