"""``/v1/calls``: past and running calls, newest first. Numbers are masked."""

from __future__ import annotations

import difflib
import re
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from cti.api.problems import Problem
from cti.core.calls import TerminalCause
from cti.core.errors import CtiError
from cti.core.records import CallFilter

if TYPE_CHECKING:
    import falcon

    from cti.core.records import CallRow
    from cti.ports import Store

LIMIT_DEFAULT = 50
LIMIT_MAX = 500
FILTERS = ("caller", "called", "flow", "outcome", "terminal_cause", "since", "until", "live")
TIMES = ("started_at", "answered_at", "ended_at", "entered_at", "left_at", "added_at")
SPANS = ("masked", "paused")  # lists of [from, to)


def iso(seconds: float | None) -> str | None:
    """ISO 8601 with offset, milliseconds."""
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")


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


def known_only(req: falcon.Request, known: tuple[str, ...]) -> None:
    """A filter with a typo must not answer with everything."""
    for name, value in req.params.items():
        if name not in known:
            near = difflib.get_close_matches(name, known, 1)
            hint = f"did you mean {near[0]!r}?" if near else f"known are {', '.join(known)}"
            raise Problem("bad-request", f"unknown parameter {name!r}; {hint}")
        if isinstance(value, list):
            raise Problem("bad-request", f"{name} is given {len(value)} times")


def limit_of(req: falcon.Request) -> int:
    text = req.get_param("limit")
    if text is None:
        return LIMIT_DEFAULT
    if not re.fullmatch("[0-9]{1,4}", text) or not 1 <= int(text) <= LIMIT_MAX:
        raise Problem("bad-request", f"limit must be a whole number from 1 to {LIMIT_MAX}, not {text!r}")
    return int(text)


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
        since=_time(req, "since"),
        until=_time(req, "until"),
        live=_flag(req, "live"),
    )


def _time(req: falcon.Request, name: str) -> float | None:
    text = req.get_param(name)
    if text is None:
        return None
    try:
        # A `+` of an offset that the client did not encode arrives as a space.
        found = datetime.fromisoformat(text.replace(" ", "+"))
    except ValueError:
        found = None
    if found is None or found.tzinfo is None:
        raise Problem("bad-request", f"{name} must be ISO 8601 with an offset, such as 2026-03-02T10:00+08:00")
    return found.timestamp()


def _flag(req: falcon.Request, name: str) -> bool | None:
    text = req.get_param(name)
    if text is None:
        return None
    if text not in ("true", "false"):
        raise Problem("bad-request", f"{name} must be true or false")
    return text == "true"


class Calls:
    """``GET /v1/calls?limit=&before=&caller=&called=&flow=&outcome=&terminal_cause=&since=&until=&live=``"""

    def __init__(self, store: Store) -> None:
        self._store = store

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        known_only(req, ("limit", "before", *FILTERS))
        limit = limit_of(req)
        try:
            rows = self._store.list_calls(limit=limit, before=req.get_param("before"), where=filter_of(req))
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

    def __init__(self, store: Store) -> None:
        self._store = store

    def on_get(self, req: falcon.Request, resp: falcon.Response, call_id: str) -> None:
        found = self._store.find_call(call_id)
        if found is None:
            raise Problem("not-found", f"no call {call_id!r}")
        shown = with_times(found.as_dict())
        shown.pop("cursor", None)
        shown["duration_s"] = found.call.duration_s
        resp.media = shown

    on_head = on_get
