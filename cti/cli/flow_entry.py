"""`cti flow meet`: which entry and flow a caller would meet, by the table of a folder."""

from __future__ import annotations

import argparse
from datetime import UTC, datetime
from typing import Any

from cti.cli.flow_common import add_flows
from cti.core.calls import Medium


def add_to(verbs: Any) -> None:
    meeting = verbs.add_parser("meet", help="which entry and flow a caller would meet")
    meeting.add_argument("called", help="the number called, such as 10086")
    meeting.add_argument("--caller", help="the caller's number; none: it is withheld")
    meeting.add_argument("--medium", type=Medium, choices=list(Medium), default=Medium.VOICE)
    meeting.add_argument("--attribute", action="append", default=[], type=_pair, metavar="NAME=VALUE")
    meeting.add_argument("--at", type=_moment, metavar="MOMENT", help="such as 2026-11-25T23:00+08:00; default: now")
    meeting.set_defaults(run=meet)
    add_flows(meeting)


def meet(options: argparse.Namespace) -> int:
    """Exit status 1 when no entry fits: such a call hears the flow `busy`."""
    from cti.app import load_flows
    from cti.flow.canary import place_of

    library = load_flows(options.flows)
    medium = library.entry.medium_of(options.medium, options.called)
    found = library.entry.match(
        medium=medium,
        called=options.called,
        caller=options.caller,
        attributes=dict(options.attribute),
        now=options.at or datetime.now(UTC),
        chance=place_of(options.caller) if options.caller else 0.0,
    )
    if found is None:
        print(f"no entry fits ({medium}): the flow busy")
        return 1
    share = f", and another version for {found.canary.percent:g}% of the callers" if found.canary else ""
    print(f"entry '{found.rule}' ({medium}): flow {found.flow}{share}")
    for name, value in sorted(found.inputs.items()):
        print(f"  {name}: {value}")
    return 0


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise argparse.ArgumentTypeError(f"NAME=VALUE, not {text[:40]!r}")
    return name, value


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise argparse.ArgumentTypeError(f"a moment with its offset such as 2026-11-25T23:00+08:00, not {text[:40]!r}")
    return moment
