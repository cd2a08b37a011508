"""The screen pop of contacts that are written: what is known of the call, and what was written in it so far.

A call by text that is over, or a fax whose machine has hung up, is known as it was last.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cti.runtime.transcripts import shown

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from cti.core.wrapups import WrapUpRow
    from cti.flow.types import Type
    from cti.runtime.floor.texts import Texts
    from cti.runtime.screens import CallScreens
    from cti.runtime.transcripts import Transcripts

MESSAGES_MAX = 50


class TextScreens:
    """Implements `cti.runtime.floor.publisher.Screens` over another."""

    def __init__(self, calls: CallScreens, texts: Texts, transcripts: Transcripts) -> None:
        self._calls, self._texts, self._transcripts = calls, texts, transcripts

    def screen(self, call: str, *, unmask: bool = False) -> dict[str, Any]:
        found = self._calls.screen(call, unmask=unmask) or self._texts.screen(call, unmask=unmask)
        transcript = self._transcripts.find(call)
        if not found or transcript is None:
            return found
        lines = list(transcript.lines)[-MESSAGES_MAX:]
        return {**found, "messages": [shown(line, unmask=unmask) for line in lines]}

    def previous(self, call: str) -> list[dict[str, Any]]:
        return self._calls.previous(call)

    def editable(self, call: str) -> Mapping[str, Type]:
        return self._calls.editable(call)

    def written(self, call: str) -> Sequence[WrapUpRow]:
        return self._calls.kept(call) if self._texts.resumed(call) else self._calls.written(call)

    def number(self, call: str) -> str | None:
        return self._calls.number(call)
