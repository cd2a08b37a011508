"""`cti call import`: the history of another platform, so that one report tells of both."""

from __future__ import annotations

import argparse
import time
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from cti.cli.calendars import read_text, tell
from cti.cli.common import add_config, settings_of
from cti.core.imported import COLUMNS, NAME, NEEDED, LineRefused, records_of

if TYPE_CHECKING:
    from cti.core.records import Record

#: Lines of one file, and how many are written at once.
MOST, AT_ONCE = 500_000, 1000
_WRITTEN_S = 120.0


def add_to(verbs: Any) -> None:
    verb = verbs.add_parser(
        "import",
        help="calls that another platform took, as CSV, all lines or none; - reads the input",
        description=f"{__doc__} Columns: {', '.join(COLUMNS)}. What is there already stays as it is.",
    )
    verb.add_argument("file", metavar="FILE")
    verb.add_argument("--platform", type=_name, required=True, metavar="NAME", help="whose calls they are")
    verb.add_argument("--check", action="store_true", help="say what is wrong, change nothing")
    verb.set_defaults(run=take)
    add_config(verb)


def _name(text: str) -> str:
    if not NAME.fullmatch(text):
        raise argparse.ArgumentTypeError(f"a letter, then letters, digits, - or _, not {text[:40]!r}")
    return text


def take(options: argparse.Namespace) -> int:
    """Exit status 1 with findings, nothing is written then; or when the database did not take all in time."""
    from cti.api.tables import Table
    from cti.app import open_writing

    settings = settings_of(options)
    zone = ZoneInfo(settings.timezone)
    table = Table(read_text(options.file), COLUMNS, NEEDED, MOST)
    calls: dict[str, list[Record]] = {}
    now = time.time()
    for line in table.lines():
        try:
            records = records_of(line.cells, options.platform, zone, now)
        except LineRefused as refused:
            table.report(line.number, refused.column, refused.message, refused.code)
            continue
        if line.cells["id"] in calls:
            table.report(line.number, "id", f"id {line.cells['id']} is given twice", "duplicate-key")
        calls[line.cells["id"]] = records
    if tell(options.file, table):
        return 1
    if options.check:
        print(f"{len(calls)} calls are good; nothing has changed")
        return 0
    with open_writing(settings) as store:
        for number, records in enumerate(calls.values(), 1):
            for record in records:
                store.record(record)
            if number % AT_ONCE == 0 and not store.flush(_WRITTEN_S):
                print(f"the database did not take them in time; of {len(calls)} calls some {number} are written: again")
                return 1
        if not store.flush(_WRITTEN_S):
            print("the database did not take all in time; import them again, what is there stays")
            return 1
    print(f"{len(calls)} calls of {options.platform} are on record")
    return 0
