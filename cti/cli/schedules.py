"""`cti schedule`: who should be on duty, and when; shifts from a table. Beside a running engine; audited."""

from __future__ import annotations

import argparse
import sys
from datetime import datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from cti.cli.calendars import read_text, tell
from cti.cli.common import add_config, author, settings_of
from cti.core.access import Permission
from cti.core.errors import CtiError
from cti.core.moments import iso

if TYPE_CHECKING:
    from cti.core.schedules import Shift
    from cti.runtime.accounts import Accounts

MOST = 20_000


def add_to(nouns: Any) -> None:
    noun = nouns.add_parser("schedule", help="shifts of agents: list, import", description=__doc__)
    verbs = noun.add_subparsers(dest="verb", required=True, metavar="VERB")
    listing = verbs.add_parser("list", help="as CSV, which `import` takes")
    for name in ("from", "to"):
        listing.add_argument(f"--{name}", dest=name, type=_moment, required=True, metavar="TIME")
    listing.add_argument("--agent")
    listing.set_defaults(run=show)
    importing = verbs.add_parser("import", help="plan the shifts of a CSV, all or none; - reads the input")
    importing.add_argument("file", metavar="FILE")
    importing.add_argument("--check", action="store_true", help="say what is wrong, change nothing")
    importing.add_argument(
        "--replace", action="store_true", help="shifts of these agents that begin in the span of the file give way"
    )
    importing.set_defaults(run=take)
    for verb in (listing, importing):
        add_config(verb)


def show(options: argparse.Namespace) -> int:
    from cti.api.schedules import COLUMNS
    from cti.api.tables import csv_text
    from cti.app import open_accounts

    settings = settings_of(options)
    zone = ZoneInfo(settings.timezone)
    since, until = (_seconds(getattr(options, name), zone) for name in ("from", "to"))
    agents = None if options.agent is None else [options.agent]
    with open_accounts(settings) as accounts:
        found = accounts.store.schedules.between(since, until, limit=MOST, agents=agents)
    rows = ([one.agent, iso(one.begins_at), iso(one.ends_at), one.note] for one in found)
    print(csv_text(COLUMNS, rows), end="")
    return 0


def take(options: argparse.Namespace) -> int:
    """Exit status 1 with findings; nothing is planned then."""
    from cti.api.schedules import COLUMNS, SHIFTS_MAX, read_shifts, tell_clashes
    from cti.api.tables import Table
    from cti.app import open_accounts

    table = Table(read_text(options.file), COLUMNS, COLUMNS[:3], SHIFTS_MAX)
    with open_accounts(settings_of(options)) as accounts:
        read = read_shifts(table, lambda agent: _unknown(accounts, agent))
        tell_clashes(table, read, accounts.store.schedules, replaced=options.replace)
        if tell(options.file, table):
            return 1
        if not options.check:
            _plan(accounts, read.shifts, replaced=options.replace)
    print(f"{len(read.shifts)} shifts {'are good; nothing has changed' if options.check else 'are planned'}")
    return 0


def _plan(accounts: Accounts, shifts: list[Shift], *, replaced: bool) -> None:
    deed = accounts.deed(author(), Permission.SCHEDULES_EDIT, "command line")
    gone = accounts.store.schedules.add(shifts, deed, replace_span=replaced)
    if gone:
        print(f"{gone} shifts gave way", file=sys.stderr)


def _unknown(accounts: Accounts, agent: str) -> CtiError | None:
    if accounts.store.agents.find(agent) is not None:
        return None
    return CtiError(f"no agent {agent[:64]!r}", code="unknown-agent")


def _moment(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"a moment such as 2026-03-02T08:00, not {text[:40]!r}") from None


def _seconds(moment: datetime, zone: ZoneInfo) -> float:
    """Without an offset it is in the timezone of the settings."""
    return (moment if moment.tzinfo is not None else moment.replace(tzinfo=zone)).timestamp()
