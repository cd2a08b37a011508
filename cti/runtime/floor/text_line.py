"""What the flow of one call sees of queues when the call is written, or a fax."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cti.acd.states import Outcome

if TYPE_CHECKING:
    from collections.abc import Callable

    from cti.core.calls import NewCall
    from cti.core.transcripts import Line
    from cti.runtime.floor.stays import Stay
    from cti.runtime.queues import Entrant, Queues, WrittenQueues


class TextLine:
    """`cti.runtime.queues.Queues`. ``send``: as of `WrittenQueues.enter`."""

    def __init__(
        self, texts: WrittenQueues, callers: Queues, call: NewCall, send: Callable[[str, str], Line] | None
    ) -> None:
        self._texts, self._callers, self._call, self._send = texts, callers, call, send

    def enter(self, who: Entrant) -> None:
        self._texts.enter(who, self._call.medium.value, self._send)

    def take_back(self, who: Entrant, *, talking: bool, connected: bool) -> bool:
        """Who writes with an agent waits for that one again."""
        return False

    def leave(self, uuid: str, ref: int, *, keep_place: bool) -> None:
        """A callback is another medium: it takes no place in a line of those who write."""
        self._texts.leave(uuid, ref)

    def stay(self, uuid: str) -> Stay | None:
        """Documents are kept by themselves."""
        return self._texts.stay(uuid)

    def gone(self, uuid: str, outcome: Outcome = Outcome.ABANDONED) -> None:
        self._texts.gone(uuid, outcome)
        self._callers.gone(uuid, outcome)  # tells whoever wants to call this customer back
