"""Records that are not written yet, in order, and which of them belong together."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice

from cti.core.records import Record
from cti.store.batch import Item


class Backlog:
    """``ordinal``: of the last record put, counting from 1. ``closed``: nothing comes any more, so no group grows."""

    def __init__(self) -> None:
        self.ordinal = 0
        self.closed = False
        self._items: deque[Item] = deque()
        self._joined: set[int] = set()  # ordinals of records that must not be parted from the next one
        self._growing: int | None = None  # the first ordinal of a group that is not complete yet

    def __len__(self) -> int:
        return len(self._items)

    def put(self, record: Record) -> None:
        self.ordinal += 1
        self._items.append((self.ordinal, record))
        if self._growing is not None:
            self._joined.add(self.ordinal)

    @contextmanager
    def together(self) -> Iterator[None]:
        """What is put within is a group; a group within a group is part of it."""
        if self._growing is not None:
            yield
            return
        self._growing = self.ordinal + 1
        try:
            yield
        finally:
            self._growing = None
            self._joined.discard(self.ordinal)

    @property
    def ready(self) -> bool:
        """Whether `oldest` has something."""
        return bool(self._items) and not self._grows(self._items[0][0])

    def reaches(self, ordinal: int) -> bool:
        """Whether a record up to this one is still here."""
        return bool(self._items) and self._items[0][0] <= ordinal

    def oldest(self, most: int) -> list[Item]:
        """A batch of whole groups: ``most`` records, and what belongs to the last of them."""
        items: list[Item] = []
        for item in self._items:
            full = len(items) >= most and items[-1][0] not in self._joined
            if full or self._grows(item[0]):
                break
            items.append(item)
        return items

    def first(self, most: int) -> list[Item]:
        """Whatever belongs to what: for a file, which outlives us whole."""
        return list(islice(self._items, most))

    def forget(self, up_to: int) -> None:
        while self.reaches(up_to):
            self._joined.discard(self._items.popleft()[0])

    def _grows(self, ordinal: int) -> bool:
        return self._growing is not None and ordinal >= self._growing and not self.closed
