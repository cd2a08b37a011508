"""The entry table: which flow a call, message or fax meets, and with which inputs. The first entry that fits wins."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cti.core.numbers import normalise_number
from cti.flow import types as t
from cti.flow.calendar import Calendar
from cti.flow.canary import Canary
from cti.flow.expressions import EvalContext, EvalError, evaluate
from cti.flow.expressions.functions import line_kind
from cti.flow.model import MEDIA, Literal, Value
from cti.flow.schedule import Schedule

TIMER = "timer"  # the medium, and the attribute of a timer's run that names its entry

MAX_SKIPPED = 1000  # due moments that `when` may rule out one after the other: a timer that never comes ends so

FACTS: Mapping[str, t.Type] = {
    "caller": t.Type("phone", optional=True, sensitive=True),
    "line": t.Type("enum", values=("mobile", "fixed"), optional=True),
    "called": t.Type("phone", optional=True),
    "medium": t.enum(*MEDIA),
    "now": t.DATETIME,
    "platform": t.Type("text", optional=True),
    "path": t.Type("text", optional=True),
    "identity": t.Type("text", optional=True, sensitive=True),
}
#: Of a call that another platform has handed to us, which tells it in SIP headers (`cti.switch.handover`).
RETURNED = ("platform", "path", "identity")


@dataclass(frozen=True, slots=True)
class NumberPattern:
    """``10086``, ``138*`` (prefix), ``0108888????`` (any digit)."""

    text: str

    def fits(self, number: str) -> bool:
        if "*" not in self.text and "?" not in self.text:
            return normalise_number(self.text) == number
        form = "".join({"*": ".*", "?": "[0-9]"}.get(char, re.escape(char)) for char in self.text)
        return re.fullmatch(form, number) is not None


@dataclass(frozen=True, slots=True)
class When:
    """A calendar (by name, or one made of days and hours here) and the states in which the entry holds."""

    calendar: str | Calendar
    states: tuple[str, ...] = ("open",)


@dataclass(frozen=True, slots=True)
class Entry:
    """Every condition that is written must hold. ``percent`` of those callers that come so far are taken.

    With ``every`` it is a timer's: no call comes to it, and ``when`` says which of the due moments count.
    """

    name: str
    flow: str
    media: tuple[str, ...] = ()
    called: tuple[NumberPattern, ...] = ()
    line: str | None = None
    numbers: tuple[NumberPattern, ...] = ()
    withheld: bool | None = None
    attributes: Mapping[str, tuple[str, ...]] | None = None
    when: When | None = None
    percent: float | None = None
    inputs: Mapping[str, Value] | None = None
    canary: Canary | None = None
    every: Schedule | None = None

    @property
    def catches_all(self) -> bool:
        narrow = (self.media, self.called, self.line, self.numbers, self.attributes, self.when, self.every)
        return not any(narrow) and self.withheld is None and self.percent is None


@dataclass(frozen=True, slots=True)
class EntryMatch:
    """``rule`` is the entry's name; ``inputs`` fit the flow. ``canary``: another version of it for some callers."""

    flow: str
    inputs: Mapping[str, Any]
    rule: str
    canary: Canary | None = None


@dataclass(frozen=True)
class EntryTable:
    entries: tuple[Entry, ...]
    calendars: Mapping[str, Calendar]
    declared: Mapping[str, Mapping[str, t.Type]]  # flow -> its inputs

    def match(
        self,
        *,
        medium: str,
        called: str,
        caller: str | None,
        attributes: Mapping[str, str],
        now: datetime,
        chance: float,
    ) -> EntryMatch | None:
        """``chance`` in [0, 1): the same number for the same caller keeps a percentage sticky. ``now`` with offset.

        None when no entry fits. A caller's number that is no number counts as withheld.
        """
        facts = _facts(str(medium), called, caller, now) | {name: attributes.get(name) for name in RETURNED}
        for entry in self.entries:
            if not self._holds(entry, facts, called, attributes, now):
                continue
            if entry.percent is not None:
                share = entry.percent / 100
                if chance >= share:
                    chance = (chance - share) / (1 - share) if share < 1 else 0.0
                    continue
                chance /= share
            return EntryMatch(entry.flow, self._inputs(entry, facts, called, now), entry.name, entry.canary)
        return None

    def medium_of(self, medium: str, called: str) -> str:
        """A switch takes every call for a telephone call; one to a number of fax entries alone is a fax."""
        fax = (entry for entry in self.entries if entry.media == ("fax",))
        return "fax" if medium == "voice" and any(_any(entry.called, called) for entry in fax) else medium

    def timers(self) -> tuple[Entry, ...]:
        """The entries that the clock meets."""
        return tuple(entry for entry in self.entries if entry.every is not None)

    def next_due(self, entry: Entry, after: datetime) -> datetime | None:
        """The first moment later than ``after`` at which a timer's entry is due; None: none in sight."""
        assert entry.every is not None
        for _ in range(MAX_SKIPPED):
            due = entry.every.next_after(after)
            if due is None or entry.when is None or self._is(entry.when, due):
                return due
            after = due
        return None

    def _holds(
        self, entry: Entry, facts: Mapping[str, Any], called: str, attributes: Mapping[str, str], now: datetime
    ) -> bool:
        if entry.every is not None or facts["medium"] == TIMER:
            return entry.every is not None and facts["medium"] == TIMER and attributes.get(TIMER) == entry.name
        if entry.media and facts["medium"] not in entry.media:
            return False
        if entry.called and not _any(entry.called, called):
            return False
        if entry.line is not None and facts["line"] != entry.line:
            return False
        if entry.withheld is not None and entry.withheld != (facts["caller"] is None):
            return False
        if entry.numbers and (facts["caller"] is None or not _any(entry.numbers, facts["caller"])):
            return False
        wanted = (entry.attributes or {}).items()
        if any(attributes.get(name) not in values for name, values in wanted):
            return False
        return entry.when is None or self._is(entry.when, now)

    def _is(self, when: When, now: datetime) -> bool:
        calendar = self.calendars[when.calendar] if isinstance(when.calendar, str) else when.calendar
        return calendar.state(now) in when.states

    def _inputs(self, entry: Entry, facts: Mapping[str, Any], called: str, now: datetime) -> dict[str, Any]:
        """What the entry says; without ``inputs`` whatever the flow declares under the names of facts."""
        declared = self.declared.get(entry.flow, {})
        inputs: dict[str, Any] = {"called": facts["called"], "medium": facts["medium"]}
        if entry.inputs is None:
            return inputs | {name: facts[name] for name in ("caller", "line", *RETURNED) if name in declared}
        moment = EvalContext("zh-CN", now)
        for name, value in entry.inputs.items():
            try:
                raw = value.value if isinstance(value, Literal) else evaluate(value.expression, facts, moment)
                inputs[name] = t.convert(declared.get(name, t.ANY), raw)
            except (EvalError, t.BadValue):
                inputs[name] = None  # checked at load, so only a value that may be absent ends here
        return inputs


def _any(patterns: tuple[NumberPattern, ...], number: str) -> bool:
    return any(pattern.fits(normalise_number(number)) for pattern in patterns)


def _facts(medium: str, called: str, caller: str | None, now: datetime) -> dict[str, Any]:
    number = _phone(caller)
    return {
        "caller": number,
        "line": _line(number),
        "called": _phone(called),
        "medium": medium if medium in MEDIA else "voice",
        "now": now,
    }


def _line(number: str | None) -> str | None:
    """Kind of the caller's line; None for a withheld number, an extension, a short code or a number from abroad."""
    if number is None or not re.fullmatch("1[3-9][0-9]{9}|0[1-9][0-9]{8,10}|[2-8][0-9]{6,7}", number):
        return None
    return line_kind(number)


def _phone(text: str | None) -> str | None:
    if not text:
        return None
    number = normalise_number(text[:64])
    return number if t.PHONE.fullmatch(number) else None
