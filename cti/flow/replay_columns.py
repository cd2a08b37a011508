"""Two runs side by side: then on the left, now on the right, ``>`` where they part first."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher

from cti.flow.replay import Replay
from cti.flow.replay_lines import Line
from cti.flow.transcript import cells

WIDTH = 52  # of a column, in cells of a terminal
BEFORE, AFTER = 6, 14  # rows shown around the first difference
Row = tuple[Line | None, Line | None]


def columns(replay: Replay, *, whole: bool = False, width: int = WIDTH) -> str:
    rows = list(_rows(replay.then, replay.now))
    mark = next((number for number, (then, now) in enumerate(rows) if _differs(then, now)), None)
    first, last = 0, len(rows)
    if not whole and mark is not None:
        first, last = max(0, mark - BEFORE), min(len(rows), mark + AFTER)
    head = f"  {'then':<{width}}  {'now'}"
    shown = [head] + ([f"  … {first} rows before"] if first else [])
    shown += [_row(then, now, width, number == mark) for number, (then, now) in enumerate(rows[first:last], first)]
    return "\n".join(shown + ([f"  … {len(rows) - last} rows after"] if last < len(rows) else []))


def _rows(then: Sequence[Line], now: Sequence[Line]) -> Iterator[Row]:
    matcher = SequenceMatcher(None, [_same(line) for line in then], [_same(line) for line in now], autojunk=False)
    for _, i1, i2, j1, j2 in matcher.get_opcodes():
        for offset in range(max(i2 - i1, j2 - j1)):
            left = then[i1 + offset] if i1 + offset < i2 else None
            right = now[j1 + offset] if j1 + offset < j2 else None
            yield left, right


def _same(line: Line) -> object:
    return line.key or (line.side, line.text.partition(" after ")[0])


def _differs(then: Line | None, now: Line | None) -> bool:
    return then is None or now is None or _same(then) != _same(now)


def _row(then: Line | None, now: Line | None, width: int, marked: bool) -> str:
    left, right = _cell(then, width), _cell(now, width)
    return f"{'>' if marked else ' '} {left}{' ' * (width - cells(left))}  {right}".rstrip()


def _cell(line: Line | None, width: int) -> str:
    if line is None:
        return ""
    text = line.text if line.side == "flow" else f"[{line.text}]"
    text = f"{line.at_s:6.1f}s {text}"
    if cells(text) <= width:
        return text
    while cells(text) > width - 1:
        text = text[:-1]
    return text + "…"
