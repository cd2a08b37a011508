"""What the records of a day sum to, by the names of the report of their kind. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any

from cti.acd.counts import AGENT_COUNTS, DISPOSITION, WITHOUT
from cti.boss.feeds.lines import is_set, ms_of
from cti.core import feeds as f

#: (who, medium, count) -> how many; of times milliseconds.
Found = Counter[tuple[str, str, str]]
Values = Mapping[str, Any]
WORK = ("talk_s", "hold_s", "work_s")
OUTCOMES = ("answered", "abandoned", "flow_out", "callback", "lost")
#: Of contacts: waits are to the millisecond here, so that what was answered within N seconds is not counted again.
CONTACT_SUMS = ("offered", *OUTCOMES, "wait_answered_s", "wait_abandoned_s", "handled", *WORK)
CALL_SUMS = ("calls", "answered", "ended", "seconds_s", "queued", "handled", WITHOUT)


def sums_of(kind: f.FeedKind, records: Iterable[Values]) -> Found:
    """Raises ValueError: these are no such records."""
    sums: Found = Counter()
    try:
        _ADD[kind](sums, records)
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"this is no record of {kind}") from error
    return sums


def is_summed(kind: f.FeedKind, count: str) -> bool:
    """Do the records of a day tell this count of the report?"""
    if kind == "contacts":
        return count in CONTACT_SUMS
    if kind == "agent_states":
        return count in AGENT_COUNTS or count.startswith(DISPOSITION)
    return count in CALL_SUMS or count.startswith((DISPOSITION, "ended_"))


def _contacts(sums: Found, records: Iterable[Values]) -> None:
    for one in records:
        who = (one["queue"], one["medium"])
        if one["kind"] == f.HANDLED:
            if one["queue"]:  # the report of queues has none of no queue
                _work(sums, who, one)
        elif is_set(one, "counted"):
            sums[*who, "offered"] += 1
            sums[*who, one["outcome"]] += 1
            if one["outcome"] in ("answered", "abandoned"):
                sums[*who, f"wait_{one['outcome']}_s"] += ms_of(one["wait_s"])


def _agents(sums: Found, records: Iterable[Values]) -> None:
    for one in records:
        who = (one["agent"], one["medium"])
        if not one["agent"]:
            continue
        if one["kind"] == f.TIME:
            sums[one["agent"], "", f"{one['state']}_s"] += ms_of(one["seconds"])
        elif one["kind"] == f.OFFERED:
            sums[*who, "offers"] += 1
        elif one["kind"] == f.OFFER_END:
            count = {"accepted": "accepted", "rejected": "rejected", "timed_out": one["reason"]}.get(one["state"])
            if count is not None:
                sums[*who, count] += 1
        elif one["kind"] == f.HANDLED:
            _work(sums, who, one)
            sums[*who, _disposition(one)] += 1


def _calls(sums: Found, records: Iterable[Values]) -> None:
    """Of a call with several agents the last disposition that one of them gave counts."""
    queued, handled = set[str](), dict[str, list[Values]]()
    for one in records:
        if one["kind"] == f.QUEUED:
            queued.add(one["call"])
        elif one["kind"] == f.HANDLED:
            handled.setdefault(one["call"], []).append(one)
        elif one["kind"] == f.CALL:
            for count in ("calls", "ended", f"ended_{one['cause']}"):
                _add(sums, count, 1)
            _add(sums, "answered", bool(one["answered_at"]))
            _add(sums, "seconds_s", ms_of(one["seconds"]))
    _add(sums, "queued", len(queued))
    _add(sums, "handled", len(handled))
    for parts in handled.values():
        ordered = sorted(parts, key=lambda part: (datetime.fromisoformat(part["ended_at"]), part["record"]))
        given = [part for part in ordered if part["disposition"]]
        _add(sums, _disposition(given[-1] if given else ordered[-1]), 1)


def _add(sums: Found, count: str, by: int) -> None:
    sums["", "", count] += by


def _work(sums: Found, who: tuple[str, str], one: Values) -> None:
    sums[*who, "handled"] += 1
    for count in WORK:
        sums[*who, count] += ms_of(one[count])


def _disposition(one: Values) -> str:
    return f"{DISPOSITION}{one['disposition']}" if one["disposition"] else WITHOUT


_ADD: Mapping[f.FeedKind, Callable[[Found, Iterable[Values]], None]] = {
    "contacts": _contacts,
    "agent_states": _agents,
    "calls": _calls,
}
