"""What carries calls: switches, the legs on them, and who hears of them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Protocol

from cti.core.calls import HandOver, NewCall
from cti.core.events import Event
from cti.core.legs import LegEvent, Phone


class CallSink(Protocol):
    """Where a switch adapter puts what it learns. Called on the adapter's greenlets; must return at once."""

    def call_arrived(self, call: NewCall) -> None: ...

    def call_event(self, uuid: str, event: Event) -> None:
        """An event of a known or unknown call; unknown ones are counted and dropped."""

    def answered(self, uuid: str) -> None: ...

    def leg_joined(self, uuid: str, other_uuid: str, role: str, number: str) -> None:
        """The call ``uuid`` talks with another leg now; ``role`` is agent, extension or number."""

    def leg_left(self, uuid: str, other_uuid: str, cause: str) -> None:
        """A leg that had joined has hung up."""

    def recording_failed(self, uuid: str, action: str) -> None:
        """The recording of the call was not started, masked, … (``action``), or ended by itself."""

    def recording_over(self, path: str) -> None:
        """The switch has closed this file, of whichever call or leg."""

    def call_taken(self, uuid: str) -> None:
        """The switch took the call to the emergency extension: it is no longer ours."""

    def switch_up(
        self,
        switch: str,
        restarted: bool,
        live: Mapping[str, NewCall],
        elsewhere: Collection[str] = (),
        taken: Collection[NewCall] = (),
    ) -> None:
        """Links are up (again). ``restarted``: another Core-UUID, earlier calls are gone. ``live``: ours, still up.
        ``elsewhere``: calls on the same switch that other workers own. ``taken``: calls of an earlier engine of ours
        that the switch took to the emergency extension."""

    def calls_left(
        self, switch: str, live: Mapping[str, NewCall], there: Collection[str], taken: Collection[NewCall]
    ) -> None:
        """``live`` were another worker's, which is dead, and are ours from now on. ``there``: all channels of the
        switch; ``taken``: what of that worker's the switch took to the emergency extension."""

    def switch_down(self, switch: str, reason: str) -> None: ...


class MusicControl(Protocol):
    """The part of a `Switch` that a queue asks for, of a caller who waits in it. ``name`` finds the legs there."""

    name: str

    def start_music(self, uuid: str, audio: Sequence[str]) -> None:
        """Repeat ``audio`` whenever nothing else runs on the channel, until `stop_music` or the end of the call."""

    def stop_music(self, uuid: str) -> None: ...


class Switch(MusicControl, Protocol):
    """Call control on one switch. Every method returns at once; outcomes come to the `CallSink` as events.

    A command for a channel that is gone is not an error here: the hang-up event is the answer.
    ``audio`` holds playback arguments made by `Prompts`.
    """

    @property
    def up(self) -> bool:
        """Commands reach it now. While it is down they are kept, and sent when it is back."""

    def answer(self, uuid: str) -> None: ...

    def play(self, uuid: str, ref: int, audio: Sequence[str], keys: str = "") -> None:
        """``keys``: those at which the switch ends it by itself, before we could; they come as digits all the same."""

    def stop_play(self, uuid: str, ref: int) -> None: ...

    def transfer(
        self, uuid: str, ref: int, kind: str, target: str, timeout_s: float, told: HandOver | None = None
    ) -> None:
        """``told``: what goes with a caller who is handed to another platform (kind platform)."""

    def take_up_transfer(self, uuid: str, ref: int, kind: str, target: str) -> bool:
        """An earlier engine ordered this transfer of a channel that was found alive. `TransferEnded(ref)` comes when it
        ends, or at once when it has. False: it never began."""

    def stop_transfer(self, uuid: str, ref: int) -> None:
        """Stop ringing, or end the talk. `TransferEnded(ref)` still comes."""

    def record(self, uuid: str, ref: int, path: str, max_s: float, silence_s: float) -> None: ...

    def stop_record(self, uuid: str, ref: int) -> None: ...

    def start_recording(self, uuid: str, path: str) -> None:
        """Record both sides of the call into ``path`` (absolute), from the answer on. One at a time."""

    def pause_recording(self, uuid: str, on: bool, done: Callable[[bool], None] | None = None) -> None:
        """Leave out what follows, or go on."""

    def mask_recording(self, uuid: str, on: bool) -> None:
        """Silence in the place of what follows, or record again."""

    def stop_recording(self, uuid: str) -> None: ...

    def send_fax(self, uuid: str, ref: int, path: str) -> None:
        """A TIFF file (absolute). `FaxEnded(ref)` comes."""

    def receive_fax(self, uuid: str, ref: int, path: str) -> None:
        """Into ``path`` (absolute). `FaxEnded(ref)` comes, with nothing said of the document."""

    def stop_fax(self, uuid: str, ref: int) -> None: ...

    def play_video(self, uuid: str, ref: int, path: str) -> None:
        """A video file (absolute). `VideoEnded(ref)` comes: unsupported where it cannot be shown."""

    def stop_video(self, uuid: str, ref: int) -> None: ...

    def hangup(self, uuid: str, cause: str) -> None: ...

    def give_up(self) -> None:
        """It was away for too long: its calls are over for us. What lives there when it is back is met as what an
        earlier engine left: people who talk, talk on."""


class LegSink(Protocol):
    """Where a switch adapter puts what becomes of legs. Called on the adapter's greenlets; must return at once."""

    def leg_event(self, event: LegEvent) -> None: ...


class LegControl(Protocol):
    """Agents' and supervisors' legs on one switch, and callers' legs where they meet them.

    Every method returns at once; outcomes come to the `LegSink`. A command for a leg that is gone is not an error: its
    end was told, or is about to be. ``audio`` and ``music`` hold playback arguments made by `Prompts`; music is
    repeated until something else is to be done. Rooms are named by us (a uuid).
    """

    def attach(self, sink: LegSink) -> None:
        """Before the links are started."""

    def check(self, phone: Phone) -> None:
        """May it be dialled? Raises CtiError ``destination-denied``."""

    def ring(
        self, leg: str, phone: Phone, *, ring_s: float, call: str, caller_number: str, headers: Mapping[str, str]
    ) -> None:
        """Ring; `LegAnswered` or `LegFailed` comes, once. ``call`` is the caller's leg, for which it rings (may be
        empty); ``caller_number`` is shown (empty: none); ``headers`` go with the INVITE (names ``X-…``).

        Raises CtiError ``destination-denied`` or ``bad-header``; a leg that is known already is left alone.
        """

    def stop(self, leg: str) -> None:
        """Rescind: stop ringing, and hang up a phone that answered meanwhile. `LegFailed` (cancelled) comes."""

    def keep(self, leg: str, phone: Phone) -> None:
        """A leg that an earlier engine rang is wanted: it is not hung up as nobody's. What becomes of it is told once
        the switch was asked: `LegFound`, or `LegHungUp` with an empty cause. Until it is taken over by one of the next
        three, or hung up, it is left where it is."""

    def take_up(self, a: str, b: str) -> None:
        """``b`` was found bridged with ``a``: from now on their talk is as one that was ordered here. `LegsUnbridged`
        is told where it has ended meanwhile."""

    def take_up_room(self, room: str, legs: Sequence[str]) -> None:
        """These were found in this conference: as `take_up`."""

    def let_be(self, leg: str) -> None:
        """Nobody takes it over: it is hung up as soon as it is with nobody."""

    def meet(self, leg: str, call: NewCall) -> None:
        """Give an answered leg to the engine: from now on it is a caller's like any other (``call.uuid`` is the leg),
        met by ``call.flow``. What becomes of it is told to the `CallSink`; nothing when it has hung up meanwhile."""

    def play(self, leg: str, ref: int, audio: Sequence[str]) -> None:
        """To this leg alone, when it is parked: a whisper, a tone. `LegPlayed(ref)` comes unless it hangs up."""

    def stop_play(self, leg: str, ref: int) -> None: ...

    def bridge(self, a: str, b: str) -> None:
        """Let two legs talk, wherever each of them is (parked with music, in another talk, in a conference).
        `LegsBridged` or `BridgeFailed` comes; whoever either of them talked with before is parked."""

    def unbridge(self, a: str, b: str) -> None:
        """Both are parked again. `LegsUnbridged` comes."""

    def hold(self, leg: str, music: Sequence[str]) -> None:
        """``leg`` hears music; whom it talked with is parked, in silence, and may consult somebody else."""

    def retrieve(self, leg: str) -> None:
        """Bridge it again with whom it was taken from by `hold`. `LegsBridged` or `BridgeFailed` comes."""

    def park(self, leg: str, music: Sequence[str]) -> None:
        """As `hold`, for anybody to pick up. Without music nothing is sent to it."""

    def pick_up(self, leg: str, by: str) -> None:
        """Bridge the parked ``leg`` with ``by``."""

    def mute(self, leg: str, on: bool, done: Callable[[bool], None] | None = None) -> None:
        """What the leg says is silence for whomever it talks to, in a conference too. ``done``, here and below: told
        whether the switch has done it; nothing when that stays unknown."""

    def send_dtmf(self, leg: str, digits: str, done: Callable[[bool], None] | None = None) -> None:
        """Send keys out to the phone of ``leg``. Raises CtiError ``bad-digits``."""

    def answer(self, leg: str) -> None:
        """Have a ringing phone answer, one that can: by a NOTIFY (`Phone.remote_answer` talk_event), or by ringing it
        anew with the header that it heeds (auto_answer), on the same leg. Nothing for other phones."""

    def registered(self, user: str) -> bool:
        """Whether this extension can be rung here. Blocks, 2 s at most; raises CtiError ``switch-unavailable``."""

    def start_recording(self, leg: str, path: str) -> None:
        """As `Switch.start_recording`, of an answered leg of ours; so are the others. `LegRecordingFailed` may come."""

    def pause_recording(self, leg: str, on: bool, done: Callable[[bool], None] | None = None) -> None: ...

    def mask_recording(self, leg: str, on: bool) -> None: ...

    def stop_recording(self, leg: str) -> None: ...

    def hang_up(self, leg: str, cause: str = "NORMAL_CLEARING") -> None: ...

    def conference(self, room: str, legs: Sequence[str]) -> None:
        """Bring legs together, wherever each of them is. `ConferenceJoined` comes for each."""

    def join(self, room: str, leg: str) -> None: ...

    def leave(self, room: str, leg: str) -> None:
        """It is parked. A conference of two is a talk again by `bridge`."""

    def kick(self, room: str, leg: str) -> None:
        """Put it out, and hang it up."""

    def monitor(self, leg: str, target: str, mode: str) -> None:
        """Let the supervisor's parked ``leg`` hear the agent's leg ``target`` and whom it talks to. ``mode``: listen,
        whisper (the agent hears the supervisor, the other side never), barge (both do); again with another mode to
        change it live. `MonitorStarted`, and `MonitorEnded` when either leg ends or is sent elsewhere."""

    def stop_monitor(self, leg: str) -> None:
        """The supervisor's leg is parked again."""

    def take_over(self, leg: str, target: str) -> None:
        """Put the supervisor's ``leg`` in the place of ``target``, which is parked. `LegsBridged` or `BridgeFailed`."""
