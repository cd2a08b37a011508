"""What the flow of one call sees of queues when the call is written, or a fax: as `Callers` is for those who speak."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cti.acd.states import Outcome

if TYPE_CHECKING:
    from collections.abc import Callable

    from cti.core.calls import NewCall
    from cti.core.commands import EnterQueue
    from cti.core.transcripts import Line
    from cti.ports import Switch
    from cti.runtime.cluster.no_texts import NoTexts
    from cti.runtime.cluster.remote_queues import RemoteQueues
    from cti.runtime.floor.callers import Callers
    from cti.runtime.floor.stays import Stay
    from cti.runtime.floor.texts import Texts


class TextLine:
    """``send``: what an agent writes, to this customer; None: nothing can be written back (a fax)."""

    def __init__(
        self,
        texts: Texts | NoTexts,
        callers: Callers | RemoteQueues,
        call: NewCall,
        send: Callable[[str, str], Line] | None,
    ) -> None:
        self._texts, self._callers, self._call, self._send = texts, callers, call, send

    def enter(
        self,
        uuid: str,
        switch: Switch,
        wish: EnterQueue,
        post: Callable[[Any], None],
        returns: bool,
        stay: Stay | None = None,
    ) -> None:
        self._texts.enter(uuid, self._call.medium.value, wish, post, self._send, stay)

    def take_back(
        self,
        uuid: str,
        switch: Switch,
        wish: EnterQueue,
        post: Callable[[Any], None],
        talking: bool,
        connected: bool,
        stay: Stay | None = None,
    ) -> bool:
        """Who writes with an agent waits for that one again."""
        return False

    def leave(self, uuid: str, ref: int, *, keep_place: bool) -> None:
        """A callback is another medium: it takes no place in a line of those who write."""
        self._texts.leave(uuid, ref)

    def stay(self, uuid: str) -> dict[str, Any] | None:
        """Where the customer waits, or with whom they write, to be kept. Documents are kept by themselves."""
        return self._texts.stay(uuid)

    def gone(self, uuid: str, outcome: Outcome = Outcome.ABANDONED) -> None:
        self._texts.gone(uuid, outcome)
        self._callers.gone(uuid, outcome)  # tells whoever wants to call this customer back
