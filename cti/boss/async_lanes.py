"""How much is at work at a time, lane by lane: one that is slow or away keeps its own lane busy and no other."""

from __future__ import annotations

from collections import Counter

#: Lanes that are remembered though nothing of them is at work.
_KNOWN_MAX = 1_000


class Lanes:
    """``width``: a lane takes more while fewer are at work in it; what one claim brings comes on top."""

    def __init__(self, width: int) -> None:
        self._width = width
        self._running: Counter[str] = Counter()
        self._failures: Counter[str] = Counter()  # in a row
        self._until: dict[str, float] = {}  # monotonic: it is left alone until then

    def __len__(self) -> int:
        return self._running.total()

    def shut(self, now: float) -> list[str]:
        """Those that take no more now."""
        full = {lane for lane, count in self._running.items() if count >= self._width}
        return sorted(full | {lane for lane, until in self._until.items() if until > now})

    def enter(self, lane: str) -> None:
        self._running[lane] += 1

    def leave(self, lane: str) -> bool:
        """Whether the lane takes more from now on, and took none before."""
        self._running[lane] -= 1
        left = self._running[lane]
        if left <= 0:
            del self._running[lane]
        return left == self._width - 1

    def good(self, lane: str) -> None:
        self._failures.pop(lane, None)
        self._until.pop(lane, None)

    def failed(self, lane: str) -> int:
        """How often in a row, with this time."""
        if len(self._failures) >= _KNOWN_MAX:
            self._failures.clear()
            self._until.clear()
        self._failures[lane] += 1
        return self._failures[lane]

    def rest(self, lane: str, until: float) -> None:
        self._until[lane] = until
