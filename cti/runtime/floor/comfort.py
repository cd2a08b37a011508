"""What callers hear while they wait in a queue: music, and where they stand."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import gevent

from cti.core import events as ev

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from cti.runtime.floor.owner import FloorOwner
    from cti.runtime.queues import Entrant

#: Played again and again while a caller waits, so it is finite (DESIGN 3.1).
MUSIC = "tone_stream://%(300,9700,350,440)"


@dataclass(slots=True, eq=False)
class Caller:
    """``contact``: as what the distribution knows the caller at present. ``suspended``: the place is kept while the
    flow asks about a callback. ``stood``: it has been in a queue. ``timers``: of announcements."""

    who: Entrant
    contact: str
    suspended: bool = False
    stood: bool = False
    timers: set[gevent.Greenlet[Any, Any]] = field(default_factory=set)

    @property
    def uuid(self) -> str:
        return self.who.uuid


class Comfort:
    """``music``: by queue. ``here``: whether this caller is still in a queue, or with an agent by its doing."""

    def __init__(self, owner: FloorOwner, music: Mapping[str, str], here: Callable[[Caller], bool]) -> None:
        self._owner, self._music, self._here = owner, music, here

    def play(self, caller: Caller) -> None:
        caller.who.switch.start_music(caller.uuid, [self._music.get(caller.who.wish.queue, MUSIC)])

    def announce(self, caller: Caller) -> None:
        """From now on, as often as the flow asks for."""
        if (every_s := caller.who.wish.announce_every_s) and self._here(caller):
            timer = gevent.spawn_later(every_s, self._tell_place, caller)
            caller.timers.add(timer)
            timer.rawlink(caller.timers.discard)

    def end(self, caller: Caller) -> None:
        """No music and no announcements any more."""
        self.silence(caller)
        caller.who.switch.stop_music(caller.uuid)

    def silence(self, caller: Caller) -> None:
        """No announcements any more."""
        current = gevent.getcurrent()
        for timer in tuple(caller.timers):
            if timer is not current:
                timer.kill(block=False)

    def _tell_place(self, caller: Caller) -> None:
        if caller.suspended or not self._here(caller):
            return
        case = self._owner.acd.floor.cases.get(caller.contact)
        place = self._owner.place(caller.contact)
        if case is not None and case.desk is None and place is not None:
            caller.who.post(ev.QueueAnnounced(caller.who.wish.ref, place.position, place.wait_s))
        self.announce(caller)
