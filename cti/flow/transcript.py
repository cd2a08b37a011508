"""A call in two columns: what the flow did on the left, what the caller did on the right, marks where it went wrong."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from unicodedata import east_asian_width

WIDTH = 46  # of the left column, in cells of a terminal
TIME = 9  # of the time before it


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a transcript: ``side`` is flow, caller, or engine (what happened behind the scenes)."""

    at_s: float
    side: str
    text: str


@dataclass(frozen=True, slots=True)
class Mark:
    """What was expected before line ``before`` of the transcript (its length: after the last)."""

    before: int
    text: str


def table(lines: Sequence[Line], marks: Sequence[Mark] = (), width: int = WIDTH) -> str:
    """Long texts are broken; a mark is a line that begins with ``>``."""
    rows: list[str] = []
    for index, line in enumerate([*lines, None]):
        rows += [f"> {mark.text}" for mark in marks if mark.before == index or (line is None and mark.before > index)]
        if line is not None:
            rows += _rows(line, width)
    return "\n".join(rows)


def _rows(line: Line, width: int) -> Iterator[str]:
    text = f"({line.text})" if line.side == "engine" else line.text
    for number, piece in enumerate(_pieces(text, width)):
        time = f"{line.at_s:{TIME - 1}.1f}s" if number == 0 else " " * TIME
        left, right = ("", piece) if line.side == "caller" else (piece, "")
        yield f"{time}  {left}{' ' * (width - cells(left))}  {right}".rstrip()


def _pieces(text: str, width: int) -> Iterator[str]:
    """Broken at the last blank that fits, or anywhere in a language that is written without."""
    rest = " ".join(text.split())
    while cells(rest) > width:
        end = _fitting(rest, width)
        blank = rest.rfind(" ", 1, end + 1)
        end = blank if blank > 0 else end
        yield rest[:end].rstrip()
        rest = rest[end:].lstrip()
    yield rest


def _fitting(text: str, width: int) -> int:
    """How many characters fit; at least one."""
    used = 0
    for count, char in enumerate(text):
        used += cells(char)
        if used > width:
            return max(count, 1)
    return len(text)


def cells(text: str) -> int:
    """How many cells of a terminal ``text`` fills: a Chinese character fills two."""
    return sum(2 if east_asian_width(char) in "WF" else 1 for char in text)
