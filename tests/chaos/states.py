"""The table of docs/failover.md: what becomes of each kind of call at each failure, and which test shows it."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "failover.md"
HEADING = "## Each kind of call at each failure"
#: Kind of call of `scripts/chaos` -> its row, fault -> its column.
ROWS = {
    "ringing": "ringing",
    "menu": "in the IVR",
    "queued": "queued",
    "bridged": "bridged, by a flow",
    "talk": "bridged, with an agent",
    "held": "held",
    "conference": "conference",
    "fax": "fax",
    "chat": "text conversation",
}
COLUMNS = {
    "engine-killed": "engine killed",
    "engine-killed-standby": "engine killed, a standby there",
    "engine-stopped": "engine stopped",
    "link-cut": "link cut",
    "switch-killed": "switch killed",
    "pair": "one of a pair killed",
    "database-killed": "database gone",
    "database-locked": "database gone",
    "office-killed": "back office gone",
}


def cells() -> dict[tuple[str, str], tuple[str, str]]:
    """(row, column) -> (what happens, mark of the test)."""
    head, _, *rows = [_split(line) for line in _lines("| Call |")]
    return {
        (row[0], column): _cell(text) for row in rows for column, text in zip(head[1:], row[1:], strict=True)
    }  # fmt: skip


def marks() -> dict[str, str]:
    """Mark -> the test, as pytest names it."""
    _, _, *rows = [_split(line) for line in _lines("| Mark |")]
    return {mark: name.strip("`") for mark, name, *_ in rows}


def missing(name: str) -> str:
    """What of ``tests/…/test_x.py::test_y`` there is not; empty: all there."""
    file, _, function = name.partition("::")
    if not (ROOT / file).is_file():
        return file
    return "" if re.search(rf"(?m)^def {re.escape(function)}\(", (ROOT / file).read_text()) else name


def _lines(head: str) -> list[str]:
    section = PAGE.read_text().partition(HEADING)[2].partition("\n## ")[0]
    lines = section.splitlines()
    at = next(number for number, line in enumerate(lines) if line.startswith(head))
    until = next((n for n in range(at, len(lines)) if not lines[n].startswith("|")), len(lines))
    return lines[at:until]


def _split(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip().strip("|").split("|")]


def _cell(text: str) -> tuple[str, str]:
    what, _, mark = text.rpartition(" ")
    return what, mark
