"""`cti call list|show`: what past and running calls did."""

from __future__ import annotations

import argparse
import json
import re
import sys
from datetime import datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from cti.app import open_records
from cti.cli.common import add_config, settings_of
from cti.core.errors import CtiError
from cti.core.records import CallFilter

if TYPE_CHECKING:
    from cti.core.records import CallDetail, CallRow

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
    showing = verbs.add_parser("show", help="one call, node by node")
    showing.add_argument("call_id", help="the id, or the beginning of it")
    showing.add_argument("--json", action="store_true")
    showing.set_defaults(run=show_call)
    for verb in (listing, showing):
        add_config(verb)


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


def show_call(options: argparse.Namespace) -> int:
    settings = settings_of(options)
    with open_records(settings) as store:
        found = store.find_call(_full_id(store, options.call_id))
    if found is None:
        raise CtiError(f"no call {options.call_id}", code="not-found", remedy="`cti call list` shows them")
    if options.json:
        from cti.api.calls import with_times

        json.dump(with_times(found.as_dict()), sys.stdout, ensure_ascii=False, indent=2)
        print()
    else:
        _print_detail(found, ZoneInfo(settings.timezone))
    return 0


def _full_id(store: Any, text: str) -> str:
    """A whole id as it is; a beginning is looked up among the newest calls."""
    if len(text) >= 36:
        return text
    found = [row.call_id for row in store.list_calls(limit=500) if row.call_id.startswith(text)]
    if len(found) > 1:
        raise CtiError(f"{len(found)} calls begin with {text}", code="ambiguous", remedy="give more of the id")
    return found[0] if found else text


def _line(row: CallRow, zone: ZoneInfo) -> str:
    seconds = "" if row.duration_s is None else f"{row.duration_s:.1f}"
    return COLUMNS.format(
        _at(row.started_at, zone),
        row.call_id,
        row.caller or "withheld",
        row.called,
        row.flow,
        row.terminal_cause or "(up)",
        seconds,
        " ".join(filter(None, [row.outcome, *(f"+{goal}" for goal in row.goals)])),
    ).rstrip()


def _print_detail(found: CallDetail, zone: ZoneInfo) -> None:
    row = found.call
    print(f"call      {row.call_id}  {row.medium} on {row.switch}")
    print(f"caller    {row.caller or 'withheld'} {row.caller_name} -> {row.called}")
    print(f"flow      {row.flow} version {row.flow_version[:12]} by entry '{row.entry}', language {row.language}")
    print(f"started   {_at(row.started_at, zone)}")
    if row.terminal_cause:
        print(f"ended     {row.duration_s:.1f} s later: {row.terminal_cause} ({row.hangup_cause})")
        print(f"outcome   {row.outcome or '-'}; goals: {', '.join(row.goals) or '-'}")
    if row.error:
        print(f"error     {row.error}")
    for leg in found.legs:
        print(f"leg       +{leg.added_at - row.started_at:7.2f}s {leg.role} {leg.number or ''} {leg.hangup_cause}")
    print("nodes")
    for visit in found.visits:
        left = f"{visit.left_at - visit.entered_at:6.2f}s" if visit.left_at is not None else "   ..  "
        print(
            f"  +{visit.entered_at - row.started_at:7.2f}s {left}  {visit.flow}.{visit.node} ({visit.type})"
            f" -> {visit.exit or '(hung up here)'}  {visit.note}".rstrip()
        )


def _at(seconds: float, zone: ZoneInfo) -> str:
    return datetime.fromtimestamp(seconds, zone).strftime("%Y-%m-%d %H:%M:%S")
