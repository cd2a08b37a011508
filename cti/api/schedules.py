"""``/v1/schedules``: shifts, who should be on duty from when to when, and what the agent was there of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import falcon

from cti.api.bodies import json_body, only, text_field
from cti.api.etags import seen_version, send_version
from cti.api.guard import access_of
from cti.api.once import Once
from cti.api.paging import choice_of, flag_of, iso, known_only, limit_of, parse_time, period_of
from cti.api.problems import Problem
from cti.api.tables import csv_text, only_checked, table_of, verdict
from cti.core.access import Permission, ResourceScope
from cti.core.errors import CtiError
from cti.core.schedules import NOTE_MAX, Shift, attendance, check_shift
from cti.store.reader import make_cursor, parse_cursor

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from cti.api.guard import Access
    from cti.api.tables import Line, Table
    from cti.core.people import AgentProfile
    from cti.core.schedules import Attendance
    from cti.runtime.account_services import AccountServices
    from cti.store.schedules import Schedules as Shifts

COLUMNS = ("agent_id", "from", "to", "note")
SHIFTS_MAX, LINES_MAX, _AT_ONCE = 1000, 20_000, 500
_FIELDS = ("agent", "from", "to", "note")


class Roster:
    """What the resources below share."""

    def __init__(self, services: AccountServices) -> None:
        self.services, self.shifts, self.agents = services, services.store.schedules, services.store.agents

    def shown(self, shifts: Sequence[Shift]) -> list[dict[str, Any]]:
        """Each with what the agent was there of it."""
        if not shifts:
            return []
        since, until = min(one.begins_at for one in shifts), max(one.ends_at for one in shifts)
        periods = self.services.store.agent_states.of_agents(since, until, {one.agent for one in shifts})
        now, of = self.services.clock.now(), {one.agent: [p for p in periods if p.agent == one.agent] for one in shifts}
        return [shift_json(one, attendance(one, of[one.agent], now)) for one in shifts]

    def get(self, access: Access, permission: Permission, shift_id: str) -> Shift:
        """Raises Problem: unknown-shift, also for another team's; forbidden."""
        found = self.shifts.find(shift_id)
        profile = self.agents.find(found.agent) if found is not None else None
        try:
            access.require(permission, scope_of(profile), f"shift:{shift_id[:64]}")
        except Problem as error:
            if error.code != "not-found":
                raise
            found = None
        if found is None:
            raise Problem("unknown-shift", f"no shift {shift_id[:64]!r}")
        return found

    def for_agent(self, access: Access, agent: str) -> AgentProfile:
        """Of whom shifts may be planned. Raises Problem: unknown-agent, also for another team's."""
        found = self.agents.find(agent)
        try:
            access.require(Permission.SCHEDULES_EDIT, scope_of(found), f"agent:{agent[:64]}")
        except Problem as error:
            if error.code != "not-found":
                raise
            found = None
        if found is None:
            raise Problem("unknown-agent", f"no agent {agent[:64]!r}")
        return found


class Schedules:
    """``GET /v1/schedules?from=&to=&agent=&team=&limit=&after=&format=json|csv``: shifts that reach into the period, by
    their beginnings; CSV has all of them, as ``POST /v1/schedules/import`` takes them. ``POST``: one more shift."""

    def __init__(self, roster: Roster) -> None:
        self._roster = roster
        self._once: Once[Shift] = Once()

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        known_only(req, ("from", "to", "agent", "team", "limit", "after", "format"))
        since, until = period_of(req)
        limit, after = limit_of(req), req.get_param("after")
        place = None if after is None else parse_cursor(after)
        agents = self._agents(req)
        if choice_of(req, "format", ("json", "csv")) == "csv":
            rows = ([s.agent, iso(s.begins_at), iso(s.ends_at), s.note] for s in self._all(since, until, agents))
            resp.content_type, resp.text = "text/csv; charset=utf-8", csv_text(COLUMNS, rows)
            return
        found = self._roster.shifts.between(since, until, limit=limit, agents=agents, after=place)
        resp.media = {
            "items": self._roster.shown(found),
            "next": make_cursor(found[-1].begins_at, found[-1].shift_id) if len(found) == limit else None,
        }

    on_head = on_get

    def on_post(self, req: falcon.Request, resp: falcon.Response) -> None:
        body, access = json_body(req), access_of(req)
        access.visible(Permission.SCHEDULES_EDIT)
        shift = _shift(body, uuid4().hex)
        self._roster.for_agent(access, shift.agent)
        deed = access.deed(Permission.SCHEDULES_EDIT)

        def add() -> Shift:
            self._roster.shifts.add([shift], deed)
            return replace(shift, changed_at=deed.at, changed_by=deed.author.name)

        made = self._once.do(req, body, add)
        resp.status, resp.location = falcon.HTTP_201, f"/v1/schedules/{made.shift_id}"
        resp.media = self._roster.shown([made])[0]
        send_version(req, resp, str(made.version))

    def _agents(self, req: falcon.Request) -> list[str] | None:
        what, agent = access_of(req).visible(Permission.SCHEDULES_READ), req.get_param("agent")
        team = req.get_param("team")
        if what.everything and team is None:
            return None if agent is None else [agent]
        found = self._roster.agents.list_agents(what)
        return [one.agent_id for one in found if (agent is None or one.agent_id == agent) and team in (None, one.team)]

    def _all(self, since: float, until: float, agents: list[str] | None) -> list[Shift]:
        """Raises Problem: more than can be given at once."""
        found: list[Shift] = []
        while len(found) < LINES_MAX:
            after = (found[-1].begins_at, found[-1].shift_id) if found else None
            some = self._roster.shifts.between(since, until, limit=_AT_ONCE, agents=agents, after=after)
            found += some
            if len(some) < _AT_ONCE:
                return found
        raise Problem("bad-request", f"more than {LINES_MAX} lines; ask for a shorter period")


class ShiftResource:
    """``GET``, ``PUT`` (as a whole) and ``DELETE /v1/schedules/{shift}``. Changes name the ETag that they have seen, in
    ``If-Match``."""

    def __init__(self, roster: Roster) -> None:
        self._roster = roster

    def on_get(self, req: falcon.Request, resp: falcon.Response, shift: str) -> None:
        known_only(req, ())
        found = self._roster.get(access_of(req), Permission.SCHEDULES_READ, shift)
        resp.media = self._roster.shown([found])[0]
        send_version(req, resp, str(found.version))

    on_head = on_get

    def on_put(self, req: falcon.Request, resp: falcon.Response, shift: str) -> None:
        body, access = json_body(req), access_of(req)
        found = self._roster.get(access, Permission.SCHEDULES_EDIT, shift)
        seen_version(req, str(found.version), f"shift {shift!r}")
        wanted = replace(_shift(body, found.shift_id), version=found.version)
        self._roster.for_agent(access, wanted.agent)
        made = self._roster.shifts.change(wanted, access.deed(Permission.SCHEDULES_EDIT))
        resp.media = self._roster.shown([made])[0]
        send_version(req, resp, str(made.version))

    def on_delete(self, req: falcon.Request, resp: falcon.Response, shift: str) -> None:
        access = access_of(req)
        found = self._roster.get(access, Permission.SCHEDULES_EDIT, shift)
        seen_version(req, str(found.version), f"shift {shift!r}")
        self._roster.shifts.remove(found.shift_id, found.version, access.deed(Permission.SCHEDULES_EDIT))
        resp.status = falcon.HTTP_204


class ScheduleImport:
    """``POST /v1/schedules/import``, ``text/csv`` with the columns ``agent_id,from,to,note``: all shifts or none, and
    every line that is wrong is told. ``?replace=true``: the shifts of these agents that begin between the first and the
    last beginning of the file give way to it. ``?check=true``: only told, and nothing is written."""

    def __init__(self, roster: Roster) -> None:
        self._roster = roster
        self._once: Once[dict[str, Any]] = Once()

    def on_post(self, req: falcon.Request, resp: falcon.Response) -> None:
        known_only(req, ("check", "replace"))
        roster, access, replaced = self._roster, access_of(req), bool(flag_of(req, "replace"))
        table = table_of(req, COLUMNS, COLUMNS[:3], SHIFTS_MAX)
        access.visible(Permission.SCHEDULES_EDIT)
        read = read_shifts(table, lambda agent: self._refused(access, agent))
        tell_clashes(table, read, roster.shifts, replaced=replaced)
        if only_checked(req):
            resp.media = {**verdict(table.findings, len(read.shifts)), "saved": 0}
            return
        table.refuse()
        deed = access.deed(Permission.SCHEDULES_EDIT)

        def save() -> dict[str, Any]:
            roster.shifts.add(read.shifts, deed, replace_span=replaced)
            return {**verdict([], len(read.shifts)), "saved": len(read.shifts)}

        resp.media = self._once.do(req, {"text": table.text, "replace": replaced}, save)

    def _refused(self, access: Access, agent: str) -> CtiError | None:
        try:
            self._roster.for_agent(access, agent)
        except Problem as error:
            return error
        return None


@dataclass(slots=True)
class Read:
    """Shifts, and the lines that they stand in."""

    lines: list[int]
    shifts: list[Shift]


def read_shifts(table: Table, refused: Callable[[str], CtiError | None]) -> Read:
    """Those that are good by themselves and beside each other; the others are findings of the table. ``refused``: why
    no shifts of an agent may be planned."""
    read = Read([], [])
    may: dict[str, CtiError | None] = {}
    by_agent: dict[str, list[tuple[int, Shift]]] = {}
    for line in table.lines():
        agent = line.cells["agent_id"]
        if agent not in may:
            may[agent] = refused(agent)
        try:
            shift = _shift_of_line(line)
            if (why := may[agent]) is not None:
                raise why
        except CtiError as error:
            table.report(line.number, "", error.message, error.code)
            continue
        before = next((number for number, one in by_agent.get(agent, ()) if one.overlaps(shift)), None)
        if before is not None:
            table.report(line.number, "from", f"overlaps the shift of line {before}", "shift-overlaps")
            continue
        by_agent.setdefault(agent, []).append((line.number, shift))
        read.lines.append(line.number)
        read.shifts.append(shift)
    return read


def tell_clashes(table: Table, read: Read, shifts: Shifts, *, replaced: bool) -> None:
    """Findings of those that overlap one that is there. ``replaced``: as `cti.store.schedules.Schedules.add` has it."""
    for index, other in shifts.clashes(read.shifts, replaced=replaced).items():
        told = f"agent {other.agent} is on duty from {iso(other.begins_at)} to {iso(other.ends_at)} already"
        table.report(read.lines[index], "from", told, "shift-overlaps")


def shift_json(shift: Shift, there: Attendance | None) -> dict[str, Any]:
    return {
        "shift_id": shift.shift_id,
        "agent": shift.agent,
        "from": iso(shift.begins_at),
        "to": iso(shift.ends_at),
        "note": shift.note,
        "version": shift.version,
        "changed_at": iso(shift.changed_at),
        "changed_by": shift.changed_by,
        "attendance": None
        if there is None
        else {
            "passed_s": round(there.passed_s, 3),
            "signed_in_s": round(there.signed_in_s, 3),
            "ready_s": round(there.ready_s, 3),
            "first_at": iso(there.first_at),
        },
    }


def scope_of(profile: AgentProfile | None) -> ResourceScope:
    return ResourceScope() if profile is None else ResourceScope.of(owner=profile.user_id, team=profile.team)


def _shift(body: dict[str, Any], shift_id: str) -> Shift:
    """Raises Problem (bad-request), CtiError (bad-shift)."""
    only(body, *_FIELDS)
    agent = text_field(body, "agent", limit=64)
    begins, ends = (parse_time(text_field(body, name, limit=40), name) for name in ("from", "to"))
    return check_shift(Shift(shift_id, agent, begins, ends, text_field(body, "note", limit=NOTE_MAX, default="")))


def _shift_of_line(line: Line) -> Shift:
    cells = line.cells
    begins, ends = parse_time(cells["from"], "from"), parse_time(cells["to"], "to")
    return check_shift(Shift(uuid4().hex, cells["agent_id"], begins, ends, cells["note"]))
