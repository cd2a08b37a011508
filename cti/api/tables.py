"""Tables in CSV that people bring: each line read, every mistake found before any line takes effect."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from cti.api.bodies import text_body
from cti.api.paging import flag_of
from cti.api.problems import KINDS
from cti.core.errors import CtiError
from cti.core.issue import Issue, Place
from cti.core.spreadsheets import harmless, plain

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import falcon

TABLE_BYTES = 1 << 20
MEDIA = "text/csv"


class TableRefused(CtiError):
    """``findings``: all of them, each at its line or item. Its code is theirs where all have the same and clients know
    it, else ``code``."""

    code = "bad-csv"

    def __init__(self, findings: Sequence[Issue], *, code: str = "bad-csv") -> None:
        codes = {issue.code for issue in findings}
        if len(codes) == 1 and codes <= KINDS.keys():
            (code,) = codes
        first = findings[0]
        where = f"line {first.place.line}: " if first.place.line else f"{first.place}: "
        more = f" (and {len(findings) - 1} more)" if len(findings) > 1 else ""
        super().__init__(f"{where}{first.message}{more}", code=code)
        self.findings = list(findings)


@dataclass(frozen=True, slots=True)
class Line:
    """``cells``: column -> text without blanks around it, and without the mark of `spreadsheets`; columns that are not
    there are empty."""

    number: int
    cells: dict[str, str]

    def place(self, column: str = "") -> Place:
        return Place(column, self.number)


@dataclass(slots=True)
class Table:
    """A CSV of the request. ``findings`` grow while it is read and judged; `refuse` raises when there are any."""

    text: str
    columns: tuple[str, ...]
    needed: tuple[str, ...]
    most: int
    findings: list[Issue] = field(default_factory=list)

    def report(self, line: int, column: str, message: str, code: str = "bad-option") -> None:
        self.findings.append(Issue(Place(column, line), code, message))

    def lines(self) -> Iterator[Line]:
        """Lines that have what they need; the others are findings."""
        rows = csv.DictReader(io.StringIO(self.text, newline=""), strict=True, restkey="", restval="")
        count = 0
        try:
            head = [(name or "").strip() for name in rows.fieldnames or ()]
            if self._is_no_table(head):
                return
            unknown = [name for name in rows.fieldnames or () if (name or "").strip() not in self.columns]
            missing = [name for name in self.needed if name not in head]
            twice = sorted({name for name in head if head.count(name) > 1} & {*self.columns})
            for name in unknown:
                self.report(1, name[:40], f"unknown column {name[:40]!r}; known are {', '.join(self.columns)}")
            for name in missing:
                self.report(1, name, f"the column {name!r} is missing")
            for name in twice:  # which of them is meant?
                self.report(1, name, f"the column {name!r} is there twice", "duplicate-key")
            if unknown or missing or twice:
                return
            for row in rows:
                count += 1
                if count > self.most:
                    self.report(rows.line_num, "", f"more than {self.most} lines at once")
                    return
                line = self._line(row, rows.line_num, len(head))
                if line is not None:
                    yield line
        except csv.Error as error:
            open_ = " (a quotation mark that is not closed?)" if "unexpected end" in str(error) else ""
            self.report(rows.line_num, "", f"{error}{open_}", "bad-csv")
        if not count and not self.findings:
            self.report(1, "", "there is no line below the head")

    def _is_no_table(self, head: list[str]) -> bool:
        """Told at once, where each column would be a finding of its own."""
        if not any(head):
            self.report(1, "", "there is nothing in it", "bad-csv")
            return True
        apart = next((sign for sign in ";\t|" if len(head) == 1 and sign in head[0]), None)
        if apart is not None:
            self.report(1, "", f"its columns are apart by {apart!r}; save the table with commas", "bad-csv")
        return apart is not None

    def _line(self, row: dict[str, Any], number: int, columns: int) -> Line | None:
        if row.get(""):
            self.report(number, "", f"{len(row['']) + columns} cells, and the head has {columns} columns")
            return None
        cells = {name.strip(): plain((value or "").strip()) for name, value in row.items() if name}
        absent = [name for name in self.needed if not cells.get(name)]
        for name in absent:
            self.report(number, name, f"no {name}", "missing-option")
        return None if absent else Line(number, {**dict.fromkeys(self.columns, ""), **cells})

    def refuse(self) -> None:
        """Raises TableRefused when anything is wrong."""
        if self.findings:
            self.findings.sort(key=lambda issue: issue.place.line)
            raise TableRefused(self.findings)


def table_of(req: falcon.Request, columns: tuple[str, ...], needed: tuple[str, ...], most: int) -> Table:
    """Of the request's body. Raises Problem: media-type, body-too-large, bad-request."""
    return Table(text_body(req, MEDIA, limit=TABLE_BYTES), columns, needed, most)


def only_checked(req: falcon.Request) -> bool:
    """``?check=true``: everything is looked at, nothing is done."""
    return bool(flag_of(req, "check"))


def verdict(findings: Sequence[Issue], rows: int) -> dict[str, Any]:
    """What a check answers."""
    ordered = sorted(findings, key=lambda issue: issue.place.line)
    return {"good": not findings, "rows": rows, "findings": [issue.as_dict() for issue in ordered]}


def csv_text(columns: Sequence[str], rows: Iterator[Sequence[Any]]) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([harmless(cell) for cell in row] for row in rows)
    return out.getvalue()
