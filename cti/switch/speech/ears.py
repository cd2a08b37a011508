"""Who listens on one switch: `detect_speech` begun, its events read, and an end to every wait.

What FreeSWITCH 1.10.12 does, and this builds on (recorded: tests/transcripts/in_detect_speech.txt):

* An engine that is missing, or refuses the grammar, is told by no event. A session that listens has begun with
  MEDIA_BUG_START before the application completes; without that, or with its MEDIA_BUG_STOP, nobody listens.
* Results are queued on the channel and told by `park`; a playback would swallow them. ``fire_asr_events`` tells them at
  once, and then once more: it is not set.
* DETECTED_SPEECH does not say which session it belongs to. ``closed`` is the last of each and may come after the
  beginning of the next; so the next begins only after the ``closed`` of the one before, or `CLOSE_S`.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

import gevent

from cti.core.errors import CtiError
from cti.core.events import Heard
from cti.switch.speech.results import Outcome, read_result

if TYPE_CHECKING:
    from cti.core.commands import Listen
    from cti.esl import Event, Frame
    from cti.switch.links.pending import Pending
    from cti.switch.speech.requests import Engine

log = logging.getLogger("cti.switch.speech")

SPEECH_EVENTS = ("DETECTED_SPEECH", "MEDIA_BUG_START", "MEDIA_BUG_STOP")
APPLICATION = "detect_speech"
GRACE_S = 1.0  # for the way to the engine and back
CLOSE_S = 1.0
Told = Callable[[Heard], None]


class Timer(Protocol):
    def kill(self, *, block: bool = True) -> object: ...


Later = Callable[..., Timer]
"""(seconds, work, *arguments): as `gevent.spawn_later`."""


class Wire(Protocol):
    """The driver's side."""

    epoch: int

    @property
    def up(self) -> bool: ...

    def run(self, uuid: str, application: str, argument: str) -> tuple[str, Pending[Frame]]:
        """Beside what runs; the token that its completion carries, and the reply. Raises CtiError."""


@dataclass(slots=True)
class Listening:
    """``token``: of the application that begins it, '' until then. ``bug``: the engine hears the channel's audio.
    ``probe``: the token of a stop that shows whether an earlier session is in the way; ``blocked``: it is."""

    wanted: Listen
    told: Told
    argument: str
    epoch: int
    token: str = ""
    bug: bool = False
    started: bool = False  # it heard it at some time
    probe: str = ""
    blocked: bool = False
    ready: bool = False
    speaking: bool = False
    timers: list[Timer] = field(default_factory=list)


class Ears:
    def __init__(self, wire: Wire, engine: Engine, *, later: Later = gevent.spawn_later) -> None:
        self._wire = wire
        self._engine = engine
        self._later = later
        self._listening: dict[str, Listening] = {}
        self._closing: dict[str, Timer] = {}  # stopped; ``closed`` is still to come
        self._unstopped: set[str] = set()  # the link was lost before they could be stopped

    def idle(self) -> bool:
        return not (self._listening or self._closing or self._unstopped)

    # ---- orders ----------------------------------------------------------------------------------------------------

    def listen(self, uuid: str, wanted: Listen, told: Told) -> None:
        """As `cti.ports.Recogniser`."""
        before = self._listening.get(uuid)
        if before is not None:
            self.stop(uuid, before.wanted.ref)
        try:
            argument = self._engine.argument(wanted) if self._wire.up else None
        except CtiError as error:
            log.error("%s; %s", error, error.remedy)
            argument = None
        if argument is None:
            log.info("call %s: nothing understands %s in %s now", uuid, wanted.expects, wanted.language)
            told(Heard(wanted.ref, "unavailable"))
            return
        listening = self._listening[uuid] = Listening(wanted, told, argument, self._wire.epoch)
        self._set(listening, wanted.silence_s + wanted.longest_s, self._overdue, uuid, listening)
        if uuid in self._unstopped:
            self._send_stop(uuid)
        if uuid not in self._closing:
            self._begin(uuid, listening)

    def stop(self, uuid: str, ref: int) -> None:
        listening = self._listening.get(uuid)
        if listening is not None and listening.wanted.ref == ref:
            self._leave(uuid, listening)

    def forget(self, uuid: str) -> None:
        """The call is over, or no longer ours."""
        listening = self._listening.pop(uuid, None)
        for timer in listening.timers if listening is not None else ():
            _cancel(timer)
        _cancel(self._closing.pop(uuid, None))
        self._unstopped.discard(uuid)

    # ---- what the switch tells -------------------------------------------------------------------------------------

    def on_event(self, event: Event) -> None:
        """Any event; those of others are passed over."""
        uuid = event.get("Unique-ID") or ""
        if event.name == "DETECTED_SPEECH":
            self._detected(uuid, event)
            return
        listening = self._listening.get(uuid)
        if listening is None or uuid in self._closing:
            return
        if event.name == "CHANNEL_EXECUTE_COMPLETE":
            token = event.get("Application-UUID") or "-"
            if token == listening.token:
                self._begun(uuid, listening)
            elif token == listening.probe:
                self._probed(uuid, listening)
        elif event.name in SPEECH_EVENTS and event.get("Media-Bug-Function") == APPLICATION:
            listening.bug = event.name == "MEDIA_BUG_START"
            listening.started = listening.started or listening.bug
            listening.blocked = not listening.started

    def _begun(self, uuid: str, listening: Listening) -> None:
        """The application is carried out. Where nobody listens by it, an earlier engine's session may still do, which
        then only has another grammar: a stop shows that."""
        listening.ready = True
        if listening.bug:
            return
        try:
            listening.probe, _ = self._wire.run(uuid, APPLICATION, "stop")
        except CtiError:
            log.info("call %s: the link was lost", uuid)  # the deadline ends it

    def _probed(self, uuid: str, listening: Listening) -> None:
        if listening.blocked:
            log.info("call %s: a recogniser of an earlier engine was stopped", uuid)
            listening.token, listening.ready = "", False
            self._await_closed(uuid)
            return
        problem = f"the switch has no recogniser {self._engine.name}, or it refused the grammar"
        listening.token = ""  # nothing is left to be stopped
        self._end(uuid, listening, Heard(listening.wanted.ref, "unavailable"), problem)

    def _detected(self, uuid: str, event: Event) -> None:
        kind = event.get("Speech-Type") or ""
        listening = self._listening.get(uuid)
        if uuid in self._closing:
            if kind == "closed":
                self._closed(uuid)
        elif listening is None or not listening.started:
            return  # of an earlier session
        elif kind == "detected-speech":
            self._result(uuid, listening, event)
        elif kind in ("begin-speaking", "detected-partial-speech"):
            listening.speaking = True
        elif kind == "closed":
            self._end(uuid, listening, Heard(listening.wanted.ref, "unavailable"), "the recogniser ended by itself")

    def _result(self, uuid: str, listening: Listening, event: Event) -> None:
        result = read_result(event.body, event.get("ASR-Completion-Cause") or "", self._engine.scale)
        ref = listening.wanted.ref
        heard = {
            Outcome.MATCH: Heard(ref, "heard", result.text, result.confidence),
            Outcome.NO_MATCH: Heard(ref, "heard"),
            Outcome.NO_INPUT: Heard(ref, "silence"),
            Outcome.BROKEN: Heard(ref, "unavailable"),
        }[result.outcome]
        self._end(uuid, listening, heard, result.problem)

    # ---- inside ----------------------------------------------------------------------------------------------------

    def _begin(self, uuid: str, listening: Listening) -> None:
        listening.epoch = self._wire.epoch
        try:
            listening.token, reply = self._wire.run(uuid, APPLICATION, listening.argument)
        except CtiError as error:
            self._end(uuid, listening, Heard(listening.wanted.ref, "unavailable"), f"not sent: {error}")
            return
        if self._engine.announces:
            self._set(listening, listening.wanted.silence_s + GRACE_S, self._quiet, uuid, listening)
        reply.add_callback(lambda answered: self._replied(uuid, listening, answered))

    def _replied(self, uuid: str, listening: Listening, answered: Pending[Frame]) -> None:
        reply = answered.value.reply if answered.value is not None else ""
        if reply and not reply.startswith("+OK"):
            self._end(uuid, listening, Heard(listening.wanted.ref, "unavailable"), f"the switch says {reply[:80]}")

    def _quiet(self, uuid: str, listening: Listening) -> None:
        """Nothing was said, and the engine, which should tell that, is late."""
        if not listening.speaking:
            self._overdue(uuid, listening)

    def _overdue(self, uuid: str, listening: Listening) -> None:
        lost = not listening.ready or listening.epoch != self._wire.epoch or not self._wire.up
        outcome = "unavailable" if lost else "heard" if listening.speaking else "silence"
        self._end(uuid, listening, Heard(listening.wanted.ref, outcome), "no result in time" if lost else "")

    def _end(self, uuid: str, listening: Listening, heard: Heard, problem: str = "") -> None:
        if self._listening.get(uuid) is not listening:
            return
        if problem:
            log.warning("call %s: speech: %s", uuid, problem)
        self._leave(uuid, listening)
        listening.told(heard)

    def _leave(self, uuid: str, listening: Listening) -> None:
        """Listen no longer; what was begun is stopped."""
        del self._listening[uuid]
        for timer in listening.timers:
            _cancel(timer)
        if listening.token:
            self._send_stop(uuid)

    def _send_stop(self, uuid: str) -> None:
        try:
            self._wire.run(uuid, APPLICATION, "stop")
        except CtiError:
            self._unstopped.add(uuid)
            return
        self._unstopped.discard(uuid)
        self._await_closed(uuid)

    def _await_closed(self, uuid: str) -> None:
        self._closing[uuid] = self._later(CLOSE_S, self._closed, uuid)

    def _closed(self, uuid: str) -> None:
        """Of the session before nothing comes any more."""
        _cancel(self._closing.pop(uuid, None))
        listening = self._listening.get(uuid)
        if listening is not None and not listening.token:
            self._begin(uuid, listening)

    def _set(self, listening: Listening, seconds: float, work: Callable[..., Any], *arguments: Any) -> None:
        listening.timers.append(self._later(seconds, work, *arguments))


def _cancel(timer: Timer | None) -> None:
    current: object = gevent.getcurrent()
    if timer is not None and timer is not current:
        timer.kill(block=False)
