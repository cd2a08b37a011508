"""One application at a time on one channel.

The switch would nest a second application inside a running one, and `uuid_break` is not queued behind what was sent
before it: it acts at once on whatever runs, and is forgotten when an application starts (switch_core_session_exec
clears CF_BREAK). So a break sent before "its" playback began is lost, and one sent together with the next playback
may hit that one. Hence: nothing is sent before the end of what runs, and a break is repeated until that end is told.
A repeated break that comes too late finds an idle channel, where the next start forgets it.
"""

from __future__ import annotations

import logging
from collections import deque
from time import monotonic
from typing import TYPE_CHECKING, Any, Protocol

import gevent

from cti.core.errors import CtiError
from cti.switch.links.errors import LinkLost
from cti.switch.orders import End, Facts, Kind, Order, State, look

if TYPE_CHECKING:
    from cti.esl import Frame
    from cti.switch.links.pending import Pending

log = logging.getLogger("cti.switch")

#: Breaks are repeated after 0.1, 0.2, 0.4 … s: a switch that is short of time has no use for more to do.
RETRY_S, RETRY_MOST_S = 0.1, 0.8
RETRIES = 5
ENDS_ITSELF_S = 0.03
PARK_S = 2.0  # from the end of a bridge to CHANNEL_PARK; recorded: 1 ms
VANISHED_S = 2.0  # from "no such session" to the hang-up event that must be on its way
SHORTEST_MUSIC_S = 0.5
FAXES = ("txfax", "rxfax")


class Wire(Protocol):
    """What lanes do on the switch; the driver's side of them. Nothing here blocks."""

    @property
    def epoch(self) -> int: ...

    @property
    def up(self) -> bool: ...

    def start(self, lane: Lane, order: Order) -> Pending[Frame]:
        """Give the order a new token and send it. Raises CtiError."""

    def api(self, command: str, *args: str) -> None: ...

    def execute(self, lane: Lane, application: str) -> None:
        """Inside of what runs."""

    def cut(self, lane: Lane, order: Order) -> None:
        """Try to end what no break ends: a conference, an eavesdropping."""

    def over(self, lane: Lane, order: Order, end: End, told: Facts | None) -> None: ...

    def vanished(self, lane: Lane) -> None:
        """The switch knows no such channel, and no hang-up was told."""


class Lane:
    def __init__(self, uuid: str, wire: Wire) -> None:
        self.uuid = uuid
        self.running: Order | None = None
        self.gone = False
        self._wire = wire
        self._waiting: deque[Order] = deque()
        self._music: str | None = None
        self._timer: gevent.Greenlet[..., None] | None = None
        self._doubt: gevent.Greenlet[..., None] | None = None

    @property
    def faxing(self) -> bool:
        return self.running is not None and self.running.kind is Kind.FAX

    # ---- orders --------------------------------------------------------------------------------------------------

    def put(self, order: Order, *, first: bool = False) -> None:
        if self.gone:
            return  # the hang-up event is the answer
        if first:
            self._waiting.appendleft(order)
        else:
            self._waiting.append(order)
        if self.running is not None and self.running.kind is Kind.MUSIC:
            self._stop_running()
        self.pump()

    def stop(self, kind: Kind, ref: int) -> None:
        running = self.running
        if running is not None and (running.kind, running.ref) == (kind, ref):
            self._stop_running()
            return
        for order in self._waiting:
            if (order.kind, order.ref) == (kind, ref):
                self._waiting.remove(order)
                self._wire.over(self, order, End.CANCELLED, None)
                return

    def set_music(self, argument: str | None) -> None:
        self._music = argument
        if argument is None and self.running is not None and self.running.kind is Kind.MUSIC:
            self._stop_running()
        self.pump()

    def occupy(self, order: Order) -> None:
        """Something of an earlier engine runs: wait for its end, which is hurried."""
        self.running = order
        self._stop_running()

    def meet(self, order: Order) -> None:
        """`uuid_bridge` takes the channel: what runs is cut short by it, what waits is dropped, unless the switch
        refuses (`back`). Music comes back afterwards unless it is stopped meanwhile. Ends by `parked`, or by `part`."""
        order.cut, self.running = self.running, order
        self._cancel_timer()
        order.dropped = list(self._waiting)
        self._waiting.clear()
        order.acknowledged, order.epoch, order.began = True, self._wire.epoch, monotonic()

    def met(self, order: Order) -> None:
        """They talk, or it was tried: what ran before is over."""
        cut, dropped = order.cut, order.dropped
        order.cut, order.dropped = None, []
        if cut is not None and cut.kind not in (Kind.MUSIC, Kind.FOREIGN):
            self._wire.over(self, cut, End.OVERDUE, None)
        for waiting in dropped:
            self._wire.over(self, waiting, End.CANCELLED, None)

    def back(self, order: Order) -> None:
        """The switch refused, and nothing has changed."""
        if self.running is not order:
            return
        self.running = cut = order.cut
        self._waiting.extendleft(reversed(order.dropped))
        order.cut, order.dropped = None, []
        self._wire.over(self, order, End.FAILED, None)
        if cut is not None and cut.kind is Kind.MEET and order.parked:
            self._finish(cut, End.COMPLETED, None)
        elif cut is not None and cut.stopping:
            self._hurry(cut, RETRIES)
        self.pump()

    def part(self, order: Order) -> None:
        """They talk no longer, or never did: free as soon as the channel parks."""
        if self.running is not order or order.parking:
            return
        self.met(order)
        if order.parked:
            self._finish(order, End.COMPLETED, None)
        else:
            order.parking = True
            self._set_timer(PARK_S, self._finish, order, End.OVERDUE, None)

    def pump(self) -> None:
        """Begin what is next, when nothing runs and the switch can be reached. A conference lasts until there is
        something else to be done."""
        running = self.running
        if running is not None and running.kind is Kind.ROOM and (self._waiting or self._music is not None):
            self._stop_running()
        while self.running is None and not self.gone and self._wire.up:
            if self._waiting:
                self._begin(self._waiting.popleft())
            elif self._music is not None:
                self._begin(Order(Kind.MUSIC, 0, "playback", self._music))
            else:
                return

    def doubt(self) -> None:
        """The switch knows no such channel: its hang-up must be on its way to us, or was never told."""
        if self._doubt is None and not self.gone:
            self._doubt = gevent.spawn_later(VANISHED_S, self._wire.vanished, self)

    def close(self) -> None:
        """The channel is gone."""
        self.gone = True
        self.running = None
        self._waiting.clear()
        self._music = None
        self._cancel_timer()
        if self._doubt is not None and self._doubt is not gevent.getcurrent():
            self._doubt.kill(block=False)

    # ---- what the switch tells -------------------------------------------------------------------------------------

    def completed(self, token: str, event: Facts) -> bool:
        """EXECUTE_COMPLETE; True when it was ours. A bridge that succeeded is over when the channel parks again:
        what is sent before would run on a channel that is on its way to another state."""
        order = self.running
        if event.get("Application") == "stopfax":
            return False  # it ran inside of the fax, whose own end is to come
        if order is not None and order.cut is not None and order.cut.token == token != "":
            cut, order.cut = order.cut, None
            cut.stopping = True  # how the switch names an ending that we brought about does not matter
            if cut.kind is not Kind.MUSIC:
                self._wire.over(self, cut, End.COMPLETED, event)
            return True
        foreign = order is not None and order.foreign and event.get("Application") == order.application
        if order is None or (order.token != token and order.kind is not Kind.FOREIGN and not foreign):
            return False
        if order.kind is Kind.BRIDGE and order.joined and not order.parking:
            order.parking = True
            self._set_timer(PARK_S, self._finish, order, End.COMPLETED, event)
        elif not order.parking:
            self._finish(order, End.COMPLETED, event)
        return True

    def parked(self, event: Facts) -> None:
        order = self.running
        if order is None or order.kind not in (Kind.BRIDGE, Kind.MEET):
            return
        if order.joined or order.parking:
            self._finish(order, End.COMPLETED, event)
        else:
            order.parked = True

    def settle(self, dump: Facts) -> None:
        """After a gap in the events: find out what became of what ran, and go on."""
        order = self.running
        if order is not None and order.kind is Kind.MEET:
            return  # `Talks.settle` finds out
        if order is not None and order.epoch < self._wire.epoch and order.kind is not Kind.FOREIGN:
            state = look(order, dump)
            if state is State.ENDED:
                self._finish(order, End.COMPLETED, dump)
            elif state is State.NEVER and order.stopping:
                self._finish(order, End.CANCELLED, None)
            elif state is State.NEVER:
                self.running = None
                self._waiting.appendleft(order)
            elif order.stopping:
                self._hurry(order, RETRIES)
        elif order is not None and order.stopping:
            self._hurry(order, RETRIES)
        self.pump()

    # ---- inside ------------------------------------------------------------------------------------------------------

    def _begin(self, order: Order) -> None:
        order.acknowledged = order.stopping = False
        order.epoch = self._wire.epoch
        order.began = monotonic()
        self.running = order
        try:
            reply = self._wire.start(self, order)
        except LinkLost:
            self.running = None
            self._waiting.appendleft(order)
            return
        except CtiError as error:
            log.warning("call %s: %s not sent: %s", self.uuid, order.application, error)
            self._finish(order, End.FAILED, None)
            return
        token = order.token
        reply.add_callback(lambda answered: self._replied(order, token, answered))

    def _replied(self, order: Order, token: str, answered: Pending[Frame]) -> None:
        if self.running is not order or order.token != token or answered.value is None:
            return  # without an answer the link is lost: `settle` finds out
        reply = answered.value.reply
        if reply.startswith("+OK"):
            order.acknowledged = True
        elif "invalid session" in reply or "No such channel" in reply:
            self.doubt()
        else:
            log.warning("call %s: the switch refused %s: %s", self.uuid, order.application, reply[:100])
            self._finish(order, End.FAILED, None)

    def _stop_running(self) -> None:
        order = self.running
        if order is not None and not order.stopping and not order.parking:
            order.stopping = True
            if order.keys:  # most likely it has ended at the digit that we stop it for, and we are about to hear so
                self._set_timer(ENDS_ITSELF_S, self._hurry, order, RETRIES)
            else:
                self._hurry(order, RETRIES)

    def _hurry(self, order: Order, left: int) -> None:
        """Break it, again and again until its end is told; by the last time that end is taken for granted."""
        if self.running is not order or not order.stopping or not self._wire.up:
            return  # once the link is back, `settle` goes on
        if not left:
            log.warning("call %s: no word of the end of %s", self.uuid, order.application)
            self._finish(order, End.OVERDUE, None)
            return
        if order.kind is Kind.BRIDGE:
            self._wire.api("uuid_kill", order.other, "ORIGINATOR_CANCEL")
        elif order.kind in (Kind.ROOM, Kind.SPY):
            self._wire.cut(self, order)
        elif order.application in FAXES:
            self._wire.execute(self, "stopfax")  # a break does not end a fax (mod_spandsp_fax.c)
        else:
            self._wire.api("uuid_break", self.uuid)
        wait_s = min(RETRY_MOST_S, RETRY_S * 2 ** (RETRIES - left))
        self._set_timer(wait_s, self._hurry, order, left - 1)

    def _finish(self, order: Order, end: End, told: Facts | None) -> None:
        if self.running is not order:
            return
        self.running = None
        self._cancel_timer()
        if order.kind is Kind.MUSIC:
            self._music_over(order, end)
        self._wire.over(self, order, end, told)
        self.pump()

    def _music_over(self, order: Order, end: End) -> None:
        if not order.stopping and (end is End.FAILED or monotonic() - order.began < SHORTEST_MUSIC_S):
            log.warning("call %s: the music cannot be played, or is too short to be repeated", self.uuid)
            self._music = None

    def _set_timer(self, seconds: float, work: Any, *arguments: Any) -> None:
        self._cancel_timer()
        self._timer = gevent.spawn_later(seconds, work, *arguments)

    def _cancel_timer(self) -> None:
        timer, self._timer = self._timer, None
        if timer is not None and timer is not gevent.getcurrent():
            timer.kill(block=False)
