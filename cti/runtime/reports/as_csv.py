"""A report as CSV."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING, TextIO

from cti.core.spreadsheets import harmless

if TYPE_CHECKING:
    from cti.runtime.reports.making import Report


def write_csv(report: Report, file: TextIO) -> None:
    """A line for each row and the total, then the formulas as lines that begin with #."""
    names = list(dict.fromkeys(name for row in [{"begins": ""}, *report.rows, report.total] for name in row))
    writer = csv.DictWriter(file, names, restval="", lineterminator="\n")
    writer.writeheader()
    for row in [*report.rows, {"begins": "total", **report.total}]:
        writer.writerow({name: harmless(value) for name, value in row.items()})
    for name, formula in report.formulas.items():
        file.write(f"# {name}: {formula}\n")
    for note in report.notes:
        file.write(f"# {note}\n")
