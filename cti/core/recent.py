"""What is remembered for a while only: memory that follows how much goes on now, not how long the process has run."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

K = TypeVar("K")
V = TypeVar("V")


class Recent(Generic[K, V]):
    """``seconds`` after an entry was put last it is forgotten, with the next one that is put; one that ``keeps`` still
    wants stays for as long again. ``now``: seconds, monotonic. ``most`` entries at any time: the oldest goes."""

    def __init__(
        self,
        seconds: float,
        now: Callable[[], float],
        *,
        most: int = 20_000,
        keeps: Callable[[K], bool] = lambda _key: False,
    ) -> None:
        self._seconds, self._now, self._most, self._keeps = seconds, now, most, keeps
        self._entries: OrderedDict[K, tuple[float, V]] = OrderedDict()
        self.forgotten = 0  # so many entries were

    def __contains__(self, key: object) -> bool:
        return key in self._entries

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, key: K) -> V | None:
        found = self._entries.get(key)
        return None if found is None else found[1]

    def put(self, key: K, value: V) -> None:
        now = self._now()
        self._entries[key] = now, value
        self._entries.move_to_end(key)
        if len(self._entries) > self._most:
            self._entries.popitem(last=False)
            self.forgotten += 1
        self._forget(now)

    def _forget(self, now: float) -> None:
        while True:
            oldest = next(iter(self._entries))
            at, value = self._entries[oldest]
            if at + self._seconds > now:  # the one that was just put, at the latest
                return
            del self._entries[oldest]
            if self._keeps(oldest):
                self._entries[oldest] = now, value
            else:
                self.forgotten += 1
