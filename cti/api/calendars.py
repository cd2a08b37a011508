"""``/v1/calendars``: opening hours and holidays, of flows, entries, callbacks and queues.

A calendar is a file of the folder of the flows, ``calendars/NAME.yaml``. What is changed here is judged as a saved file
is, with the tests of the flows that ask the calendar, written, and holds at once, for calls that are up as well.
"""

from __future__ import annotations

from dataclasses import astuple
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import falcon

from cti.api.bodies import json_body, need_utf8, only
from cti.api.etags import seen_version, send_version
from cti.api.flows import held_json
from cti.api.guard import access_of
from cti.api.once import Once
from cti.api.paging import PAGED, choice_of, known_only, page_of
from cti.api.problems import Problem
from cti.api.tables import TableRefused, csv_text, only_checked, table_of, verdict
from cti.core.access import GLOBAL, Permission
from cti.core.issue import Issue, Place
from cti.flow.calendar_rows import COLUMNS, NAME, ROWS_MAX, SINGLE, CalendarRow, row_of, rows_of, texts_of
from cti.flow.shown import hours_text, week_json
from cti.runtime.reload.files import calendar_file, text_version

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cti.api.flow_files import FlowFiles
    from cti.api.guard import Access
    from cti.flow import Calendar as Hours

BODY_MAX, LIST_MAX = 1 << 20, 2000
FIELDS = ("timezone", "week", "title", "public_holidays", "holidays", "special")


class Office:
    """What the resources below share."""

    def __init__(self, files: FlowFiles) -> None:
        self.files = files

    def find(self, name: str) -> Hours | None:
        """The one that holds now. None: no file says so, even if a call still asks one that was deleted."""
        found: Hours | None = self.files.flows.library.calendars.get(name)
        return found if found is not None and NAME.fullmatch(name) and self.version(name) else None

    def names(self) -> list[str]:
        known = (name for name in self.files.flows.library.calendars if NAME.fullmatch(name))
        return sorted(name for name in known if self.version(name))

    def version(self, name: str) -> str:
        """Of the file; empty: there is none."""
        return self.files.live_version(calendar_file(name))

    def versions(self) -> str:
        """One name for all of them."""
        return text_version("\n".join(f"{name} {self.version(name)}" for name in self.names()))

    def shown(self, name: str, calendar: Hours) -> dict[str, Any]:
        held = self.files.flows.reloader.standing.held.get(calendar_file(name))
        now = datetime.fromtimestamp(self.files.services.clock.now(), UTC)
        return {
            "calendar": name,
            "title": calendar.title,
            "timezone": calendar.timezone,
            "public_holidays": calendar.region or None,
            "week": week_json(calendar),
            "holidays": [{"from": str(a), "to": str(b), "name": title} for a, b, title in calendar.holidays],
            "special": [{"date": str(day), "hours": hours_text(spans)} for day, spans in calendar.special],
            "state": calendar.state(now),
            "version": self.version(name),
            "held_back": None if held is None else held_json(held),
        }

    def there(self, name: str) -> dict[str, Any]:
        """As it is shown. Raises Problem (not-found)."""
        found = self.find(name)
        if found is None:
            raise Problem("not-found", f"no calendar {name[:64]!r}")
        return self.shown(name, found)

    def delete(self, access: Access, name: str, seen: str) -> None:
        """``seen``: the version of its file that is to be there still. Raises FlowsRefused where a flow or an entry
        asks it, Problem (calendar-in-use) where the settings do."""
        for asking, calendar in self.files.flows.library.asked_by_settings.items():
            if calendar == name:
                raise Problem("calendar-in-use", f"{asking} asks the calendar {name!r}")
        file, deed = calendar_file(name), access.deed(Permission.CALENDARS_EDIT)
        self.files.put_live({file: None}, deed.author.name, {file: seen})
        line = deed.line("calendar.delete", f"calendar:{name}", {"version": seen}, {})
        self.files.services.store.audit.add(line)

    def save(self, access: Access, texts: dict[str, str], seen: dict[str, str], done: str = "save") -> None:
        """All or none. ``seen``: calendar -> version of its file that is to be there still. ``done``: what the audit
        says was done, as ``calendar.save``. Raises FlowsRefused."""
        files, deed = self.files, access.deed(Permission.CALENDARS_EDIT)
        before = {name: self.version(name) for name in texts}
        put = {calendar_file(name): text for name, text in texts.items()}
        files.put_live(put, deed.author.name, {calendar_file(name): version for name, version in seen.items()})
        for name, text in texts.items():
            was = {"version": before[name]} if before[name] else {}
            line = deed.line(f"calendar.{done}", f"calendar:{name}", was, {"version": text_version(text)})
            files.services.store.audit.add(line)

    def check(self, texts: dict[str, str]) -> list[Issue]:
        """What the flows say to them: errors only."""
        found = self.files.check({calendar_file(name): text for name, text in texts.items()})
        return [
            Issue(Place(one["file"], one["line"], one["col"]), one["code"], one["message"])
            for one in found["findings"]
            if one["severity"] == "error" and not found["good"]
        ]


class Calendars:
    """``GET /v1/calendars?format=json|csv``: all of them, with what each says now. The ETag is that of the list, for
    ``POST /v1/calendars/import``, which takes what ``format=csv`` gives."""

    def __init__(self, office: Office) -> None:
        self._office = office

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        known_only(req, (*PAGED, "format"))
        office, as_csv = self._office, choice_of(req, "format", ("json", "csv")) == "csv"
        found = [(name, calendar) for name in office.names() if (calendar := office.find(name)) is not None]
        if as_csv:
            rows = (astuple(row)[: len(COLUMNS)] for name, calendar in found for row in rows_of(name, calendar))
            resp.content_type, resp.text = "text/csv; charset=utf-8", csv_text(COLUMNS, rows)
        else:
            some, following = page_of(req, found, lambda pair: pair[0])
            resp.media = {"items": [office.shown(name, calendar) for name, calendar in some], "next": following}
        send_version(req, resp, office.versions())
        if resp.status_code == 304:
            resp.text = None

    on_head = on_get


class Calendar:
    """``GET /v1/calendars/{calendar}``; ``PUT`` writes it as a whole and names the ETag that it has seen, in
    ``If-Match`` (``If-None-Match: *`` for a new one); ``?check=true`` only tells whether it could be. Comments of the
    file are not kept. ``DELETE`` takes one away that nothing asks, by its ETag."""

    def __init__(self, office: Office) -> None:
        self._office = office

    def on_get(self, req: falcon.Request, resp: falcon.Response, calendar: str) -> None:
        known_only(req, ())
        resp.media = self._office.there(calendar)
        send_version(req, resp, resp.media["version"])

    on_head = on_get

    def on_put(self, req: falcon.Request, resp: falcon.Response, calendar: str) -> None:
        known_only(req, ("check",))
        body, access = json_body(req, limit=BODY_MAX), access_of(req)
        if not NAME.fullmatch(calendar):
            raise Problem("not-found", f"no calendar {calendar[:64]!r}")
        texts, findings = texts_of(_rows_of_body(calendar, body))
        if only_checked(req):
            resp.media = verdict(findings or self._office.check(texts), 1)
            send_version(req, resp, self._office.version(calendar))
            return
        before = self._office.version(calendar)
        seen_version(req, before, f"calendar {calendar!r}")
        if findings:
            raise TableRefused(findings, code="bad-calendar")
        access.require(Permission.CALENDARS_EDIT, GLOBAL, f"calendar:{calendar}")
        self._office.save(access, texts, {calendar: before})
        resp.status = falcon.HTTP_200 if before else falcon.HTTP_201
        resp.location = f"/v1/calendars/{calendar}"
        resp.media = self._office.there(calendar)
        send_version(req, resp, resp.media["version"])

    def on_delete(self, req: falcon.Request, resp: falcon.Response, calendar: str) -> None:
        known_only(req, ())
        office, access = self._office, access_of(req)
        access.require(Permission.CALENDARS_EDIT, GLOBAL, f"calendar:{calendar}")
        seen = office.there(calendar)["version"]
        seen_version(req, seen, f"calendar {calendar!r}")
        office.delete(access, calendar, seen)
        resp.status = falcon.HTTP_204


class CalendarImport:
    """``POST /v1/calendars/import``, ``text/csv`` with the columns ``calendar,kind,from,to,hours,name``. Each calendar
    that is named is written as a whole, all or none; others stay. ``If-Match``: the ETag of the list that was exported,
    or ``*``. ``?check=true``: all findings of lines and of the flows' tests, and nothing is changed."""

    def __init__(self, office: Office) -> None:
        self._office = office
        self._once: Once[dict[str, Any]] = Once()

    def on_post(self, req: falcon.Request, resp: falcon.Response) -> None:
        known_only(req, ("check",))
        office, access = self._office, access_of(req)
        table = table_of(req, COLUMNS, ("calendar", "kind"), ROWS_MAX)
        rows = [row_of(line.cells, line.place()) for line in table.lines()]
        texts, findings = texts_of(rows)
        table.findings += findings
        if only_checked(req):
            resp.media = {**verdict(table.findings or office.check(texts), len(rows)), "saved": []}
            return
        seen = {name: office.version(name) for name in texts}
        seen_version(req, office.versions(), "the list of calendars")
        table.refuse()

        def save() -> dict[str, Any]:
            office.save(access, texts, seen)
            return {**verdict([], len(rows)), "saved": sorted(texts)}

        resp.media = self._once.do(req, {"text": table.text}, save)


# ---- inside ----------------------------------------------------------------------------------------------------------


def _rows_of_body(calendar: str, body: dict[str, Any]) -> list[CalendarRow]:
    """The rows, with places such as ``holidays[2]``. Raises Problem where it is no such object."""
    only(body, *FIELDS)
    if not body.get("timezone"):
        raise Problem("bad-request", "timezone is a text such as Asia/Shanghai")
    rows = [
        CalendarRow(calendar, kind, name=_text(body[kind], kind), place=Place(kind))
        for kind in SINGLE
        if body.get(kind) not in (None, "")
    ]
    week = body.get("week")
    if not isinstance(week, dict) or len(week) > LIST_MAX:
        raise Problem("bad-request", "week is an object: weekdays such as mon-fri -> hours")
    for days, hours in (week or {"mon-sun": []}).items():
        need_utf8(days, "week")
        rows.append(CalendarRow(calendar, "week", days, hours=_hours(hours, "week"), place=Place(f"week.{days[:40]}")))
    for at, one in _items(body, "holidays", ("from", "to", "name")):
        first, last = _text(one.get("from"), "from"), _text(one.get("to") or "", "to")
        name = _text(one.get("name") or "", "name")
        rows.append(CalendarRow(calendar, "holiday", first, last if last != first else "", name=name, place=at))
    for at, one in _items(body, "special", ("date", "hours")):
        hours = _hours(one.get("hours"), "special")
        rows.append(CalendarRow(calendar, "special", _text(one.get("date"), "date"), hours=hours, place=at))
    return rows


def _items(body: dict[str, Any], name: str, known: Sequence[str]) -> list[tuple[Place, dict[str, Any]]]:
    found = body.get(name, [])
    if not isinstance(found, list) or len(found) > LIST_MAX or not all(isinstance(one, dict) for one in found):
        raise Problem("bad-request", f"{name} is a list of {LIST_MAX} objects at most")
    for one in found:
        only(one, *known)
    return [(Place(f"{name}[{number}]"), one) for number, one in enumerate(found)]


def _text(value: Any, name: str) -> str:
    if not isinstance(value, str) or len(value) > 200:
        raise Problem("bad-request", f"{name} is a text of 200 characters at most")
    need_utf8(value, name)
    return value


def _hours(value: Any, name: str) -> str:
    if (
        not isinstance(value, list)
        or len(value) > 48
        or not all(isinstance(one, str) and len(one) <= 40 for one in value)
    ):
        raise Problem("bad-request", f'hours in {name} are a list such as ["08:00-12:00", "13:00-18:00"]; [] is closed')
    need_utf8("".join(value), "hours")
    return " ".join(value) or "closed"
