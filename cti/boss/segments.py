"""The table of number segments: read whole, and anew every few minutes, in the background. The last good one holds.

Rows are (number or its beginning, home, is it a ported number?), of a table of a database or of a CSV file that begins
with ``number,home[,ported]``. A source with one row that cannot be used is not taken: half a table would send
subscribers to the wrong system.
"""

from __future__ import annotations

import csv
import logging
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Any

import gevent
from gevent.event import Event
from gevent.threadpool import ThreadPool
from pydantic import Field, model_validator
from sqlalchemy import Select, column, select, table
from sqlalchemy.exc import SQLAlchemyError

from cti.boss.routing import Segments
from cti.boss.way import Surroundings
from cti.boss.ways.databases import DatabaseOptions, bound_time, describe, open_engines, reason_of
from cti.core.errors import CtiError
from cti.core.targets import ANYWHERE, TargetRules
from cti.ports import Clock
from cti.validating import Section

log = logging.getLogger("cti.boss")

#: How long the first reading may hold up the start, and how soon a source that failed is tried again.
FIRST_S, AGAIN_S = 5.0, 10.0
READ_S = 60.0
NUMBER_MAX, HOME_MAX, ROWS_MAX = 20, 40, 5_000_000
YES, NO = ("1", "true", "t", "y", "yes"), ("", "0", "false", "f", "n", "no")
ColumnName = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,62}$")]

Row = tuple[str, str, bool]


class SegmentsSection(Section):
    """``file``, or ``database`` and ``table``."""

    file: Path | None = Field(None, description="CSV in UTF-8, from the interfaces' file on: number,home[,ported]")
    database: DatabaseOptions | None = None
    table: ColumnName = "ifs_segment"
    number: ColumnName = "number"
    home: ColumnName = "home"
    ported: ColumnName | None = Field("ported", description="true: the whole number and no other; null: there are none")
    refresh_s: Annotated[float, Field(ge=1, le=86_400)] = 300.0

    @model_validator(mode="after")
    def _one_source(self) -> SegmentsSection:
        if (self.file is None) == (self.database is None):
            raise ValueError("name one source: file, or database")
        return self


class BadSegments(CtiError):
    """The source was read, and a row is unusable; ``code`` says how, the message which."""


class SegmentSource:
    """Gives `Segments` at any time."""

    def __init__(
        self,
        section: SegmentsSection,
        folder: Path,
        clock: Clock,
        before: Segments,
        targets: TargetRules = ANYWHERE,
    ) -> None:
        """``before``: what holds until the source has been read. Raises ConfigError for a database that can never work.
        Waits `FIRST_S` at most."""
        self._section, self._clock = section, clock
        self._read = _reader(section, folder, targets)
        self._pool = ThreadPool(1)
        self._segments, self._loaded_at, self._trouble = before, 0.0, "not read yet"
        self._first = Event()
        self._refreshing = gevent.spawn(self._refresh)
        self._first.wait(FIRST_S)

    def __call__(self) -> Segments:
        return self._segments

    def facts(self) -> dict[str, int | float | str | None]:
        """``trouble``: why the last reading was not taken; ``loaded_at``: of what holds, wall clock, None: nothing."""
        return {"rows": len(self._segments), "loaded_at": self._loaded_at or None, "trouble": self._trouble or None}

    def close(self) -> None:
        self._refreshing.kill()
        if len(self._pool) == 0:  # else a thread still hangs in the source, and waiting for it would hang too
            self._pool.kill()

    def _refresh(self) -> None:
        while True:
            found: Segments | str = self._pool.spawn(self._try).get()  # type: ignore[assignment]
            if isinstance(found, Segments):
                if not self._loaded_at or self._trouble:
                    log.info("number segments: %d rows", len(found))
                self._segments, self._loaded_at, self._trouble = found, self._clock.now(), ""
            else:
                if found != self._trouble:
                    log.error("number segments are not taken, those of before hold on: %s", found)
                self._trouble = found
            self._first.set()
            gevent.sleep(self._section.refresh_s if not self._trouble else min(AGAIN_S, self._section.refresh_s))

    def _try(self) -> Segments | str:
        """On a thread."""
        try:
            return Segments(_checked(self._read()))
        except BadSegments as error:
            return f"{error.code}: {error.message}"
        except SQLAlchemyError as error:
            return f"{reason_of(error)}: {describe(error)}"
        except (OSError, UnicodeError, csv.Error) as error:
            return f"unreadable: {type(error).__name__}"


def _reader(
    section: SegmentsSection, folder: Path, targets: TargetRules
) -> Callable[[], Iterator[tuple[Any, Any, Any]]]:
    if section.file is not None:
        path = folder / section.file
        return lambda: _of_file(path)
    assert section.database is not None
    reads, _ = open_engines(section.database, Surroundings("segments", folder, 1, targets=targets))
    names = [section.number, section.home, *([section.ported] if section.ported is not None else [])]
    statement: Select[*tuple[Any, ...]] = select(*(column(name) for name in names)).select_from(table(section.table))

    def of_table() -> Iterator[tuple[Any, Any, Any]]:
        with reads.connect() as connection:
            bound_time(connection, time.monotonic() + READ_S, writes=False)
            for row in connection.execution_options(stream_results=True).execute(statement):
                yield row[0], row[1], row[2] if len(row) > 2 else False

    return of_table


def _of_file(path: Path) -> Iterator[tuple[Any, Any, Any]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = csv.reader(file)
        head = [name.strip().lower() for name in next(rows, [])]
        if head not in (["number", "home"], ["number", "home", "ported"]):
            raise BadSegments(f"{path.name} begins with number,home[,ported]", code="bad-header")
        for row in rows:
            if row:
                if len(row) != len(head):
                    raise BadSegments(f"line {rows.line_num} has {len(row)} values", code="bad-row")
                yield row[0], row[1], row[2] if len(row) > 2 else ""


def _checked(rows: Iterator[tuple[Any, Any, Any]]) -> Iterator[Row]:
    """Raises BadSegments; an empty source is none, since nobody empties it on purpose."""
    seen: dict[tuple[str, bool], str] = {}
    for at, (number, home, ported) in enumerate(rows, 1):
        digits, where = str(number or "").strip(), str(home or "").strip()
        if not digits.isascii() or not digits.isdigit() or len(digits) > NUMBER_MAX:
            raise BadSegments(f"row {at}: the number is not 1 to {NUMBER_MAX} digits", code="bad-number")
        if not where or len(where) > HOME_MAX or not where.isprintable():
            raise BadSegments(f"row {at}: the home is not 1 to {HOME_MAX} printable characters", code="bad-home")
        word = str(ported).strip().lower() if ported is not None else ""
        if word not in (*YES, *NO):
            raise BadSegments(f"row {at}: ported is neither true nor false", code="bad-ported")
        key = (digits, word in YES)
        if seen.setdefault(key, where) != where:
            raise BadSegments(f"row {at}: the same number has another home already", code="two-homes")
        if at > ROWS_MAX:
            raise BadSegments(f"more than {ROWS_MAX} rows", code="too-long")
        yield digits, where, key[1]
    if not seen:
        raise BadSegments("there are no rows", code="empty")
