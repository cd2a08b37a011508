"""All of the floor, put together."""

from __future__ import annotations

import secrets
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from cti.acd.inputs import SetQueue
from cti.runtime.floor.agent_legs import ALERT
from cti.runtime.floor.assists import Assists
from cti.runtime.floor.callers import Callers
from cti.runtime.floor.comfort import MUSIC
from cti.runtime.floor.desk import Desk
from cti.runtime.floor.hub import Hub
from cti.runtime.floor.hunting import Hunting
from cti.runtime.floor.lines import Lines
from cti.runtime.floor.orders import Orders
from cti.runtime.floor.owner import FloorOwner
from cti.runtime.floor.permanent import PermanentLegs
from cti.runtime.floor.phones import Phones
from cti.runtime.floor.publisher import Publisher
from cti.runtime.floor.putting_back import PuttingBack
from cti.runtime.floor.rebuilding import Rebuilding
from cti.runtime.floor.recording import TalkRecording
from cti.runtime.floor.seats import Seats
from cti.runtime.floor.seats_kept import SeatsKept
from cti.runtime.floor.supervision import Supervision
from cti.runtime.floor.talks import Talks
from cti.runtime.floor.talks_back import TalksBack
from cti.runtime.floor.talks_kept import TalksKept
from cti.runtime.floor.text_desk import TextDesk
from cti.runtime.floor.texts import Texts
from cti.runtime.floor.views import WRITTEN, Views
from cti.runtime.floor.wrapups import WrapUps

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

    from cti.acd import QueueConfig
    from cti.core.wrapups import Dispositions
    from cti.ports import Clock, LegControl
    from cti.runtime.floor.dials import Dials
    from cti.runtime.floor.permanent import PermanentLeg
    from cti.runtime.floor.talk import Talk
    from cti.runtime.services import PromptDesk


class Floor:
    """``legs``: by the name of a switch. ``music``: by queue. ``recorded``: queues whose talks are recorded.
    ``dispositions``: by queue; by the empty name: of calls that agents place. ``switches``: those that are up.
    ``idle``, ``alert``: what is heard in a permanent leg between contacts, and while one is offered."""

    def __init__(
        self,
        clock: Clock,
        queues: Iterable[QueueConfig],
        prompts: PromptDesk,
        legs: Callable[[str], LegControl],
        music: Mapping[str, str],
        recorded: Collection[str] = (),
        dispositions: Mapping[str, Dispositions] = MappingProxyType({}),
        *,
        switches: Callable[[], Mapping[str, LegControl]],
        idle: Sequence[str] = (),
        alert: str = ALERT,
    ) -> None:
        self.owner = FloorOwner(clock)
        self.phones = Phones(switches)
        self.permanent = PermanentLegs(self.owner, self.phones, idle)
        self.lines = Lines(self.owner, self.permanent)
        cases = self.owner.acd.floor.cases
        self.hub = Hub(secrets.token_hex(8), clock.monotonic, live=lambda contact: contact in cases)
        self.seats = Seats(self.lines, self.hub, clock)
        self.seats_kept = SeatsKept(self.owner, self.seats, self.lines)
        self.wrapups = WrapUps(self.owner, dispositions)  # before the two who tell and keep what was written
        self.publisher = Publisher(self.owner, self.hub, self.seats, self.wrapups)  # before talks
        self.talks = Talks(self.owner, self.lines, prompts, alert)
        self.talks.leg_listeners.append(self.permanent.leg_event)
        self._hunting = Hunting(self.lines)
        self.dials: Dials | None = None  # where calls can be placed
        self.callers = Callers(self.owner, self.talks, legs, music=music, hunted=self._hunting.queues)
        self.desk = Desk(self.owner, self.lines, self.talks, self.callers, MUSIC)
        self.texts = Texts(self.owner, self.lines, self.publisher, self._hunting.queues)
        self.text_desk = TextDesk(self.owner, self.lines, self.talks, self.callers, self.texts)
        self.assists = Assists(self.owner, self.hub)
        self.views = Views(self.owner, self.lines, self.talks, self.seats, self.hub, self.wrapups, self.assists)
        self.talks_kept = TalksKept(self.owner, self.talks, self.callers, self.wrapups)
        self.talks_back = self._talks_back(_finder(legs))
        self.putting_back = PuttingBack(
            self.owner, self.talks, self.callers, self.talks_kept, self.talks_back, self._parted
        )
        self._recording = TalkRecording(recorded, self.seats.team)
        self.orders = Orders(self.owner, self.desk, self.views, self.publisher, self.hub, self.wrapups, self.assists)
        self.supervision = Supervision(self.owner, self.talks, self.publisher, self.assists)
        self._introduce()
        for queue in queues:
            self.owner.tell(SetQueue(queue))

    def _talks_back(self, find_legs: Callable[[str], LegControl | None]) -> TalksBack:
        """What an earlier engine left of talks and of permanent legs; in this order each hears of legs."""
        rebuilding = Rebuilding(self.owner, self.talks, self.callers, self.desk, MUSIC)
        back = TalksBack(
            self.owner, self.talks, self.callers, self.wrapups, self.talks_kept, self.seats_kept, rebuilding, find_legs
        )
        self.callers.there = lambda switch, calls: back.only(lambda name: name == switch, calls)
        self.seats_kept.find_legs = find_legs
        self.talks.leg_listeners.append(self.seats_kept.leg_event)  # after the permanent legs
        return back

    def _introduce(self) -> None:
        """Those who are told of something by one that was there before them."""
        self.wrapups.editable = lambda call: self.publisher.screens.editable(call)  # its screens are put in later
        self.permanent.told = self._permanent
        self.publisher.views, self.talks.moved = self.views, self._moved
        self.assists.changed = self.supervision.changed = self.talks_kept.change
        self.talks_kept.beside, self.talks_back.beside = self._beside, self._left_beside

    def _permanent(self, held: PermanentLeg) -> None:
        self.publisher.permanent(held)
        self.seats_kept.changed()

    def _beside(self, contact: str) -> dict[str, Any]:
        return {"assist": self.assists.kept(contact), "watched": self.supervision.kept(contact)}

    def _left_beside(self, told: dict[str, Any], later_s: float) -> None:
        """An earlier engine's; not told by one that kept neither."""
        case = self.owner.acd.floor.cases.get(told["contact"])
        if case is not None and told["state"] != "WORK" and (assist := told.get("assist")) is not None:
            self.assists.restore(case, self.views.scope(case), assist, later_s)
        self.supervision.left(told["contact"], told["agent"], told.get("watched", ()))

    def _parted(self, talk: Talk) -> None:
        self._recording.part(talk)
        self.supervision.part(talk)

    def _moved(self, talk: Talk) -> None:
        self.talks_kept.moved(talk)
        self.publisher.moved(talk)
        self._recording.moved(talk)
        self.supervision.moved(talk)
        self.assists.moved(talk)

    def desk_of(self, contact: str) -> Desk:
        """What does an agent's commands on this contact."""
        case = self.owner.acd.floor.cases.get(contact)
        return self.text_desk if case is not None and case.wish.medium in WRITTEN else self.desk

    def hunt(self, queue: str, phones: Sequence[str], rest_s: float) -> None:
        """Before the start."""
        self._hunting.add(queue, phones, rest_s)

    def start(self) -> None:
        self.owner.start()
        self.seats.start()
        self.publisher.start()
        self._hunting.start()

    def stop(self, *, goes_on: bool = False) -> None:
        """``goes_on``: the next engine has agents' legs and contacts."""
        self.talks_back.stop()
        if goes_on:
            self.talks_kept.save()
            self.seats_kept.leave()
            self.permanent.leave()
        else:
            self.talks_kept.forget_all()
            self.permanent.stop()
        self._hunting.stop()
        self.publisher.stop()
        self.seats.stop()
        self.owner.stop()


def _finder(legs: Callable[[str], LegControl]) -> Callable[[str], LegControl | None]:
    """None: the switch is not ours any more."""

    def find(switch: str) -> LegControl | None:
        try:
            return legs(switch)
        except KeyError:
            return None

    return find
