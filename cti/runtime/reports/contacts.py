"""Contacts in the place of queue entries: what became of each, from its first queue to its last."""

from __future__ import annotations

from collections import Counter
from itertools import groupby
from operator import attrgetter
from typing import TYPE_CHECKING

from cti.acd.counts import QUEUE_COUNTS, SHORT_S, WITHIN_S

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cti.store.report_rows import EntryRow

_OUTCOMES = ("offered", "answered", "abandoned", "short_abandoned", "flow_out", "callback", "lost")
CONTACT_COUNTS = tuple(name for name in QUEUE_COUNTS if name in _OUTCOMES or "_in_" in name or name.startswith("wait_"))


def contact_counts(entries: Iterable[EntryRow]) -> Counter[str]:
    """``entries``: in the order of contact and time. A contact that was answered in one of its queues is answered;
    else what became of its last entry became of it. Its wait begins in the first queue."""
    counts: Counter[str] = Counter(dict.fromkeys(CONTACT_COUNTS, 0))
    for _, group in groupby(entries, key=attrgetter("call_id")):
        _add(counts, list(group))
    return counts


def _add(counts: Counter[str], entries: list[EntryRow]) -> None:
    last = next((entry for entry in entries if entry.outcome == "answered"), entries[-1])
    outcome, wait_s = last.outcome, last.began_at + last.wait_s - entries[0].began_at
    counts["offered"] += 1
    if not outcome:
        return
    counts[outcome] += 1
    if outcome not in ("answered", "abandoned"):
        return
    counts[f"wait_{outcome}_s"] += wait_s  # type: ignore[assignment]
    for seconds in WITHIN_S:
        counts[f"{outcome}_in_{seconds}"] += wait_s <= seconds
    counts["short_abandoned"] += outcome == "abandoned" and wait_s <= SHORT_S
