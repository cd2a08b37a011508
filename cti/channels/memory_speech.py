"""A recogniser in memory: it hears what it is told that a caller said. For tests, and to try flows without audio."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from cti.core.events import Heard

if TYPE_CHECKING:
    from cti.core.commands import Listen

Told = Callable[[Heard], None]


class MemorySpeech:
    """Implements `cti.ports.Recogniser`. ``wanted``: what it listens for now, by call."""

    def __init__(self) -> None:
        self.wanted: dict[str, Listen] = {}
        self._told: dict[str, Told] = {}

    def listen(self, uuid: str, wanted: Listen, told: Told) -> None:
        self.wanted[uuid], self._told[uuid] = wanted, told

    def stop(self, uuid: str, ref: int) -> None:
        if uuid in self.wanted and self.wanted[uuid].ref == ref:
            del self.wanted[uuid], self._told[uuid]

    def say(self, uuid: str, text: str, confidence: float = 1.0) -> None:
        """The caller says this; nothing, with an empty text. Raises KeyError when nobody listens to the call."""
        wanted, told = self.wanted.pop(uuid), self._told.pop(uuid)
        told(Heard(wanted.ref, "heard" if text else "silence", text, confidence if text else 0.0))
