"""`cti call`: past and running calls: list them, show one, replay them, make a test of one, import others."""

from __future__ import annotations

import argparse
import json
import re
import sys
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from cti.app import open_records
from cti.cli import call_import, call_replay, call_show, call_to_test
from cti.cli.call_common import at
from cti.cli.common import add_config, settings_of
from cti.core.records import CallFilter

if TYPE_CHECKING:
    from cti.core.records import CallRow

LIMIT_MAX = 1000
COLUMNS = "{:<19}  {:<36}  {:<13} {:<12} {:<16} {:<16} {:>6}  {}"


def add_to(nouns: Any) -> None:
    noun = nouns.add_parser("call", help="past and running calls", description=__doc__)
    verbs = noun.add_subparsers(dest="verb", required=True, metavar="VERB")
    listing = verbs.add_parser("list", help="calls, newest first")
    listing.add_argument("--limit", type=_limit, default=20, metavar="N", help=f"1 to {LIMIT_MAX} (default 20)")
    listing.add_argument("--caller", help="a number in any usual spelling")
    listing.add_argument("--flow")
    listing.add_argument("--live", action="store_true", help="only calls that are up")
    listing.add_argument("--json", action="store_true")
    listing.set_defaults(run=list_calls)
    add_config(listing)
    for module in (call_show, call_replay, call_to_test, call_import):
        module.add_to(verbs)


def _limit(text: str) -> int:
    if not re.fullmatch("[0-9]{1,4}", text) or not 1 <= int(text) <= LIMIT_MAX:
        raise argparse.ArgumentTypeError(f"a whole number from 1 to {LIMIT_MAX}, not {text[:20]!r}")
    return int(text)


def list_calls(options: argparse.Namespace) -> int:
    settings = settings_of(options)
    where = CallFilter(caller=options.caller, flow=options.flow, live=True if options.live else None)
    with open_records(settings) as store:
        rows = store.list_calls(limit=options.limit, where=where)
    if options.json:
        from cti.api.calls import call_json

        json.dump([call_json(row) for row in rows], sys.stdout, ensure_ascii=False, indent=2)
        print()
        return 0
    zone = ZoneInfo(settings.timezone)
    print(COLUMNS.format("started", "call", "caller", "called", "flow", "ended by", "s", "outcome"))
    for row in rows:
        print(_line(row, zone))
    return 0


def _line(row: CallRow, zone: ZoneInfo) -> str:
    seconds = "" if row.duration_s is None else f"{row.duration_s:.1f}"
    return COLUMNS.format(
        at(row.started_at, zone),
        row.call_id,
        row.caller or "withheld",
        row.called,
        row.flow,
        row.terminal_cause or "(up)",
        seconds,
        " ".join(filter(None, [row.outcome, *(f"+{goal}" for goal in row.goals)])),
    ).rstrip()
