"""The driver's part for recordings of a call: states of the channel, beside whatever runs on it.

A recording is no application. It is a state that is told to the switch again whenever that may have missed it, and
that the switch may end on its own: told by RECORD_STOP, or, where that fell into a gap of the events, by its refusal of
what is told then (`uuid_record` answers -ERR for a path that is not being recorded).
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from cti.core.errors import CtiError

if TYPE_CHECKING:
    from collections.abc import Callable

    from cti.esl import Event, Frame
    from cti.ports import CallSink
    from cti.switch.hearing import Leg
    from cti.switch.links import SwitchLinks
    from cti.switch.links.pending import Pending

log = logging.getLogger("cti.switch")

#: Record-Completion-Cause of a recording whose file could not be written, a full disk above all. The switch goes on
#: and tells at the end (switch_ivr_async.c: recording_thread).
UNWRITTEN = "uri-failure"


@dataclass(slots=True)
class Tape:
    """How a recording is to be. ``sent``: the switch was told to begin; ``runs``: it said that it has."""

    path: str
    paused: bool = False
    masked: bool = False
    sent: bool = False
    runs: bool = False
    stopping: bool = False


class Taped(Protocol):
    """A caller's leg, or one of our own. ``answer_wanted``: there is no audio yet; ``leaving``: it has hung up."""

    uuid: str
    tapes: list[Tape]
    answer_wanted: bool
    leaving: bool


class Tapes:
    """What `FreeSwitch` does for the `Switch` port here; its attributes are the driver's."""

    legs: dict[str, Leg]
    links: SwitchLinks
    _sink: CallSink

    def taped(self, uuid: str) -> Taped | None:
        """The leg, whosever it is."""
        return self.legs.get(uuid)

    def tape_failed(self, leg: Taped, action: str) -> None:
        self._sink.recording_failed(leg.uuid, action)

    def start_recording(self, uuid: str, path: str) -> None:
        leg = self.taped(uuid)
        if leg is not None:
            tape = Tape(path)
            leg.tapes.append(tape)
            self._sync(leg, tape)

    def pause_recording(self, uuid: str, on: bool, done: Callable[[bool], None] | None = None) -> None:
        running = self._running(uuid)
        for leg, tape in running:
            tape.paused = on
            self._tell(leg, tape, "pause" if on else "resume", done)
        if not running and done is not None:
            done(False)

    def mask_recording(self, uuid: str, on: bool) -> None:
        for leg, tape in self._running(uuid):
            tape.masked = on
            self._tell(leg, tape, "mask" if on else "unmask")

    def stop_recording(self, uuid: str) -> None:
        for leg, tape in self._running(uuid):
            tape.stopping = True
            if tape.sent:
                self._tell(leg, tape, "stop")
            else:
                leg.tapes.remove(tape)

    def sync_tapes(self, leg: Taped) -> None:
        """Tell the switch all of it: the call was answered, or the links are back."""
        for tape in list(leg.tapes):
            self._sync(leg, tape)

    def tape_over(self, leg: Taped, event: Event) -> None:
        """RECORD_STOP; also told of what the application `record` has written, which is not ours to judge here."""
        path = event.get("Record-File-Path")
        tape = next((tape for tape in leg.tapes if tape.path == path), None)
        if tape is None:
            return
        leg.tapes.remove(tape)
        if event.get("Record-Completion-Cause") == UNWRITTEN:
            log.error("call %s: the switch could not write %s: is the disk full?", leg.uuid, path)
            self.tape_failed(leg, "write")
        elif not tape.stopping and not leg.leaving:
            log.warning("call %s: the recording %s ended by itself", leg.uuid, path)
            self.tape_failed(leg, "ended")

    def _running(self, uuid: str) -> list[tuple[Taped, Tape]]:
        """The recording that the call has now; at most one."""
        leg = self.taped(uuid)
        return [(leg, tape) for tape in leg.tapes if not tape.stopping][-1:] if leg is not None else []

    def _sync(self, leg: Taped, tape: Tape) -> None:
        if leg.answer_wanted:
            return  # without an answer there is no audio to record
        if tape.stopping:
            self._tell(leg, tape, "stop")
        elif tape.runs:
            # Not `start`: where it has ended, that would begin it anew, over what was recorded.
            self._tell(leg, tape, "mask" if tape.masked else "unmask")
            self._tell(leg, tape, "pause" if tape.paused else "resume")
        else:
            # Starting twice changes nothing (switch_ivr_record_session_event: "Already recording").
            tape.sent = True
            self._tell(leg, tape, "start")
            if tape.masked:
                self._tell(leg, tape, "mask")
            if tape.paused:
                self._tell(leg, tape, "pause")

    def _tell(self, leg: Taped, tape: Tape, action: str, done: Callable[[bool], None] | None = None) -> None:
        """``done`` is told the switch's answer; nothing where the order was not sent, or is told with the beginning."""
        if not tape.sent:
            return
        try:
            reply = self.links.submit_api("uuid_record", leg.uuid, action, tape.path)
        except CtiError as error:
            log.info("call %s: uuid_record %s not sent yet: %s", leg.uuid, action, error)
            return

        def answered(answer: Pending[Frame]) -> None:
            if answer.value is None:
                return
            self._told(leg, tape, action, answer.value.reply)
            if done is not None:
                done(answer.value.reply.startswith("+OK"))

        reply.add_callback(answered)

    def _told(self, leg: Taped, tape: Tape, action: str, reply: str) -> None:
        if reply.startswith("+OK"):
            tape.runs = True
            return
        if tape not in leg.tapes or self.taped(leg.uuid) is not leg or "locate session" in reply:
            return  # its end was told already; or the hang-up tells what there is to tell
        leg.tapes.remove(tape)
        if tape.stopping:
            return  # it is over, which is what was wanted
        log.warning("call %s: the switch refused uuid_record %s: %s", leg.uuid, action, reply.strip()[:100])
        self.tape_failed(leg, "ended" if tape.runs else action)
