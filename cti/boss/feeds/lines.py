"""A contact's records as lines of a file, and what such lines sum to. Pure.

UTF-8, one record a line, fields parted by `|` and quoted by `"` where one holds it, no heading. Times in ISO 8601 with
the zone's offset, durations in seconds to the millisecond.
"""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime, tzinfo

from cti.boss.feeds.options import FeedPlan
from cti.core.feeds import ENTRY, ContactRecord
from cti.core.masking import mask, mask_all

COLUMNS = (
    "kind", "record", "contact", "call", "medium", "queue", "agent", "caller", "began_at", "ended_at", "counted",
    "outcome", "reason", "wait_s", "talk_s", "hold_s", "work_s", "disposition",
)  # fmt: skip
#: Counts of the report that the lines of a day sum to, beside each outcome.
TIMES = ("talk_s", "hold_s", "work_s")
OUTCOMES = ("answered", "abandoned", "flow_out", "callback", "lost")
SUMMED = ("offered", *OUTCOMES, "wait_answered_s", "wait_abandoned_s", "handled", *TIMES)


def write_lines(records: Sequence[ContactRecord], plan: FeedPlan, zone: tzinfo) -> bytes:
    """The same bytes for the same records."""
    into = io.StringIO()
    writer = csv.writer(into, delimiter="|", lineterminator="\n")
    for r in records:
        caller = mask_all(r.caller) if plan.whole else mask(r.caller, plan.head, plan.tail)
        writer.writerow(map(_plain, (
            r.kind, r.record_id, r.contact, r.call_id, r.medium, r.queue, r.agent, caller, _time(r.began_at, zone),
            _time(r.ended_at, zone), str(int(r.counted)), r.outcome, r.reason, _seconds(r.wait_s), _seconds(r.talk_s),
            _seconds(r.hold_s), _seconds(r.work_s), r.disposition,
        )))  # fmt: skip
    return into.getvalue().encode()


def _plain(text: str) -> str:
    """One record is one line, whatever is in it."""
    return text.replace("\r", " ").replace("\n", " ")


def _time(at: float | None, zone: tzinfo) -> str:
    return "" if at is None else datetime.fromtimestamp(at, zone).isoformat(timespec="milliseconds")


def _seconds(seconds: float) -> str:
    """To the millisecond as the counts round it: sums are exact."""
    ms = round(seconds * 1000)
    return f"{'-' if ms < 0 else ''}{abs(ms) // 1000}.{abs(ms) % 1000:03d}"


def sums_of(files: Iterable[bytes]) -> Counter[tuple[str, str, str]]:
    """(queue, medium, count) -> how many, of times milliseconds. Raises ValueError: this is no such file."""
    sums: Counter[tuple[str, str, str]] = Counter()
    try:
        for data in files:
            for fields in csv.reader(io.StringIO(data.decode(), newline=""), delimiter="|", strict=True):
                _add(sums, dict(zip(COLUMNS, fields, strict=True)))
    except csv.Error as error:
        raise ValueError(str(error)) from error
    return sums


def _add(sums: Counter[tuple[str, str, str]], line: dict[str, str]) -> None:
    queue, medium = line["queue"], line["medium"]
    if line["kind"] != ENTRY:
        if queue:  # the report of queues has none of no queue
            sums[queue, medium, "handled"] += 1
            for name in TIMES:
                sums[queue, medium, name] += _ms(line[name])
        return
    if line["counted"] == "1":
        sums[queue, medium, "offered"] += 1
        sums[queue, medium, line["outcome"]] += 1
        if line["outcome"] in ("answered", "abandoned"):
            sums[queue, medium, f"wait_{line['outcome']}_s"] += _ms(line["wait_s"])


def _ms(text: str) -> int:
    whole, _, part = text.partition(".")
    return int(whole + part)
