"""What calls see of queues, whoever distributes them.

`cti.runtime.floor.callers.Callers` is in the process that distributes, `cti.runtime.cluster.remote_queues.RemoteQueues`
in a flow worker. A call that is written, or a fax, has a `cti.runtime.floor.text_line.TextLine` before either.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from cti.acd.states import Outcome

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from cti.core.commands import EnterQueue
    from cti.core.transcripts import Line
    from cti.ports import MusicControl
    from cti.runtime.floor.stays import Stay


@dataclass(frozen=True, slots=True)
class Entrant:
    """Whom a run hands over to a queue. ``uuid``: of the call, whose music ``switch`` plays. ``post``: to the run's
    mailbox. ``returns``: the call was found alive, after the end of another engine; ``stay``: where it waited then, or
    with whom it talked, if that is known."""

    uuid: str
    switch: MusicControl
    wish: EnterQueue
    post: Callable[[Any], None]
    returns: bool = False
    stay: Stay | None = None


class Queues(Protocol):
    """What the flow of one call sees of queues. Every method returns at once; what becomes of the entrant is posted:
    `QueueConnected` and `QueueEnded` with the reference of its wish, legs that join and leave."""

    def enter(self, who: Entrant) -> None:
        """Whom a ``stay`` is known of keeps its place and its time."""

    def take_back(self, who: Entrant, *, talking: bool, connected: bool) -> bool:
        """The caller was found alive, after the end of another engine, in a talk or on hold: ``talking`` tells that it
        is bridged, or in a conference; ``connected``: its run knows that it was connected. False: it was at no agent,
        or the talk never began; else it is there again, as the switch tells."""

    def leave(self, uuid: str, ref: int, *, keep_place: bool) -> None:
        """The call goes on elsewhere in its flow: a phone that rings is stopped. ``ref``: of the wish, nothing when the
        call waits by another one. ``keep_place``: while it decides about a callback."""

    def stay(self, uuid: str) -> Stay | None:
        """Where the call waits, or talks, to be kept; None: nowhere."""

    def gone(self, uuid: str, outcome: Outcome = Outcome.ABANDONED) -> None:
        """The call is over, or leaves by a key; nothing when it is in no queue."""


class EngineQueues(Queues, Protocol):
    """What an engine is given: it tells as well which calls are there."""

    def there(self, switch: str, calls: Collection[str], /) -> None:
        """This switch is up, by name, with these callers."""

    def lost(self, calls: Collection[str], /) -> None:
        """These ended while no engine was there: their places are free."""


class WrittenQueues(Protocol):
    """As `Queues`, of those who write and of faxes."""

    def enter(self, who: Entrant, medium: str, send: Callable[[str, str], Line] | None) -> None:
        """``send``: what an agent writes, to this customer; None: nothing can be written back (a fax)."""

    def leave(self, uuid: str, ref: int) -> None: ...

    def stay(self, uuid: str) -> Stay | None: ...

    def gone(self, uuid: str, outcome: Outcome = Outcome.ABANDONED) -> None: ...
