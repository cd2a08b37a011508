"""``entry.yaml`` to an `EntryTable`, with every finding in it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cti.core.issue import Issue, Place, Severity
from cti.flow import types as t
from cti.flow import yamlio
from cti.flow.calendar import Calendar, read_spans, read_timezone, read_weekdays
from cti.flow.entry import FACTS, TIMER, Entry, EntryTable, NumberPattern, When
from cti.flow.expressions import Scope
from cti.flow.load_canary import read_canary, read_percent
from cti.flow.model import MEDIA, Flow, Value
from cti.flow.readers import check_value, read_value
from cti.flow.reading import Reading
from cti.flow.schedule import read_schedule
from cti.flow.suggest import did_you_mean

OPTIONS = ("name", "flow", "medium", "every", "called", "caller", "attributes", "when", "percent", "inputs", "canary")
OF_CALLERS = ("called", "caller", "attributes", "percent", "canary")
CALLER = ("line", "number", "withheld")
WHEN = ("calendar", "is", "days", "time", "timezone")
_PATTERN = re.compile(r"[+0-9A-Za-z._@-][ +0-9A-Za-z._@?-]*\*?|\*")


@dataclass(frozen=True)
class EntryLoad:
    table: EntryTable | None
    issues: list[Issue]


def load_entry(
    text: str | bytes,
    file: str,
    *,
    flows: Mapping[str, Flow] | None = None,
    calendars: Mapping[str, Calendar] | None = None,
) -> EntryLoad:
    """Read and check the entry table; ``flows`` None: the flows are not known, so not checked."""
    root, issues = yamlio.read_yaml(text, file)
    reading = Reading(issues)
    if root is None or (top := reading.mapping(root, "the entry table")) is None:
        return EntryLoad(None, reading.issues)
    for key, _ in top:
        if key.text != "entries":
            reading.unknown_key(key, "the entry table", ("entries",))
    listed = top.get("entries")
    if listed is None:
        reading.report(Place(file, 1, 1), "missing-option", "the table needs 'entries:'")
    sequence = reading.sequence(listed, "entries") if listed is not None else None
    reader = _Reader(reading, flows, calendars or {})
    entries = [reader.entry(node, number) for number, node in enumerate(sequence.items if sequence else (), 1)]
    found = tuple(entry for entry in entries if entry is not None)
    if sequence is not None:
        reader.check_order(found, sequence)
    failed = any(issue.severity is Severity.ERROR for issue in reading.issues)
    declared = {name: _inputs_of(flow) for name, flow in (flows or {}).items()}
    ordered = sorted(reading.issues, key=lambda issue: issue.place)
    return EntryLoad(None if failed else EntryTable(found, dict(calendars or {}), declared), ordered)


def _inputs_of(flow: Flow) -> dict[str, t.Type]:
    return {name: variable.type for name, variable in flow.variables.items() if variable.is_input}


class _Reader:
    def __init__(self, reading: Reading, flows: Mapping[str, Flow] | None, calendars: Mapping[str, Calendar]) -> None:
        self.reading = reading
        self.flows = flows
        self.calendars = calendars
        self.timers: set[str] = set()

    def entry(self, node: yamlio.Node, number: int) -> Entry | None:
        reading = self.reading
        mapping = reading.mapping(node, f"entry {number}")
        if mapping is None:
            return None
        for key, _ in mapping:
            if key.text not in OPTIONS:
                reading.unknown_key(key, "an entry", OPTIONS)
        named, goes_to = mapping.get("name"), mapping.get("flow")
        if goes_to is None:
            reading.report(mapping.place, "missing-option", f"entry {number} needs 'flow'")
            return None
        flow_id = reading.word(goes_to, "flow")
        flow = self._flow(flow_id, goes_to.place)
        name = (reading.text(named, "name") if named is not None else None) or flow_id or f"entry {number}"
        media = self._media(mapping.get("medium"), flow, goes_to.place)
        line, numbers, withheld = self._caller(mapping.get("caller"))
        entry = Entry(
            name,
            flow_id or "",
            media,
            self._patterns(mapping.get("called"), "called"),
            line,
            numbers,
            withheld,
            self._attributes(mapping.get("attributes")),
            self._when(mapping.get("when"), name),
            self._percent(mapping.get("percent")),
            self._inputs(mapping.get("inputs")),
            read_canary(mapping.get("canary"), reading),
            read_schedule(mapping.get("every"), reading),
        )
        self._check_timer(entry, mapping)
        if flow is not None:
            self._check_inputs(entry, flow, mapping)
        return entry

    def _flow(self, name: str | None, place: Place) -> Flow | None:
        if self.flows is None or name is None:
            return None
        if name not in self.flows:
            self.reading.report(place, "unknown-flow", f"there is no flow '{name}'{did_you_mean(name, self.flows)}")
        return self.flows.get(name)

    def _media(self, node: yamlio.Node | None, flow: Flow | None, place: Place) -> tuple[str, ...]:
        media = tuple(
            medium for item in _items(node) if (medium := self.reading.choice(item, "medium", MEDIA)) is not None
        )
        for medium in media:
            if flow is not None and medium not in flow.media:
                message = f"flow {flow.id} is made for {', '.join(flow.media)}, not for {medium}"
                self.reading.report(place, "medium-mismatch", message)
        return media

    def _patterns(self, node: yamlio.Node | None, what: str) -> tuple[NumberPattern, ...]:
        patterns: list[NumberPattern] = []
        for item in _items(node):
            text = self.reading.word(item, what)
            if text is None:
                continue
            if len(text) > 64 or not _PATTERN.fullmatch(text):
                message = f"'{text[:40]}' is no number; write 10086, 138* for a prefix, ? for any digit"
                self.reading.report(item.place, "bad-option", message)
                continue
            patterns.append(NumberPattern(text))
        return tuple(patterns)

    def _caller(self, node: yamlio.Node | None) -> tuple[str | None, tuple[NumberPattern, ...], bool | None]:
        mapping = self._part(node, "caller", CALLER)
        if mapping is None:
            return None, (), None
        line, withheld = mapping.get("line"), mapping.get("withheld")
        kind = self.reading.choice(line, "kind of line", ("mobile", "fixed")) if line is not None else None
        flag = self.reading.flag(withheld, "withheld") if withheld is not None else None
        return kind, self._patterns(mapping.get("number"), "caller.number"), flag

    def _part(self, node: yamlio.Node | None, what: str, known: tuple[str, ...]) -> yamlio.Mapping | None:
        mapping = self.reading.mapping(node, what) if node is not None else None
        for key, _ in mapping or ():
            if key.text not in known:
                self.reading.unknown_key(key, what, known)
        return mapping

    def _attributes(self, node: yamlio.Node | None) -> dict[str, tuple[str, ...]] | None:
        mapping = self.reading.mapping(node, "attributes") if node is not None else None
        if mapping is None:
            return None
        return {
            key.text: tuple(text for item in _items(value) if (text := self.reading.text(item, key.text)) is not None)
            for key, value in mapping
        }

    def _when(self, node: yamlio.Node | None, name: str) -> When | None:
        mapping = self._part(node, "when", WHEN)
        if mapping is None:
            return None
        states = tuple(
            state
            for item in _items(mapping.get("is"))
            if (state := self.reading.choice(item, "state", ("open", "closed", "holiday"))) is not None
        )
        named = mapping.get("calendar")
        if named is None:
            return When(self._window(mapping, name), states or ("open",))
        calendar = self.reading.word(named, "calendar")
        for other in ("days", "time", "timezone"):
            if mapping.get(other) is not None:
                self.reading.report(mapping.key_place(other), "bad-option", f"'{other}' is in the calendar already")
        if calendar is not None and calendar not in self.calendars:
            message = f"there is no calendar '{calendar}'{did_you_mean(calendar, self.calendars)}"
            self.reading.report(named.place, "unknown-calendar", message)
        return When(calendar or "", states or ("open",))

    def _window(self, mapping: yamlio.Mapping, name: str) -> Calendar:
        """``{days: mon-fri, time: 08:00-20:00}`` as a calendar of its own."""
        days, time = mapping.get("days"), mapping.get("time")
        if days is None and time is None:
            self.reading.report(mapping.place, "missing-option", "when needs a calendar, or days and time")
        spans = read_spans(time, self.reading) if time is not None else ((0, 24 * 60),)
        chosen = range(7) if not isinstance(days, yamlio.Scalar) else read_weekdays(days, self.reading)
        week = tuple(spans if day in chosen else () for day in range(7))
        zone = read_timezone(mapping, self.reading) if mapping.get("timezone") is not None else "Asia/Shanghai"
        return Calendar(name, zone, week)

    def _percent(self, node: yamlio.Node | None) -> float | None:
        return None if node is None else read_percent(node, self.reading)

    def _inputs(self, node: yamlio.Node | None) -> dict[str, Value] | None:
        mapping = self.reading.mapping(node, "inputs") if node is not None else None
        if mapping is None:
            return None
        read = {key.text: read_value(value, f"inputs.{key.text}", self.reading) for key, value in mapping}
        return {name: value for name, value in read.items() if value is not None}

    def _check_inputs(self, entry: Entry, flow: Flow, mapping: yamlio.Mapping) -> None:
        declared = _inputs_of(flow)
        scope = Scope(FACTS)
        for name, value in (entry.inputs or {}).items():
            if name not in declared:
                message = f"flow {flow.id} has no input '{name}'{did_you_mean(name, declared)}"
                self.reading.report(value.place, "unknown-option", message)
            else:
                absent_ok = declared[name].optional or flow.variables[name].default is not None
                check_value(value, declared[name], absent_ok, scope, self.reading.issues)
        given: Mapping[str, Any] = entry.inputs if entry.inputs is not None else {}
        for name, kind in declared.items():
            if name not in given and not kind.optional and flow.variables[name].default is None:
                message = f"flow {flow.id} needs the input '{name}': inputs: {{{name}: …}}"
                if name in FACTS:
                    message = (
                        f"flow {flow.id} needs '{name}', which not every call has; write {name}: {kind}? in the flow"
                    )
                self.reading.report(mapping.place, "missing-option", message)

    def _check_timer(self, entry: Entry, mapping: yamlio.Mapping) -> None:
        """A timer's entry says when, and nothing about callers; its name keeps it apart from the others."""
        every = mapping.get("every")
        if every is None and TIMER not in entry.media:
            return
        report = self.reading.report
        if every is None:
            report(mapping.place, "missing-option", 'a timer needs every: {time: "09:00"}')
        if entry.media != (TIMER,):
            place = every.place if every is not None else mapping.key_place("medium")
            report(place, "bad-option", "every stands with medium: timer, and with no other medium")
        for name in OF_CALLERS:
            if mapping.get(name) is not None:
                report(mapping.key_place(name), "bad-option", f"nobody calls a timer's flow; take '{name}' out")
        if entry.name in self.timers:
            report(mapping.place, "duplicate-key", f"another timer is called '{entry.name}'; give each its own name")
        self.timers.add(entry.name)

    def check_order(self, entries: tuple[Entry, ...], sequence: yamlio.Sequence) -> None:
        for index, entry in enumerate(entries[:-1]):
            if entry.catches_all:
                message = f"'{entry.name}' takes every caller; what stands below it is never reached"
                place = sequence.items[min(index + 1, len(sequence.items) - 1)].place
                self.reading.report(place, "unreachable-entry", message, Severity.WARNING)
                break
        faxes = [index for index, entry in enumerate(entries) if entry.media == ("fax",)]
        if faxes and len(entries) == len(sequence.items) and not any(entries[index].called for index in faxes):
            message = "no call is a fax, because no entry of medium fax says which numbers are; write called: …"
            self.reading.report(sequence.items[faxes[0]].place, "unreachable-entry", message, Severity.WARNING)


def _items(node: yamlio.Node | None) -> tuple[yamlio.Node, ...]:
    if node is None:
        return ()
    return node.items if isinstance(node, yamlio.Sequence) else (node,)
