"""Recorded conversations of a real switch (README.md here says how they were made) and their reader."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

FOLDER = Path(__file__).parent
FROM_SWITCH = "<<<"
TO_SWITCH = ">>>"


class Record(NamedTuple):
    """``direction``: ``>>>`` to the switch, ``<<<`` from it, ``---`` a note. ``at_s`` since the recording's start."""

    direction: str
    at_s: float
    connection: int
    what: str  # OPEN, DATA, EOF, RST, NOTE
    note: str
    data: bytes


def paths() -> list[Path]:
    return sorted(FOLDER.glob("*_*.txt"))


def records(name: str | Path) -> Iterator[Record]:
    """The records of one file, in order. ``name`` without its ending will do."""
    path = name if isinstance(name, Path) else FOLDER / f"{name.removesuffix('.txt')}.txt"
    content = path.read_bytes()
    at = 0
    while at < len(content):
        end = content.index(b"\n", at)
        line = content[at:end].decode()
        at = end + 1
        if line.startswith("#"):
            continue
        direction, seconds, connection, what, *rest = line.split(" ", 4)
        note = rest[0] if rest else ""
        data = b""
        if what == "DATA":
            size = int(note)
            data = content[at : at + size]
            at += size + 1
        yield Record(direction, float(seconds), int(connection), what, note, data)


def streams(name: str | Path, direction: str = FROM_SWITCH) -> dict[int, bytes]:
    """Everything that went in one direction, per connection."""
    found: dict[int, bytes] = {}
    for record in records(name):
        if record.direction == direction and record.what == "DATA":
            found[record.connection] = found.get(record.connection, b"") + record.data
    return found
