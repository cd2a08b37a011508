"""The socket way: connections by mode, made when they are needed, and what an operator sees of them."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import gevent
from gevent.event import Event

from cti.boss.way import Question, WayError
from cti.boss.ways.socket.addresses import BackOff
from cti.boss.ways.socket.channel import Channel
from cti.boss.ways.socket.dialling import Dialler
from cti.boss.ways.socket.frame import Frame
from cti.boss.ways.socket.messages import Messages
from cti.boss.ways.socket.options import SocketBackend
from cti.core.targets import ANYWHERE, TargetRules

#: Where nothing happens, connections are looked at so often, in seconds.
KEEPER_S = 5.0

#: Ends of a connection that say nothing of the peer.
OUR_ENDS = ("closed", "done", "idle")


class SocketWay:
    """Implements `cti.boss.way.Way`. ``folder``: from which relative paths count. Raises ConfigError for what can never
    work."""

    def __init__(self, options: SocketBackend, folder: Path, targets: TargetRules = ANYWHERE) -> None:
        self._options, self._messages = options, Messages(options)
        self._counts: Counter[str] = Counter()
        self._dialler = Dialler(options, folder, self._messages, self._counts, targets)
        self._back_off = BackOff(random.random)
        self._channels: dict[Channel, gevent.Greenlet[Any, Any]] = {}
        #: per_request and exclusive: those that are lent out.
        self._lent: set[Channel] = set()
        #: How many questions a connection had when it was made: the login's.
        self._questions: dict[Channel, int] = {}
        self._dialling: set[gevent.Greenlet[Any, Any]] = set()
        self._changed = Event()
        self._made = 0
        self._closed = False

    def ask(self, question: Question) -> Mapping[str, Any]:
        name = question.target.message
        return self._messages.decode(name, self._exchange(name, question.fields, question.deadline))

    def probe(self, deadline: float) -> None:
        """Connect and log in; and a heartbeat, where there is one."""
        beat = self._options.heartbeat
        if beat is not None:
            self._exchange(beat.send, {}, deadline)
            return
        channel = self._channel(deadline)
        self._give_back(channel)

    def facts(self) -> Mapping[str, int | float | str]:
        counts = self._counts
        return {
            "connections": len(self._channels),
            "outstanding": sum(channel.outstanding for channel in self._channels),
            "reconnects": max(0, self._made - self._options.connections) if self._pooled else self._made,
            "late": counts["late"],
            "twice": counts["twice"],
            "stray": counts["stray"] + counts["wrong"],
            "connect_failures": self._back_off.failures,
            "last_failure": self._back_off.reason,
        }

    def close(self) -> None:
        self._closed = True
        gevent.killall(list(self._dialling))
        for channel in list(self._channels):
            channel.end("closed")
        self._changed.set()

    # ---- a question on a connection --------------------------------------------------------------------------------

    @property
    def _pooled(self) -> bool:
        return self._options.mode != "per_request"

    @property
    def _shared(self) -> bool:
        return self._options.mode in ("pipelined", "multiplex")

    def _exchange(self, name: str, fields: Mapping[str, Any], deadline: float) -> Frame:
        make = self._messages.request(name, fields)  # before a connection: values that do not fit need none
        channel = self._channel(deadline)
        try:
            frame = channel.ask(make, deadline)
            self._back_off.worked()
            return frame
        finally:
            self._give_back(channel)

    def _channel(self, deadline: float) -> Channel:
        """One with room for a question. Raises WayError, never sent."""
        while True:
            if self._closed:
                raise WayError("error", "closed", sent=False)
            free = [channel for channel in self._channels if channel.room() and channel not in self._lent]
            may_dial = len(self._channels) + len(self._dialling) < self._options.connections
            if free and (not self._shared or not may_dial or free[0].outstanding == 0):
                channel = min(free, key=lambda one: one.outstanding)
                if not self._shared:
                    self._lent.add(channel)
                return channel
            now = time.monotonic()
            if may_dial:
                if now < self._back_off.until:
                    raise WayError("error", self._back_off.reason, sent=False)
                self._dial()
            if free:
                return min(free, key=lambda one: one.outstanding)
            if now >= deadline:
                waits = "connecting" if self._dialling else "no-free-connection"
                raise WayError("timeout", waits, sent=False)
            self._changed.clear()
            self._changed.wait(timeout=deadline - now)

    def _dial(self) -> None:
        """By a greenlet of its own: one caller's impatience must not cost the others the connection."""

        def run() -> None:
            try:
                channel = self._dialler.dial(self._ended)
            except WayError as error:
                self._back_off.failed(time.monotonic(), error.reason)
            else:
                self._made += 1
                self._questions[channel] = channel.questions
                if channel.ended:
                    self._useless(channel)
                else:
                    self._channels[channel] = gevent.spawn(self._keep, channel)
            finally:
                self._dialling.discard(greenlet)
                self._changed.set()

        greenlet = gevent.spawn(run)
        self._dialling.add(greenlet)

    def _give_back(self, channel: Channel) -> None:
        self._lent.discard(channel)
        if not self._pooled:
            channel.end("done")
        self._changed.set()

    def _ended(self, channel: Channel) -> None:
        keeper = self._channels.pop(channel, None)
        if keeper is not None and keeper is not gevent.getcurrent():
            keeper.kill(block=False)
        self._counts[channel.ended] += 1
        self._useless(channel)
        self._changed.set()

    def _useless(self, channel: Channel) -> None:
        """A peer that takes connections and ends them at once must not be dialled on and on."""
        if self._questions.pop(channel, None) == channel.questions and channel.ended not in OUR_ENDS:
            self._back_off.failed(time.monotonic(), channel.ended)

    # ---- what nobody asked for -------------------------------------------------------------------------------------

    def _keep(self, channel: Channel) -> None:
        """Heartbeats of one connection, and its end when nobody uses it."""
        beat, idle_s = self._options.heartbeat, self._options.idle_s
        if not self._pooled or (beat is None and idle_s is None):
            return
        misses = 0
        pause = min(beat.every_s if beat else KEEPER_S, idle_s or KEEPER_S)
        due = time.monotonic() + (beat.every_s if beat else 0.0)
        while not channel.ended:
            gevent.sleep(pause)
            now = time.monotonic()
            if idle_s is not None and not channel.outstanding and now - channel.asked >= idle_s:
                channel.end("idle")
            elif beat is not None and now >= due and channel not in self._lent and channel.room():
                misses = 0 if self._beat(channel) else misses + 1
                if misses >= beat.misses:
                    channel.end("heartbeat-missed")
                due = time.monotonic() + beat.every_s

    def _beat(self, channel: Channel) -> bool:
        """Has anything been heard of it?"""
        beat = self._options.heartbeat
        assert beat is not None
        heard = channel.received
        if not self._shared:
            self._lent.add(channel)
        asked = channel.asked
        try:
            frame = channel.ask(self._messages.request(beat.send, {}), time.monotonic() + beat.every_s)
        except WayError:
            return channel.received != heard
        finally:
            channel.asked = asked  # a heartbeat is no use of it
            if not self._shared:
                self._lent.discard(channel)
                self._changed.set()
        return beat.expect is None or self._messages.has_code(frame, beat.expect)
