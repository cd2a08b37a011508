"""Records as a batch's content, and content as records again. Pure; the same bytes for the same records.

A file: UTF-8, one record a line, fields parted by `|` and quoted by `"` where one holds it, no heading. What is posted,
put into a table or into frames: JSON lines with the names of the columns, the feed, the batch's number and the record's
position in it. Times in ISO 8601 with the zone's offset, durations in seconds to the millisecond.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, tzinfo
from decimal import Decimal
from typing import Any

from cti.boss.feeds.options import FeedPlan
from cti.core.feeds import COLUMNS, FeedColumn, FeedKind, FeedRecord, column_names
from cti.core.masking import mask, mask_all

#: What each JSON line begins with, before the columns.
ENVELOPE = ("feed", "number", "position")


def write_lines(records: Sequence[FeedRecord], plan: FeedPlan, zone: tzinfo) -> bytes:
    into = io.StringIO()
    writer = csv.writer(into, delimiter="|", lineterminator="\n")
    for record in records:
        values = _values(record, plan, zone)
        writer.writerow(map(_field, values.values()))
    return into.getvalue().encode()


def write_json(records: Sequence[FeedRecord], plan: FeedPlan, zone: tzinfo, number: str) -> bytes:
    lines = []
    for position, record in enumerate(records):
        envelope = dict(zip(ENVELOPE, (plan.name, number, position), strict=True))
        lines.append(json.dumps({**envelope, **_values(record, plan, zone)}, ensure_ascii=False) + "\n")
    return "".join(lines).encode()


def read_lines(data: bytes, kind: FeedKind) -> Iterator[dict[str, Any]]:
    """Texts by column; empty where there is nothing. Raises ValueError: this is no such file."""
    names = column_names(kind)
    try:
        for fields in csv.reader(io.StringIO(data.decode(), newline=""), delimiter="|", strict=True):
            yield dict(zip(names, fields, strict=True))
    except csv.Error as error:
        raise ValueError(str(error)) from error


def read_json(data: bytes) -> Iterator[dict[str, Any]]:
    """Durations are decimals. Raises ValueError."""
    for line in data.decode().split("\n"):
        if line:
            yield json.loads(line, parse_float=Decimal)


def _values(record: FeedRecord, plan: FeedPlan, zone: tzinfo) -> dict[str, Any]:
    found: dict[str, Any] = {"kind": record.kind, "record": record.record_id}
    for column in COLUMNS[plan.options.kind]:
        found[column.name] = _value(column, record.values.get(column.name), plan, zone)
    return found


def _value(column: FeedColumn, value: Any, plan: FeedPlan, zone: tzinfo) -> str | float | bool | None:
    if column.type == "number":
        text = value or ""
        return mask_all(text) if plan.whole else mask(text, plan.head, plan.tail)
    if column.type == "seconds":
        return round((value or 0.0) * 1000) / 1000  # as the counts round it: sums are exact
    if column.type == "flag":
        return bool(value)
    if value is None:
        return "" if column.type == "text" else None
    if column.type == "time":
        return datetime.fromtimestamp(value, zone).isoformat(timespec="milliseconds")
    return _plain(str(value))


def _plain(text: str) -> str:
    """One record is one line, whatever is in it; also where a reader takes other characters for a line's end."""
    return " ".join(text.splitlines())


def _field(value: str | float | bool | None) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(int(value))
    return f"{value:.3f}" if isinstance(value, float) else value


def ms_of(value: Any) -> int:
    """Of a duration in either form; nothing is 0. Raises ValueError."""
    if value in (None, ""):
        return 0
    try:
        return int(Decimal(str(value)) * 1000)
    except ArithmeticError as error:
        raise ValueError("this is no duration") from error


def is_set(values: Mapping[str, Any], name: str) -> bool:
    """Of a flag in either form."""
    return values[name] in (True, "1")
