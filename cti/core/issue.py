"""Findings about files that people write (flows, entry table, configuration), always with a place and a code."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """A position in a file; line and column count from 1, 0 means unknown."""

    file: str
    line: int = 0
    col: int = 0

    def __str__(self) -> str:
        if not self.line:
            return self.file
        return f"{self.file}:{self.line}:{self.col}"


class Severity(StrEnum):
    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Issue:
    """One finding. ``str()`` is the line people see: ``sales.yaml:14:7 [unknown-option] 'timout' is …``.

    ``path``: nodes, one after the other, on which it comes about; empty where one place tells it all.
    """

    place: Place
    code: str
    message: str
    severity: Severity = Severity.ERROR
    path: tuple[str, ...] = ()

    def __str__(self) -> str:
        mark = "" if self.severity is Severity.ERROR else "warning: "
        way = f"; the way there: {' -> '.join(self.path)}" if self.path else ""
        return _printable(f"{self.place} [{self.code}] {mark}{self.message}{way}")

    def as_dict(self) -> dict[str, object]:
        return {
            "file": self.place.file,
            "line": self.place.line,
            "col": self.place.col,
            "code": self.code,
            "severity": self.severity.value,
            "message": self.message,
            "path": list(self.path),
        }


def _printable(text: str) -> str:
    """Names in a message come from the file; a terminal must not take them for commands."""
    return "".join(char if char.isprintable() else f"\\u{ord(char):04x}" for char in text)
