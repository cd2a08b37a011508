"""What is to be sent to webhooks, as the engine takes it: leases, what is due, what came of it, and its end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from sqlalchemy import ColumnElement, Connection, Engine, and_, delete, exists, or_, select, update
from sqlalchemy.engine import URL

from cti.core.access import SYSTEM, Deed, Grant, ResourceScope
from cti.core.moments import SKEW_S
from cti.core.webhooks import WAIT_MOST_S, Answer, DeliveryState, Webhook
from cti.store.audit import append
from cti.store.people import find
from cti.store.repository import Repository
from cti.store.schema_people import users
from cti.store.schema_webhooks import webhook_deliveries, webhook_events, webhooks
from cti.store.sealing import Sealer
from cti.store.webhook_rows import event_text, scope_of, webhook_of

#: An engine that has died loses its webhooks to another one after this time.
LEASE_S = 30.0
_FORGET_AT_ONCE = 2_000
_LOOKED_AT = 1_000
_PENDING = DeliveryState.PENDING.value
_ACTIVE = and_(webhooks.c.deleted_at.is_(None), webhooks.c.disabled_at.is_(None))


@dataclass(frozen=True, slots=True)
class Active:
    """A webhook that is to get events; ``grants`` of its user, none when the user is not let in."""

    webhook: Webhook
    user_name: str
    grants: tuple[Grant, ...]


@dataclass(frozen=True, slots=True)
class Due:
    event_id: str
    type: str
    lane: str
    position: int
    scope: ResourceScope
    text: str
    since: float
    attempts: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """Of one delivery. ``next_at``: when a pending one is tried again. ``answer`` None: there was no attempt."""

    due: Due
    state: DeliveryState
    answer: Answer | None
    at: float
    next_at: float | None = None


class WebhookQueue(Repository):
    def __init__(self, engine: Engine, url: URL, sealer: Sealer) -> None:
        super().__init__(engine, url)
        self._sealer = sealer

    # ---- who is told ---------------------------------------------------------------------------------------------

    def active(self) -> list[Active]:
        """Those that are neither disabled nor deleted."""

        def work(connection: Connection) -> list[Active]:
            at = webhooks.c
            rows = connection.execute(select(webhooks).where(at.deleted_at.is_(None), at.disabled_at.is_(None))).all()
            found = []
            for row in rows:
                user = find(connection, users.c.user_id == row.user_id)
                good = user is not None and user.disabled_at is None
                grants = user.grants if user is not None and good else ()
                found.append(Active(webhook_of(row, self._sealer), user.name if user is not None else "", grants))
            return found

        return self._read(work)

    def leases(self, worker: str) -> dict[str, float]:
        """The marks of others' leases, by webhook. A mark that stays as it is is of an engine that is gone."""
        at = webhooks.c
        query = select(at.webhook_id, at.lease_until).where(at.lease_by != worker, at.lease_until > 0.0, _ACTIVE)
        return self._read(lambda connection: {row.webhook_id: row.lease_until for row in connection.execute(query)})

    def lease(self, worker: str, mark: float, over: Mapping[str, float] = MappingProxyType({})) -> set[str]:
        """The webhooks that ``worker`` sends for: its own, those of nobody, and those of ``over``, whose marks still
        are as they were seen. ``mark``: another one each time; whose clock it is of does not matter."""
        at = webhooks.c
        others = [and_(at.webhook_id == id_, at.lease_until == seen) for id_, seen in over.items()]
        mine = or_(at.lease_by == worker, at.lease_until <= 0.0, *others)
        taken = update(webhooks).where(mine, _ACTIVE).values(lease_by=worker, lease_until=mark)
        return self._write(lambda connection: set(connection.execute(taken.returning(at.webhook_id)).scalars()))

    def release(self, worker: str) -> None:
        free = update(webhooks).where(webhooks.c.lease_by == worker).values(lease_until=0.0)
        self._write(lambda connection: connection.execute(free).rowcount)

    # ---- what is to be sent --------------------------------------------------------------------------------------

    def due(self, webhook_id: str, now: float, limit: int) -> list[Due]:
        """Of each lane the first that was not sent, where its time has come; of the `_LOOKED_AT` that are due the
        longest, among which there is one: nothing is due before what it stands behind."""
        row, ahead = webhook_deliveries.c, now + SKEW_S
        # Of a moment that is still to come, or further away than any pause: written before the clock was set back.
        due = or_(row.next_at <= now, and_(row.attempts == 0, row.since > ahead), row.next_at > ahead + WAIT_MOST_S)
        first = select(webhook_deliveries).where(row.webhook_id == webhook_id, row.state == _PENDING, due)
        by_time = (webhook_deliveries.c.next_at, webhook_deliveries.c.position)
        some = first.order_by(*by_time).limit(_LOOKED_AT).subquery()
        at, before = some.c, webhook_deliveries.alias()
        waiting = exists().where(
            before.c.webhook_id == at.webhook_id,
            before.c.lane == at.lane,
            before.c.state == _PENDING,
            before.c.position < at.position,
        )
        joined = some.join(webhook_events, at.event_id == webhook_events.c.event_id)
        columns = (at.event_id, at.lane, at.position, at.since, at.attempts)
        event = webhook_events.c
        query = select(*columns, event.type, event.scope, event.text_sealed).select_from(joined)
        query = query.where(~waiting).order_by(at.next_at, at.position).limit(limit)

        def work(connection: Connection) -> list[Due]:
            return [
                Due(
                    row.event_id, row.type, row.lane, row.position, scope_of(row.scope),
                    event_text(row.text_sealed, row.event_id, self._sealer), row.since, row.attempts,
                )
                for row in connection.execute(query)
            ]  # fmt: skip

        return self._read(work)

    def settle(self, webhook_id: str, outcomes: Sequence[Outcome], *, recovered: bool, disable: str = "") -> None:
        """``recovered``: the receiver was down, and whatever waits for it may go at once. ``disable``: why nothing more
        is sent to it; what was to be sent is dead."""
        at = webhook_deliveries.c
        own = at.webhook_id == webhook_id

        def work(connection: Connection) -> None:
            for outcome in outcomes:
                _write_outcome(connection, own, outcome)
            now = outcomes[-1].at
            if recovered:
                waiting = update(webhook_deliveries).where(own, at.state == _PENDING, at.next_at > now)
                connection.execute(waiting.values(next_at=now))
            _note(connection, webhook_id, outcomes)
            if disable:
                _disable(connection, webhook_id, disable, now)

        self._write(work)

    def failing_since(self, webhook_id: str) -> float | None:
        query = select(webhooks.c.failing_since).where(webhooks.c.webhook_id == webhook_id)
        return self._read(lambda connection: connection.execute(query).scalar())

    def forget(self, before: float) -> int:
        """Deliveries that ended before this moment, those of deleted webhooks, and events that nobody is to get any
        more; how many deliveries, in portions, so that nobody waits for long."""
        at, gone = webhook_deliveries.c, select(webhooks.c.webhook_id).where(webhooks.c.deleted_at.is_not(None))
        old = select(at.webhook_id, at.event_id).where(or_(at.ended_at < before, at.webhook_id.in_(gone)))
        event = webhook_events.c
        orphan = ~exists().where(webhook_deliveries.c.event_id == event.event_id)
        stale = select(event.event_id).where(event.at < before, orphan).limit(_FORGET_AT_ONCE)
        drop = delete(webhook_events).where(event.event_id.in_(stale))

        def some(connection: Connection) -> int:
            return _forget(connection, [(row[0], row[1]) for row in connection.execute(old.limit(_FORGET_AT_ONCE))])

        forgotten = done = self._write(some)
        while done == _FORGET_AT_ONCE:
            done = self._write(some)
            forgotten += done
        while self._write(lambda connection: connection.execute(drop).rowcount) == _FORGET_AT_ONCE:
            pass
        return forgotten


def _forget(connection: Connection, keys: list[tuple[str, str]]) -> int:
    at = webhook_deliveries.c
    for webhook_id in {key[0] for key in keys}:
        events = [key[1] for key in keys if key[0] == webhook_id]
        connection.execute(delete(webhook_deliveries).where(at.webhook_id == webhook_id, at.event_id.in_(events)))
    return len(keys)


def _write_outcome(connection: Connection, own: ColumnElement[bool], outcome: Outcome) -> None:
    """What follows in the lane becomes due when its first is: so none is looked at in vain."""
    at, due, answer = webhook_deliveries.c, outcome.due, outcome.answer
    pending = outcome.state is DeliveryState.PENDING
    then = outcome.next_at if pending and outcome.next_at is not None else outcome.at
    values = {
        "state": outcome.state.value,
        "next_at": then,
        "attempts": due.attempts + (answer is not None),
        "last_at": outcome.at if answer is not None else None,
        "status": None if answer is None else answer.status,
        "error": "not-permitted" if answer is None else answer.error,
        "ended_at": None if pending else outcome.at,
    }
    connection.execute(update(webhook_deliveries).where(own, at.event_id == due.event_id).values(values))
    behind = and_(own, at.lane == due.lane, at.state == _PENDING, at.position > due.position, at.next_at != then)
    connection.execute(update(webhook_deliveries).where(behind).values(next_at=then))


def _note(connection: Connection, webhook_id: str, outcomes: Sequence[Outcome]) -> None:
    """Whether the receiver works, at the webhook itself."""
    mine = update(webhooks).where(webhooks.c.webhook_id == webhook_id)
    taken = [outcome.at for outcome in outcomes if outcome.answer is not None and outcome.answer.taken]
    failed = [outcome.at for outcome in outcomes if outcome.answer is not None and not outcome.answer.taken]
    if taken:
        connection.execute(mine.values(succeeded_at=max(taken), failing_since=None))
    elif failed:
        connection.execute(mine.where(webhooks.c.failing_since.is_(None)).values(failing_since=min(failed)))


def _disable(connection: Connection, webhook_id: str, why: str, now: float) -> None:
    mine = webhooks.c.webhook_id == webhook_id
    still = update(webhooks).where(mine, webhooks.c.disabled_at.is_(None)).values(disabled_at=now, disabled_why=why)
    if not connection.execute(still).rowcount:
        return
    at = webhook_deliveries.c
    left = update(webhook_deliveries).where(at.webhook_id == webhook_id, at.state == _PENDING)
    connection.execute(left.values(state=DeliveryState.DEAD.value, ended_at=now))
    deed = Deed(SYSTEM, now)
    append(connection, deed.line("webhook.disable", f"webhook:{webhook_id}", {"disabled": ""}, {"disabled": why}))
