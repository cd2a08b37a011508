"""`cti calendar`: opening hours and holidays: what holds now, as a table and back. The engine takes what is saved."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import astuple
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cti.cli.common import add_config, settings_of
from cti.core.errors import ConfigError
from cti.core.issue import Place

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cti.api.tables import Table
    from cti.flow import Calendar


def add_to(nouns: Any) -> None:
    noun = nouns.add_parser("calendar", help="calendars: what holds now, export, import", description=__doc__)
    verbs = noun.add_subparsers(dest="verb", required=True, metavar="VERB")
    listing = verbs.add_parser("list", help="calendars, and what each says now")
    listing.add_argument("--json", action="store_true")
    listing.set_defaults(run=show)
    exporting = verbs.add_parser("export", help="all of them as CSV")
    exporting.set_defaults(run=export)
    importing = verbs.add_parser("import", help="write those that a CSV names, all or none; - reads the input")
    importing.add_argument("file", metavar="FILE")
    importing.add_argument("--check", action="store_true", help="say what is wrong, change nothing")
    importing.set_defaults(run=take)
    for verb in (listing, exporting, importing):
        add_config(verb)


def show(options: argparse.Namespace) -> int:
    now = datetime.now(UTC)
    rows = [
        {"calendar": name, "state": one.state(now), "timezone": one.timezone, "title": one.title}
        for name, one in _calendars(settings_of(options).flows)
    ]
    if options.json:
        json.dump({"calendars": rows}, sys.stdout, ensure_ascii=False, indent=2)
        print()
    else:
        for row in rows:
            print("{calendar:<20}  {state:<7}  {timezone:<20}  {title}".format(**row).rstrip())
    return 0


def export(options: argparse.Namespace) -> int:
    from cti.api.tables import csv_text
    from cti.flow.calendar_rows import COLUMNS, rows_of

    found = _calendars(settings_of(options).flows)
    rows = (astuple(row)[: len(COLUMNS)] for name, one in found for row in rows_of(name, one))
    print(csv_text(COLUMNS, rows), end="")
    return 0


def take(options: argparse.Namespace) -> int:
    """Exit status 1 with findings; nothing is written then."""
    from cti.api.tables import Table
    from cti.flow.calendar_rows import COLUMNS, ROWS_MAX, row_of, texts_of
    from cti.runtime.reload.files import calendar_file
    from cti.runtime.reload.put import write_files

    table = Table(read_text(options.file), COLUMNS, ("calendar", "kind"), ROWS_MAX)
    rows = [row_of(line.cells, line.place()) for line in table.lines()]
    texts, findings = texts_of(rows)
    table.findings += findings
    if tell(options.file, table):
        return 1
    if options.check:
        print(f"{len(rows)} rows of {', '.join(sorted(texts))} are good; nothing has changed")
        return 0
    write_files(settings_of(options).flows, {calendar_file(name): text for name, text in texts.items()})
    print(f"written: {', '.join(sorted(texts))}; a running engine takes what the flows' tests agree with")
    return 0


#: Bytes of a table that is brought, where nothing else is said, and how many findings are shown.
TABLE_BYTES, SHOWN = 1 << 20, 50


def read_text(file: str, most: int = TABLE_BYTES) -> str:
    """``-``: what comes in. Raises ConfigError: over ``most`` bytes (a part of it would look like the whole), or not
    UTF-8, since signs that were lost look like a name."""
    from cti.files import read_file

    data = sys.stdin.buffer.read(most + 1) if file == "-" else read_file(Path(file), most=most)
    if len(data) > most:
        message, remedy = (
            f"more than {most >> 20} MiB, nothing of it is read",
            "split the table, each part with its head",
        )
        raise ConfigError(message, code="too-large", place=Place(file), remedy=remedy)
    if b"\x00" in data:
        raise ConfigError(
            "this is UTF-16, or no text", code="bad-csv", place=Place(file), remedy="save the table as CSV UTF-8"
        )
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        place, remedy = Place(file, data.count(b"\n", 0, error.start) + 1), "save the table as CSV UTF-8"
        raise ConfigError("this is not UTF-8", code="bad-csv", place=place, remedy=remedy) from error


def tell(file: str, table: Table) -> bool:
    """Print what is wrong, with its line; whether anything is."""
    found = sorted(table.findings, key=lambda one: one.place.line)
    for issue in found[:SHOWN]:
        print(f"{file}:{issue.place.line} [{issue.code}] {issue.message}", file=sys.stderr)
    if len(found) > SHOWN:
        print(f"{file}: and {len(found) - SHOWN} more findings", file=sys.stderr)
    return bool(found)


def _calendars(folder: Path) -> Iterator[tuple[str, Calendar]]:
    """Those without a mistake; the others are told by `cti flow check`."""
    from cti.files import read_file
    from cti.flow import load_calendar

    for file in sorted((folder / "calendars").glob("*.yaml")):
        found = load_calendar(read_file(file), str(file)).calendar
        if found is not None:
            yield file.stem, found
