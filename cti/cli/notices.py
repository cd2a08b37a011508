"""`cti notice`: what callers are told now, set and ended, and how many of them were told. Beside a running engine."""

from __future__ import annotations

import json
import sys
import time
from datetime import datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from cti.cli import notice_set
from cti.cli.common import add_config, settings_of

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable

    from cti.core.records import NoticeTotal
    from cti.flow.notices import Notice


def add_to(nouns: Any) -> None:
    noun = nouns.add_parser("notice", help="notices: what callers are told now", description=__doc__)
    verbs = noun.add_subparsers(dest="verb", required=True, metavar="COMMAND")
    listing = verbs.add_parser("list", help="those in force, and how many callers were told")
    listing.add_argument("--since", type=_day, metavar="DATE", help="count from this day on (YYYY-MM-DD)")
    listing.add_argument("--json", action="store_true")
    listing.set_defaults(run=show)
    add_config(listing)
    notice_set.add_verbs(verbs)


def _day(text: str) -> str:
    import argparse

    try:
        return datetime.strptime(text, "%Y-%m-%d").date().isoformat()
    except ValueError:
        raise argparse.ArgumentTypeError(f"a day such as 2026-03-02, not {text[:40]!r}") from None


def show(options: argparse.Namespace) -> int:
    """Exit status 1 when the file has findings: what is listed is in force all the same."""
    from cti.app import notices_in_force, open_records

    settings = settings_of(options)
    found = notices_in_force(settings)
    with open_records(settings) as records:
        counts = {total.notice: total for total in records.count_notices(since=options.since)}
    now = datetime.fromtimestamp(time.time(), ZoneInfo(settings.timezone))
    held = [*found.notices, *found.set]
    rows = [_row(notice, now, counts.pop(notice.id, None)) for notice in held]
    rows += [{"id": total.notice, "state": "gone", **_counts(total)} for total in counts.values()]
    if options.json:
        told = {"notices": rows, "findings": [issue.as_dict() for issue in found.issues], "not_taken": found.saved}
        json.dump(told, sys.stdout, ensure_ascii=False, indent=2)
        print()
    else:
        _print(rows)
        for issue in found.issues:
            print(issue, file=sys.stderr)
        if found.saved:
            print("notices.yaml says something else, and no engine has taken it", file=sys.stderr)
    return 1 if found.issues else 0


def _row(notice: Notice, now: datetime, total: NoticeTotal | None) -> dict[str, Any]:
    state = "over" if notice.over(now) else "holds" if notice.holds(now) else "later"
    return {
        "id": notice.id,
        "state": state,
        "say": dict(notice.texts),
        "areas": sorted(notice.areas),
        "services": sorted(notice.services),
        "numbers": [pattern.text for pattern in notice.numbers],
        "starts": _iso(notice.starts),
        "ends": _iso(notice.ends),
        "priority": notice.priority,
        **_counts(total),
    }


def _iso(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()


def _counts(total: NoticeTotal | None) -> dict[str, Any]:
    if total is None:
        return {"heard": 0, "heard_whole": 0, "hung_up": 0, "last_day": None}
    counts = {name: getattr(total, name) for name in ("heard", "heard_whole", "hung_up")}
    return {**counts, "last_day": total.last_day}


def _print(rows: Iterable[dict[str, Any]]) -> None:
    for row in rows:
        told = f"told {row['heard']}, to the end {row['heard_whole']}, hung up {row['hung_up']}"
        print(f"{row['state']:<5}  {row['id']}  {told}")
        for name in ("starts", "ends", "areas", "services", "numbers"):
            value = row.get(name)
            if value:
                print(f"       {name}: {', '.join(value) if isinstance(value, list) else value}")
        for language, text in row.get("say", {}).items():
            print(f"       {language}: {text}")


__all__ = ["add_to"]
