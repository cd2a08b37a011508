"""`cti call import`: the history of another platform, so that one report tells of both."""

from __future__ import annotations

import argparse
import sys
import time
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from cti.cli.calendars import read_text, tell
from cti.cli.common import add_config, settings_of
from cti.core.imported import COLUMNS, NAME, NEEDED, LineRefused, records_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cti.config import Settings
    from cti.core.records import Record

#: Lines and bytes of one file, and how many calls are written at once.
MOST, MOST_BYTES, AT_ONCE = 500_000, 128 << 20, 1000
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

    settings = settings_of(options)
    zone, now = ZoneInfo(settings.timezone), time.time()
    text = read_text(options.file, MOST_BYTES)
    table, ids = Table(text, COLUMNS, NEEDED, MOST), set()
    for line in table.lines():
        own = line.cells["id"]
        try:
            records_of(line.cells, options.platform, zone, now)
        except LineRefused as refused:
            table.report(line.number, refused.column, refused.message, refused.code)
        if own in ids:
            table.report(line.number, "id", f"id {own} is given twice", "duplicate-key")
        ids.add(own)
    if tell(options.file, table):
        return 1
    if options.check:
        print(f"{len(ids)} calls are good; nothing has changed")
        return 0
    # Read again, since what half a million calls become would not fit into memory at once.
    lines = Table(text, COLUMNS, NEEDED, MOST).lines()
    if not _write(settings, (records_of(line.cells, options.platform, zone, now) for line in lines)):
        print("the database did not take all in time; import them again, what is there stays", file=sys.stderr)
        return 1
    print(f"{len(ids)} calls of {options.platform} are on record")
    return 0


def _write(settings: Settings, calls: Iterable[list[Record]]) -> bool:
    """False: not all of them in time."""
    from cti.app import open_writing

    with open_writing(settings) as store:
        for number, records in enumerate(calls, 1):
            for record in records:
                store.record(record)
            if number % AT_ONCE == 0 and not store.flush(_WRITTEN_S):
                return False
        return store.flush(_WRITTEN_S)
