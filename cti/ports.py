"""What the runtime needs from the outside, as Protocols. Adapters below implement them; `cti.app` joins the two."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol

from cti.core.calls import NewCall
from cti.core.commands import AudioPart, FindNotices, Listen, NoticeHeard, RequestCallback
from cti.core.documents import DocumentLeft
from cti.core.events import Event, FoundNotice, Heard, LookupEnded, RequestEnded
from cti.core.legs import LegEvent, Phone
from cti.core.records import CallDetail, CallFilter, CallJournal, CallRow, NoticeTotal, Record, StoreHealth
from cti.core.versions import Activation, FlowVersion, VersionFigures
from cti.core.webhooks import Answer, Message
from cti.core.wrapups import WrapUpRow


class Clock(Protocol):
    """Wall time for records, monotonic time for intervals; both in seconds."""

    def now(self) -> float: ...

    def monotonic(self) -> float: ...


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

    def switch_down(self, switch: str, reason: str) -> None: ...


class Switch(Protocol):
    """Call control on one switch. Every method returns at once; outcomes come to the `CallSink` as events.

    A command for a channel that is gone is not an error here: the hang-up event is the answer.
    ``audio`` holds playback arguments made by `Prompts`.
    """

    name: str

    @property
    def up(self) -> bool:
        """Commands reach it now. While it is down they are kept, and sent when it is back."""

    def answer(self, uuid: str) -> None: ...

    def play(self, uuid: str, ref: int, audio: Sequence[str]) -> None: ...

    def stop_play(self, uuid: str, ref: int) -> None: ...

    def start_music(self, uuid: str, audio: Sequence[str]) -> None:
        """Repeat ``audio`` whenever nothing else runs on the channel, until `stop_music` or the end of the call."""

    def stop_music(self, uuid: str) -> None: ...

    def transfer(self, uuid: str, ref: int, kind: str, target: str, timeout_s: float) -> None: ...

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


class Prompts(Protocol):
    """Turns parts of a prompt into playback arguments for the switch."""

    def find(self, parts: Sequence[AudioPart]) -> list[str] | None:
        """As `locate` when every part is ready now, else None. Never blocks."""

    def locate(self, parts: Sequence[AudioPart], deadline_s: float, *, call_id: str = "") -> list[str]:
        """Playback arguments, to be played one after the other. ``call_id`` owns what is rendered for one call.

        May block (rendering) up to ``deadline_s``; raises CtiError (code prompt-unavailable) when a part cannot be had.
        """

    def discard_call(self, call_id: str) -> None:
        """Delete what was rendered for one call."""


class LookupSource(Protocol):
    """The back office. Blocks up to ``deadline_s``; never raises for a business outcome."""

    def ask(self, source: str, arguments: Mapping[str, Any], deadline_s: float) -> LookupEnded:
        """Answer with ``ref`` 0; the runtime fills in the command's."""


class RequestSink(Protocol):
    """Writes of the back office. Blocks until its own deadline; never raises for a business outcome."""

    def request(self, source: str, arguments: Mapping[str, Any], key: str) -> RequestEnded:
        """Write once for each ``key``: the same key again gives the first answer. Answer with ``ref`` 0; outcomes
        done, rejected, unknown, and error or throttled when certainly nothing was written."""


class NoticeSource(Protocol):
    """Which notices hold, and how many callers heard each. Returns at once."""

    def find(self, wanted: FindNotices) -> tuple[FoundNotice, ...]: ...

    def heard(self, call_id: str, heard: NoticeHeard) -> None: ...


class CallbackDesk(Protocol):
    """Takes wishes to be called back."""

    def register(self, call_id: str, wish: RequestCallback) -> str:
        """accepted, declined (nobody will call), or invalid (this number cannot be called). Blocks until the wish is
        kept."""


class FaxPages(Protocol):
    """Sets text on pages that a fax machine takes. May take a while; call it off the hub."""

    def write(self, text: str, language: str, path: str) -> int:
        """Write a TIFF file (Group 4, 204 × 196 dpi); how many pages. Raises CtiError."""


class Recogniser(Protocol):
    """Understands speech, in the audio of a call on the switch."""

    def listen(self, uuid: str, wanted: Listen, told: Callable[[Heard], None]) -> None:
        """Returns at once; ``told`` is called once, within the times that ``wanted`` names, unless stopped before, or
        the call has ended."""

    def stop(self, uuid: str, ref: int) -> None: ...


class MessageChannel(Protocol):
    """One way to send texts out: SMS, chat."""

    def send(self, recipient: str, text: str) -> bool:
        """True when it was taken for delivery. May block; keeps its own deadline; never raises."""


class WebhookSender(Protocol):
    """Sends messages to receivers by HTTP."""

    def check(self, url: str) -> None:
        """May a webhook go there? Returns at once; raises CtiError: bad-url, url-not-allowed."""

    def send(self, url: str, message: Message) -> Answer:
        """One attempt. Blocks its greenlet until its own deadline; never raises for what the receiver does."""

    def close(self) -> None: ...


class Store(Protocol):
    """Records of calls: in by `record`, which returns at once (queued in order, grouped); reads block."""

    def record(self, record: Record) -> None:
        """Queue one record. Never raises for a database that is away; call it on the hub's thread only."""

    def together(self) -> AbstractContextManager[None]:
        """What is recorded within is written whole or not at all. For a moment only: others' records wait meanwhile."""

    def list_calls(
        self, *, limit: int, before: str | None = None, where: CallFilter | None = None, unmask: bool = False
    ) -> list[CallRow]:
        """Newest first; ``before`` is the `CallRow.cursor` to go on from. Raises StoreUnavailable."""

    def find_call(self, call_id: str, *, unmask: bool = False) -> CallDetail | None:
        """Raises StoreUnavailable."""

    def count_visits(
        self, flow: str, *, since: float | None = None, until: float | None = None
    ) -> list[tuple[str, str, int]]:
        """(node, exit, how often) of visits that began in [since, until); exit '' while one lasts. StoreUnavailable."""

    def count_notices(self, *, since: str | None = None) -> list[NoticeTotal]:
        """Callers told, by notice, from the day ``since`` (YYYY-MM-DD) on. Raises StoreUnavailable."""

    def find_documents(self, worker: str) -> list[DocumentLeft]:
        """Documents that the last engine of this worker left waiting, or with an agent. Raises StoreUnavailable."""

    def find_wrapups(self, call_ids: Collection[str], *, unmask: bool = False) -> dict[str, list[WrapUpRow]]:
        """What agents wrote about contacts of these calls, by call, the first one in front. Raises StoreUnavailable."""

    def find_journal(self, call_id: str) -> CallJournal | None:
        """What the call's last run was fed, in clear: for replays, never for display. Raises StoreUnavailable."""

    def find_journals(self, call_ids: Sequence[str]) -> dict[str, CallJournal]:
        """The same of many calls, by call; those without a journal are left out."""

    def close_lost(self, live: Collection[str], at: float, *, switch: str | None = None) -> int:
        """End the calls that an earlier engine left open and that are not ``live`` (cause engine_lost); how many."""

    def flush(self, timeout_s: float) -> bool:
        """Wait until everything queued so far is in the database; False at the deadline."""

    def health(self) -> StoreHealth: ...

    def close(self, timeout_s: float) -> bool:
        """Flush and stop; what cannot be written is spilled to a file and taken up at the next start."""


class FlowHistory(Protocol):
    """Versions of flows and which of them callers meet. Every method blocks its greenlet; raises StoreUnavailable."""

    def write(self, versions: Sequence[FlowVersion], activations: Sequence[Activation]) -> int:
        """All or nothing; a version that is there stays as it is. The number of the last activation, 0 without."""

    def settle(self, number: int, file_version: str) -> None:
        """Fill in the version that the files make, for a line written by somebody who could not know it."""

    def last_number(self) -> int: ...

    def active(self) -> dict[str, Activation]:
        """flow -> the line that says which version its callers meet (canaries and what is held back apart)."""

    def held(self) -> dict[str, Activation]:
        """flow -> its last line, where that says that it is held back."""

    def canaries(self) -> list[Activation]:
        """Every canary that was begun or taken back, the oldest first."""

    def history(self, flow: str, limit: int = 50, before: int | None = None) -> list[Activation]:
        """The newest first; ``before``: of a smaller number only."""

    def find(self, flow: str, version: str) -> list[FlowVersion]:
        """Versions of the flow that begin with ``version``; two at most, which is one too many."""

    def figures(self, flow: str, version: str, since: float = 0.0) -> VersionFigures:
        """Of the calls that this version met since then and that have ended."""


EventSink = Callable[[str, Mapping[str, Any]], None]
