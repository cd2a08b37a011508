"""Shifts in the database. Each change and its line of the audit are one transaction."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection, Row, and_, delete, insert, or_, select

from cti.core.access import Deed
from cti.core.errors import CtiError
from cti.core.moments import iso
from cti.core.schedules import Shift, check_shift
from cti.store.audit import append
from cti.store.repository import Repository
from cti.store.rows import clean
from cti.store.schema_people import agents
from cti.store.schema_schedules import schedules

_AT = schedules.c


class Schedules(Repository):
    """Beside StoreUnavailable, changes raise CtiError: unknown-shift, unknown-agent, shift-overlaps, stale,
    bad-shift. An agent's shifts do not overlap."""

    # ---- reading -------------------------------------------------------------------------------------------------

    def between(
        self,
        since: float,
        until: float,
        *,
        limit: int,
        agents: Collection[str] | None = None,
        after: tuple[float, str] | None = None,
    ) -> list[Shift]:
        """Those that reach into [since, until), by their beginnings. ``agents`` None: everybody's. ``after``:
        beginning and id of the last one seen."""
        query = select(schedules).where(_AT.begins_at < until, _AT.ends_at > since)
        if agents is not None:
            query = query.where(_AT.agent_id.in_([clean(agent, 64) for agent in agents]))
        if after is not None:
            same = and_(_AT.begins_at == after[0], _AT.shift_id > clean(after[1], 64))
            query = query.where(or_(_AT.begins_at > after[0], same))
        query = query.order_by(_AT.begins_at, _AT.shift_id).limit(limit)
        return self._read(lambda connection: [_shift(row) for row in connection.execute(query)])

    def find(self, shift_id: str) -> Shift | None:
        return self._read(lambda connection: _find(connection, shift_id))

    def clashes(self, shifts: Sequence[Shift], *, replaced: bool = False) -> dict[int, Shift]:
        """index of a new shift -> the one that is there and overlaps it. ``replaced``: as `add` has it."""

        def work(connection: Connection) -> dict[int, Shift]:
            gone = _replaced_ids(connection, shifts) if replaced else set()
            found = {}
            for index, shift in enumerate(shifts):
                others = [one for one in _overlapping(connection, shift) if one.shift_id not in gone]
                if others:
                    found[index] = others[0]
            return found

        return self._read(work)

    # ---- changes ---------------------------------------------------------------------------------------------------

    def add(self, shifts: Iterable[Shift], deed: Deed, *, replace_span: bool = False) -> int:
        """All or none. ``replace_span``: those of these agents that begin from the first of the new beginnings to the
        last give way. How many gave way."""
        wanted = [check_shift(shift) for shift in shifts]

        def work(connection: Connection) -> int:
            gone = _replaced_ids(connection, wanted) if replace_span else set()
            for shift_id in sorted(gone):
                before = _get(connection, shift_id)
                connection.execute(delete(schedules).where(_AT.shift_id == shift_id))
                append(connection, deed.line("shift.remove", f"shift:{shift_id}", _shown(before)))
            for shift in wanted:
                _write(connection, shift, deed)
                append(connection, deed.line("shift.add", f"shift:{shift.shift_id}", after=_shown(shift)))
            return len(gone)

        return self._write(work)

    def change(self, shift: Shift, deed: Deed) -> Shift:
        """``shift.version``: the one that was seen. As it is afterwards."""
        check_shift(shift)

        def work(connection: Connection) -> Shift:
            before = _seen(connection, shift.shift_id, shift.version)
            connection.execute(delete(schedules).where(_AT.shift_id == shift.shift_id))
            after = replace(shift, version=before.version + 1)
            made = _write(connection, after, deed)
            append(connection, deed.line("shift.change", f"shift:{shift.shift_id}", _shown(before), _shown(made)))
            return made

        return self._write(work)

    def remove(self, shift_id: str, version: int, deed: Deed) -> None:
        def work(connection: Connection) -> None:
            before = _seen(connection, shift_id, version)
            connection.execute(delete(schedules).where(_AT.shift_id == before.shift_id))
            append(connection, deed.line("shift.remove", f"shift:{before.shift_id}", _shown(before)))

        self._write(work)


def _write(connection: Connection, shift: Shift, deed: Deed) -> Shift:
    known = select(agents.c.agent_id).where(agents.c.agent_id == clean(shift.agent, 64))
    # Of two that plan for one agent at the same moment the second waits for the first, then sees its shift.
    if connection.execute(known.with_for_update()).first() is None:
        raise CtiError(f"there is no agent {shift.agent[:64]!r}", code="unknown-agent")
    for other in _overlapping(connection, shift):
        raise CtiError(
            f"agent {shift.agent} is on duty from {iso(other.begins_at)} to {iso(other.ends_at)} already",
            code="shift-overlaps",
            remedy=f"change or remove shift {other.shift_id}",
        )
    made = replace(shift, changed_at=deed.at, changed_by=deed.author.name)
    connection.execute(insert(schedules).values(_row(made)))
    return made


def _overlapping(connection: Connection, shift: Shift) -> list[Shift]:
    query = select(schedules).where(
        _AT.agent_id == clean(shift.agent, 64), _AT.begins_at < shift.ends_at, _AT.ends_at > shift.begins_at
    )
    return [_shift(row) for row in connection.execute(query.order_by(_AT.begins_at))]


def _replaced_ids(connection: Connection, wanted: Sequence[Shift]) -> set[str]:
    if not wanted:
        return set()
    first, last = min(one.begins_at for one in wanted), max(one.begins_at for one in wanted)
    found: set[str] = set()
    for agent in {one.agent for one in wanted}:
        query = select(_AT.shift_id).where(
            _AT.agent_id == clean(agent, 64), _AT.begins_at >= first, _AT.begins_at <= last
        )
        found.update(connection.execute(query).scalars())
    return found


def _seen(connection: Connection, shift_id: str, version: int) -> Shift:
    found = _get(connection, shift_id)
    if found.version != version:
        raise CtiError(f"shift {shift_id} is version {found.version}", code="stale")
    return found


def _get(connection: Connection, shift_id: str) -> Shift:
    found = _find(connection, shift_id)
    if found is None:
        raise CtiError(f"there is no shift {shift_id[:64]!r}", code="unknown-shift")
    return found


def _find(connection: Connection, shift_id: str) -> Shift | None:
    row = connection.execute(select(schedules).where(_AT.shift_id == clean(shift_id, 64))).first()
    return None if row is None else _shift(row)


def _shift(row: Row[Any]) -> Shift:
    return Shift(
        row.shift_id, row.agent_id, row.begins_at, row.ends_at, row.note, row.version, row.changed_at, row.changed_by
    )


def _row(shift: Shift) -> dict[str, Any]:
    return {
        "shift_id": clean(shift.shift_id, 64),
        "agent_id": clean(shift.agent, 64),
        "begins_at": float(shift.begins_at),
        "ends_at": float(shift.ends_at),
        "note": clean(shift.note, 200),
        "version": shift.version,
        "changed_at": float(shift.changed_at),
        "changed_by": clean(shift.changed_by, 200),
    }


def _shown(shift: Shift) -> dict[str, Any]:
    """What the audit tells of a shift."""
    return {"agent": shift.agent, "from": iso(shift.begins_at), "to": iso(shift.ends_at), "note": shift.note}
