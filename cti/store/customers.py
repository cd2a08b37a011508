"""Customers, by the blind index of their numbers: nothing of its own is kept, all is read from calls and callbacks.

The id of a customer is that index (keyed, so that nobody can make it of a number, or the number of it): it needs no
table, holds for what was before, and is the same as long as the key ring is.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from typing import Any

from sqlalchemy import Connection, Engine, Row, and_, func, or_, select, union
from sqlalchemy.engine import URL

from cti.core.callbacks import OPEN
from cti.core.customers import IDENTITY, VERIFIED, Customer, CustomerContact
from cti.store.reader import make_cursor, parse_cursor
from cti.store.repository import Repository
from cti.store.rows import blind_number, context
from cti.store.schema import call_goals, call_records, calls, node_visits
from cti.store.schema_desks import callbacks
from cti.store.schema_floor import contacts_handled, queue_entries
from cti.store.sealing import Sealer

CUSTOMER_ID = re.compile("[0-9a-f]{64}")
#: Of how many contacts of a customer, the newest, the agents are asked.
_CONTACTS_ASKED = 500
_OPEN = tuple(state.value for state in OPEN)
_CALL, _BACK = calls.c, callbacks.c


class Customers(Repository):
    def __init__(self, engine: Engine, url: URL, sealer: Sealer) -> None:
        super().__init__(engine, url)
        self._sealer = sealer

    def id_of(self, number: str) -> str:
        """Of whoever has this number (in any usual spelling), known or not; empty: it is no number."""
        return blind_number(self._sealer, number) or ""

    def number_of(self, customer_id: str) -> str | None:
        """In clear, to be dialled. None: nobody is known by this id."""
        if not CUSTOMER_ID.fullmatch(customer_id):
            return None
        return self._read(lambda connection: self._number(connection, customer_id))

    def find(self, customer_id: str) -> Customer | None:
        if not CUSTOMER_ID.fullmatch(customer_id):
            return None
        return self._read(lambda connection: self._find(connection, customer_id))

    def contacts(self, customer_id: str, *, limit: int, before: str | None = None) -> list[CustomerContact]:
        """The newest first. Raises CtiError (bad-cursor)."""
        query = (
            select(calls, call_records.c.ended_at, call_records.c.terminal_cause, call_records.c.outcome)
            .select_from(calls.outerjoin(call_records))
            .where(_CALL.caller_blind == customer_id)
            .order_by(_CALL.started_at.desc(), _CALL.call_id.desc())
            .limit(limit)
        )
        if before is not None:
            started_at, call_id = parse_cursor(before)
            same = and_(_CALL.started_at == started_at, _CALL.call_id < call_id)
            query = query.where(or_(_CALL.started_at < started_at, same))

        def work(connection: Connection) -> list[CustomerContact]:
            rows = connection.execute(query).all()
            ids = [row.call_id for row in rows]
            goals = select(call_goals.c.call_id, call_goals.c.goal).where(call_goals.c.call_id.in_(ids))
            by_goal = _by_call(connection.execute(goals.order_by(call_goals.c.call_id, call_goals.c.position)))
            agents = _by_call(connection.execute(_agents(ids)))
            proven = select(node_visits.c.call_id).where(node_visits.c.call_id.in_(ids), *_VERIFIED)
            verified = set(connection.execute(proven).scalars())
            return [_contact(row, by_goal, agents, verified) for row in rows]

        return self._read(work)

    # ---- inside ------------------------------------------------------------------------------------------------------

    def _find(self, connection: Connection, customer_id: str) -> Customer | None:
        own = _CALL.caller_blind == customer_id
        media = connection.execute(
            select(_CALL.medium, func.count(), func.min(_CALL.started_at), func.max(_CALL.started_at))
            .where(own)
            .group_by(_CALL.medium)
        ).all()
        is_open = and_(_BACK.number_blind == customer_id, _BACK.state.in_(_OPEN))
        open_ = int(connection.execute(select(func.count()).select_from(callbacks).where(is_open)).scalar_one())
        number = self._number(connection, customer_id)
        if number is None:
            return None
        newest = _newest(customer_id).limit(_CONTACTS_ASKED)
        ids = list(connection.execute(newest.with_only_columns(_CALL.call_id)).scalars())
        last = (
            select(node_visits.c.call_id, node_visits.c.entered_at)
            .join(calls, calls.c.call_id == node_visits.c.call_id)
            .where(own, *_VERIFIED)
            .order_by(node_visits.c.entered_at.desc())
            .limit(1)
        )
        proven = connection.execute(last).first()
        return Customer(
            customer_id,
            number,
            self._name(connection, customer_id),
            {medium: int(count) for medium, count, _, _ in media},
            min((first for _, _, first, _ in media), default=None),
            max((latest for _, _, _, latest in media), default=None),
            None if proven is None else proven.entered_at,
            None if proven is None else proven.call_id,
            open_,
            frozenset(agent for _, agent in connection.execute(_agents(ids))),
        )

    def _number(self, connection: Connection, customer_id: str) -> str | None:
        row = connection.execute(_newest(customer_id).limit(1)).first()
        if row is not None and row.caller_sealed is not None:
            return self._sealer.open(row.caller_sealed, context("calls", "caller", row.call_id))
        promised = select(callbacks).where(_BACK.number_blind == customer_id).order_by(_BACK.created_at.desc()).limit(1)
        back = connection.execute(promised).first()
        if back is None:
            return None
        return self._sealer.open(back.number_sealed, context("callbacks", "number", back.callback_id))

    def _name(self, connection: Connection, customer_id: str) -> str:
        named = _newest(customer_id).where(_CALL.caller_name_sealed.is_not(None)).limit(1)
        row = connection.execute(named).first()
        if row is None:
            return ""
        return self._sealer.open(row.caller_name_sealed, context("calls", "caller_name", row.call_id))


_VERIFIED = (node_visits.c.flow == IDENTITY, node_visits.c.node == VERIFIED)


def _newest(customer_id: str) -> Any:
    return select(calls).where(_CALL.caller_blind == customer_id).order_by(_CALL.started_at.desc())


def _agents(call_ids: Collection[str]) -> Any:
    """(call id, agent) of who had these contacts, those that go on among them."""
    had = select(contacts_handled.c.call_id, contacts_handled.c.agent).where(contacts_handled.c.call_id.in_(call_ids))
    have = select(queue_entries.c.call_id, queue_entries.c.agent).where(
        queue_entries.c.call_id.in_(call_ids), queue_entries.c.agent != ""
    )
    return union(had, have)


def _by_call(rows: Iterable[Any]) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for call_id, value in rows:
        found[call_id] = (*found.get(call_id, ()), value)
    return found


def _contact(
    row: Row[Any], goals: dict[str, tuple[str, ...]], agents: dict[str, tuple[str, ...]], verified: set[str]
) -> CustomerContact:
    return CustomerContact(
        row.call_id,
        row.medium,
        row.called,
        row.started_at,
        row.ended_at,
        row.flow,
        row.outcome or "",
        row.terminal_cause,
        goals.get(row.call_id, ()),
        row.call_id in verified,
        tuple(sorted(set(agents.get(row.call_id, ())))),
        make_cursor(row.started_at, row.call_id),
    )
