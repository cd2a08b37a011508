"""Who sees every event of every switch: the trace, and which calls an engine can have met."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import gevent

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from cti.switch.embedded.event import Event

    from .virtual_time import VirtualTime

LOOK_S, SEEN_S = 0.25, 1.0
#: What the trace shows of an event beside its channel.
_MORE = {
    "CHANNEL_EXECUTE": "Application",
    "CHANNEL_EXECUTE_COMPLETE": "Application",
    "DTMF": "DTMF-Digit",
    "CHANNEL_HANGUP": "Hangup-Cause",
}


class Witness:
    """``trace``: one line for each event. ``unbridged`` is told of each end of a bridge."""

    def __init__(self, time: VirtualTime) -> None:
        self._time = time
        self.trace: list[str] = []
        self.unbridged: Callable[[str], object] = lambda _uuid: None
        self._came: dict[str, float] = {}
        self._wrote: list[tuple[str, float]] = []  # conversation, when
        self._excused: set[str] = set()
        self.unwritten_since = float("inf")  # of the engine that ended last
        self._stayed: list[tuple[str, float, float]] = []  # call, from, to
        self._served: list[tuple[float, float]] = []  # from, to

    def wants(self, name: str, subclass: str) -> bool:
        return name.startswith("CHANNEL_") or name == "DTMF"

    def deliver(self, event: Event) -> None:
        name, now = event.name, self._time.now
        uuid = event.get("Unique-ID") or "-"
        more = event.get(_MORE[name]) or "-" if name in _MORE else ""
        self.trace.append(f"{now:.6f} {name} {uuid} {more}")
        if name == "CHANNEL_PARK":
            self._came.setdefault(uuid, now)
        elif name == "CHANNEL_UNBRIDGE" or name == "CHANNEL_HANGUP":
            self.unbridged(uuid)
        elif name == "CHANNEL_DESTROY" and uuid in self._came:
            self._stayed.append((uuid, self._came[uuid], now))

    def note(self, what: str) -> None:
        self.trace.append(f"{self._time.now:.6f} {what}")

    def wrote(self, conversation: str) -> None:
        """An engine has told the gateway that it took what a customer wrote."""
        self._wrote.append((conversation, self._time.now))

    @property
    def texts(self) -> Counter[str]:
        """Conversation -> how many were taken there."""
        return Counter(conversation for conversation, _ in self._wrote)

    def switch_lost(self) -> None:
        """Its calls have ended without a word."""
        gone = {uuid for uuid, _, _ in self._stayed}
        self._stayed += [(uuid, at, self._time.now) for uuid, at in self._came.items() if uuid not in gone]

    def excuse(self, since: float) -> None:
        """Calls that an engine has met since then, and texts that it took, are known to nobody: the store was away, and
        the engine died with what it kept."""
        self.unwritten_since = since
        self._excused |= {uuid for uuid, at in self._came.items() if self._met_at(at) >= since}
        self._wrote = [(conversation, at) for conversation, at in self._wrote if at < since]

    def _met_at(self, came: float) -> float:
        """When an engine could see it first; never yet: infinite."""
        return next((max(came, since) for since, last in self._served if last >= came), float("inf"))

    def watch(self, up: Callable[[], bool]) -> None:
        """When the engine had its links."""
        while True:
            if up():
                since, last = self._served[-1] if self._served else (0.0, 0.0)
                if self._time.now - last <= 2 * LOOK_S:
                    self._served[-1] = since, self._time.now
                else:
                    self._served.append((self._time.now, self._time.now))
            gevent.sleep(LOOK_S)

    def served_s(self, since: float) -> float:
        """For how long the engine has had its links since then, or a little longer."""
        return sum(max(0.0, to - max(since, begun)) for begun, to in self._served)

    @property
    def parked(self) -> Collection[str]:
        """Channels that were given to an engine."""
        return self._came.keys()

    @property
    def met(self) -> set[str]:
        """Calls that an engine could see for a second: who comes and goes while nobody is there has no record."""
        found = set()
        for uuid, came, went in self._stayed:
            seen = (min(went, to) - max(came, since) for since, to in self._served)
            if max(seen, default=0.0) > SEEN_S and uuid not in self._excused:
                found.add(uuid)
        return found
