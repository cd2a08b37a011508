"""``/v1/calls``: past and running calls, newest first. Numbers are masked, unless asked for with a reason.

A call belongs to the agents whose phones had it, and to their teams: who may see some teams only sees their calls.
"""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

from cti.api.guard import access_of
from cti.api.paging import flag_of, iso, known_only, limit_of, time_of
from cti.api.problems import Problem
from cti.core.access import Permission, ResourceScope, decide
from cti.core.calls import TerminalCause
from cti.core.errors import CtiError
from cti.core.masking import mask
from cti.core.numbers import normalise_number
from cti.core.records import CallFilter

if TYPE_CHECKING:
    import falcon

    from cti.api.guard import Access
    from cti.core.records import CallDetail, CallRow
    from cti.ports import Store
    from cti.store.agents import Agents

FILTERS = ("caller", "called", "flow", "outcome", "terminal_cause", "since", "until", "live")
UNMASK = ("unmask", "reason")
TIMES = ("started_at", "answered_at", "ended_at", "entered_at", "left_at", "added_at", "began_at", "at")
SPANS = ("masked", "paused")  # lists of [from, to)


def with_times(row: dict[str, Any]) -> dict[str, Any]:
    """The row as JSON: times as text, nested rows too."""
    shown: dict[str, Any] = {}
    for name, value in row.items():
        if name in TIMES:
            shown[name] = iso(value)
        elif name in SPANS:
            shown[name] = [[iso(moment) for moment in span] for span in value]
        elif isinstance(value, list | tuple) and name != "goals":
            shown[name] = [with_times(item) for item in value]
        else:
            shown[name] = value
    return shown


def call_json(row: CallRow) -> dict[str, Any]:
    shown = with_times(asdict(row))
    shown.pop("cursor")
    shown["duration_s"] = row.duration_s
    return shown


def filter_of(req: falcon.Request) -> CallFilter:
    cause = req.get_param("terminal_cause")
    if cause is not None and cause not in list(TerminalCause):
        raise Problem("bad-request", f"terminal_cause must be one of {', '.join(TerminalCause)}")
    return CallFilter(
        caller=req.get_param("caller"),
        called=req.get_param("called"),
        flow=req.get_param("flow"),
        outcome=req.get_param("outcome"),
        terminal_cause=None if cause is None else TerminalCause(cause),
        since=time_of(req, "since"),
        until=time_of(req, "until"),
        live=flag_of(req, "live"),
    )


class Calls:
    """``GET /v1/calls?limit=&before=&caller=&called=&flow=&outcome=&terminal_cause=&since=&until=&live=``"""

    def __init__(self, store: Store, agents: Agents) -> None:
        self._store, self._agents = store, agents

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        known_only(req, ("limit", "before", *FILTERS, *UNMASK))
        access, limit, where = access_of(req), limit_of(req), filter_of(req)
        what = access.visible(Permission.CALLS_READ)
        if not what.everything:
            phones = frozenset(agent.phone for agent in self._agents.list_agents(what) if agent.phone)
            where = replace(where, served_by=phones)
        if where.caller is not None and decide(access.principal, Permission.DATA_UNMASK).allowed is False:
            # Who is shown masked numbers could find the rest of one by asking for each that it may be.
            told = f"look-up of {mask(normalise_number(where.caller))}"
            access.note(Permission.CALLS_READ, "calls:list", allowed=True, reason=told)
        unmask = access.unmask(req, "calls:list")
        try:
            rows = self._store.list_calls(limit=limit, before=req.get_param("before"), where=where, unmask=unmask)
        except CtiError as error:
            if error.code == "bad-cursor":
                raise Problem("bad-cursor", error.message) from error
            raise
        resp.media = {
            "items": [call_json(row) for row in rows],
            "next": rows[-1].cursor if len(rows) == limit else None,
        }

    on_head = on_get


class Call:
    """``GET /v1/calls/{call_id}``: one call with its legs, the nodes it went through and the files it left."""

    def __init__(self, store: Store, agents: Agents) -> None:
        self._store, self._agents = store, agents

    def on_get(self, req: falcon.Request, resp: falcon.Response, call_id: str) -> None:
        known_only(req, UNMASK)
        access = access_of(req)
        whole = access.visible(Permission.CALLS_READ).everything
        # Whose call it is stands in the numbers of its legs; what is shown is read anew.
        scope = (
            ResourceScope() if whole else scope_of(access, self._store.find_call(call_id, unmask=True), self._agents)
        )
        access.require(Permission.CALLS_READ, scope, f"call:{call_id}")
        unmask = access.unmask(req, f"call:{call_id}", scope)
        found = self._store.find_call(call_id, unmask=unmask)
        if found is None:
            raise Problem("not-found", f"no call {call_id!r}")
        shown = with_times(found.as_dict())
        shown.pop("cursor", None)
        shown["duration_s"] = found.call.duration_s
        resp.media = shown

    on_head = on_get


def scope_of(access: Access, call: CallDetail | None, agents: Agents) -> ResourceScope:
    """Whose call it is, by the numbers of its agents' legs: it must not be masked."""
    phones = {leg.number for leg in call.legs if leg.role == "agent" and leg.number} if call else set()
    found = [agent for phone in sorted(phones) if (agent := agents.find_by_phone(phone))]
    own = access.principal.user_id
    owner = own if any(agent.user_id == own for agent in found) else None
    return ResourceScope(owner, frozenset(agent.team for agent in found))
