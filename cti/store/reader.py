"""The reading side: calls as people see them, personal data masked unless asked otherwise. Runs on pool threads."""

from __future__ import annotations

import math
from collections.abc import Collection
from typing import Any

from sqlalchemy import Connection, Row, Select, and_, exists, func, or_, select

from cti.core.errors import CtiError
from cti.core.masking import mask, mask_text
from cti.core.records import CallDetail, CallFilter, CallGap, CallRow, LegRow, VisitRow
from cti.core.transcripts import MessageRow
from cti.core.wrapups import WrapUpRow
from cti.store.recording_rows import recordings_of
from cti.store.rows import blind_number, clean, context
from cti.store.schema import call_goals, call_messages, call_records, calls, legs, node_visits
from cti.store.schema_resume import call_gaps
from cti.store.sealing import Sealer
from cti.store.wrapup_rows import wrapups_of

MOST = 1_000
_IN_ONE_QUERY = 500

_RECORD_COLUMNS = ("ended_at", "answered_at", "terminal_cause", "hangup_cause", "outcome", "error")
_CALLS: Select[Any] = select(
    calls,
    *(call_records.c[name] for name in _RECORD_COLUMNS),
    call_records.c.language.label("last_language"),
).select_from(calls.outerjoin(call_records))


class Reader:
    def __init__(self, sealer: Sealer) -> None:
        self._sealer = sealer

    def list_calls(
        self, connection: Connection, limit: int, before: str | None, where: CallFilter | None, unmask: bool
    ) -> list[CallRow]:
        query = _CALLS.order_by(calls.c.started_at.desc(), calls.c.call_id.desc()).limit(min(max(limit, 1), MOST))
        if where is not None:
            query = query.where(*self._conditions(where))
        if before is not None:
            started_at, call_id = parse_cursor(before)
            earlier = and_(calls.c.started_at == started_at, calls.c.call_id < call_id)
            query = query.where(or_(calls.c.started_at < started_at, earlier))
        found = connection.execute(query).all()
        goals = self._goals(connection, [row.call_id for row in found])
        return [self._call(row, goals.get(row.call_id, ()), unmask) for row in found]

    def find_call(self, connection: Connection, call_id: str, unmask: bool) -> CallDetail | None:
        call_id = clean(call_id, 128)
        row = connection.execute(_CALLS.where(calls.c.call_id == call_id)).one_or_none()
        if row is None:
            return None
        own_legs = select(legs).where(legs.c.call_id == call_id).order_by(legs.c.added_at, legs.c.ordinal)
        own_visits = (
            select(node_visits)
            .where(node_visits.c.call_id == call_id)
            .order_by(node_visits.c.entered_at, node_visits.c.ordinal)
        )
        own_messages = select(call_messages).where(call_messages.c.call_id == call_id).order_by(call_messages.c.number)
        own_gaps = select(call_gaps).where(call_gaps.c.call_id == call_id).order_by(call_gaps.c.ended_at)
        return CallDetail(
            self._call(row, self._goals(connection, [call_id]).get(call_id, ()), unmask),
            tuple(self._leg(leg, unmask) for leg in connection.execute(own_legs)),
            tuple(_visit(visit) for visit in connection.execute(own_visits)),
            tuple(recordings_of(connection, call_id)),
            tuple(self._message(message, unmask) for message in connection.execute(own_messages)),
            tuple(self.wrapups(connection, [call_id], unmask).get(call_id, ())),
            tuple(CallGap(gap.call_id, gap.began_at, gap.ended_at, gap.how) for gap in connection.execute(own_gaps)),
        )

    def wrapups(self, connection: Connection, call_ids: Collection[str], unmask: bool) -> dict[str, list[WrapUpRow]]:
        return wrapups_of(connection, self._sealer, call_ids, unmask)

    def count_visits(
        self, connection: Connection, flow: str, since: float | None, until: float | None
    ) -> list[tuple[str, str, int]]:
        query = (
            select(node_visits.c.node, node_visits.c.exit, func.count())
            .where(node_visits.c.flow == clean(flow))
            .group_by(node_visits.c.node, node_visits.c.exit)
            .order_by(node_visits.c.node, node_visits.c.exit)
        )
        if since is not None:
            query = query.where(node_visits.c.entered_at >= since)
        if until is not None:
            query = query.where(node_visits.c.entered_at < until)
        return [(node, exit, count) for node, exit, count in connection.execute(query)]

    def open_calls(self, connection: Connection, before: float, switch: str | None) -> list[str]:
        """Calls without a call detail record that started before ``before``."""
        query = (
            select(calls.c.call_id)
            .select_from(calls.outerjoin(call_records))
            .where(call_records.c.call_id.is_(None), calls.c.started_at < before)
            .order_by(calls.c.started_at, calls.c.call_id)
        )
        if switch is not None:
            query = query.where(calls.c.switch == switch)
        return list(connection.execute(query).scalars())

    # ---- parts ---------------------------------------------------------------------------------------------------

    def _conditions(self, where: CallFilter) -> list[Any]:
        wanted: list[Any] = []
        if where.caller is not None:
            wanted.append(calls.c.caller_blind == (blind_number(self._sealer, where.caller) or ""))
        for column, value in (
            (calls.c.called, where.called),
            (calls.c.flow, where.flow),
            (call_records.c.outcome, where.outcome),
            (call_records.c.terminal_cause, where.terminal_cause and where.terminal_cause.value),
        ):
            if value is not None:
                wanted.append(column == clean(value))
        if where.since is not None:
            wanted.append(calls.c.started_at >= where.since)
        if where.until is not None:
            wanted.append(calls.c.started_at < where.until)
        if where.live is not None:
            absent = call_records.c.call_id.is_(None)
            wanted.append(absent if where.live else ~absent)
        if where.served_by is not None:
            wanted.append(self._served_by(where.served_by))
        return wanted

    def _served_by(self, phones: Collection[str]) -> Any:
        blind = [blind_number(self._sealer, phone) or "" for phone in phones]
        leg = exists().where(legs.c.call_id == calls.c.call_id, legs.c.role == "agent")
        return leg.where(legs.c.number_blind.in_(blind))

    def _goals(self, connection: Connection, ids: Collection[str]) -> dict[str, tuple[str, ...]]:
        found: dict[str, tuple[str, ...]] = {}
        names = list(ids)
        for start in range(0, len(names), _IN_ONE_QUERY):
            query = (
                select(call_goals.c.call_id, call_goals.c.goal)
                .where(call_goals.c.call_id.in_(names[start : start + _IN_ONE_QUERY]))
                .order_by(call_goals.c.call_id, call_goals.c.position)
            )
            for call_id, goal in connection.execute(query):
                found[call_id] = (*found.get(call_id, ()), goal)
        return found

    def _call(self, row: Row[Any], goals: tuple[str, ...], unmask: bool) -> CallRow:
        caller = self._open(row.caller_sealed, "calls", "caller", row.call_id)
        name = self._open(row.caller_name_sealed, "calls", "caller_name", row.call_id) or ""
        ended = row.terminal_cause is not None
        return CallRow(
            call_id=row.call_id,
            switch=row.switch,
            medium=row.medium,
            called=row.called,
            caller=caller if unmask or caller is None else mask(caller),
            caller_name=name if unmask else mask(name, head=1, tail=0),
            entry=row.entry,
            flow=row.flow,
            flow_version=row.flow_version,
            language=row.last_language or row.language,
            started_at=row.started_at,
            answered_at=row.answered_at,
            ended_at=row.ended_at,
            terminal_cause=row.terminal_cause,
            hangup_cause=row.hangup_cause if ended else "",
            outcome=row.outcome if ended else "",
            goals=goals,
            error=row.error if ended else "",
            cursor=make_cursor(row.started_at, row.call_id),
        )

    def _leg(self, row: Row[Any], unmask: bool) -> LegRow:
        number = self._open(row.number_sealed, "legs", "number", row.call_id, row.leg_id)
        return LegRow(
            leg_id=row.leg_id,
            role=row.role,
            switch=row.switch,
            number=number if unmask or number is None else mask(number),
            added_at=row.added_at,
            ended_at=row.ended_at,
            hangup_cause=row.hangup_cause,
        )

    def _message(self, row: Row[Any], unmask: bool) -> MessageRow:
        text = self._open(row.text_sealed, "call_messages", "text", row.call_id, str(row.number)) or ""
        return MessageRow(row.number, row.at, row.author, row.agent, text if unmask else mask_text(text))

    def _open(self, sealed: str | None, *place: str) -> str | None:
        return None if sealed is None else self._sealer.open(sealed, context(*place))


def _visit(row: Row[Any]) -> VisitRow:
    return VisitRow(row.flow, row.node, row.type, row.visit, row.entered_at, row.left_at, row.exit, row.note)


def make_cursor(started_at: float, call_id: str) -> str:
    return f"{started_at!r}~{call_id}"


def parse_cursor(cursor: str) -> tuple[float, str]:
    """Raises CtiError (bad-cursor)."""
    started_at, tilde, call_id = cursor.partition("~")
    try:
        moment = float(started_at)
    except ValueError:
        moment = math.nan
    if not tilde or not math.isfinite(moment):
        raise CtiError(
            "the place in the list to go on from is not one we gave",
            code="bad-cursor",
            remedy="start again without it",
        )
    return moment, clean(call_id, 128)
