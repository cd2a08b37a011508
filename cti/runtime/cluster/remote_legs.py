"""Legs on the switch of another process: `cti.ports.LegControl` over the bus, for whoever distributes.

Orders go to one flow worker, which has the caller; what becomes of them comes back as the events of `cti.core.legs`.
"""

from __future__ import annotations

import logging
import re
from typing import TYPE_CHECKING, Any

import gevent

from cti.core import legs as l
from cti.core.errors import CtiError, DeadlineExceeded, SwitchUnavailable
from cti.runtime.cluster.codec import pack

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from cti.core.calls import NewCall
    from cti.ports import LegSink
    from cti.runtime.cluster.leading import Leading

log = logging.getLogger("cti.cluster")

LEG = "leg."
#: Whoever leads has asked for all the legs that it knows.
REST = f"{LEG}rest"
DIGITS = re.compile(r"[0-9A-D*#wW]{1,64}")
REGISTERED_S = 2.0


class RemoteLegs:
    """Of one switch, by one run of one worker. ``may_dial`` raises CtiError: destination-denied; it is asked here,
    where whoever wants to dial can be told."""

    def __init__(
        self, leading: Leading, worker: tuple[str, str], switch: str, may_dial: Callable[[l.Phone], object]
    ) -> None:
        self._leading, self._worker, self.switch, self._may_dial = leading, worker, switch, may_dial
        self._sink: LegSink | None = None
        self._ringing: set[str] = set()
        self._up: set[str] = set()  # answered legs of ours
        self.lost = False

    @property
    def name(self) -> str:
        """By which they are found again (`Leading.legs_of`)."""
        return f"{self.switch} {self._worker[0]} {self._worker[1]}"

    def attach(self, sink: LegSink) -> None:
        self._sink = sink

    # ---- what comes back -------------------------------------------------------------------------------------------

    def told(self, event: l.LegEvent) -> None:
        match event:
            case l.LegAnswered(leg) if leg in self._ringing:
                self._ringing.discard(leg)
                self._up.add(leg)
            case l.LegFound(leg, state):
                (self._ringing if state == "ringing" else self._up).add(leg)
            case l.LegFailed(leg):
                self._ringing.discard(leg)
            case l.LegHungUp(leg):
                self._up.discard(leg)
        if self._sink is not None:
            self._sink.leg_event(event)

    def let_go(self, legs: Collection[str]) -> None:
        """Whoever has the worker's calls next is asked for these."""
        self._ringing.difference_update(legs)
        self._up.difference_update(legs)

    def lose(self) -> None:
        """The worker is gone, and with it whoever could tell what becomes of its legs."""
        self.lost = True
        for leg in list(self._ringing):
            self.told(l.LegFailed(leg, "failed"))
        for leg in list(self._up):
            self.told(l.LegHungUp(leg, ""))

    # ---- phones ----------------------------------------------------------------------------------------------------

    def check(self, phone: l.Phone) -> None:
        self._may_dial(phone)

    def ring(
        self, leg: str, phone: l.Phone, *, ring_s: float, call: str, caller_number: str, headers: Mapping[str, str]
    ) -> None:
        self._may_dial(phone)
        self._ringing.add(leg)
        self._order("ring", leg, phone, ring_s=ring_s, call=call, caller_number=caller_number, headers=headers)
        if self.lost:
            self.told(l.LegFailed(leg, "failed"))

    def registered(self, user: str) -> bool:
        try:
            found = self._leading.ask(*self._worker, f"{LEG}registered", self._body([user], {}), REGISTERED_S)
        except DeadlineExceeded as error:
            raise SwitchUnavailable(f"switch {self.switch}: {error.message}") from error
        if found is None:
            raise SwitchUnavailable(f"switch {self.switch} does not answer")
        return bool(found)

    def stop(self, leg: str) -> None:
        self._order("stop", leg)

    def keep(self, leg: str, phone: l.Phone) -> None:
        self._order("keep", leg, phone)
        if self.lost:
            self.told(l.LegHungUp(leg, ""))

    def take_up(self, a: str, b: str) -> None:
        self._order("take_up", a, b)

    def take_up_room(self, room: str, legs: Sequence[str]) -> None:
        self._order("take_up_room", room, legs)

    def let_be(self, leg: str) -> None:
        self._order("let_be", leg)

    def meet(self, leg: str, call: NewCall) -> None:
        self._up.discard(leg)
        self._order("meet", leg, call)

    def answer(self, leg: str) -> None:
        self._order("answer", leg)

    def hang_up(self, leg: str, cause: str = "NORMAL_CLEARING") -> None:
        self._order("hang_up", leg, cause)
        if self.lost and leg in self._up:
            self.told(l.LegHungUp(leg, ""))

    # ---- audio -----------------------------------------------------------------------------------------------------

    def play(self, leg: str, ref: int, audio: Sequence[str]) -> None:
        self._order("play", leg, ref, audio)

    def stop_play(self, leg: str, ref: int) -> None:
        self._order("stop_play", leg, ref)

    def mute(self, leg: str, on: bool, done: Callable[[bool], None] | None = None) -> None:
        self._order("mute", leg, on, done=done)

    def send_dtmf(self, leg: str, digits: str, done: Callable[[bool], None] | None = None) -> None:
        if not DIGITS.fullmatch(digits):
            raise CtiError("these are no keys", code="bad-digits", remedy="0-9, A-D, * and #; w for a pause")
        self._order("send_dtmf", leg, digits, done=done)

    # ---- talks -----------------------------------------------------------------------------------------------------

    def bridge(self, a: str, b: str) -> None:
        self._order("bridge", a, b)

    def unbridge(self, a: str, b: str) -> None:
        self._order("unbridge", a, b)

    def hold(self, leg: str, music: Sequence[str]) -> None:
        self._order("hold", leg, music)

    def retrieve(self, leg: str) -> None:
        self._order("retrieve", leg)

    def park(self, leg: str, music: Sequence[str]) -> None:
        self._order("park", leg, music)

    def pick_up(self, leg: str, by: str) -> None:
        self._order("pick_up", leg, by)

    def take_over(self, leg: str, target: str) -> None:
        self._order("take_over", leg, target)

    def conference(self, room: str, legs: Sequence[str]) -> None:
        self._order("conference", room, legs)

    def join(self, room: str, leg: str) -> None:
        self._order("join", room, leg)

    def leave(self, room: str, leg: str) -> None:
        self._order("leave", room, leg)

    def kick(self, room: str, leg: str) -> None:
        self._order("kick", room, leg)

    def monitor(self, leg: str, target: str, mode: str) -> None:
        self._order("monitor", leg, target, mode)

    def stop_monitor(self, leg: str) -> None:
        self._order("stop_monitor", leg)

    # ---- recordings: of legs that we called. Callers' are their run's. -----------------------------------------------

    def start_recording(self, leg: str, path: str) -> None:
        """Refused: the file would be on the worker's machine, and on record as one of ours."""
        log.warning("leg %s is not recorded: calls that agents or callbacks place are not, with roles apart", leg)
        self.told(l.LegRecordingFailed(leg, "start"))

    def pause_recording(self, leg: str, on: bool, done: Callable[[bool], None] | None = None) -> None:
        if done is not None:
            done(False)

    def mask_recording(self, leg: str, on: bool) -> None:
        pass

    def stop_recording(self, leg: str) -> None:
        pass

    # ---- inside ------------------------------------------------------------------------------------------------------

    def _order(self, what: str, *args: Any, done: Callable[[bool], None] | None = None, **named: Any) -> None:
        """To a worker that is gone nothing is ordered: come anew, it has its talks, and they are nobody's here."""
        if self.lost:
            if done is not None:
                gevent.spawn(done, False)
            return
        body = self._body(args, named)
        if done is not None:
            body["done"] = self._leading.later(lambda ok: done(bool(ok)))
        self._leading.send(*self._worker, LEG + what, body)

    def _body(self, args: Sequence[Any], named: Mapping[str, Any]) -> dict[str, Any]:
        return {"switch": self.switch, "args": pack(tuple(args)), "named": {name: pack(v) for name, v in named.items()}}
