"""How feeds are, for screens and clients: names, numbers, reasons, counts; no personal data. Pure."""

from __future__ import annotations

from typing import Any

from cti.boss.feeds.options import FeedPlan
from cti.core.feeds import FeedFile, FeedState
from cti.core.moments import iso


def feed_json(plan: FeedPlan, state: FeedState) -> dict[str, Any]:
    last, failing = state.last, state.failing
    return {
        "feed": plan.name,
        "kind": plan.options.kind,
        "way": plan.options.way,
        "last": None
        if last is None
        else {"number": last.number, "name": last.name, "rows": last.rows, "delivered_at": _time(last.written_at)},
        "waiting": {"batches": state.waiting, "rows": state.rows, "oldest_at": _time(state.oldest_at)},
        "last_error": None
        if failing is None
        else {
            "number": failing.number,
            "reason": failing.failure,
            "at": _time(failing.failed_at),
            "attempts": failing.attempts,
        },
    }


def run_json(file: FeedFile) -> dict[str, Any]:
    return {
        "number": file.number,
        "name": file.name,
        "day": f"{file.day[:4]}-{file.day[4:6]}-{file.day[6:]}",
        "rows": file.rows,
        "bytes": file.bytes,
        "digest": file.digest,
        "claimed_at": _time(file.claimed_at),
        "delivered_at": _time(file.written_at),
        "attempts": file.attempts,
        "last_error": {"reason": file.failure, "at": _time(file.failed_at)} if file.failure else None,
    }


def _time(at: float | None) -> str | None:
    return None if at is None else iso(at)
