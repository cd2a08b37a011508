"""What the runtime needs from the outside, as Protocols. Adapters below implement them; `cti.app` joins the two."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, Protocol

from cti.core.calls import NewCall
from cti.core.commands import AudioPart, FindNotices, Listen, RequestCallback
from cti.core.events import Event, FoundNotice, Heard, LookupEnded, RequestEnded
from cti.core.records import CallDetail, CallFilter, CallJournal, CallRow, Record, StoreHealth
from cti.core.versions import Activation, FlowVersion, VersionFigures


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

    def pause_recording(self, uuid: str, on: bool) -> None:
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

    def heard(self, notice: str, whole: bool) -> None: ...


class CallbackDesk(Protocol):
    """Takes wishes to be called back. Returns at once."""

    def register(self, call_id: str, wish: RequestCallback) -> str:
        """accepted, declined (nobody will call), or invalid (this number cannot be called)."""


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


class Store(Protocol):
    """Records of calls: in by `record`, which returns at once (queued in order, grouped); reads block."""

    def record(self, record: Record) -> None:
        """Queue one record. Never raises for a database that is away; call it on the hub's thread only."""

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
        """flow -> the line that says which version its callers meet (canaries apart)."""

    def canaries(self) -> list[Activation]:
        """Every canary that was begun or taken back, the oldest first."""

    def history(self, flow: str, limit: int = 50) -> list[Activation]:
        """The newest first."""

    def find(self, flow: str, version: str) -> list[FlowVersion]:
        """Versions of the flow that begin with ``version``; two at most, which is one too many."""

    def figures(self, flow: str, version: str, since: float = 0.0) -> VersionFigures:
        """Of the calls that this version met since then and that have ended."""


EventSink = Callable[[str, Mapping[str, Any]], None]
