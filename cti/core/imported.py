"""Calls that another platform took, as a line of a table each, made records of this one.

Ids are made of the platform's name, which has no dot, and behind a dot its own id of the call, so that a line that is
imported twice is one call and is counted once. Times are ISO 8601; without an offset in the zone that is given.
"""

from __future__ import annotations

import hashlib
import re
from datetime import MAXYEAR, datetime
from typing import TYPE_CHECKING

from cti.core.calls import Medium, TerminalCause
from cti.core.errors import CtiError
from cti.core.floor_records import ContactHandled, EntryClosed
from cti.core.records import CallEnded, CallStarted, LegAdded
from cti.core.wrapups import CODE as DISPOSITION
from cti.core.wrapups import WrapUpKept

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import tzinfo

    from cti.core.records import Record

#: Columns; the first four must be there.
COLUMNS = (
    *("id", "began_at", "ended_at", "called"),
    *("caller", "answered_at", "medium", "flow", "outcome", "cause", "hangup_cause"),
    *("queue", "queued_at", "queue_outcome", "wait_s"),
    *("agent", "talk_s", "hold_s", "work_s", "disposition"),
)
NEEDED = COLUMNS[:4]
#: How a stay in a queue may end (`cti.acd.states.Outcome`).
QUEUE_OUTCOMES = ("answered", "abandoned", "flow_out", "callback", "lost")
NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,31}")
ID, WORD = re.compile(r"[0-9A-Za-z][0-9A-Za-z._:@-]{0,79}"), re.compile(r"[0-9A-Za-z][0-9A-Za-z_.-]{0,63}")
CODE = re.compile(DISPOSITION)
NUMBER = re.compile(r"\+?[0-9*#]{1,32}")
#: No telephone switch kept records before; what is later than now by more than a clock may be wrong has not happened.
FIRST_YEAR, AHEAD_S = 1970, 86_400.0
#: Of the id of a fact about a call, as the database keeps it.
FACT_MAX = 64


class LineRefused(CtiError):
    """``column``: where."""

    code = "bad-option"

    def __init__(self, column: str, message: str) -> None:
        super().__init__(f"{column}: {message}")
        self.column = column


def records_of(cells: Mapping[str, str], platform: str, zone: tzinfo, now: float) -> list[Record]:
    """The records of one line. ``now``: seconds since the epoch. Raises LineRefused."""
    own = _fitting(cells, "id", ID, "an id of letters, digits and . _ : @ -")
    began, ended = _time(cells, "began_at", zone), _time(cells, "ended_at", zone)
    assert began is not None
    assert ended is not None
    if ended < began:
        raise LineRefused("ended_at", "the call ends before it begins")
    if ended > now + AHEAD_S:
        raise LineRefused("ended_at", "this lies in the future")
    call_id = f"{platform}.{own}"
    called = _fitting(cells, "called", NUMBER, "a number")
    caller = _fitting(cells, "caller", NUMBER, "a number") or None
    medium = _choice(cells, "medium", [one.value for one in Medium if one is not Medium.TIMER], "voice")
    cause = _choice(cells, "cause", [one.value for one in TerminalCause], TerminalCause.CALLER_HANGUP.value)
    flow, entry = _fitting(cells, "flow", WORD, "a name"), f"{platform} (imported)"
    records: list[Record] = [
        CallStarted(call_id, platform, called, began, Medium(medium), caller, entry=entry, flow=flow),
        LegAdded(call_id, call_id, "caller", began, caller, platform),
    ]
    records += _queued(cells, call_id, platform, medium, began, ended, zone)
    answered = _within(cells, "answered_at", began, ended, zone)
    hangup, outcome = (_fitting(cells, name, WORD, "a word") for name in ("hangup_cause", "outcome"))
    records.append(CallEnded(call_id, ended, TerminalCause(cause), hangup, outcome, answered_at=answered))
    return records


def _queued(
    cells: Mapping[str, str], call_id: str, platform: str, medium: str, began: float, ended: float, zone: tzinfo
) -> list[Record]:
    """Its stay in a queue, and an agent's part of it."""
    queue, agent = (_fitting(cells, name, WORD, "a name") for name in ("queue", "agent"))
    found: list[Record] = []
    if not queue:
        if agent:
            raise LineRefused("queue", "an agent had the call, and no queue is named")
        return found
    since = _within(cells, "queued_at", began, ended, zone)
    since = began if since is None else since
    wait_s = _seconds(cells, "wait_s")
    outcome = _choice(cells, "queue_outcome", QUEUE_OUTCOMES, "answered" if agent else "abandoned")
    found.append(
        EntryClosed(
            entry_id=_fact(call_id, "q"), worker=f"import/{platform}", run="import", contact=call_id, call_id=call_id,
            queue=queue, medium=medium, began_at=since, ended_at=since + wait_s, outcome=outcome, reason="imported",
            wait_s=wait_s, agent=agent if outcome == "answered" else "",
        )
    )  # fmt: skip
    if agent:
        found += _handled(cells, call_id, platform, medium, queue, agent, ended)
    return found


def _handled(
    cells: Mapping[str, str], call_id: str, platform: str, medium: str, queue: str, agent: str, ended: float
) -> list[Record]:
    disposition = _fitting(cells, "disposition", CODE, "a code of small letters, digits and _") or None
    handled = ContactHandled(
        fact_id=_fact(call_id, "h"), contact=call_id, call_id=call_id, agent=agent, queue=queue, medium=medium,
        ended_at=ended, talk_s=_seconds(cells, "talk_s"), hold_s=_seconds(cells, "hold_s"),
        work_s=_seconds(cells, "work_s"), ended_by="imported", disposition=disposition,
    )  # fmt: skip
    written = WrapUpKept(
        handling_id=_fact(call_id, "h"), worker=f"import/{platform}", run="import", contact=call_id, call_id=call_id,
        agent=agent, queue=queue, medium=medium, version=1, at=ended, disposition=disposition, notes="", variables={},
        ended_at=ended, ended_by="imported",
    )  # fmt: skip
    return [handled, written]


def _fact(call_id: str, kind: str) -> str:
    """An id of 64 signs at most: of a long one no end is cut off, with which calls could not be told apart."""
    found = f"{call_id}/{kind}"
    return found if len(found) <= FACT_MAX else f"{hashlib.sha256(call_id.encode()).hexdigest()[:60]}/{kind}"


def _fitting(cells: Mapping[str, str], column: str, form: re.Pattern[str], what: str) -> str:
    text = cells.get(column, "")
    if text and not form.fullmatch(text):
        raise LineRefused(column, f"{text[:40]!r} is not {what}")
    return text


def _choice(cells: Mapping[str, str], column: str, words: list[str] | tuple[str, ...], default: str) -> str:
    text = cells.get(column, "") or default
    if text not in words:
        raise LineRefused(column, f"{text[:40]!r} is none of {', '.join(words)}")
    return text


def _time(cells: Mapping[str, str], column: str, zone: tzinfo) -> float | None:
    text = cells.get(column, "")
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise LineRefused(column, f"{text[:40]!r} is no time; write 2026-03-02T09:15:00+08:00") from None
    if not FIRST_YEAR < moment.year < MAXYEAR:
        raise LineRefused(column, f"{text[:40]!r} is no time of a call")
    return (moment if moment.tzinfo else moment.replace(tzinfo=zone)).timestamp()


def _within(cells: Mapping[str, str], column: str, began: float, ended: float, zone: tzinfo) -> float | None:
    """A time in the call. It may be told in whole seconds where others are not."""
    found = _time(cells, column, zone)
    if found is not None and not began - 1.0 < found < ended + 1.0:
        raise LineRefused(column, "this is not between began_at and ended_at")
    return found


def _seconds(cells: Mapping[str, str], column: str) -> float:
    text = cells.get(column, "") or "0"
    if not re.fullmatch(r"[0-9]{1,6}(\.[0-9]{1,6})?", text):
        raise LineRefused(column, f"{text[:40]!r} is no number of seconds")
    return float(text)
