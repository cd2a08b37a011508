"""What is to be heard on a switch elsewhere goes there as parts, and is made audio where that switch can find it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson

from cti.runtime.cluster.codec import pack, unpack

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cti.core.commands import AudioPart

_MARK = "parts:"


class PartsPrompts:
    """`cti.ports.Prompts` of a process without switches: everything is ready at once."""

    def find(self, parts: Sequence[AudioPart]) -> list[str] | None:
        return [_MARK + orjson.dumps(pack(tuple(parts))).decode()]

    def locate(self, parts: Sequence[AudioPart], deadline_s: float, *, call_id: str = "") -> list[str]:
        return self.find(parts) or []

    def discard_call(self, call_id: str) -> None:
        pass


def parts_of(audio: Sequence[str]) -> tuple[AudioPart, ...] | None:
    """What `PartsPrompts` was given; None: these are playback arguments."""
    if len(audio) != 1 or not audio[0].startswith(_MARK):
        return None
    found: tuple[AudioPart, ...] = unpack(orjson.loads(audio[0].removeprefix(_MARK)))
    return found
