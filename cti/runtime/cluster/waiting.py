"""A caller who waits in a queue that another process has, or talks by its doing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import gevent

    from cti.runtime.floor.stays import Stay
    from cti.runtime.queues import Entrant


@dataclass(slots=True, eq=False)
class Waiting:
    """``number``: of this stay, which tells it apart from others of the call. ``stay``: as the leader told it last.
    ``leg``: the agent's, in a talk. ``aside``: the place is kept while the flow asks about a
    callback. ``orphaned``: nobody who leads knows of its talk; ``asked``: who leads now has been asked. ``left``: in
    a talk that an earlier run of a worker left, of which nobody who leads has spoken yet; ``talking``: it was found
    with somebody."""

    who: Entrant
    number: int
    stay: Stay
    back: bool = False  # it stood there before, by another engine or leader
    connected: bool = False
    leg: str = ""
    aside: bool = False
    orphaned: bool = False
    asked: bool = False
    left: bool = False
    talking: bool = False
    timer: gevent.Greenlet[..., None] | None = None

    @property
    def uuid(self) -> str:
        return self.who.uuid
