"""Event filters: ORed, with negatives and regular expressions, as mod_event_socket.c walks them."""

from __future__ import annotations

import re2

from cti.switch.embedded.event import Event

MAX_FILTERS = 10_000


class Filters:
    """Without filters everything passes. With them an event passes when one matches and no negative one does."""

    def __init__(self) -> None:
        self._filters: list[tuple[str, str]] = []

    def add(self, name: str, value: str) -> None:
        if len(self._filters) < MAX_FILTERS:
            self._filters.append((name, value))

    def delete(self, name: str, value: str) -> None:
        """Those of this header, only with this value when one is given; ``all`` is everything."""
        if name.lower() == "all":
            self._filters.clear()
            return
        self._filters = [
            (one, text)
            for one, text in self._filters
            if one.lower() != name.lower() or (value and text.lower() != value.lower())
        ]

    def passes(self, event: Event) -> bool:
        if not self._filters:
            return True
        send = False
        for name, wanted in self._filters:
            actual = event.get(name)
            if actual is None:
                continue
            positive, pattern = True, wanted.startswith("/")  # with a sign before it, it is none
            if wanted.startswith("+"):
                wanted = wanted[1:]
            elif wanted.startswith("-"):
                positive, wanted = False, wanted[1:]
            if send and positive:
                continue
            if _matches(wanted, actual, pattern):
                if not positive:
                    return False
                send = True
        return send


def _matches(wanted: str, actual: str, pattern: bool) -> bool:
    if pattern:
        try:
            return re2.search(wanted[1:].rpartition("/")[0] or wanted[1:], actual[:8192]) is not None
        except re2.error:
            return False
    return wanted.lower() == actual.lower()
