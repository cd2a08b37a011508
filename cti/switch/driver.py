"""Call control on one switch (real or embedded): the `Switch` port spoken over the event socket.

Commands go out as they come (no wait for replies); completions are paired by our own Event-UUID, which the switch
gives back as Application-UUID (switch_ivr.c:558,637), never by application name. See DESIGN 3.1 and 3.3.
"""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from cti.core import events as ev
from cti.core.calls import Caller, Medium, NewCall
from cti.core.errors import CtiError
from cti.switch.dialing import Dialing, outcome_of
from cti.switch.guard import Guard
from cti.switch.links import LinkSettings, SwitchLinks

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from cti.esl import Event
    from cti.ports import CallSink

log = logging.getLogger("cti.switch")

#: What the engine needs to hear of; everything else would only be parsed to be thrown away.
SUBSCRIBED = (
    "CHANNEL_PARK",
    "CHANNEL_ANSWER",
    "CHANNEL_BRIDGE",
    "CHANNEL_HANGUP",
    "CHANNEL_HANGUP_COMPLETE",
    "CHANNEL_EXECUTE_COMPLETE",
    "DTMF",
    "HEARTBEAT",
    "BACKGROUND_JOB",
)
DIGITS = frozenset("0123456789*#")
#: mod_dptools `record`: mean energy of a frame below this counts as silence (of 32,767).
SILENCE_THRESHOLD = 200


@dataclass(slots=True)
class _Leg:
    """What this adapter remembers of one of our channels."""

    uuid: str
    bridging: int | None = None  # ref of the transfer whose `bridge` runs
    playing: set[int] = field(default_factory=set)
    stopped: set[int] = field(default_factory=set)  # cut by us: how the switch names the ending does not matter then
    recording: int | None = None
    silence_s: int = 0
    gone: bool = False


class FreeSwitch:
    """Implements `cti.ports.Switch` for the runtime and `cti.switch.links.LinkSink` for the links."""

    def __init__(self, name: str, settings: LinkSettings, sink: CallSink, dialing: Dialing, guard_s: int) -> None:
        self.name = name
        self.links = SwitchLinks(name, settings, self)
        self.guard = Guard(self.links, after_s=guard_s)
        self._sink = sink
        self._dialing = dialing
        self._legs: dict[str, _Leg] = {}
        self._handlers: dict[str, Callable[[Event, str], None]] = {
            "CHANNEL_PARK": self._parked,
            "CHANNEL_ANSWER": self._answered,
            "CHANNEL_BRIDGE": self._bridged,
            "CHANNEL_HANGUP": self._hung_up,
            "CHANNEL_HANGUP_COMPLETE": self._hung_up,
            "CHANNEL_EXECUTE_COMPLETE": self._completed,
            "DTMF": self._digit,
        }

    # ---- commands ----------------------------------------------------------------------------------------

    def answer(self, uuid: str) -> None:
        self._execute(uuid, "answer", "", "answer")

    def play(self, uuid: str, ref: int, audio: Sequence[str]) -> None:
        leg = self._legs.get(uuid)
        if leg is None or leg.gone:
            return
        leg.playing.add(ref)
        what = audio[0] if len(audio) == 1 else "file_string://" + "!".join(audio)
        if not self._execute(uuid, "playback", what, f"play.{ref}"):
            leg.playing.discard(ref)
            self._sink.call_event(uuid, ev.PlayEnded(ref, ok=False))

    def stop_play(self, uuid: str, ref: int) -> None:
        leg = self._legs.get(uuid)
        if leg is not None and ref in leg.playing:
            leg.stopped.add(ref)
            self._api("uuid_break", uuid)

    def transfer(self, uuid: str, ref: int, kind: str, target: str, timeout_s: float) -> None:
        leg = self._legs.get(uuid)
        if leg is None or leg.gone:
            return
        try:
            dial = self._dialing.dial_string(kind, target, timeout_s)
        except CtiError as refused:
            log.warning("transfer refused: %s", refused)
            self._sink.call_event(uuid, ev.TransferEnded(ref, "denied"))
            return
        leg.bridging = ref
        self.guard.release(uuid)
        if not self._execute(uuid, "bridge", dial, f"bridge.{ref}"):
            self._bridge_over(leg, ref, "failed")

    def record(self, uuid: str, ref: int, path: str, max_s: float, silence_s: float) -> None:
        leg = self._legs.get(uuid)
        if leg is None or leg.gone:
            return
        leg.recording = ref
        leg.silence_s = max(1, round(silence_s))
        # `record <path> <limit s> <threshold> <hits>`: a hit is one second (switch_ivr_play_say.c:758 turns it into
        # frames); whole seconds only.
        argument = f"{path} {max(1, round(max_s))} {SILENCE_THRESHOLD} {leg.silence_s}"
        if not self._execute(uuid, "record", argument, f"record.{ref}"):
            leg.recording = None
            self._sink.call_event(uuid, ev.RecordEnded(ref, 0.0, "failed"))

    def stop_record(self, uuid: str, ref: int) -> None:
        leg = self._legs.get(uuid)
        if leg is not None and leg.recording == ref:
            self._api("uuid_break", uuid)

    def hangup(self, uuid: str, cause: str) -> None:
        self._api("uuid_kill", uuid, cause)

    def _execute(self, uuid: str, application: str, argument: str, token: str) -> bool:
        try:
            self.links.execute(uuid, application, argument, event_uuid=token)
        except CtiError as error:
            log.warning("%s: %s on %s not sent: %s", self.name, application, uuid, error)
            return False
        return True

    def _api(self, command: str, *args: str) -> None:
        try:
            self.links.submit_api(command, *args)
        except CtiError as error:
            log.warning("%s: %s not sent: %s", self.name, command, error)

    # ---- what the links tell ---------------------------------------------------------------------------------

    def on_event(self, event: Event) -> None:
        handler = self._handlers.get(event.name)
        if handler is not None:
            handler(event, event.get("Unique-ID") or "")

    def on_up(self, core_uuid: str, restarted: bool, channels: Sequence[Mapping[str, Any]]) -> None:
        """Links are up: forget what is gone, look at each live channel that is not known (a second engine's, or ours
        from before a crash), tell the runtime which of our calls still live."""
        live: dict[str, NewCall] = {}
        seen = set()
        for row in channels:
            uuid = str(row.get("uuid", ""))
            seen.add(uuid)
            if restarted or uuid not in self._legs:
                call = self._dump(uuid)
                if call is None:
                    continue
                self._legs[uuid] = _Leg(uuid)
                live[uuid] = call
            else:
                live[uuid] = NewCall(uuid, self.name, Caller(None, "", ""), adopted=True)
        for uuid in [u for u in self._legs if u not in seen]:
            self._forget(uuid)
        self._sink.switch_up(self.name, restarted, live)

    def on_down(self, reason: str) -> None:
        self._sink.switch_down(self.name, reason)

    def _dump(self, uuid: str) -> NewCall | None:
        """A parked caller of our slot, or None (another worker's, an agent's leg, gone meanwhile)."""
        try:
            event = self.links.dump(uuid)
        except CtiError as error:
            log.info("%s: %s not adopted: %s", self.name, uuid, error)
            return None
        ours = event.variable("cti_worker") == self.links.worker and event.get("Call-Direction") == "inbound"
        if not ours or event.variable("cti_emergency") == "true":  # in people's hands already
            return None
        return self._new_call(event, uuid, adopted=True)

    def _new_call(self, event: Event, uuid: str, *, adopted: bool = False) -> NewCall:
        number = event.get("Caller-Caller-ID-Number") or ""
        hidden = event.get("Caller-Privacy-Hide-Number") == "true" or number.lower() in ("", "anonymous", "unknown")
        caller = Caller(
            number=None if hidden else number,
            name=event.get("Caller-Caller-ID-Name") or "",
            called=event.variable("cti_called") or event.get("Caller-Destination-Number") or "",
            network_addr=event.get("Caller-Network-Addr") or "",
        )
        return NewCall(uuid, self.name, caller, Medium.VOICE, {}, event.get("Answer-State") == "answered", adopted)

    def _parked(self, event: Event, uuid: str) -> None:
        if event.get("Call-Direction") != "inbound" or not uuid:
            return
        leg = self._legs.get(uuid)
        if leg is None:
            self._legs[uuid] = _Leg(uuid)
            self.guard.hold(uuid)
            self._sink.call_arrived(self._new_call(event, uuid))
            return
        if leg.bridging is not None:  # parked after a bridge; EXECUTE_COMPLETE may not come on this path
            self._bridge_over(leg, leg.bridging, outcome_of(event.variable("originate_disposition")))

    def _answered(self, event: Event, uuid: str) -> None:
        if uuid in self._legs:
            self._sink.answered(uuid)

    def _bridged(self, event: Event, uuid: str) -> None:
        leg = self._legs.get(uuid)
        if leg is None:
            return
        other = event.get("Other-Leg-Unique-ID") or event.get("Bridge-B-Unique-ID") or ""
        self._sink.leg_joined(uuid, other, _user_part(event.get("Other-Leg-Destination-Number") or ""))

    def _hung_up(self, event: Event, uuid: str) -> None:
        leg = self._legs.get(uuid)
        if leg is None:
            return
        leg.gone = True
        if event.name == "CHANNEL_HANGUP_COMPLETE":
            self._forget(uuid)
        self._sink.call_event(uuid, ev.HungUp(event.get("Hangup-Cause") or "NORMAL_CLEARING"))

    def _digit(self, event: Event, uuid: str) -> None:
        digit = event.get("DTMF-Digit") or ""
        if uuid in self._legs and digit in DIGITS:
            self._sink.call_event(uuid, ev.DigitPressed(digit))

    def _completed(self, event: Event, uuid: str) -> None:
        leg = self._legs.get(uuid)
        if leg is None:
            return
        kind, _, number = (event.get("Application-UUID") or "").partition(".")
        if not number.isdigit():
            return
        ref = int(number)
        if kind == "play":
            leg.playing.discard(ref)
            response = event.get("Application-Response") or ""
            ok = response == "FILE PLAYED" or ref in leg.stopped
            leg.stopped.discard(ref)
            self._sink.call_event(uuid, ev.PlayEnded(ref, ok=ok))
        elif kind == "record" and leg.recording == ref:
            leg.recording = None
            self._sink.call_event(uuid, _recorded(event, ref, leg.silence_s))
        elif kind == "bridge" and leg.bridging == ref:
            self._bridge_over(leg, ref, outcome_of(event.variable("originate_disposition")))

    def _bridge_over(self, leg: _Leg, ref: int, outcome: str) -> None:
        leg.bridging = None
        if not leg.gone:
            self.guard.hold(leg.uuid)
        self._sink.call_event(leg.uuid, ev.TransferEnded(ref, outcome))

    def _forget(self, uuid: str) -> None:
        self._legs.pop(uuid, None)
        self.guard.forget(uuid)


def _user_part(number: str) -> str:
    """Of a registered phone the switch tells how it was dialled: `1001%domain`, `sip:1001@host`."""
    return re.split(r"[%@;]", number.removeprefix("sip:"), maxsplit=1)[0]


def _recorded(event: Event, ref: int, silence_s: int) -> ev.RecordEnded:
    """mod_dptools leaves `record_ms` and `silence_hits_exhausted` behind (switch_ivr_play_say.c:713,918)."""
    duration = int(event.variable("record_ms") or 0) / 1000
    if not duration:
        return ev.RecordEnded(ref, 0.0, "failed")
    quiet = event.variable("silence_hits_exhausted") == "true"
    only_silence = quiet and duration <= silence_s + 1.0
    return ev.RecordEnded(ref, duration, "silence" if only_silence else "done")
